//! A Redis server of a test: in a directory of its own, on a Unix socket and a free port, killed by its own handle.

use std::hash::{BuildHasher as _, RandomState};
use std::io::{BufReader, Read as _, Write as _};
use std::net::TcpListener;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use pgreeve_tests::testbed::{give, redis_server, run_as_server_user};
use rustix::process::{Pid, Signal, kill_process};

use crate::bed::await_that;

pub(crate) struct Redis {
    pub(crate) directory: tempfile::TempDir,
    pub(crate) port: u16,
    conf: String,
    child: Child,
    as_server_user: bool,
}

/// The major version of Redis, or of Valkey, which began at 7.
pub(crate) fn version() -> u32 {
    let output = Command::new(redis_server()).arg("--version").output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    let number = text.split_once("v=").and_then(|(_, rest)| rest.split('.').next());
    number.and_then(|number| number.parse().ok()).unwrap_or_else(|| panic!("{text:?} has no version"))
}

/// Ports that are free, and the ones 10,000 higher too, by which nodes of a cluster talk. They lie below those that outgoing connections
/// are given.
pub(crate) fn free_ports() -> impl Iterator<Item = u16> {
    let free = |port: u16| TcpListener::bind(("127.0.0.1", port)).is_ok();
    let any = || 12_000 + (RandomState::new().hash_one(0) % 10_000) as u16;
    std::iter::repeat_with(any).filter(move |port| free(*port) && free(*port + 10_000))
}

impl Redis {
    /// A server with these lines of configuration beside its own; DIR stands for its directory. It does not save by itself.
    pub(crate) fn start(conf: &str) -> Self {
        Self::start_as(conf, false, |_| {})
    }

    /// One that is not root where the tests are: limits on processes hold for it.
    pub(crate) fn start_unprivileged(conf: &str) -> Self {
        Self::start_as(conf, true, |_| {})
    }

    /// One for which files are put into its directory before it starts.
    pub(crate) fn start_with(conf: &str, prepare: impl Fn(&Path)) -> Self {
        Self::start_as(conf, false, prepare)
    }

    fn start_as(conf: &str, as_server_user: bool, prepare: impl Fn(&Path)) -> Self {
        let mut directory = tempfile::Builder::new().prefix("pgreeve-redis").tempdir_in("/tmp").unwrap();
        // Somebody else may be faster between the look at a port and its use.
        for port in free_ports().take(20) {
            prepare(directory.path());
            std::fs::create_dir(directory.path().join("data")).unwrap();
            if as_server_user {
                [directory.path(), &directory.path().join("data")].iter().for_each(|path| give(path).unwrap());
            }
            let child = spawn(directory.path(), port, conf, as_server_user);
            let mut redis = Self { directory, port, conf: conf.to_owned(), child, as_server_user };
            if redis.listens() {
                return redis;
            }
            directory = std::mem::replace(&mut redis.directory, tempfile::tempdir().unwrap());
        }
        panic!("twenty ports were taken")
    }

    /// Waits until it does; false if another program has its port.
    fn listens(&mut self) -> bool {
        let mut taken = false;
        await_that("the server to listen", || {
            let log = std::fs::read_to_string(self.directory.path().join("log")).unwrap_or_default();
            let ended = self.child.try_wait().unwrap().is_some();
            taken = ended && log.contains("Address already in use");
            assert!(taken || !ended, "the server ended: {log}");
            taken || self.connect().is_ok()
        });
        !taken
    }

    /// Ends it at once, as the kernel does.
    pub(crate) fn kill(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }

    /// Starts it again after it was killed, with more lines of configuration.
    pub(crate) fn start_again(&mut self, more: &str) {
        self.child = spawn(self.directory.path(), self.port, &format!("{}\n{more}", self.conf), self.as_server_user);
        assert!(self.listens(), "its port was taken while it was away");
    }

    /// From now on it can start no process, as at a limit of its service or its container; or it can again.
    pub(crate) fn refuse_forks(&self, refuse: bool) {
        let pid = self.child.id().to_string();
        let limits = std::fs::read_to_string(format!("/proc/{pid}/limits")).unwrap();
        let line = limits.lines().find(|line| line.starts_with("Max processes")).unwrap();
        let hard = line.split_whitespace().nth(3).unwrap();
        let soft = if refuse { "1" } else { hard };
        let mut command = Command::new("prlimit");
        command.args(["--pid", &pid, &format!("--nproc={soft}:")]);
        assert!(run_as_server_user(&mut command).status().unwrap().success());
    }

    pub(crate) fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.child), signal).unwrap();
    }

    /// Where it listens.
    pub(crate) fn socket(&self) -> PathBuf {
        self.directory.path().join("socket")
    }

    /// Its only files: the snapshot and the append-only file are written here.
    pub(crate) fn data(&self) -> PathBuf {
        self.directory.path().join("data")
    }

    pub(crate) fn connect(&self) -> std::io::Result<UnixStream> {
        UnixStream::connect(self.directory.path().join("socket"))
    }

    /// Inline commands over one connection: the lines of all replies.
    pub(crate) fn send(&self, commands: &[&str]) -> Vec<String> {
        let mut connection = self.connect().unwrap();
        let text: String = commands.iter().map(|command| format!("{command}\r\n")).collect();
        connection.write_all(format!("{text}QUIT\r\n").as_bytes()).unwrap();
        let mut reply = String::new();
        // After QUIT the server closes.
        BufReader::new(connection).read_to_string(&mut reply).unwrap();
        reply.lines().map(str::to_owned).collect()
    }

    /// A value of INFO.
    pub(crate) fn info(&self, key: &str) -> Option<String> {
        let start = format!("{key}:");
        self.send(&["INFO everything"]).iter().find_map(|line| line.strip_prefix(&start).map(str::to_owned))
    }

    /// So many lookups of a key that is there, and of one that is not.
    pub(crate) fn look_up(&self, hits: usize, misses: usize) {
        let commands: Vec<&str> =
            std::iter::once("SET there 1").chain(vec!["GET there"; hits]).chain(vec!["GET gone"; misses]).collect();
        self.send(&commands);
    }

    /// Its table in agent.toml, with more lines.
    pub(crate) fn table(&self, name: &str, more: &str) -> String {
        // Patient: the machine of the tests is busy.
        let patience = if more.contains("timeout") { "" } else { "timeout = \"20s\"\nconnect_timeout = \"20s\"\n" };
        format!("[redis.{name}]\nurl = \"unix://{}/socket\"\n{patience}{more}\n", self.directory.path().display())
    }
}

impl Drop for Redis {
    fn drop(&mut self) {
        self.kill();
    }
}

fn spawn(directory: &Path, port: u16, conf: &str, as_server_user: bool) -> Child {
    let listen = if conf.contains("tls-port") { format!("port 0\ntls-port {port}") } else { format!("port {port}") };
    let own = format!(
        "bind 127.0.0.1\n{listen}\nunixsocket DIR/socket\ndir DIR/data\nlogfile DIR/log\nsave \"\"\nrepl-diskless-sync-delay 0\n"
    );
    // Before Redis 7 both are allowed, and the words unknown.
    let allowed = if version() < 7 { "" } else { "enable-debug-command yes\nenable-protected-configs yes\n" };
    let conf = conf.replace("tls-port\n", "");
    let text = format!("{own}{allowed}{conf}\n").replace("DIR", &directory.display().to_string());
    std::fs::write(directory.join("redis.conf"), text).unwrap();
    let _ = std::fs::remove_file(directory.join("socket"));
    // A file that grows too large is then an error of write(2), as a full disk is, and no signal.
    let mut command = Command::new("/bin/sh");
    command.args(["-c", "trap '' XFSZ; exec \"$0\" \"$1\""]).arg(redis_server()).arg(directory.join("redis.conf"));
    if as_server_user {
        run_as_server_user(&mut command);
    }
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap()
}
