//! Servers that take their time.

use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::time::{Duration, Instant};

use super::super::{Endpoint, Host, Origin, connect};
use super::server::Scripted;
use super::{ask, get, open};
use crate::grants::error::Error;

const SHORT: Duration = Duration::from_millis(300);

/// The error of a call with a short time-out, which it kept.
async fn error(endpoint: Endpoint) -> Error {
    let started = Instant::now();
    let error = ask(&endpoint, get("/health")).await.unwrap_err();
    assert!((SHORT..SHORT * 100).contains(&started.elapsed()), "{:?}", started.elapsed());
    error
}

#[tokio::test]
async fn a_body_that_drips_is_cut_off_by_the_time_out_of_the_whole() {
    for start in ["X-A: ", "Content-Length: 100000\r\n\r\n", "Transfer-Encoding: chunked\r\n\r\n1;"] {
        let server = Scripted::start(move |_, connection| {
            connection.write_all(format!("HTTP/1.1 200 OK\r\n{start}").as_bytes()).unwrap();
            // A byte every 20 ms until the client is gone: never silent, never done.
            while connection.write_all(b"x").is_ok() {
                std::thread::sleep(Duration::from_millis(20));
            }
        });
        let port = server.port;
        let Error::TimedOut(text) = error(Endpoint { timeout: SHORT, ..open(port) }).await else { panic!() };
        let words = format!("http endpoint \"app\": GET http://127.0.0.1:{port}/health: no whole answer within 300ms");
        assert!(text.starts_with(&words), "{text}");
    }
}

#[tokio::test]
async fn a_server_that_says_nothing_is_timed_out() {
    // Until the client is gone.
    let server = Scripted::start(|_, connection| drop(connection.read(&mut [0])));
    let Error::TimedOut(text) = error(Endpoint { timeout: SHORT, ..open(server.port) }).await else { panic!() };
    assert!(text.ends_with("0 bytes of it had come"), "{text}");
}

#[tokio::test]
async fn a_connection_that_is_not_made_in_time_is_unreachable() {
    // TLS that is never answered.
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let mut endpoint = Endpoint { connect_timeout: SHORT, ..open(port) };
    endpoint.origin = Origin { secure: true, host: Host::Address([127, 0, 0, 1].into()), port };
    let directory = tempfile::tempdir().unwrap();
    super::tls::certificates(directory.path());
    endpoint.tls.roots = Some(directory.path().join("ca.crt"));
    let Error::Unreachable(text) = error(endpoint).await else { panic!() };
    assert!(text.contains("no connection within 300ms (`connect_timeout`)"), "{text}");
}

#[tokio::test]
async fn a_call_that_is_dropped_closes_its_connection() {
    let (closed, seen) = std::sync::mpsc::channel();
    let server = Scripted::start(move |_, connection| closed.send(connection.read(&mut [0]).unwrap_or(0)).unwrap());
    let endpoint = open(server.port);
    let call = tokio::spawn(async move { ask(&endpoint, get("/")).await });
    while server.seen().is_empty() {
        tokio::task::yield_now().await;
    }
    call.abort();
    assert!(call.await.unwrap_err().is_cancelled());
    assert_eq!(seen.recv_timeout(Duration::from_secs(5)), Ok(0));
}

#[tokio::test]
async fn an_address_that_refuses_does_not_stand_in_the_way_of_the_next() {
    let server = Scripted::saying("");
    let addresses = ["127.0.0.2", "127.0.0.3", "127.0.0.1"].map(|address| address.parse().unwrap());
    let deadline = tokio::time::Instant::now() + Duration::from_secs(5);
    let stream = connect::reach(server.port, &addresses, deadline).await.ok().unwrap();
    assert_eq!(stream.peer_addr().unwrap().to_string(), format!("127.0.0.1:{}", server.port));
    let Err(connect::Fault::Failed(words)) = connect::reach(server.port, &addresses[..2], deadline).await else {
        panic!()
    };
    assert!(words.contains("127.0.0.2") && words.contains("127.0.0.3") && words.contains("refused"), "{words}");
}

#[tokio::test]
async fn a_time_out_of_ages_is_no_panic() {
    let server = Scripted::saying("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
    let endpoint = Endpoint { timeout: Duration::MAX, connect_timeout: Duration::MAX, ..open(server.port) };
    assert!(ask(&endpoint, get("/")).await.is_ok());
}
