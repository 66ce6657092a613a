//! Somebody between the agent and a real store: TLS with this or that certificate; and a store that is full, busy, refuses, or breaks off.

use std::io::{Read as _, Write as _};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};

use pgreeve::grants::error::Error;
use pgreeve::grants::http::Origin;
use pgreeve::grants::objects::{Fault, Reached, Store, fetch, fetch_each, list};
use pgreeve::grants::tls::Tls;
use pgreeve_tests::testbed::S3;

use crate::bed::{LAST, backup, run, send, send_these, store, write};

/// What becomes of a request.
#[derive(Clone, Copy, PartialEq)]
enum Fate {
    Passes,
    /// It is answered with a status and a code of S3's, and the store never sees it.
    Answered(&'static str, &'static str),
    /// The store's answer is broken off behind so many bytes.
    Broken(u64),
}

/// A proxy before a store: `fate` judges request lines. Returns the store as it is reached through it, and the request lines that did not pass.
fn between(s3: &S3, fate: impl Fn(&str) -> Fate + Send + Sync + 'static) -> (Store, Arc<Mutex<Vec<String>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let origin = Origin::parse(&format!("http://{}", listener.local_addr().unwrap())).unwrap();
    let (port, seen, fate) = (s3.port(), Arc::new(Mutex::new(Vec::new())), Arc::new(fate));
    let kept = Arc::clone(&seen);
    std::thread::spawn(move || {
        for connection in listener.incoming().flatten() {
            let (kept, fate) = (Arc::clone(&kept), Arc::clone(&fate));
            // Either side may go away at any moment: its right.
            std::thread::spawn(move || pass(connection, port, &kept, &*fate).ok());
        }
    });
    (Store { origin, part: 5 << 20, ..store(s3) }, seen)
}

fn pass(
    mut client: TcpStream,
    port: u16,
    seen: &Mutex<Vec<String>>,
    fate: &(impl Fn(&str) -> Fate + ?Sized),
) -> std::io::Result<()> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        client.read_exact(&mut byte)?;
        head.push(byte[0]);
    }
    let text = String::from_utf8_lossy(&head).into_owned();
    let line = text.lines().next().unwrap_or_default().to_owned();
    let length = text.lines().find_map(|line| line.to_ascii_lowercase().strip_prefix("content-length: ")?.parse().ok());
    let mut body = (&client).take(length.unwrap_or(0));
    let fate = fate(&line);
    if fate != Fate::Passes {
        seen.lock().unwrap().push(line);
    }
    if let Fate::Answered(status, code) = fate {
        std::io::copy(&mut body, &mut std::io::sink())?;
        let xml = format!("<Error><Code>{code}</Code><Message>as the test says</Message></Error>");
        write!(client, "HTTP/1.1 {status}\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{xml}", xml.len())?;
        return client.shutdown(Shutdown::Write);
    }
    let mut upstream = TcpStream::connect(("127.0.0.1", port))?;
    upstream.write_all(&head)?;
    std::io::copy(&mut body, &mut upstream)?;
    let most = if let Fate::Broken(bytes) = fate { bytes } else { u64::MAX };
    std::io::copy(&mut upstream.take(most), &mut client)?;
    client.shutdown(Shutdown::Both)
}

/// Nothing looks whole, and nothing is said to be there that is not.
#[track_caller]
fn honest(s3: &S3, fault: &Fault, says: &str) {
    let error = &fault.error;
    let hint = if let Error::Remote { hint, .. } = error { hint.clone().unwrap_or_default() } else { String::new() };
    assert!(format!("{error} {hint}").contains(says), "{fault:?}");
    assert!(!s3.object(LAST).exists(), "{fault:?}");
    for placed in &fault.placed {
        assert_eq!(std::fs::metadata(s3.object(&placed.key)).unwrap().len(), placed.bytes);
    }
    assert_eq!(fault.abandoned, None, "{fault:?}");
    assert!(!s3.beside().iter().any(|name| name.contains("upload")), "{:?}", s3.beside());
}

#[test]
fn a_store_that_is_full_busy_or_refuses_has_nothing_and_the_answer_says_what_to_do() {
    let Some(s3) = S3::start() else { return };
    let directory = backup();
    for (status, code, says, tries) in [
        ("507 Insufficient Storage", "InsufficientStorage", "make room in the store", 3),
        ("507 Insufficient Storage", "XMinioStorageFull", "make room in the store", 3),
        ("503 Slow Down", "SlowDown", "asks for less at a time", 3),
        ("403 Forbidden", "AccessDenied", "s3:PutObject", 1),
        ("403 Forbidden", "QuotaExceeded", "raise its quota", 1),
    ] {
        let puts = move |line: &str| if line.starts_with("PUT ") { Fate::Answered(status, code) } else { Fate::Passes };
        let (through, seen) = between(&s3, puts);
        let fault = send(&through, directory.path()).unwrap_err();
        honest(&s3, &fault, says);
        assert!(fault.placed.is_empty(), "{fault:?}");
        // Asked again where that may help, and no more.
        assert_eq!(seen.lock().unwrap().len(), tries, "{status}: {seen:?}");
        assert_eq!(s3.objects(), Vec::<String>::new());
    }
}

#[test]
fn a_store_that_becomes_full_in_the_middle_keeps_what_came_and_the_next_upload_goes_on() {
    let Some(s3) = S3::start() else { return };
    let directory = backup();
    let full = |line: &str| match line.starts_with("PUT ") && line.contains(LAST) {
        true => Fate::Answered("507 Insufficient Storage", "InsufficientStorage"),
        false => Fate::Passes,
    };
    let (through, _) = between(&s3, full);
    let fault = send(&through, directory.path()).unwrap_err();
    honest(&s3, &fault, "make room in the store");
    assert_eq!((fault.placed.len(), fault.reached), (3, Reached::Last));
    let uploaded = send(&store(&s3), directory.path()).unwrap();
    assert_eq!(uploaded.placed.iter().filter(|placed| placed.sent).count(), 1);
    // Parts of a large one: what came of them is given up.
    write(directory.path(), "large", 12 << 20);
    let third = |line: &str| match line.contains("partNumber=3") {
        true => Fate::Answered("507 Insufficient Storage", "InsufficientStorage"),
        false => Fate::Passes,
    };
    std::fs::remove_file(s3.object(LAST)).unwrap();
    let fault = send_these(&between(&s3, third).0, directory.path(), &["large"], LAST).unwrap_err();
    honest(&s3, &fault, "make room in the store");
    assert!(fault.placed.is_empty() && !s3.object("large").exists(), "{fault:?}");
}

#[test]
fn an_answer_that_breaks_off_proves_nothing() {
    let Some(s3) = S3::start() else { return };
    let directory = backup();
    let cut = |line: &str| if line.starts_with("GET ") { Fate::Broken(600) } else { Fate::Passes };
    let (through, seen) = between(&s3, cut);
    let fault = send(&through, directory.path()).unwrap_err();
    assert!(matches!(fault.error, Error::Unreachable(_)), "{fault:?}");
    honest(&s3, &fault, "cannot read back");
    assert!(!seen.lock().unwrap().is_empty());
    // What is listed half is not listed.
    assert!(matches!(run(list(&through, "")), Err(Error::Unreachable(_))));
    // What is fetched half gets no name.
    send(&store(&s3), directory.path()).unwrap();
    let objects = run(list(&store(&s3), "")).unwrap();
    let into = tempfile::tempdir().unwrap();
    let large: Vec<_> = objects.iter().filter(|object| object.size > 600).cloned().collect();
    assert!(matches!(run(fetch(&through, &large, into.path())), Err(Error::Unreachable(_))));
    assert_eq!(std::fs::read_dir(into.path()).unwrap().count(), 0);
    run(fetch(&store(&s3), &objects, into.path())).unwrap();
    assert!(
        std::fs::read(directory.path().join("base/one")).unwrap()
            == std::fs::read(into.path().join("base/one")).unwrap()
    );
}

#[test]
fn of_several_at_a_time_each_has_its_own_answer_and_a_store_that_is_gone_ends_all() {
    let Some(s3) = S3::start() else { return };
    let directory = tempfile::tempdir().unwrap();
    let names: Vec<String> = (0..40).map(|number| format!("m{number}")).collect();
    names.iter().for_each(|name| write(directory.path(), name, 1000));
    write(directory.path(), LAST, 1000);
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    send_these(&store(&s3), directory.path(), &names, LAST).unwrap();
    let objects = run(list(&store(&s3), "")).unwrap();
    let refused = |line: &str| match line.contains("/m7 ") {
        true => Fate::Answered("403 Forbidden", "AccessDenied"),
        false => Fate::Passes,
    };
    let (into, mut told) = (tempfile::tempdir().unwrap(), Vec::new());
    run(fetch_each(&between(&s3, refused).0, &objects, into.path(), |outcome| told.push(outcome))).unwrap();
    let failed: Vec<_> = told.iter().filter_map(|outcome| outcome.as_ref().err()).collect();
    assert!(matches!(failed[..], [Error::Remote { code, .. }] if code == "AccessDenied"), "{failed:?}");
    assert_eq!((told.len(), std::fs::read_dir(into.path()).unwrap().count()), (41, 40));
    let gone = |line: &str| if line.contains("/m7 ") { Fate::Broken(100) } else { Fate::Passes };
    let into = tempfile::tempdir().unwrap();
    let ended = run(fetch_each(&between(&s3, gone).0, &objects, into.path(), |_| ()));
    assert!(matches!(ended, Err(Error::Unreachable(_))), "{ended:?}");
    assert!(!into.path().join("m7").exists());
}

fn openssl(directory: &Path, arguments: &str) {
    let out = Command::new("openssl").args(arguments.split(' ')).current_dir(directory).output().unwrap();
    assert!(out.status.success(), "openssl {arguments}: {}", String::from_utf8_lossy(&out.stderr));
}

/// TLS before a store, by Python's own module; ended when this is dropped.
struct Terminated {
    process: Child,
    port: u16,
}

impl Drop for Terminated {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

const TERMINATE: &str = "
import socket, ssl, sys, threading
context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
context.load_cert_chain(sys.argv[1], sys.argv[2])
listener = socket.create_server(('127.0.0.1', 0))
print(listener.getsockname()[1], flush=True)
def copy(a, b):
    try:
        while data := a.recv(65536):
            b.sendall(data)
        b.shutdown(socket.SHUT_WR)
    except OSError:
        pass
def serve(raw):
    try:
        tls = context.wrap_socket(raw, server_side=True)
    except OSError:
        return
    store = socket.create_connection(('127.0.0.1', int(sys.argv[3])))
    threading.Thread(target=copy, args=(tls, store), daemon=True).start()
    copy(store, tls)
    tls.close()
while True:
    threading.Thread(target=serve, args=(listener.accept()[0],), daemon=True).start()
";

impl Terminated {
    fn start(directory: &Path, certificate: &str, port: u16) -> Self {
        let file = |ending: &str| directory.join(format!("{certificate}.{ending}"));
        let mut python = Command::new("setpriv");
        python.args(["--pdeathsig", "KILL", "python3", "-c", TERMINATE]).arg(file("crt")).arg(file("key"));
        let mut process = python.arg(port.to_string()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
        let mut line = String::new();
        let mut out = std::io::BufReader::new(process.stdout.take().unwrap());
        std::io::BufRead::read_line(&mut out, &mut line).unwrap();
        Self { process, port: line.trim().parse().unwrap() }
    }
}

#[test]
fn over_tls_only_the_certificate_that_the_operator_trusts_gets_a_byte() {
    let Some(s3) = S3::start() else { return };
    let (directory, keys) = (backup(), tempfile::tempdir().unwrap());
    const KEY: &str = "-newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes";
    for name in ["ca", "other"] {
        openssl(keys.path(), &format!("req -x509 {KEY} -days 2 -keyout {name}.key -out {name}.crt -subj /CN={name}"));
    }
    for (name, names, days) in
        [("server", "IP:127.0.0.1", 2), ("expired", "IP:127.0.0.1", -1), ("wrong", "DNS:store.example", 2)]
    {
        openssl(keys.path(), &format!("req -new {KEY} -keyout {name}.key -out {name}.csr -subj /CN={name}"));
        std::fs::write(keys.path().join("names"), format!("subjectAltName={names}\n")).unwrap();
        let sign = "-CA ca.crt -CAkey ca.key -CAcreateserial -extfile names";
        openssl(keys.path(), &format!("x509 -req -in {name}.csr {sign} -days {days} -out {name}.crt"));
    }
    let through = |port: u16, roots: &str| Store {
        origin: Origin::parse(&format!("https://127.0.0.1:{port}")).unwrap(),
        allow_http: false,
        tls: Tls { roots: Some(keys.path().join(format!("{roots}.crt"))), identity: None },
        ..store(&s3)
    };
    for (certificate, roots) in [("server", "other"), ("expired", "ca"), ("wrong", "ca")] {
        let server = Terminated::start(keys.path(), certificate, s3.port());
        let fault = send(&through(server.port, roots), directory.path()).unwrap_err();
        assert!(
            matches!(&fault.error, Error::Unreachable(why) if why.contains("certificate")),
            "{certificate}: {fault:?}"
        );
        assert_eq!((fault.reached, fault.placed.len()), (Reached::Nothing, 0), "{certificate}: {fault:?}");
        assert_eq!(s3.objects(), Vec::<String>::new());
    }
    // A store that speaks no TLS.
    let fault = send(&through(s3.port(), "ca"), directory.path()).unwrap_err();
    assert!(matches!(fault.error, Error::Unreachable(_) | Error::TimedOut(_)), "{fault:?}");
    let server = Terminated::start(keys.path(), "server", s3.port());
    let uploaded = send(&through(server.port, "ca"), directory.path()).unwrap();
    assert_eq!(uploaded.placed.len(), 4);
    assert_eq!(run(list(&through(server.port, "ca"), "")).unwrap().len(), 4);
    assert!(std::fs::read(directory.path().join(LAST)).unwrap() == std::fs::read(s3.object(LAST)).unwrap());
}
