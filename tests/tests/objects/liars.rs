//! Servers that are no stores, or lie: what they say is not believed, and bounded.

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use pgreeve::grants::error::{Error, Limit};
use pgreeve::grants::http::Origin;
use pgreeve::grants::objects::{Ask, Bucket, Objects, Store, Told, perform};
use pgreeve::grants::secret::Secret;

use crate::bed::{backup, run, send};

/// A server that answers every request with the same bytes, and how often it was asked.
fn liar(answer: impl Into<Vec<u8>>) -> (Store, Arc<Mutex<Vec<String>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let (answer, asked) = (answer.into(), Arc::new(Mutex::new(Vec::new())));
    let kept = Arc::clone(&asked);
    std::thread::spawn(move || {
        for mut connection in listener.incoming().flatten() {
            kept.lock().unwrap().push(head(&connection));
            // The client may close before all is written: its right.
            let _ = connection.write_all(&answer);
        }
    });
    // Any readable variable will do for keys that nobody checks.
    let bucket = Bucket::parse("s3://backups/pg").unwrap();
    let origin = Origin::parse(&format!("http://127.0.0.1:{port}")).unwrap();
    let keys = [Secret::Env("CARGO_PKG_NAME".into()), Secret::Env("CARGO_PKG_NAME".into())];
    let [access, secret] = keys;
    let store = Store {
        allow_http: true,
        write: true,
        timeout: Duration::from_secs(10),
        ..Store::new("off", bucket, origin, access, secret)
    };
    (store, asked)
}

fn head(connection: &TcpStream) -> String {
    let lines = BufReader::new(connection).lines().map_while(Result::ok);
    lines.take_while(|line| !line.is_empty()).collect::<Vec<_>>().join("\n")
}

fn answer(status: &str, headers: &str, body: &str) -> String {
    format!("HTTP/1.1 {status}\r\ncontent-length: {}\r\n{headers}\r\n{body}", body.len())
}

fn list(store: &Store) -> Result<Told, Error> {
    let ask = Ask::Entries { store: "off".into(), prefix: String::new(), after: None };
    run(perform(&mut Objects::new(1 << 20), store, &ask))
}

fn fetch(store: &Store, bytes: u64) -> Result<Told, Error> {
    let ask = Ask::Read { store: "off".into(), key: "a".into(), offset: 0, length: 100 };
    run(perform(&mut Objects::new(bytes), store, &ask))
}

#[test]
fn a_redirect_is_not_followed() {
    let (target, reached) = liar(answer("200 OK", "", ""));
    let location = format!("location: {}/latest/meta-data\r\n", target.origin);
    let (store, asked) = liar(answer("307 Temporary Redirect", &location, ""));
    for told in [list(&store), fetch(&store, 1 << 20)] {
        let error = told.unwrap_err();
        assert!(
            matches!(&error, Error::Remote { code, hint, .. } if code == "307" && hint.as_ref().unwrap().contains("no redirect")),
            "{error:?}"
        );
    }
    assert_eq!((asked.lock().unwrap().len(), reached.lock().unwrap().len()), (2, 0));
}

#[test]
fn what_is_no_answer_is_no_listing() {
    let listing = |inside: &str| {
        let xml = format!(
            "<?xml version=\"1.0\"?><ListBucketResult><IsTruncated>false</IsTruncated>{inside}</ListBucketResult>"
        );
        answer("200 OK", "", &xml)
    };
    let object = |key: &str| {
        listing(&format!(
            "<Contents><Key>{key}</Key><LastModified>2026-01-01T00:00:00.000Z</LastModified><ETag>\"e\"</ETag><Size>1</Size></Contents>"
        ))
    };
    let (honest, _) = liar(object("pg/a"));
    assert!(
        matches!(list(&honest), Ok(Told::Entries(listing)) if listing.objects[0].key == "a" && listing.objects[0].size == 1)
    );
    for (what, text, says) in [
        ("an object outside of the prefix", object("other/a"), "not asked for"),
        ("an object that only begins like it", object("pgx"), "not asked for"),
        ("a page for people", answer("200 OK", "", "<html>welcome</html>"), ""),
        ("nothing", answer("200 OK", "", ""), ""),
        ("half of it", object("pg/a").replace("</ListBucketResult>", ""), ""),
        ("no HTTP", "SSH-2.0-OpenSSH_9.2\r\n".to_owned(), "no whole HTTP answer"),
        ("two ends", answer("200 OK", "transfer-encoding: chunked\r\n", ""), "not believed"),
        ("silence", String::new(), "no whole HTTP answer"),
    ] {
        let (store, _) = liar(text);
        let Err(error) = list(&store) else { panic!("{what} is a listing") };
        assert!(matches!(&error, Error::Unreachable(why) if why.contains(says)), "{what}: {error:?}");
    }
}

#[test]
fn what_a_store_sends_is_bounded() {
    let long = "x".repeat(2 << 20);
    let (store, _) = liar(answer("200 OK", "", &long));
    assert_eq!(list(&store).unwrap_err(), Error::LimitExceeded(Limit::Bytes));
    let (store, _) = liar(answer(
        "206 Partial Content",
        "content-range: bytes 0-99/100\r\netag: \"e\"\r\nlast-modified: Thu, 01 Jan 2026 00:00:00 GMT\r\n",
        &long,
    ));
    assert_eq!(fetch(&store, 1000).unwrap_err(), Error::LimitExceeded(Limit::Bytes));
    assert!(matches!(fetch(&store, 64 << 20).unwrap_err(), Error::Unreachable(_)));
    assert_eq!(
        run(perform(&mut Objects::new(0), &store, &Ask::Metadata { store: "off".into(), key: "a".into() })),
        Err(Error::LimitExceeded(Limit::Bytes))
    );
}

#[test]
fn an_error_says_what_was_tried_and_no_key() {
    // CARGO_PKG_NAME, the keys of these tests, is pgreeve-tests.
    let body = "<Error><Code>InvalidAccessKeyId</Code><Message>no key pgreeve-tests\u{1b}[31m here</Message></Error>";
    let (store, asked) = liar(answer("403 Forbidden", "", body));
    let error = list(&store).unwrap_err();
    let Error::Remote { code, message, hint, .. } = &error else { panic!("{error:?}") };
    assert_eq!(code, "InvalidAccessKeyId");
    assert!(
        message.contains("cannot list objects in object store \"off\"") && message.contains("no key [redacted]"),
        "{message}"
    );
    assert!(!message.contains('\u{1b}') && hint.as_ref().unwrap().contains("[objects.off]"));
    assert_eq!(asked.lock().unwrap().len(), 1, "what is refused is not asked again");
}

#[test]
fn a_store_that_says_yes_to_everything_has_not_kept_a_backup() {
    // HEAD finds nothing, PUT is fine, and then there is nothing.
    let directory = backup();
    let (store, _) = liar(answer("404 Not Found", "", ""));
    let fault = send(&store, directory.path()).unwrap_err();
    assert!(
        !fault.placed.iter().any(|placed| placed.sent) && !matches!(fault.error, Error::LimitExceeded(_)),
        "{fault:?}"
    );
    // It has whatever one asks for, of another content.
    let headers = "etag: \"e\"\r\nlast-modified: Thu, 01 Jan 2026 00:00:00 GMT\r\n";
    let (store, _) = liar(answer("200 OK", headers, "0123456789"));
    let fault = send(&store, directory.path()).unwrap_err();
    assert!(matches!(&fault.error, Error::Denied(why) if why.contains("another object")), "{fault:?}");
}

#[test]
fn a_silent_server_costs_its_time_and_no_more() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let (store, _) = liar("");
    let origin = Origin::parse(&format!("http://{}", listener.local_addr().unwrap())).unwrap();
    let store = Store { origin, timeout: Duration::from_millis(300), ..store };
    let error = list(&store).unwrap_err();
    assert!(matches!(&error, Error::TimedOut(why) if why.contains("`timeout`")), "{error:?}");
}
