//! Ordinary answers, and that nothing but the request leaves and nothing but the answer comes back.

use std::process::Command;

use super::super::{Header, RequestHeader, Told, Value};
use super::server::{Python, Scripted};
use super::{answer, ask, endpoint, get, head, open};
use crate::grants::error::Error;

fn header(name: &str, value: &str) -> Header {
    Header { name: name.to_owned(), value: value.to_owned() }
}

#[tokio::test]
async fn get_brings_the_body_and_head_does_not() {
    let directory = tempfile::tempdir().unwrap();
    std::fs::write(directory.path().join("health"), "all is well\n").unwrap();
    let server = Python::serve(directory.path());
    let endpoint = endpoint(&format!("http://127.0.0.1:{}", server.port), &["GET /health", "HEAD /health"]);
    for (call, expected) in [(get("/health"), "all is well\n"), (head("/health"), "")] {
        let Told::Response { status, headers, body, elapsed_us } = ask(&endpoint, call).await.unwrap();
        assert_eq!((status, body.as_slice()), (200, expected.as_bytes()));
        assert!(headers.contains(&header("content-length", "12")), "{headers:?}");
        assert!((1..10_000_000).contains(&elapsed_us), "{elapsed_us} µs");
    }
}

#[tokio::test]
async fn what_no_line_covers_is_denied_and_never_sent() {
    let server = Scripted::saying("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
    let endpoint = endpoint(&format!("http://127.0.0.1:{}", server.port), &["GET /health", "POST /warm"]);
    for call in [head("/health"), get("/warm"), get("/health?x=1"), get("/"), get("/healthz")] {
        let error = ask(&endpoint, call.clone()).await.unwrap_err();
        assert!(matches!(error, Error::Denied(_)), "{call:?}: {error:?}");
    }
    assert_eq!(server.seen(), Vec::<String>::new());
}

#[tokio::test]
async fn every_status_is_an_answer() {
    for (status, reason) in
        [(101, "Switching Protocols"), (204, ""), (304, "Not Modified"), (404, "Not Found"), (503, "Busy"), (599, "x")]
    {
        let server = Scripted::saying(format!("HTTP/1.1 {status} {reason}\r\nContent-Length: 0\r\n\r\n"));
        assert_eq!(answer(&open(server.port), "/").await, (status, String::new()));
    }
    let server = Scripted::saying("HTTP/1.1 503 Service Unavailable\r\nContent-Length: 12\r\n\r\nstarting up\n");
    assert_eq!(answer(&open(server.port), "/health").await, (503, "starting up\n".to_owned()));
}

#[tokio::test]
async fn a_redirect_is_an_answer_and_is_not_followed() {
    let elsewhere = Scripted::saying("HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nstolen");
    let to = format!("http://127.0.0.1:{}/secret", elsewhere.port);
    let server = Scripted::saying(format!("HTTP/1.1 302 Found\r\nLocation: {to}\r\nContent-Length: 0\r\n\r\n"));
    let Told::Response { status, headers, .. } = ask(&open(server.port), get("/")).await.unwrap();
    assert_eq!((status, headers), (302, vec![header("location", &to), header("content-length", "0")]));
    assert_eq!((server.seen().len(), elsewhere.seen().len()), (1, 0));
}

#[tokio::test]
async fn the_request_is_made_by_the_host_alone() {
    let server = Scripted::saying("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
    let mut endpoint = open(server.port);
    endpoint.headers = vec![
        RequestHeader::new("X-Tenant", Value::Literal("main".to_owned())).unwrap(),
        RequestHeader::new("Accept", Value::Literal("application/json".to_owned())).unwrap(),
    ];
    ask(&endpoint, get("/a%20b/@c?d=e;f")).await.unwrap();
    let version = env!("CARGO_PKG_VERSION");
    let port = server.port;
    assert_eq!(
        server.seen(),
        [format!(
            "GET /a%20b/@c?d=e;f HTTP/1.1\r\nhost: 127.0.0.1:{port}\r\nuser-agent: pgreeve/{version}\r\n\
             accept: application/json\r\naccept-encoding: identity\r\nconnection: close\r\nx-tenant: main\r\n\r\n"
        )]
    );
}

#[tokio::test]
async fn headers_come_lower_case_in_order_without_cookies() {
    let server = Scripted::saying(
        b"HTTP/1.1 200 OK\r\nX-B: 1\r\nSet-Cookie: session=1\r\nX-A: 2\r\nx-b: 3\r\nset-cookie: other=2\r\n\
          X-Odd: a\xffb\r\nX-Utf: \xc3\xa4\r\nX-Empty:\r\nContent-Length: 0\r\n\r\n",
    );
    let Told::Response { headers, .. } = ask(&open(server.port), get("/")).await.unwrap();
    let expected = [
        ("x-b", "1"),
        ("x-b", "3"),
        ("x-a", "2"),
        ("x-odd", "a\u{fffd}b"),
        ("x-utf", "ä"),
        ("x-empty", ""),
        ("content-length", "0"),
    ];
    assert_eq!(headers, expected.map(|(name, value)| header(name, value)));
}

#[tokio::test]
async fn a_compressed_body_is_handed_on_as_it_is() {
    let mut bytes = b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 4\r\n\r\n".to_vec();
    bytes.extend([0x1f, 0x8b, 0x08, 0x00]);
    let server = Scripted::saying(bytes);
    let Told::Response { body, .. } = ask(&open(server.port), get("/")).await.unwrap();
    assert_eq!(body, [0x1f, 0x8b, 0x08, 0x00]);
}

#[tokio::test]
async fn each_call_has_its_own_connection() {
    let server = Scripted::saying("HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: keep-alive\r\n\r\n");
    for _ in 0..3 {
        ask(&open(server.port), get("/")).await.unwrap();
    }
    assert_eq!(server.seen().len(), 3);
}

/// Runs itself once more in a process with proxy variables.
#[test]
fn proxy_variables_are_ignored() {
    const PORT: &str = "PGREEVE_TEST_HTTP_PORT";
    if let Ok(port) = std::env::var(PORT) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let answer = runtime.block_on(answer(&open(port.parse().unwrap()), "/"));
        assert_eq!(answer, (200, "direct".to_owned()));
        return;
    }
    let proxy = Scripted::saying("HTTP/1.1 200 OK\r\nContent-Length: 7\r\n\r\nproxied");
    let server = Scripted::saying("HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\ndirect");
    let name = format!("{}::proxy_variables_are_ignored", module_path!().split_once("::").unwrap().1);
    let mut again = Command::new(std::env::current_exe().unwrap());
    again.args(["--exact", &name]).env(PORT, server.port.to_string());
    for variable in ["http_proxy", "HTTP_PROXY", "https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"] {
        again.env(variable, format!("http://127.0.0.1:{}", proxy.port));
    }
    let out = again.env_remove("no_proxy").env_remove("NO_PROXY").output().unwrap();
    assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stdout));
    assert_eq!((server.seen().len(), proxy.seen().len()), (1, 0));
}

#[test]
fn calls_and_answers_come_back_from_json() {
    let told = Told::Response { status: 200, headers: vec![header("a", "b")], body: vec![0xff, 0], elapsed_us: 7 };
    let json = serde_json::to_string(&told).unwrap();
    assert_eq!(
        json,
        r#"{"response":{"status":200,"headers":[{"name":"a","value":"b"}],"body":{"base64":"/wA="},"elapsed_us":7}}"#
    );
    assert_eq!(serde_json::from_str::<Told>(&json).unwrap(), told);
    let json = serde_json::to_string(&head("/a")).unwrap();
    assert_eq!(json, r#"{"head":{"endpoint":"app","path":"/a"}}"#);
    assert_eq!(serde_json::from_str::<super::Ask>(&json).unwrap(), head("/a"));
}
