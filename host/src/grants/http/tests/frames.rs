//! Answers whose frame is false: an error, and never a body that is not what the server meant.

use super::super::Told;
use super::server::Scripted;
use super::{answer, ask, get, head, open};
use crate::grants::error::{Error, Limit};

/// The words of the error that these bytes lead to.
async fn unreachable(bytes: &[u8]) -> String {
    let server = Scripted::saying(bytes);
    match ask(&open(server.port), get("/x")).await {
        Err(Error::Unreachable(words)) => {
            assert!(
                words.starts_with(&format!("http endpoint \"app\": GET http://127.0.0.1:{}/x: ", server.port)),
                "{words}"
            );
            words
        }
        other => panic!("{:?} led to {other:?}", String::from_utf8_lossy(bytes)),
    }
}

#[tokio::test]
async fn a_body_that_ends_too_early_is_an_error() {
    for bytes in [
        &b""[..],
        b"HTTP/1.1 200 OK\r\nContent-Le",
        b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nshort",
        b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nshort\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nsho",
        b"HTTP/1.1 100 Continue\r\n\r\n",
    ] {
        let words = unreachable(bytes).await;
        let received = bytes.len();
        assert!(
            words.contains("closed before the end of the answer") || words.contains("no whole HTTP answer"),
            "{words}"
        );
        assert!(words.contains(&format!("after {received} bytes")), "{words}");
    }
}

#[tokio::test]
async fn an_answer_with_two_ends_is_an_error() {
    for (headers, why) in [
        ("Content-Length: 5\r\nTransfer-Encoding: chunked", "both Content-Length and Transfer-Encoding"),
        ("Transfer-Encoding: chunked\r\nContent-Length: 5", "both Content-Length and Transfer-Encoding"),
        ("Transfer-Encoding: chunked, chunked", "not plainly"),
        ("Transfer-Encoding: gzip, chunked", "not plainly"),
        ("Transfer-Encoding: identity", "not plainly"),
        ("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked", "not plainly"),
        ("Transfer-Encoding: xchunked", "not plainly"),
        ("Content-Length: 5\r\nContent-Length: 6", "content-length"),
        ("Content-Length: 5, 6", "content-length"),
        ("Content-Length: -5", "content-length"),
        ("Content-Length: +5", "content-length"),
        ("Content-Length: 0x5", "content-length"),
        ("Content-Length: 99999999999999999999999", "content-length"),
        ("Content-Length: 5\r\n Content-Length: 6", "header"),
        ("Content-Length : 5", "header"),
        ("Content Length: 5", "header"),
        ("X-A: a\0b", "header"),
    ] {
        let words =
            unreachable(format!("HTTP/1.1 200 OK\r\n{headers}\r\n\r\n5\r\nhello\r\n0\r\n\r\n").as_bytes()).await;
        assert!(words.contains(why), "{headers}: {words}");
    }
}

#[tokio::test]
async fn what_is_not_http_is_an_error() {
    for bytes in [
        &b"hello\r\n\r\n"[..],
        b"SSH-2.0-OpenSSH_9.6\r\n",
        b"HTTP/2.0 200 OK\r\n\r\n",
        b"HTTP/1.1 abc OK\r\n\r\n",
        b"HTTP/1.1 2000 OK\r\n\r\n",
        b"HTTP/1.1 20 OK\r\n\r\n",
        b"HTTP/1.1 099 OK\r\nContent-Length: 0\r\n\r\n",
        b"HTTP/1.1 600 OK\r\nContent-Length: 0\r\n\r\n",
        b"HTTP/1.1 999 OK\r\nContent-Length: 0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\nhello\r\n0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nfffffffffffffffff\r\nhello\r\n0\r\n\r\n",
        b"HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
        b"\x15\x03\x01\x00\x02\x02\x28",
    ] {
        unreachable(bytes).await;
    }
}

#[tokio::test]
async fn a_body_ends_where_its_frame_says() {
    for (bytes, body) in [
        (&b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhelloHTTP/1.1 200 OK\r\n\r\nforged"[..], "hello"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 5\r\n\r\nhello", "hello"),
        (
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: Chunked\r\n\r\n3\r\nhel\r\n2;a=b\r\nlo\r\n0\r\nX: 1\r\n\r\ngarbage",
            "hello",
        ),
        (b"HTTP/1.1 200 OK\r\n\r\nuntil the end", "until the end"),
        (b"HTTP/1.0 200 OK\r\n\r\nold", "old"),
        (b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\nHTTP/1.1 200 OK\r\n\r\nhi", "hi"),
        (b"HTTP/1.1 204 No Content\r\nContent-Length: 5\r\n\r\nhello", ""),
    ] {
        let server = Scripted::saying(bytes);
        assert_eq!(answer(&open(server.port), "/").await.1, body);
    }
}

#[tokio::test]
async fn a_body_after_head_is_not_taken_in() {
    let server = Scripted::saying("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello");
    let Told::Response { status, body, .. } = ask(&open(server.port), head("/")).await.unwrap();
    assert_eq!((status, body), (200, Vec::new()));
}

#[tokio::test]
async fn headers_without_end_are_an_error() {
    let many: String = (0..101).map(|number| format!("X-{number}: 1\r\n")).collect();
    unreachable(format!("HTTP/1.1 200 OK\r\n{many}Content-Length: 0\r\n\r\n").as_bytes()).await;
    let large = format!("HTTP/1.1 200 OK\r\nX-Large: {}\r\nContent-Length: 0\r\n\r\n", "x".repeat(40 << 10));
    unreachable(large.as_bytes()).await;
    unreachable(format!("HTTP/1.1 200 {}", "x".repeat(1 << 20)).as_bytes()).await;
    let most: String = (0..99).map(|number| format!("X-{number}: {}\r\n", "x".repeat(200))).collect();
    let server = Scripted::saying(format!("HTTP/1.1 200 OK\r\n{most}Content-Length: 0\r\n\r\n"));
    let Told::Response { headers, .. } = ask(&open(server.port), get("/")).await.unwrap();
    assert_eq!(headers.len(), 100);
}

#[tokio::test]
async fn nothing_listens_is_said_with_the_address() {
    let port = Scripted::saying("").port;
    let Err(Error::Unreachable(words)) = ask(&open(port), get("/health")).await else { panic!() };
    assert!(
        words.contains(&format!(
            "GET http://127.0.0.1:{port}/health: no connection: 127.0.0.1:{port}: Connection refused"
        )),
        "{words}"
    );
}

#[tokio::test]
async fn a_chunked_body_is_cut_off_at_the_cap_without_a_length() {
    let chunk = format!("1000\r\n{}\r\n", "x".repeat(0x1000));
    let server =
        Scripted::saying(format!("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n{}", chunk.repeat(1000)));
    let mut endpoint = open(server.port);
    endpoint.max_body = 10_000;
    assert_eq!(ask(&endpoint, get("/")).await, Err(Error::LimitExceeded(Limit::Bytes)));
}
