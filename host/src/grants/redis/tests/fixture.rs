//! One Redis server per test: in a temporary directory, on a Unix socket and a free loopback port, stopped by its own handle.

use std::{
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use super::super::{Ask, Item, Node, Part, Server, Told, perform};
use crate::grants::error::Error;

pub(crate) struct Redis {
    pub(crate) directory: tempfile::TempDir,
    pub(crate) port: u16,
    child: Child,
    admin: Option<redis::Connection>,
}

/// `PGREEVE_REDIS`, or a server in PATH, or the one that tests/setup/redis.sh put into the cache.
fn program() -> PathBuf {
    let cached = |base: PathBuf| base.join("pgreeve-tests/redis-server");
    let home = || std::env::var_os("HOME").map(|home| Path::new(&home).join(".cache"));
    let own = std::env::var_os("PGREEVE_REDIS").map(PathBuf::from);
    let path = std::env::var_os("PATH").unwrap_or_default();
    let in_path =
        std::env::split_paths(&path).flat_map(|place| [place.join("redis-server"), place.join("valkey-server")]);
    let caches = [Some("/var/cache".into()), std::env::var_os("XDG_CACHE_HOME").map(PathBuf::from), home()];
    let mut places = own.into_iter().chain(in_path).chain(caches.into_iter().flatten().map(cached));
    places.find(|place| place.is_file()).expect("no redis-server: run tests/setup/redis.sh")
}

/// The major version of Redis, or of Valkey, which began at 7.
pub(crate) fn version() -> u32 {
    let output = Command::new(program()).arg("--version").output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    let number = text.split_once("v=").and_then(|(_, rest)| rest.split('.').next());
    number.and_then(|number| number.parse().ok()).unwrap()
}

impl Redis {
    pub(crate) fn start() -> Self {
        Self::start_with("", |_| {})
    }

    /// With lines for its configuration, in which DIR and PORT stand for its directory and port; `prepare` may put files there.
    pub(crate) fn start_with(conf: &str, prepare: impl FnOnce(&Path)) -> Self {
        let directory = tempfile::Builder::new().prefix("pgreeve-redis").tempdir_in("/tmp").unwrap();
        prepare(directory.path());
        let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let listen = if conf.contains("tls-port") { "port 0" } else { "port PORT" };
        // Before Redis 7 it is, and the word unknown.
        let debug = if version() < 7 { "" } else { "enable-debug-command yes\n" };
        let conf = format!(
            "bind 127.0.0.1\n{listen}\nunixsocket DIR/socket\ndir DIR\nlogfile DIR/log\nsave \"\"\n{debug}{conf}\n"
        );
        let conf = conf.replace("DIR", &directory.path().display().to_string()).replace("PORT", &port.to_string());
        std::fs::write(directory.path().join("redis.conf"), conf).unwrap();
        let child = Command::new(program())
            .arg(directory.path().join("redis.conf"))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut redis = Self { directory, port, child, admin: None };
        await_that("the server to listen", || {
            assert!(redis.child.try_wait().unwrap().is_none(), "{}", redis.log());
            std::os::unix::net::UnixStream::connect(redis.directory.path().join("socket")).is_ok()
        });
        redis
    }

    fn log(&self) -> String {
        std::fs::read_to_string(self.directory.path().join("log")).unwrap_or_default()
    }

    /// A command over the administrator's own connection; words are split at spaces.
    pub(crate) fn admin(&mut self, command: &str) -> redis::Value {
        let client = redis::Client::open(format!("unix://{}/socket", self.directory.path().display())).unwrap();
        let admin = self.admin.get_or_insert_with(|| {
            let mut connection = None;
            // A full server takes it when the connection that looked whether it listens has ended.
            await_that("a connection for the administrator", || {
                connection = client.get_connection().ok();
                connection.is_some()
            });
            connection.unwrap()
        });
        let mut words = command.split(' ');
        redis::cmd(words.next().unwrap()).arg(words.collect::<Vec<_>>()).query(admin).unwrap()
    }

    /// The granted server: the Unix socket.
    pub(crate) fn unix(&self) -> Server {
        patient(&format!("unix://{}/socket", self.directory.path().display()))
    }

    /// The granted server: TCP, under a name.
    pub(crate) fn tcp(&self) -> Server {
        patient(&format!("redis://localhost:{}", self.port))
    }

    /// Connections that runs hold.
    pub(crate) fn connections(&mut self) -> usize {
        match self.admin("CLIENT LIST") {
            redis::Value::BulkString(list) => String::from_utf8(list).unwrap().matches("name=pgreeve/").count(),
            redis::Value::VerbatimString { text, .. } => text.matches("name=pgreeve/").count(),
            other => panic!("{other:?}"),
        }
    }

    /// Connections that the server has taken since it started.
    pub(crate) fn connections_ever(&mut self) -> u64 {
        let redis::Value::BulkString(stats) = self.admin("INFO stats") else { panic!("INFO is a bulk string") };
        let stats = String::from_utf8(stats).unwrap();
        let line = stats.lines().find_map(|line| line.strip_prefix("total_connections_received:")).unwrap();
        line.parse().unwrap()
    }

    pub(crate) fn signal(&self, signal: rustix::process::Signal) {
        rustix::process::kill_process(rustix::process::Pid::from_child(&self.child), signal).unwrap();
    }
}

impl Drop for Redis {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A granted server with time-outs that a busy machine keeps.
pub(crate) fn patient(url: &str) -> Server {
    let wait = Duration::from_secs(20);
    Server { timeout: wait, connect_timeout: wait, ..Server::new("cache", url).unwrap() }
}

pub(crate) fn part() -> Part {
    Part::new("watch", 16 << 20)
}

pub(crate) fn ask(arguments: &[&str]) -> Ask {
    Ask::Command { server: "cache".to_owned(), arguments: arguments.iter().map(|&text| text.to_owned()).collect() }
}

/// One command in a run.
pub(crate) async fn send(part: &mut Part, server: &Server, arguments: &[&str]) -> Result<Vec<Node>, Error> {
    perform(part, server, &ask(arguments)).await.map(|Told::Reply(nodes)| nodes)
}

/// A reply as a line: `[`n`]` for arrays, indented by `>` for each depth.
pub(crate) fn line(answer: &Result<Vec<Node>, Error>) -> String {
    let node = |node: &Node| {
        let item = match &node.item {
            Item::Nil => "nil".to_owned(),
            Item::Status(text) => format!("+{text}"),
            Item::Integer(number) => number.to_string(),
            Item::Bulk(bytes) => String::from_utf8_lossy(bytes).into_owned(),
            Item::Array(length) => format!("[{length}]"),
        };
        format!("{}{item}", ">".repeat(node.depth.into()))
    };
    match answer {
        Ok(nodes) => nodes.iter().map(node).collect::<Vec<_>>().join(" "),
        Err(error) => failure(error),
    }
}

/// An error in one line, with its kind and hint.
pub(crate) fn failure(error: &Error) -> String {
    match error {
        Error::Denied(text) => format!("Denied: {text}"),
        Error::LimitExceeded(limit) => format!("LimitExceeded: {limit:?}"),
        Error::Unreachable(text) => format!("Unreachable: {text}"),
        Error::TimedOut(text) => format!("TimedOut: {text}"),
        Error::Invalid(text) => format!("Invalid: {text}"),
        Error::Remote { code, message, hint, .. } => {
            format!("{code}: {message}; {}", hint.as_deref().unwrap_or("no hint"))
        }
    }
}

/// Waits for a condition, half a minute at most.
pub(crate) fn await_that(what: &str, mut condition: impl FnMut() -> bool) {
    let start = Instant::now();
    while !condition() {
        assert!(start.elapsed() < Duration::from_secs(30), "waited in vain for {what}");
        std::thread::sleep(Duration::from_millis(2));
    }
}
