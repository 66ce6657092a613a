//! Requests as actions, to a listener of the test's own.

use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use super::{Ended, What, act};
use crate::grants::http::{Endpoint, Line, Method, Origin, RequestHeader, Value};
use crate::grants::secret::Secret;

/// Reads one whole request, answers with `reply` and closes; what it read, and where it listens.
fn once(reply: impl FnOnce(&mut TcpStream) + Send + 'static) -> (u16, Receiver<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let (tell, seen) = channel();
    std::thread::spawn(move || {
        let (mut connection, _) = listener.accept().unwrap();
        connection.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
        let mut request = String::new();
        let whole = |request: &str| {
            let (head, body) = request.split_once("\r\n\r\n")?;
            let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
            (body.len() >= length.map_or(0, |length| length.parse().unwrap())).then_some(())
        };
        while whole(&request).is_none() {
            let mut byte = [0];
            connection.read_exact(&mut byte).unwrap();
            request.push(char::from(byte[0]));
        }
        // Not every test asks.
        let _ = tell.send(request);
        reply(&mut connection);
    });
    (port, seen)
}

fn saying(answer: &'static str) -> (u16, Receiver<String>) {
    once(move |connection| drop(connection.write_all(answer.as_bytes())))
}

fn endpoint(port: u16) -> Endpoint {
    let lines = ["GET /only-get", "POST /warm/*", "DELETE /warm/*", "PUT /put"];
    Endpoint {
        allow: lines.iter().map(|line| Line::parse(line).unwrap()).collect(),
        timeout: Duration::from_secs(20),
        ..Endpoint::new("app", Origin::parse(&format!("http://127.0.0.1:{port}")).unwrap())
    }
}

async fn send(endpoint: Endpoint, method: Method, path: &str, body: Option<&str>) -> (Ended, String) {
    act(What::Http { endpoint: Arc::new(endpoint), method, path: path.into(), body: body.map(str::to_owned) }).await
}

async fn post(port: u16) -> (Ended, String) {
    send(endpoint(port), Method::Post, "/warm/a", Some("{\"a\":1}")).await
}

#[tokio::test]
async fn a_request_is_sent_as_it_is_written_and_2xx_is_done() {
    let (port, seen) = saying("HTTP/1.1 202 Accepted\r\nContent-Length: 5\r\n\r\nok\n\x1b!");
    assert_eq!(post(port).await, (Ended::Done, "status 202\nok\n\\u{1b}!".to_owned()));
    let request = seen.recv().unwrap();
    assert!(request.starts_with("POST /warm/a HTTP/1.1\r\n") && request.ends_with("\r\n\r\n{\"a\":1}"), "{request}");
    assert!(request.contains("\r\ncontent-type: application/json\r\n"), "{request}");
    for (method, path, length) in [(Method::Put, "/put", true), (Method::Delete, "/warm/a", false)] {
        let (port, seen) = saying("HTTP/1.1 204 No Content\r\n\r\n");
        assert_eq!(send(endpoint(port), method, path, None).await, (Ended::Done, "status 204".to_owned()));
        let request = seen.recv().unwrap();
        assert!(request.starts_with(method.name()) && !request.contains("content-type"), "{request}");
        assert_eq!(request.contains("\r\ncontent-length: 0\r\n"), length, "{request}");
    }
}

#[tokio::test]
async fn what_no_line_allows_is_not_sent() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.set_nonblocking(true).unwrap();
    let port = listener.local_addr().unwrap().port();
    for (method, path, why) in [
        (Method::Post, "/only-get", "add \"POST /only-get\" to `allow` under [http.app]"),
        (Method::Patch, "/warm/a", "add \"PATCH /warm/a\" to `allow`"),
        (Method::Post, "/warm/a/b", "add \"POST /warm/a/b\""),
        (Method::Get, "/only-get", "GET changes nothing"),
        (Method::Post, "/warm/../x", "no path that is sent"),
    ] {
        let (ended, detail) = send(endpoint(port), method, path, None).await;
        assert_eq!(ended, Ended::Refused);
        assert!(detail.contains(why), "{detail}");
    }
    assert!(listener.accept().is_err(), "nobody connected");
    drop(listener);
    let (ended, detail) = post(port).await;
    assert_eq!(ended, Ended::Refused, "{detail}");
}

#[tokio::test]
async fn any_other_status_is_failed_and_no_redirect_is_followed() {
    let (port, _) = saying("HTTP/1.1 503 Busy\r\nContent-Length: 5\r\n\r\nlater");
    assert_eq!(post(port).await, (Ended::Failed, "status 503\nlater".to_owned()));
    let elsewhere = TcpListener::bind("127.0.0.1:0").unwrap();
    elsewhere.set_nonblocking(true).unwrap();
    let location = format!("http://127.0.0.1:{}/warm/a", elsewhere.local_addr().unwrap().port());
    let (port, _) = once(move |connection| {
        let answer = format!("HTTP/1.1 307 Elsewhere\r\nLocation: {location}\r\nContent-Length: 0\r\n\r\n");
        connection.write_all(answer.as_bytes()).unwrap();
    });
    assert_eq!(post(port).await, (Ended::Failed, "status 307, and no redirect is followed".to_owned()));
    assert!(elsewhere.accept().is_err());
}

#[tokio::test]
async fn a_request_without_an_answer_is_uncertain() {
    let closing = once(|_| {});
    let garbled = saying("what?\r\n\r\n");
    let doubtful = saying("HTTP/1.1 200 OK\r\nContent-Length: 0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n");
    for (port, _seen) in [closing, garbled, doubtful] {
        let (ended, detail) = post(port).await;
        assert_eq!(ended, Ended::Uncertain, "{detail}");
        assert!(detail.contains("whether the server carried it out is not known"), "{detail}");
    }
    let (release, wait) = channel::<()>();
    let (port, _seen) = once(move |_| _ = wait.recv());
    let hasty = Endpoint { timeout: Duration::from_millis(300), ..endpoint(port) };
    let (ended, detail) = send(hasty, Method::Post, "/warm/a", Some("{}")).await;
    assert_eq!(ended, Ended::Uncertain);
    assert!(detail.contains("no whole answer within 300ms"), "{detail}");
    drop(release);
}

#[tokio::test]
async fn a_status_decides_whatever_becomes_of_the_body() {
    let (port, _) = saying("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf");
    let (ended, detail) = post(port).await;
    assert_eq!(ended, Ended::Done);
    assert!(detail.starts_with("status 200; the body is not shown: "), "{detail}");
    let (port, _) = saying("HTTP/1.1 500 No\r\nContent-Length: 9\r\n\r\ntoo long!");
    let small = Endpoint { max_body: 4, ..endpoint(port) };
    let (ended, detail) = send(small, Method::Post, "/warm/a", None).await;
    assert_eq!(ended, Ended::Failed);
    assert!(detail.starts_with("status 500; the body is not shown: "), "{detail}");
    // A secret that comes back goes nowhere.
    let secret = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(secret.path(), "Bearer hunter2hunter2").unwrap();
    let header = RequestHeader::new("authorization", Value::Secret(Secret::File(secret.path().into()))).unwrap();
    let (port, seen) = saying("HTTP/1.1 200 OK\r\nContent-Length: 14\r\n\r\nhunter2hunter2");
    let (ended, detail) =
        send(Endpoint { headers: vec![header], ..endpoint(port) }, Method::Post, "/warm/a", None).await;
    assert_eq!(ended, Ended::Done);
    assert!(detail.contains("repeats the secret") && !detail.contains("hunter2"), "{detail}");
    assert!(seen.recv().unwrap().contains("hunter2hunter2"));
}
