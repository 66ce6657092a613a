//! One PostgreSQL server of a test: its directory, its settings, its process.

use std::fs;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::Child;

use tempfile::TempDir;

use super::copy::Take;
use super::{Major, account, copy, directory, template};

/// Quick to start, quick to notice: what takes seconds by default and would make every test wait.
const SETTINGS: [(&str, &str); 18] = [
    ("listen_addresses", "127.0.0.1"),
    ("fsync", "off"),
    ("shared_buffers", "16MB"),
    ("max_connections", "40"),
    ("max_wal_size", "256MB"),
    ("min_wal_size", "32MB"),
    ("wal_level", "replica"),
    ("max_wal_senders", "10"),
    ("max_replication_slots", "10"),
    ("max_prepared_transactions", "5"),
    ("hot_standby", "on"),
    ("wal_receiver_status_interval", "1s"),
    ("wal_retrieve_retry_interval", "100ms"),
    // Its writes would be WAL that no test asked for.
    ("autovacuum", "off"),
    ("jit", "off"),
    ("huge_pages", "off"),
    ("timezone", "UTC"),
    ("log_line_prefix", "%m [%p] %b %a "),
];

/// How a new cluster is set up.
#[derive(Debug, Clone, Copy)]
pub struct Options<'a> {
    /// Settings that overrule the bed's own, e.g. `&[("wal_level", "logical")]`.
    pub settings: &'a [(&'a str, &'a str)],
    /// Size of a WAL segment in MB, a power of two. Default 1, so that filling, archiving and losing segments is quick;
    /// PostgreSQL's own default is 16.
    pub segment_mb: u16,
    /// Whether the cluster gets a system identifier of its own, at the price of an initdb (1 s). Default false: all
    /// clusters of one major are then copies of one template, and claim to be the same cluster.
    pub own_system_identifier: bool,
}

impl Default for Options<'_> {
    fn default() -> Self {
        Options { settings: &[], segment_mb: 1, own_system_identifier: false }
    }
}

/// A PostgreSQL server that stops, and whose files go, when this is dropped.
#[derive(Debug)]
pub struct Server {
    pub(super) major: Major,
    /// Name in messages, and a standby's `application_name`.
    pub(super) name: String,
    pub(super) port: u16,
    /// Settings of `testbed.conf`; a standby made from this server starts with the same.
    pub(super) settings: Vec<(String, String)>,
    /// Seconds by which its wall clock is ahead.
    pub(super) clock_shift: i64,
    /// The postmaster, while it runs.
    pub(super) process: Option<Child>,
    /// Holds `data`, `log` and the socket.
    pub(super) dir: TempDir,
}

impl Server {
    /// Starts a new primary and returns when it accepts connections.
    pub fn start(major: Major, options: &Options<'_>) -> Server {
        let mut server = Server::in_new_directory(major, "primary");
        server.settings.extend(SETTINGS.iter().chain(options.settings).map(|&(k, v)| (k.into(), v.into())));
        if options.own_system_identifier {
            template::init(major, options.segment_mb, &server.data_dir());
        } else {
            copy::tree(&template::cluster(major, options.segment_mb), &server.data_dir(), &|_| Take::All);
        }
        let conf = server.data_dir().join("postgresql.conf");
        let text = fs::read_to_string(&conf).expect("initdb wrote postgresql.conf");
        fs::write(&conf, text + "include 'testbed.conf'\n").expect("postgresql.conf is writable");
        server.write_settings();
        server.start_again();
        server
    }

    pub(super) fn in_new_directory(major: Major, name: &str) -> Server {
        let dir = directory::create();
        Server { major, name: name.into(), port: free_port(), settings: Vec::new(), clock_shift: 0, process: None, dir }
    }

    /// Writes `testbed.conf`, which ALTER SYSTEM overrules. Of a setting given twice the last counts.
    pub(super) fn write_settings(&self) {
        let socket_dir = self.socket_dir().display().to_string();
        let own = [("port", self.port.to_string()), ("unix_socket_directories", socket_dir)];
        let all = self.settings.iter().map(|(name, value)| (name.as_str(), value.clone())).chain(own);
        let text: String = all.map(|(name, value)| format!("{name} = {}\n", quote(&value))).collect();
        let conf = self.data_dir().join("testbed.conf");
        fs::write(&conf, text).and_then(|()| account::give(&conf)).expect("testbed.conf is writable");
    }

    /// The major that this server was started with.
    pub fn major(&self) -> Major {
        self.major
    }

    /// PGDATA.
    pub fn data_dir(&self) -> PathBuf {
        self.dir.path().join("data")
    }

    /// The directory of the Unix socket.
    pub fn socket_dir(&self) -> &Path {
        self.dir.path()
    }

    /// The port: on 127.0.0.1, and in the socket's name.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Connection string over the Unix socket.
    pub fn dsn(&self, user: &str, database: &str) -> String {
        format!("host={} port={} user={user} dbname={database}", self.socket_dir().display(), self.port)
    }

    /// Connection string over TCP.
    pub fn tcp_dsn(&self, user: &str, database: &str) -> String {
        format!("host=127.0.0.1 port={} user={user} dbname={database}", self.port)
    }

    /// Everything that the server logged, since its first start.
    pub fn log(&self) -> String {
        let bytes = fs::read(self.log_file()).unwrap_or_default();
        String::from_utf8_lossy(&bytes).into_owned()
    }

    /// The last lines of the log, for messages.
    pub(super) fn log_tail(&self) -> String {
        let log = self.log();
        let lines: Vec<&str> = log.lines().collect();
        format!("the log of {} ends:\n  {}", self.name, lines[lines.len().saturating_sub(20)..].join("\n  "))
    }

    pub(super) fn log_file(&self) -> PathBuf {
        self.dir.path().join("log")
    }
}

/// A string of SQL and of postgresql.conf, quoted.
pub(super) fn quote(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

/// Free now, and so unlikely to be taken before the server binds it that a retry has no place here: the kernel hands
/// out other ports first.
fn free_port() -> u16 {
    let listener = TcpListener::bind(("127.0.0.1", 0)).expect("a loopback port is free");
    listener.local_addr().expect("a bound socket has an address").port()
}
