//! Speaks to an agent's socket byte by byte, as this user or another, and holds every answer against the document.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::io::{Read as _, Write as _};
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt as _;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use pgreeve_tests::agent::Agent;
use serde_json::{Value, json};

/// A quiet job that nothing starts by itself, and one that loops until its time-out.
pub(crate) const JOBS: &str = "[agent]\nstate_dir = \"STATE\"\nmax_running = 1\n[limits]\nwall = \"4s\"\ncpu = \"1m\"\n\
     [plugin.quiet]\npath = \"PLUGINS/quiet.wasm\"\n[plugin.m]\npath = \"PLUGINS/misbehaves.wasm\"\n\
     [job.quiet]\nplugin = \"quiet\"\nschedule = \"@yearly\"\n\
     [job.m]\nplugin = \"m\"\nschedule = \"@yearly\"\nsettings = { how = \"loop\" }\n";

/// An answer.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) kind: String,
    pub(crate) json: Value,
}

/// What a request has besides method and path.
#[derive(Clone, Copy, Default)]
pub(crate) struct With<'a> {
    pub(crate) body: &'a str,
    pub(crate) token: Option<&'a str>,
    /// As this user and its group.
    pub(crate) user: Option<(u32, u32)>,
}

/// The document, and which of its answers were seen.
pub(crate) struct Document {
    pub(crate) json: Value,
    pub(crate) seen: RefCell<BTreeSet<(String, String, u16)>>,
}

pub(crate) fn socket(agent: &Agent) -> PathBuf {
    agent.state_dir().join("api.sock")
}

/// A whole request. It is one of each connection.
pub(crate) fn request(method: &str, path: &str, with: With<'_>) -> String {
    let token = with.token.map_or_else(String::new, |token| format!("Authorization: Bearer {token}\r\n"));
    let length = with.body.len();
    format!("{method} {path} HTTP/1.1\r\nHost: pgreeve\r\n{token}Content-Length: {length}\r\n\r\n{}", with.body)
}

/// What comes back for some bytes; nothing where this user may not connect.
pub(crate) fn exchange(agent: &Agent, bytes: &str, user: Option<(u32, u32)>) -> Option<String> {
    let Some((uid, gid)) = user else {
        let mut stream = UnixStream::connect(socket(agent)).unwrap();
        // Who is refused before all of it is read may find the connection closed; the answer is there nonetheless.
        let _ = stream.write_all(bytes.as_bytes());
        let mut answer = Vec::new();
        let _ = stream.read_to_end(&mut answer);
        return Some(String::from_utf8(answer).unwrap());
    };
    let script = "import socket, sys\ns = socket.socket(socket.AF_UNIX)\ntry: s.connect(sys.argv[1])\n\
                  except PermissionError: sys.exit(13)\ns.sendall(sys.stdin.buffer.read())\n\
                  while (part := s.recv(65536)): sys.stdout.buffer.write(part)";
    let mut command = Command::new("python3");
    command.args(["-c", script]).arg(socket(agent)).current_dir("/").uid(uid).gid(gid);
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(bytes.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    match output.status.code() {
        Some(13) => None,
        status => {
            assert_eq!(status, Some(0));
            Some(String::from_utf8(output.stdout).unwrap())
        }
    }
}

/// Takes an answer apart.
pub(crate) fn parsed(text: &str) -> Answer {
    let (head, body) = text.split_once("\r\n\r\n").unwrap_or_else(|| panic!("no answer: {text:?}"));
    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
    let kind = head.lines().find_map(|line| line.strip_prefix("content-type: ")).unwrap_or_default();
    let json = serde_json::from_str(body).unwrap_or_else(|error| panic!("{error}: {text:?}"));
    Answer { status, kind: kind.to_owned(), json }
}

/// Asks, whatever the document says.
pub(crate) fn ask(agent: &Agent, method: &str, path: &str, with: With<'_>) -> Answer {
    parsed(&exchange(agent, &request(&method.to_uppercase(), path, with), with.user).expect("may connect"))
}

impl Document {
    /// As the agent serves it, which is as it stands in docs.
    pub(crate) fn of(agent: &Agent) -> Self {
        let answer = ask(agent, "get", "/v1/openapi.json", With::default());
        assert_eq!((answer.status, answer.kind.as_str()), (200, "application/json"));
        let written = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/openapi.json");
        let written: Value = serde_json::from_str(&std::fs::read_to_string(written).unwrap()).unwrap();
        assert_eq!(answer.json, written);
        let seen = [("get".to_owned(), "/v1/openapi.json".to_owned(), 200)];
        Self { json: answer.json, seen: RefCell::new(seen.into()) }
    }

    /// Asks for a path of the document, its placeholders filled and a query added; the answer is one that the document has.
    pub(crate) fn ask(&self, agent: &Agent, method: &str, path: &str, fill: &str, with: With<'_>) -> Answer {
        let (fill, query) =
            fill.split_once('?').map_or((fill, String::new()), |(fill, query)| (fill, format!("?{query}")));
        let filled = path.replace("{job}", fill).replace("{id}", fill) + &query;
        let answer = ask(agent, method, &filled, with);
        let response = &self.json["paths"][path][method]["responses"][answer.status.to_string()];
        let schema = &response["content"][answer.kind.as_str()]["schema"];
        assert!(schema.is_object(), "{method} {filled}: the document has no such answer: {answer:#?}");
        let schema = json!({ "allOf": [schema], "components": self.json["components"] });
        let validator = jsonschema::options().should_validate_formats(true).build(&schema).unwrap();
        let mistakes: Vec<String> =
            validator.iter_errors(&answer.json).map(|error| format!("{}: {error}", error.instance_path())).collect();
        assert!(mistakes.is_empty(), "{method} {filled}: {mistakes:#?} in {:#}", answer.json);
        self.seen.borrow_mut().insert((method.to_owned(), path.to_owned(), answer.status));
        answer
    }
}

/// User and group of a name in /etc/passwd.
pub(crate) fn account(name: &str) -> (u32, u32) {
    let passwd = std::fs::read_to_string("/etc/passwd").unwrap();
    let line = passwd.lines().find(|line| line.starts_with(&format!("{name}:"))).unwrap();
    let ids: Vec<u32> = line.split(':').skip(2).take(2).map(|id| id.parse().unwrap()).collect();
    (ids[0], ids[1])
}

/// Whether the tests can be other users too. Without that, the rights of this user alone are tested.
pub(crate) fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}

/// Lets other users as far as the agent's state directory.
pub(crate) fn open(agent: &Agent) {
    let directory = agent.config().parent().unwrap().to_owned();
    std::fs::set_permissions(directory, std::fs::Permissions::from_mode(0o711)).unwrap();
}

/// Waits for a condition; panics after a minute.
pub(crate) fn await_that(what: &str, mut condition: impl FnMut() -> bool) {
    let began = Instant::now();
    while !condition() {
        assert!(began.elapsed() < Duration::from_secs(60), "not within a minute: {what}");
        std::thread::sleep(Duration::from_millis(50));
    }
}

/// Starts the agent and waits until it answers.
pub(crate) fn serve(agent: &Agent) -> pgreeve_tests::agent::Daemon {
    let daemon = agent.start();
    await_that("the socket", || UnixStream::connect(socket(agent)).is_ok());
    daemon
}
