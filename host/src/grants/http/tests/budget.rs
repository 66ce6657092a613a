//! Bytes: of one body, and of a run.

use std::io::{Read as _, Write as _};

use super::super::{Endpoint, Http, perform};
use super::server::Scripted;
use super::{ask, endpoint, get, head, open};
use crate::grants::error::{Error, Limit};

const EXCEEDED: Error = Error::LimitExceeded(Limit::Bytes);

fn sized(length: usize) -> String {
    format!("HTTP/1.1 200 OK\r\nContent-Length: {length}\r\n\r\n{}", "x".repeat(length))
}

fn up_to(port: u16, max_body: u64) -> Endpoint {
    Endpoint { max_body, ..open(port) }
}

#[tokio::test]
async fn a_body_may_have_exactly_so_many_bytes() {
    let server = Scripted::saying(sized(1000));
    assert!(ask(&up_to(server.port, 1000), get("/")).await.is_ok());
    assert_eq!(ask(&up_to(server.port, 999), get("/")).await, Err(EXCEEDED));
    assert!(ask(&up_to(server.port, 0), head("/")).await.is_ok(), "HEAD tells of a body and has none");
}

#[tokio::test]
async fn a_length_over_the_cap_is_refused_before_the_body_comes() {
    // The server sends no body before the client is gone: a client that waited for it would run into its time-out.
    let server = Scripted::start(|_, connection| {
        connection.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 2000000\r\n\r\n").unwrap();
        let _ = connection.read(&mut [0]);
    });
    assert_eq!(ask(&up_to(server.port, 1 << 20), get("/")).await, Err(EXCEEDED));
}

#[tokio::test]
async fn a_run_has_its_bytes_once() {
    let answer = sized(1000);
    let server = Scripted::saying(answer.clone());
    let endpoint = open(server.port);
    let cost = u64::try_from(answer.len()).unwrap();
    let mut part = Http::new(2 * cost + 1);
    for left in [cost + 1, 1] {
        assert!(perform(&mut part, &endpoint, &get("/")).await.is_ok());
        assert_eq!(part.remaining, left);
    }
    for _ in 0..2 {
        assert_eq!(perform(&mut part, &endpoint, &get("/")).await, Err(EXCEEDED));
        assert_eq!(part.remaining, 0);
    }
    assert_eq!(server.seen().len(), 3, "with nothing left, nothing is asked");
    assert!(perform(&mut Http::new(cost), &endpoint, &get("/")).await.is_ok());
    assert_eq!(perform(&mut Http::new(cost - 1), &endpoint, &get("/")).await, Err(EXCEEDED));
}

#[tokio::test]
async fn a_failed_call_costs_what_it_received() {
    let server = Scripted::saying("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nshort");
    let mut part = Http::new(1000);
    assert!(perform(&mut part, &open(server.port), &get("/")).await.is_err());
    assert_eq!(part.remaining, 1000 - 44);
    let denied = endpoint("http://127.0.0.1:9", &[]);
    assert!(matches!(perform(&mut part, &denied, &get("/")).await, Err(Error::Denied(_))));
    assert_eq!(part.remaining, 1000 - 44);
}

#[tokio::test]
async fn interim_answers_and_framing_cost_bytes_too() {
    let interim = "HTTP/1.1 100 Continue\r\n\r\n".repeat(100_000);
    let server = Scripted::saying(interim);
    let mut part = Http::new(1 << 20);
    assert_eq!(perform(&mut part, &open(server.port), &get("/")).await, Err(EXCEEDED));
    let crumbs = "1\r\nx\r\n".repeat(200_000);
    let server = Scripted::saying(format!("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n{crumbs}"));
    let mut part = Http::new(1 << 20);
    assert_eq!(perform(&mut part, &open(server.port), &get("/")).await, Err(EXCEEDED));
}
