//! Claims about the capability: tables for what is decided from values, and real servers for the rest. Ordinary answers
//! come from Python's `http.server`, malicious ones byte by byte from a listener of the test's own.

mod addresses;
mod allowed;
mod budget;
mod frames;
mod invariants;
mod lines;
mod origins;
mod paths;
mod secrets;
mod server;
mod slow;
mod tls;

use super::{Ask, Endpoint, Http, Line, Origin, Told, perform};
use crate::grants::error::Error;

/// An endpoint at this origin with these lines.
fn endpoint(origin: &str, allow: &[&str]) -> Endpoint {
    let mut endpoint = Endpoint::new("app", Origin::parse(origin).unwrap());
    endpoint.allow = allow.iter().map(|line| Line::parse(line).unwrap()).collect();
    endpoint
}

/// An endpoint where everything may be asked.
fn open(port: u16) -> Endpoint {
    let all = ["GET /", "GET /**?*", "HEAD /", "HEAD /**?*"];
    endpoint(&format!("http://127.0.0.1:{port}"), &all)
}

fn get(path: &str) -> Ask {
    Ask::Get { endpoint: "app".to_owned(), path: path.to_owned() }
}

fn head(path: &str) -> Ask {
    Ask::Head { endpoint: "app".to_owned(), path: path.to_owned() }
}

/// A call with plenty of bytes left.
async fn ask(endpoint: &Endpoint, ask: Ask) -> Result<Told, Error> {
    perform(&mut Http::new(16 << 20), endpoint, &ask).await
}

/// Status and body.
async fn answer(endpoint: &Endpoint, path: &str) -> (u16, String) {
    let Told::Response { status, body, .. } = ask(endpoint, get(path)).await.unwrap();
    (status, String::from_utf8(body).unwrap())
}
