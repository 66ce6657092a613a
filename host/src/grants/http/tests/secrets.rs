//! Secrets in headers: sent, and never seen again.

use std::io::Write as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use super::super::{Endpoint, RequestHeader, Value};
use super::server::Scripted;
use super::{answer, ask, get, head, open};
use crate::grants::error::Error;
use crate::grants::secret::Secret;

const TOKEN: &str = "hunter22-very-secret";

fn file(directory: &Path, secret: &str) -> PathBuf {
    let path = directory.join("token");
    std::fs::write(&path, secret).unwrap();
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).unwrap();
    path
}

fn with(port: u16, path: PathBuf) -> Endpoint {
    let header = RequestHeader::new("Authorization", Value::Secret(Secret::File(path))).unwrap();
    Endpoint { headers: vec![header], ..open(port) }
}

#[tokio::test]
async fn a_secret_is_sent_and_read_anew_each_time() {
    let directory = tempfile::tempdir().unwrap();
    let server = Scripted::saying("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
    for secret in ["Bearer first-secret", "Bearer second-secret"] {
        let endpoint = with(server.port, file(directory.path(), &format!("{secret}\n")));
        assert_eq!(answer(&endpoint, "/").await, (200, "ok".to_owned()));
        let seen = server.seen();
        assert!(seen.last().unwrap().contains(&format!("\r\nauthorization: {secret}\r\n")), "{seen:?}");
        assert!(!format!("{endpoint:?}").contains("secret\""), "{endpoint:?}");
    }
}

#[tokio::test]
async fn an_answer_that_repeats_a_secret_is_withheld() {
    let directory = tempfile::tempdir().unwrap();
    let path = file(directory.path(), &format!("Bearer {TOKEN}"));
    for (headers, body) in [
        ("X-Echo: Bearer hunter22-very-secret", ""),
        ("Location: http://other.example/?token=hunter22-very-secret", ""),
        ("X-A: b", "{\"authorization\": \"Bearer hunter22-very-secret\"}"),
        ("X-A: b", "\0\u{1}hunter22-very-secret\0"),
        ("hunter22-very-secret: x", ""),
    ] {
        let server =
            Scripted::saying(format!("HTTP/1.1 200 OK\r\n{headers}\r\nContent-Length: {}\r\n\r\n{body}", body.len()));
        let Err(Error::Denied(text)) = ask(&with(server.port, path.clone()), get("/echo")).await else {
            panic!("{headers} {body}")
        };
        assert!(
            text.contains("repeats the secret that was sent in header authorization") && !text.contains("hunter22"),
            "{text}"
        );
    }
}

#[tokio::test]
async fn a_server_that_echoes_each_request_is_found_out() {
    let directory = tempfile::tempdir().unwrap();
    let server = Scripted::start(|request, connection| {
        let answer = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{request}", request.len());
        drop(connection.write_all(answer.as_bytes()));
    });
    let endpoint = with(server.port, file(directory.path(), TOKEN));
    assert!(matches!(ask(&endpoint, get("/")).await, Err(Error::Denied(_))));
    assert_eq!(ask(&open(server.port), get("/")).await.map(|_| ()), Ok(()), "without a secret, an echo is an answer");
}

#[tokio::test]
async fn an_answer_that_does_not_repeat_it_passes() {
    let directory = tempfile::tempdir().unwrap();
    let body = "Bearer of bad news: hunter22";
    let server =
        Scripted::saying(format!("HTTP/1.1 200 OK\r\nSet-Cookie: a=b\r\nContent-Length: {}\r\n\r\n{body}", body.len()));
    let endpoint = with(server.port, file(directory.path(), &format!("Bearer {TOKEN}")));
    assert_eq!(answer(&endpoint, "/").await, (200, body.to_owned()));
}

#[tokio::test]
async fn no_secret_no_request() {
    let directory = tempfile::tempdir().unwrap();
    let server = Scripted::saying("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
    for (secret, why) in [
        ("", "is empty"),
        ("hunter22\r\nHost: evil.example", "does not fit"),
        ("hunter22\0", "does not fit"),
        (" hunter22", "does not fit"),
        (&"hunter22".repeat(2000), "does not fit"),
    ] {
        let endpoint = with(server.port, file(directory.path(), secret));
        let Err(Error::Denied(text)) = ask(&endpoint, get("/")).await else { panic!("{secret:?}") };
        assert!(text.contains(why) && text.contains("header authorization") && !text.contains("hunter22"), "{text}");
    }
    let path = file(directory.path(), TOKEN);
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o644)).unwrap();
    let Err(Error::Denied(text)) = ask(&with(server.port, path.clone()), get("/")).await else { panic!() };
    assert!(text.contains("chmod 0600") && !text.contains("hunter22"), "{text}");
    std::fs::remove_file(&path).unwrap();
    assert!(matches!(ask(&with(server.port, path), get("/")).await, Err(Error::Denied(_))));
    assert_eq!(server.seen(), Vec::<String>::new());
}

#[tokio::test]
async fn errors_hold_no_secret_and_nothing_that_the_server_sent() {
    let directory = tempfile::tempdir().unwrap();
    let path = file(directory.path(), TOKEN);
    for bytes in [
        format!("HTTP/1.1 200 {TOKEN}"),
        format!("{TOKEN}\r\n\r\n"),
        format!("HTTP/1.1 200 OK\r\n{TOKEN}\r\n\r\n"),
        format!("HTTP/1.1 200 OK\r\nContent-Length: {TOKEN}\r\n\r\n"),
        format!("HTTP/1.1 200 OK\r\nTransfer-Encoding: {TOKEN}\r\n\r\n"),
        format!("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{TOKEN}"),
    ] {
        let server = Scripted::saying(bytes.clone());
        for call in [get("/"), head("/")] {
            let told = ask(&with(server.port, path.clone()), call).await;
            assert!(!format!("{told:?}").contains("hunter22"), "{bytes:?}: {told:?}");
        }
    }
}
