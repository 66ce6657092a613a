//! A real S3 server over a directory: s3s-fs, which `tests/setup/s3.sh` installs.

use std::fs;
use std::io::Write as _;
use std::net::{TcpListener, TcpStream};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;

use super::{directory, give, run_as_server_user};

/// The server's keys.
pub const ACCESS_KEY: &str = "AKIATESTBEDACCESSKEY";
/// The secret one.
pub const SECRET_KEY: &str = "testbed/secret+key0123456789";

/// A server with the bucket `backups`; ended when this is dropped.
pub struct S3 {
    process: Child,
    root: TempDir,
    /// Files with the keys, which only their owner reads.
    keys: TempDir,
    port: u16,
}

impl S3 {
    /// `None` where the server is not installed, and says so.
    pub fn start() -> Option<Self> {
        let Some(program) = program() else {
            println!("skipped: s3s-fs is not installed; run tests/setup/s3.sh");
            return None;
        };
        let (root, keys) = (directory::create(), tempfile::tempdir().unwrap());
        let bucket = root.path().join("backups");
        fs::create_dir(&bucket).unwrap();
        give(&bucket).unwrap();
        for (name, key) in [("access", ACCESS_KEY), ("secret", SECRET_KEY), ("wrong", "not/the+key")] {
            let mut options = fs::OpenOptions::new();
            let mut file = options.create_new(true).write(true).mode(0o600).open(keys.path().join(name)).unwrap();
            file.write_all(key.as_bytes()).unwrap();
        }
        let port = TcpListener::bind(("127.0.0.1", 0)).unwrap().local_addr().unwrap().port();
        let process = spawn(&program, root.path(), port);
        Some(Self { process, root, keys, port })
    }

    /// Where it answers.
    pub fn endpoint(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// Its port.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// `[objects.NAME]` of this server with the prefix `host 1/pg`, and more lines.
    pub fn table(&self, name: &str, more: &str) -> String {
        self.table_at(name, "s3://backups/host 1/pg", &self.endpoint(), more)
    }

    /// The same with another bucket or endpoint.
    pub fn table_at(&self, name: &str, url: &str, endpoint: &str, more: &str) -> String {
        let (access, secret) = (self.key("access"), self.key("secret"));
        format!(
            "[objects.{name}]\nurl = {url:?}\nendpoint = {endpoint:?}\nallow_http = true\naccess_key_file = {access:?}\nsecret_key_file = {secret:?}\n{more}\n"
        )
    }

    /// A file with a key: `access`, `secret` or `wrong`.
    pub fn key(&self, name: &str) -> PathBuf {
        self.keys.path().join(name)
    }

    /// Where an object of that table lies.
    pub fn object(&self, key: &str) -> PathBuf {
        self.root.path().join("backups/host 1/pg").join(key)
    }

    /// Everything that lies in the bucket's prefix, sorted.
    pub fn objects(&self) -> Vec<String> {
        let mut found = Vec::new();
        let mut open = vec![self.object("")];
        while let Some(directory) = open.pop() {
            for entry in fs::read_dir(&directory).into_iter().flatten().flatten() {
                let path = entry.path();
                if path.is_dir() {
                    open.push(path);
                } else {
                    found.push(path.strip_prefix(self.object("")).unwrap().display().to_string());
                }
            }
        }
        found.sort();
        found
    }

    /// What the server keeps beside the bucket: the parts of uploads that were not completed among it.
    pub fn beside(&self) -> Vec<String> {
        let entries = fs::read_dir(self.root.path()).unwrap().flatten();
        entries.map(|entry| entry.file_name().to_string_lossy().into_owned()).filter(|name| name != "backups").collect()
    }

    /// Stops and continues it: whoever asks meanwhile waits.
    pub fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.process), signal).unwrap();
    }

    /// Ends it at once.
    pub fn kill(&mut self) {
        // It may have ended already.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }

    /// Starts it again, over what it had, at the same place.
    pub fn restart(&mut self) {
        self.kill();
        self.process = spawn(&program().unwrap(), self.root.path(), self.port);
    }
}

impl Drop for S3 {
    fn drop(&mut self) {
        self.kill();
    }
}

fn program() -> Option<PathBuf> {
    let own = std::env::var_os("PGREEVE_S3S_FS").map(PathBuf::from);
    let cached = super::majors::cache_dir().join("s3s-fs/bin/s3s-fs");
    [own, Some(cached)].into_iter().flatten().find(|program| program.is_file())
}

/// Starts it and waits until it listens.
fn spawn(program: &Path, root: &Path, port: u16) -> Child {
    let mut command = Command::new("setpriv");
    command.args(["--pdeathsig", "KILL"]).arg(program);
    command.args(["--host", "127.0.0.1", "--access-key", ACCESS_KEY, "--secret-key", SECRET_KEY]);
    command.args(["--port", &port.to_string()]).arg(root).stdout(Stdio::null()).stderr(Stdio::null());
    let mut process = run_as_server_user(&mut command).spawn().unwrap();
    let began = Instant::now();
    while TcpStream::connect(("127.0.0.1", port)).is_err() {
        assert!(process.try_wait().unwrap().is_none(), "s3s-fs ended at once");
        assert!(began.elapsed() < Duration::from_secs(60), "s3s-fs does not listen");
        std::thread::sleep(Duration::from_millis(20));
    }
    process
}
