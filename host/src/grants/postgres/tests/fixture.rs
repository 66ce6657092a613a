//! One PostgreSQL server per test, or shared within one: in a temporary directory, on its own socket, stopped by its
//! own handle.

use std::{
    os::unix::{fs::PermissionsExt as _, process::CommandExt as _},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use super::super::{Error, Limits, Session, Target};

const BIN: &str = "/usr/lib/postgresql/15/bin";
/// Fixed for a test server: each listens in a directory of its own.
pub(crate) const PORT: u16 = 5432;

pub(crate) struct Server {
    pub(crate) directory: tempfile::TempDir,
    postgres: Child,
    /// The TCP port, if it listens on one.
    pub(crate) tcp: Option<u16>,
}

/// PostgreSQL refuses to run as root.
fn as_postgres(program: &str) -> Command {
    let mut command = Command::new(format!("{BIN}/{program}"));
    if rustix::process::geteuid().is_root() {
        let id = |flag| {
            let out = Command::new("id").args([flag, "postgres"]).output().unwrap().stdout;
            String::from_utf8(out).unwrap().trim().parse().unwrap()
        };
        command.uid(id("-u")).gid(id("-g"));
    }
    command.current_dir("/").stdin(Stdio::null());
    command
}

pub(crate) fn own(path: &Path, mode: u32) {
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
    if rustix::process::geteuid().is_root() {
        assert!(Command::new("chown").args(["-R", "postgres:"]).arg(path).status().unwrap().success());
    }
}

impl Server {
    /// A server with the roles `observer` (may log in), `boss` (superuser) and `deputy` (a member of `boss`), and a
    /// database `app`.
    pub(crate) fn start() -> Self {
        Self::start_with("", "local all all trust", |_| {})
    }

    /// The same with lines for postgresql.conf and pg_hba.conf; `prepare` may put files into the directory.
    pub(crate) fn start_with(conf: &str, hba: &str, prepare: impl FnOnce(&Path)) -> Self {
        let directory = tempfile::Builder::new().prefix("pgreeve-pg").tempdir_in("/tmp").unwrap();
        own(directory.path(), 0o755);
        let data = directory.path().join("data");
        let init = as_postgres("initdb")
            .args(["-U", "postgres", "-A", "trust", "-E", "UTF8", "--locale=C", "--no-sync", "-D"])
            .arg(&data)
            .output()
            .unwrap();
        assert!(init.status.success(), "{}", String::from_utf8_lossy(&init.stderr));
        prepare(directory.path());
        std::fs::write(data.join("pg_hba.conf"), format!("local all postgres trust\n{hba}\n")).unwrap();
        let listener = conf.contains("listen_addresses").then(|| std::net::TcpListener::bind("127.0.0.1:0").unwrap());
        let tcp = listener.map(|listener| listener.local_addr().unwrap().port());
        let mut server = Self { postgres: Self::run(directory.path(), conf, tcp), directory, tcp };
        server.await_ready();
        server.psql(
            "create role observer login password 'right'; create role boss superuser login; create role deputy login; \
             grant boss to deputy; create database app",
        );
        server
    }

    fn run(directory: &Path, conf: &str, tcp: Option<u16>) -> Child {
        let conf = format!(
            "{conf}\nport={}\nunix_socket_directories='{}'\nfsync=off\n{}",
            tcp.unwrap_or(PORT),
            directory.display(),
            if tcp.is_some() { "" } else { "listen_addresses=''\n" }
        );
        std::fs::write(directory.join("data/postgresql.auto.conf"), conf).unwrap();
        let log = std::fs::File::create(directory.join("log")).unwrap();
        as_postgres("postgres").arg("-D").arg(directory.join("data")).stdout(Stdio::null()).stderr(log).spawn().unwrap()
    }

    fn await_ready(&mut self) {
        await_that("the server to accept connections", || {
            assert!(self.postgres.try_wait().unwrap().is_none(), "{}", self.log());
            as_postgres("pg_isready").arg("-q").args(self.socket()).status().unwrap().success()
        });
    }

    pub(crate) fn log(&self) -> String {
        std::fs::read_to_string(self.directory.path().join("log")).unwrap_or_default()
    }

    fn socket(&self) -> [String; 4] {
        let port = self.tcp.unwrap_or(PORT).to_string();
        ["-h".into(), self.directory.path().display().to_string(), "-p".into(), port]
    }

    /// Runs SQL as superuser, each statement for itself; the output, unaligned.
    pub(crate) fn psql(&self, sql: &str) -> String {
        let statements = sql.split("; ").flat_map(|statement| ["-c", statement]);
        let out = as_postgres("psql")
            .args(["-XAtq", "-v", "ON_ERROR_STOP=1", "-U", "postgres"])
            .args(self.socket())
            .args(statements)
            .env("PGDATABASE", if sql.contains("create database") { "postgres" } else { "app" })
            .output()
            .unwrap();
        assert!(out.status.success(), "{sql}: {}", String::from_utf8_lossy(&out.stderr));
        String::from_utf8(out.stdout).unwrap().trim().to_owned()
    }

    /// The connection string over the Unix socket.
    pub(crate) fn dsn(&self, user: &str) -> String {
        format!("host={} port={} dbname=app user={user}", self.directory.path().display(), self.tcp.unwrap_or(PORT))
    }

    pub(crate) fn target(&self, user: &str) -> Target {
        Target::parse(&self.dsn(user), "nobody").unwrap()
    }

    pub(crate) async fn session(&self) -> Session {
        self.session_with(&Limits::default()).await
    }

    pub(crate) async fn session_with(&self, limits: &Limits) -> Session {
        Session::connect(&self.target("observer"), limits, "pgreeve/test").await.unwrap()
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    /// Stops the server in good order and starts it in recovery, where it stays: there is no primary to follow.
    pub(crate) fn restart_in_recovery(&mut self) {
        let pid = rustix::process::Pid::from_child(&self.postgres);
        rustix::process::kill_process(pid, rustix::process::Signal::INT).unwrap();
        self.postgres.wait().unwrap();
        std::fs::write(self.path("data/standby.signal"), "").unwrap();
        own(&self.path("data/standby.signal"), 0o600);
        self.postgres = Self::run(self.directory.path(), "", self.tcp);
        self.await_ready();
    }

    /// Stops the server at once; a second stop does nothing.
    pub(crate) fn stop(&mut self) {
        if self.postgres.try_wait().unwrap().is_none() {
            let pid = rustix::process::Pid::from_child(&self.postgres);
            rustix::process::kill_process(pid, rustix::process::Signal::QUIT).unwrap();
            self.postgres.wait().unwrap();
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.stop();
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

/// An error in one line, SQLSTATE and hint included.
pub(crate) fn line(error: &Error) -> String {
    match error {
        Error::Remote { hint: Some(hint), .. } => format!("Remote: {error}; {hint}"),
        Error::Remote { .. } => format!("Remote: {error}"),
        Error::Denied(_) => format!("Denied: {error}"),
        Error::LimitExceeded(limit) => format!("LimitExceeded({limit:?})"),
        Error::Unreachable(_) => format!("Unreachable: {error}"),
        Error::TimedOut(_) => format!("TimedOut: {error}"),
        Error::Invalid(_) => format!("Invalid: {error}"),
    }
}
