//! The servers that tests talk to, stopped when they are dropped.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::Duration;

/// A listener that answers as the test says and keeps what it was sent.
pub(super) struct Scripted {
    pub(super) port: u16,
    seen: Arc<Mutex<Vec<String>>>,
    stopping: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Scripted {
    /// Answers each request, one at a time, with `reply`, then closes the connection.
    pub(super) fn start(reply: impl Fn(&str, &mut TcpStream) + Send + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let seen = Arc::new(Mutex::new(Vec::new()));
        let stopping = Arc::new(AtomicBool::new(false));
        let (kept, stop) = (seen.clone(), stopping.clone());
        let thread = std::thread::spawn(move || {
            for connection in listener.incoming() {
                if stop.load(Ordering::SeqCst) {
                    break;
                }
                let mut connection = connection.unwrap();
                connection.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
                let request = request(&mut connection);
                kept.lock().unwrap().push(request.clone());
                reply(&request, &mut connection);
            }
        });
        Self { port, seen, stopping, thread: Some(thread) }
    }

    /// Answers each request with these bytes.
    pub(super) fn saying(bytes: impl Into<Vec<u8>>) -> Self {
        let bytes = bytes.into();
        // The client may have closed before all is written: its right.
        Self::start(move |_, connection| drop(connection.write_all(&bytes)))
    }

    /// What it was sent so far: of each connection, everything up to the first empty line.
    pub(super) fn seen(&self) -> Vec<String> {
        self.seen.lock().unwrap().clone()
    }
}

impl Drop for Scripted {
    fn drop(&mut self) {
        self.stopping.store(true, Ordering::SeqCst);
        drop(TcpStream::connect(("127.0.0.1", self.port)));
        let result = self.thread.take().unwrap().join();
        assert!(result.is_ok() || std::thread::panicking());
    }
}

fn request(connection: &mut TcpStream) -> String {
    let mut bytes = Vec::new();
    let mut byte = [0];
    while !bytes.ends_with(b"\r\n\r\n") && matches!(connection.read(&mut byte), Ok(1)) {
        bytes.push(byte[0]);
    }
    String::from_utf8(bytes).unwrap()
}

/// Python's `http.server`, with TLS or without. At `/cut`, it sends a body without a length and closes the TCP
/// connection without TLS's own farewell, as an attacker between the two would.
pub(super) struct Python {
    pub(super) port: u16,
    process: Child,
}

const PROGRAM: &str = r#"
import functools, http.server, ssl, sys
directory, certificate, key, authority = sys.argv[1:]
class Handler(http.server.SimpleHTTPRequestHandler):
    def do_GET(self):
        if self.path != "/cut":
            return super().do_GET()
        self.wfile.write(b"HTTP/1.1 200 OK\r\n\r\nhalf of it")
        self.close_connection = True
handler = functools.partial(Handler, directory=directory)
server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
if certificate:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    if authority:
        context.load_verify_locations(authority)
        context.verify_mode = ssl.CERT_REQUIRED
    server.socket = context.wrap_socket(server.socket, server_side=True)
print(server.server_port, flush=True)
server.serve_forever()
"#;

impl Python {
    /// Serves a directory's files.
    pub(super) fn serve(directory: &Path) -> Self {
        Self::start(directory, ["", "", ""])
    }

    /// The same over TLS: certificate, key, and the authority that clients must be known to, or nothing.
    pub(super) fn start(directory: &Path, tls: [&str; 3]) -> Self {
        let mut process = Command::new("python3")
            .args(["-c", PROGRAM])
            .arg(directory)
            .args(tls)
            .current_dir(directory)
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(process.stdout.take().unwrap()).read_line(&mut line).unwrap();
        Self { port: line.trim().parse().unwrap(), process }
    }
}

impl Drop for Python {
    fn drop(&mut self) {
        self.process.kill().unwrap();
        self.process.wait().unwrap();
    }
}
