//! HTTP: paths that mean something else, servers that lie, and secrets that stay with the host.

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use pgreeve_tests::agent::Agent;
use serde_json::{Value, json};

use crate::bed::{ask, config, hold};

/// A server on a loopback port that keeps what it is sent and answers by the path. Its thread ends with the test's process.
pub(crate) struct Server {
    pub(crate) port: u16,
    seen: Arc<Mutex<Vec<String>>>,
}

impl Server {
    pub(crate) fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let seen = Arc::new(Mutex::new(Vec::new()));
        let kept = seen.clone();
        std::thread::spawn(move || {
            for connection in listener.incoming().flatten() {
                let kept = kept.clone();
                std::thread::spawn(move || {
                    let request = request(&connection);
                    kept.lock().unwrap().push(request.clone());
                    // The client may close before all is written: its right.
                    let _ = answer(&request, connection, port);
                });
            }
        });
        Self { port, seen }
    }

    /// The first lines of the requests so far.
    pub(crate) fn asked(&self) -> Vec<String> {
        let seen = self.seen.lock().unwrap();
        seen.iter().map(|request| request.lines().next().unwrap_or_default().to_owned()).collect()
    }

    fn endpoint(&self, more: &str) -> String {
        format!(
            "[http.main]\norigin = \"http://127.0.0.1:{}\"\nallow = [\"GET /ok/**?*\", \"HEAD /ok/head\"]\n{more}\n",
            self.port
        )
    }
}

fn request(connection: &TcpStream) -> String {
    let mut lines = BufReader::new(connection).lines().map_while(Result::ok);
    let mut text = String::new();
    while let Some(line) = lines.next().filter(|line| !line.is_empty()) {
        text.push_str(&line);
        text.push('\n');
    }
    text
}

fn answer(request: &str, mut to: TcpStream, port: u16) -> std::io::Result<()> {
    let path = request.split(' ').nth(1).unwrap_or_default();
    let whole = |status: &str, headers: &str, body: &str| {
        format!("HTTP/1.1 {status}\r\ncontent-length: {}\r\n{headers}\r\n{body}", body.len())
    };
    match path.split('?').next().unwrap_or_default().rsplit('/').next().unwrap_or_default() {
        "echo" => to.write_all(whole("200 OK", "x-b: 2\r\nx-a: 1\r\n", request).as_bytes()),
        // What the guest would have to be told of a secret that the server repeats is the server's to answer for.
        "here" => to.write_all(whole("200 OK", "set-cookie: session=hidden\r\n", "here").as_bytes()),
        "down" => to.write_all(whole("503 Service Unavailable", "", "down for a while").as_bytes()),
        "away" => to.write_all(whole("302 Found", "location: http://169.254.169.254/latest\r\n", "").as_bytes()),
        "aside" => {
            to.write_all(whole("301 Moved", &format!("location: http://127.0.0.1:{port}/forbidden\r\n"), "").as_bytes())
        }
        "switch" => to.write_all(b"HTTP/1.1 101 Switching Protocols\r\nupgrade: x\r\nconnection: upgrade\r\n\r\n"),
        "hints" => {
            to.write_all(b"HTTP/1.1 103 Early Hints\r\nlink: x\r\n\r\n")?;
            to.write_all(whole("200 OK", "", "after hints").as_bytes())
        }
        "endless" => {
            to.write_all(b"HTTP/1.1 200 OK\r\n\r\n")?;
            loop {
                to.write_all(&[b'x'; 65_536])?;
            }
        }
        "chunks" => {
            to.write_all(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n")?;
            loop {
                to.write_all(format!("1000\r\n{}\r\n", "x".repeat(4096)).as_bytes())?;
            }
        }
        "slow" => {
            to.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 1000\r\n\r\n")?;
            loop {
                to.write_all(b"x")?;
                std::thread::sleep(Duration::from_millis(20));
            }
        }
        "silent" => {
            let mut nothing = String::new();
            BufReader::new(to).read_line(&mut nothing).map(drop)
        }
        "headers" => {
            to.write_all(b"HTTP/1.1 200 OK\r\n")?;
            loop {
                to.write_all(format!("x-much: {}\r\n", "y".repeat(8_000)).as_bytes())?;
            }
        }
        "gzip" => {
            to.write_all(b"HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\ncontent-length: 4\r\n\r\n\x1f\x8b\x08\x00")
        }
        "short" => to.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nonly this"),
        "twice" => to.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 4\r\ncontent-length: 9\r\n\r\nfour and five"),
        "both" => to.write_all(
            b"HTTP/1.1 200 OK\r\ncontent-length: 4\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\nHTTP/1.1 200 OK\r\n\r\nsecond",
        ),
        "negative" => to.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: -1\r\n\r\nx"),
        "huge" => to.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 99999999999999999999999\r\n\r\nx"),
        "split" => to.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 1\r\n\r\naHTTP/1.1 500 No\r\ncontent-length: 1\r\n\r\nb"),
        "nonsense" => to.write_all(b"SSH-2.0-OpenSSH\r\n"),
        _ => to.write_all(whole("404 Not Found", "", "").as_bytes()),
    }
}

fn get(path: &str) -> Value {
    json!({ "ask": "get", "name": "main", "path": path })
}

const MAIN: &str = "http = [\"main\"]";

#[test]
fn allowed_lines_are_answered_whatever_the_status() {
    let server = Server::start();
    hold(
        &server.endpoint(""),
        MAIN,
        &[
            (get("/ok/echo"), "told", "200\ncontent-length"),
            (get("/ok/echo?a=b&c=%20"), "told", "GET /ok/echo?a=b&c=%20 HTTP/1.1"),
            (json!({ "ask": "head", "name": "main", "path": "/ok/head" }), "told", "404"),
            (get("/ok/down"), "told", "503\n"),
            (get("/ok/down"), "told", "down for a while"),
            (get("/ok/away"), "told", "302\n"),
            (get("/ok/aside"), "told", "301\n"),
            (get("/ok/hints"), "told", "after hints"),
        ],
    );
    assert!(!server.asked().iter().any(|line| line.contains("forbidden")), "a redirect was followed");
}

#[test]
fn no_path_leads_elsewhere() {
    let server = Server::start();
    let port = server.port;
    let mut table: Vec<(Value, &str, &str)> = Vec::new();
    for path in ["/forbidden", "/", "/ok", "/ok/", "/OK/echo", "/okay/x"] {
        table.push((get(path), "denied", "[http.main] in agent.toml"));
    }
    for path in [
        "",
        "ok/echo",
        "//evil.example/ok/echo",
        "///ok/echo",
        "/ok//echo",
        "http://evil.example/ok/echo",
        "http://127.0.0.1:1/ok/echo",
        "https:/ok/echo",
        "@evil.example/ok/echo",
        ":80@evil.example/",
        "\\\\evil.example\\ok",
        "/\\evil.example",
        "/ok/../forbidden",
        "/ok/./../forbidden",
        "/ok/%2e%2e/forbidden",
        "/ok/.%2e/forbidden",
        "/ok/%252e%252e/forbidden",
        "/ok/..%2fforbidden",
        "/ok/..;/forbidden",
        "/ok/..\\forbidden",
        "/ok/%c0%ae%c0%ae/forbidden",
        "/ok/\u{ff0e}\u{ff0e}/forbidden",
        "/ok/echo HTTP/1.1\r\nx-injected: 1\r\n\r\n",
        "/ok/echo\r\nx-injected: 1",
        "/ok/echo\nx-injected: 1",
        "/ok/echo\tx",
        "/ok/echo\u{0}",
        "/ok/echo%0d%0ax-injected:%201",
        "/ok/echo%00",
        "/ok/echo?x=%0d%0aX",
        "/ok/echo?a\r\nb",
        "/ok/echo#fragment",
        "/ok/e*ho",
        "/ok%2Fecho/x",
        "/ok/%65cho",
        "/ok/%",
        "/ok/%zz",
        "/ok/ä",
        "/ok/<<a*3000>>",
        "*",
    ] {
        table.push((get(path), "invalid", ""));
    }
    table.push((json!({ "ask": "head", "name": "main", "path": "/ok/echo" }), "denied", "HEAD /ok/echo"));
    // An address in the path or a user before it is no more than a name there.
    let inside = format!("/ok/user@127.0.0.1:{port}/http:");
    table.push((get(&inside), "told", "404"));
    hold(&server.endpoint(""), MAIN, &table);
    assert_eq!(server.asked(), [format!("GET {inside} HTTP/1.1")]);
}

#[test]
fn a_server_that_lies_floods_or_sleeps_is_cut_off() {
    let server = Server::start();
    let more = "timeout = \"300ms\"\nconnect_timeout = \"300ms\"\nmax_body = \"64KiB\"";
    let began = Instant::now();
    hold(
        &server.endpoint(more),
        MAIN,
        &[
            (get("/ok/endless"), "limit-exceeded", "bytes"),
            (get("/ok/chunks"), "limit-exceeded", "bytes"),
            (get("/ok/slow"), "timed-out", ""),
            (get("/ok/silent"), "timed-out", ""),
            (get("/ok/headers"), "unreachable", ""),
            (get("/ok/gzip"), "told", "content-encoding: gzip"),
            (get("/ok/short"), "unreachable", ""),
            (get("/ok/twice"), "unreachable", ""),
            (get("/ok/negative"), "unreachable", ""),
            (get("/ok/huge"), "unreachable", ""),
            (get("/ok/split"), "told", "\n\na"),
            (get("/ok/nonsense"), "unreachable", ""),
            (get("/ok/switch"), "told", "101\n"),
            (get("/ok/here"), "told", "here"),
        ],
    );
    assert!(began.elapsed() < Duration::from_secs(60), "{:?}", began.elapsed());
    // Lengths that contradict each other: whatever is made of it, the second answer is none of ours.
    let both = &ask(&server.endpoint(more), MAIN, &[get("/ok/both")])[0];
    assert!(!both.text.contains("second"), "{both:?}");
    let here = &ask(&server.endpoint(more), MAIN, &[get("/ok/here")])[0];
    assert!(!here.text.contains("hidden"), "set-cookie is left out: {here:?}");
}

#[test]
fn a_secret_header_is_sent_and_never_seen() {
    let server = Server::start();
    let directory = tempfile::tempdir().unwrap();
    let token = directory.path().join("token");
    std::fs::write(&token, "Bearer hunter2hunter2\n").unwrap();
    std::fs::set_permissions(&token, std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
    let more = format!("headers = {{ authorization = {{ file = {token:?} }}, x-team = \"dba\" }}");
    let calls = [get("/ok/here"), get("/forbidden"), get("/ok/../x"), get("/ok/short"), get("/ok/headers")];
    let agent = Agent::new(&config(&server.endpoint(&more), MAIN, &calls));
    let recording = directory.path().join("run.jsonl");
    let record = ["check", "j", "--verbose", "--record", recording.to_str().unwrap()];
    let output = agent.command(&record).env("RUST_LOG", "trace").output().unwrap();
    let runs = agent.run(&["runs", "--format", "json"]);
    let all = [output.stdout, output.stderr, runs.stdout, std::fs::read(&recording).unwrap()].concat();
    assert!(!String::from_utf8_lossy(&all).contains("hunter2"));
    assert!(server.seen.lock().unwrap()[0].contains("authorization: Bearer hunter2hunter2"));
}

#[test]
fn an_origin_that_must_not_be_reached_is_a_configuration_error() {
    let origins = [
        "http://169.254.169.254",
        "http://[fe80::1]",
        "http://[::ffff:169.254.169.254]",
        "http://2852039166",
        "http://0xa9fea9fe",
        "http://169.254.43518",
        "http://user:password@127.0.0.1",
        "http://127.0.0.1/path",
        "http://127.0.0.1:0",
        "ftp://127.0.0.1",
        "http://",
        "http://localhost.",
        "http://0.0.0.0",
        "http://224.0.0.1",
    ];
    let table =
        |(number, origin): (usize, &&str)| format!("[http.e{number}]\norigin = {origin:?}\nallow = [\"GET /ok/**\"]\n");
    let tables: String = origins.iter().enumerate().map(table).collect();
    let output = Agent::new(&config(&tables, "", &[])).run(&["validate"]);
    let said = String::from_utf8_lossy(&output.stderr).into_owned() + &String::from_utf8_lossy(&output.stdout);
    assert_eq!(output.status.code(), Some(1));
    for (number, origin) in origins.iter().enumerate() {
        assert!(said.contains(&format!("agent.toml:{}:", 4 + 3 * number)), "{origin}: {said}");
    }
    assert!(!said.contains("password@"), "{said}");
}
