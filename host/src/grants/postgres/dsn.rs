//! A libpq connection string read as what it asks for: where to connect, as whom, and how far TLS has to go. Pure.
//!
//! libpq's `PG…` environment variables and service files are not read: `agent.toml` says it all. Defaults are libpq's
//! on Debian: host `/var/run/postgresql`, port 5432, user = the operating system's, dbname = user, sslmode `prefer`.

use std::{fmt, path::PathBuf, time::Duration};

use super::address::{Address, DEFAULT_SOCKET_DIRECTORY, Host};
use super::conninfo::{self, DsnError};
use super::password::PasswordSource;
use super::vetting::Vetting;

/// How far TLS has to go, as libpq's `sslmode`. Unix sockets never use TLS, whatever it says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum SslMode {
    /// Never.
    Disable,
    /// Only if the server refuses without.
    Allow,
    /// If the server can, else without. The default.
    Prefer,
    /// Always; the certificate is not looked at, except that a given `sslrootcert` makes it
    /// [`VerifyCa`](Self::VerifyCa).
    Require,
    /// Always; the certificate must come from `sslrootcert`.
    VerifyCa,
    /// Always; and the certificate must be for this host.
    VerifyFull,
}

/// Whom to trust.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Roots {
    /// `sslrootcert=system`: the operating system's.
    System,
    /// A PEM file.
    File(PathBuf),
}

/// One database scope: where, as whom, and with which password.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    pub(super) hosts: Vec<Host>,
    pub(super) user: String,
    /// The connection string names no user: it is the operating system's.
    pub(super) user_by_default: bool,
    pub(super) dbname: String,
    pub(super) options: Option<String>,
    pub(super) connect_timeout: Option<Duration>,
    pub(super) channel_binding: tokio_postgres::config::ChannelBinding,
    pub(super) sslmode: SslMode,
    pub(super) roots: Option<Roots>,
    /// `sslcert` and `sslkey`.
    pub(super) identity: Option<(PathBuf, PathBuf)>,
    pub(super) password: Option<PasswordSource>,
    pub(super) allow_superuser: bool,
    /// The key of agent.toml that allows it.
    pub(super) superuser_key: &'static str,
    pub(super) vetting: Vetting,
}

impl Target {
    /// Reads a connection string; `os_user` is the default of `user` (see [`os_user`]).
    ///
    /// Taken: `host`, `hostaddr`, `port` (lists allowed, tried in order), `dbname`, `user`, `options`,
    /// `connect_timeout`, `sslmode`, `sslrootcert`, `sslcert`, `sslkey`, `passfile`, `channel_binding`;
    /// `target_session_attrs` as `any` only. Of a key that stands twice the last one counts.
    pub fn parse(dsn: &str, os_user: &str) -> Result<Self, DsnError> {
        let mut given = Given::default();
        for (key, value) in conninfo::pairs(dsn)? {
            given.set(key, value)?;
        }
        given.target(os_user)
    }

    /// As whom to log in, and whether that is the operating system's user for want of a `user` in the connection string.
    pub fn user(&self) -> (&str, bool) {
        (&self.user, self.user_by_default)
    }

    /// The database.
    pub fn database(&self) -> &str {
        &self.dbname
    }

    /// Where the server is, as in messages: `host=…,…`. Equal for scopes that name the same server in the same way.
    pub fn place(&self) -> String {
        let hosts: Vec<String> = self.hosts.iter().map(ToString::to_string).collect();
        format!("host={}", hosts.join(","))
    }

    /// The same with this password source instead of the passfile.
    #[must_use]
    pub fn with_password(mut self, source: PasswordSource) -> Self {
        self.password = Some(source);
        self
    }

    /// The same with superuser logins accepted (default: refused).
    #[must_use]
    pub fn with_superuser_allowed(mut self, allowed: bool) -> Self {
        self.allow_superuser = allowed;
        self
    }

    /// The same for `act_dsn`: what allows a superuser there is a key of its own.
    #[must_use]
    pub fn for_actions(mut self) -> Self {
        self.superuser_key = "act_allow_superuser";
        self
    }

    /// Whether agent.toml accepts a superuser, and by which key.
    pub fn superuser(&self) -> (bool, &'static str) {
        (self.allow_superuser, self.superuser_key)
    }
}

/// As in error messages: `user=… dbname=… host=…`.
impl fmt::Display for Target {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "user={} dbname={} {}", self.user, self.dbname, self.place())
    }
}

/// The operating system's name for who runs this process, libpq's default for `user`.
pub fn os_user() -> Result<String, String> {
    whoami::username()
        .map_err(|error| format!("the operating system has no name for this process's user ({error}): set user="))
}

/// The settings of a connection string before defaults.
#[derive(Default)]
struct Given {
    host: Option<String>,
    hostaddr: Option<String>,
    port: Option<String>,
    dbname: Option<String>,
    user: Option<String>,
    options: Option<String>,
    connect_timeout: Option<String>,
    sslmode: Option<String>,
    sslrootcert: Option<String>,
    sslcert: Option<String>,
    sslkey: Option<String>,
    passfile: Option<String>,
    channel_binding: Option<String>,
}

impl Given {
    fn set(&mut self, key: String, value: String) -> Result<(), DsnError> {
        let slot = match key.as_str() {
            "host" => &mut self.host,
            "hostaddr" => &mut self.hostaddr,
            "port" => &mut self.port,
            "dbname" => &mut self.dbname,
            "user" => &mut self.user,
            "options" => &mut self.options,
            "connect_timeout" => &mut self.connect_timeout,
            "sslmode" => &mut self.sslmode,
            "sslrootcert" => &mut self.sslrootcert,
            "sslcert" => &mut self.sslcert,
            "sslkey" => &mut self.sslkey,
            "passfile" => &mut self.passfile,
            "channel_binding" => &mut self.channel_binding,
            "password" => return Err(DsnError::Password),
            "target_session_attrs" if value == "any" => return Ok(()),
            _ => {
                let why = refusal(&key);
                return Err(DsnError::Key { key, why });
            }
        };
        // As in libpq, an empty value is the default.
        *slot = Some(value).filter(|value| !value.is_empty());
        Ok(())
    }

    fn target(self, os_user: &str) -> Result<Target, DsnError> {
        let hosts = hosts(self.host.as_deref(), self.hostaddr.as_deref(), self.port.as_deref())?;
        let roots = self.sslrootcert.map(|path| match path.as_str() {
            "system" => Roots::System,
            _ => Roots::File(path.into()),
        });
        let sslmode = sslmode(self.sslmode.as_deref(), roots.as_ref())?;
        let identity = match (self.sslcert, self.sslkey) {
            (None, None) => None,
            (Some(certificate), Some(key)) => Some((certificate.into(), key.into())),
            (Some(_), None) => return Err(DsnError::Value { key: "sslkey", expected: "given together with sslcert" }),
            (None, Some(_)) => return Err(DsnError::Value { key: "sslcert", expected: "given together with sslkey" }),
        };
        let connect_timeout = match self.connect_timeout.as_deref() {
            None | Some("0") => None,
            // libpq never waits for less than two seconds either.
            Some(seconds) => Some(Duration::from_secs(
                seconds
                    .trim()
                    .parse::<u32>()
                    .map(|seconds| seconds.max(2))
                    .map_err(|_| DsnError::Value {
                        key: "connect_timeout",
                        expected: "a whole number of seconds (0: only pgreeve's own limit)",
                    })?
                    .into(),
            )),
        };
        use tokio_postgres::config::ChannelBinding;
        let channel_binding = match self.channel_binding.as_deref() {
            None | Some("prefer") => ChannelBinding::Prefer,
            Some("disable") => ChannelBinding::Disable,
            Some("require") => ChannelBinding::Require,
            Some(_) => return Err(DsnError::Value { key: "channel_binding", expected: "disable, prefer or require" }),
        };
        let user_by_default = self.user.is_none();
        let user = self.user.unwrap_or_else(|| os_user.to_owned());
        Ok(Target {
            user_by_default,
            hosts,
            dbname: self.dbname.unwrap_or_else(|| user.clone()),
            user,
            options: self.options,
            connect_timeout,
            channel_binding,
            sslmode,
            roots,
            identity,
            password: self.passfile.map(|path| PasswordSource::PassFile(path.into())),
            allow_superuser: false,
            superuser_key: "allow_superuser",
            vetting: Vetting::default(),
        })
    }
}

/// What to do about a key that is not taken.
fn refusal(key: &str) -> &'static str {
    match key {
        "application_name" | "fallback_application_name" => {
            "pgreeve sets it, so that its sessions can be told from others; leave it out"
        }
        "target_session_attrs" | "load_balance_hosts" => {
            "the agent watches the server that is named, not whichever has a role; \
             leave it out and use the job's `when`"
        }
        "service" | "servicefile" => "service files are not read: write the settings here",
        "keepalives" | "keepalives_idle" | "keepalives_interval" | "keepalives_count" | "tcp_user_timeout" => {
            "not needed, every call has a wall-clock limit; leave it out"
        }
        "client_encoding" => "always UTF8; leave it out",
        "gssencmode" | "krbsrvname" | "gsslib" | "gssdelegation" => "GSSAPI is not supported; leave it out and use TLS",
        "sslpassword" => "encrypted keys are not supported: use a key without passphrase, readable by the agent alone",
        "sslcrl"
        | "sslcrldir"
        | "sslcompression"
        | "sslsni"
        | "sslnegotiation"
        | "sslcertmode"
        | "ssl_min_protocol_version"
        | "ssl_max_protocol_version"
        | "require_auth"
        | "requirepeer"
        | "replication" => "not supported; leave it out",
        _ => "no such setting",
    }
}

/// Pairs the three lists, as libpq does: one port may serve all hosts.
fn hosts(host: Option<&str>, hostaddr: Option<&str>, port: Option<&str>) -> Result<Vec<Host>, DsnError> {
    let split = |list: Option<&str>| {
        list.map_or_else(Vec::new, |list| list.split(',').map(|item| item.trim().to_owned()).collect())
    };
    let (names, addresses, ports): (Vec<String>, Vec<String>, Vec<String>) =
        (split(host), split(hostaddr), split(port));
    if !names.is_empty() && !addresses.is_empty() && names.len() != addresses.len() {
        return Err(DsnError::Value { key: "hostaddr", expected: "a list as long as host" });
    }
    let count = names.len().max(addresses.len()).max(1);
    if ports.len() > 1 && ports.len() != count {
        return Err(DsnError::Value { key: "port", expected: "one port, or as many as there are hosts" });
    }
    (0..count)
        .map(|index| {
            let item = |list: &[String]| list.get(index).filter(|item| !item.is_empty()).cloned();
            let address = match (item(&names), item(&addresses)) {
                (name, Some(ip)) => {
                    let ip = ip
                        .parse()
                        .map_err(|_| DsnError::Value { key: "hostaddr", expected: "an IPv4 or IPv6 address" })?;
                    Address::Ip(ip, name)
                }
                (Some(name), None) if name.starts_with('/') => Address::Unix(name.into()),
                (Some(name), None) => Address::Name(name),
                (None, None) => Address::Unix(DEFAULT_SOCKET_DIRECTORY.into()),
            };
            let port = match item(&ports)
                .or_else(|| ports.first().filter(|first| ports.len() == 1 && !first.is_empty()).cloned())
            {
                None => 5432,
                Some(port) => port
                    .parse()
                    .ok()
                    .filter(|port| *port > 0)
                    .ok_or(DsnError::Value { key: "port", expected: "a number from 1 to 65535" })?,
            };
            Ok(Host { address, port })
        })
        .collect()
}

fn sslmode(given: Option<&str>, roots: Option<&Roots>) -> Result<SslMode, DsnError> {
    let mode = match given {
        None if roots == Some(&Roots::System) => SslMode::VerifyFull,
        None | Some("prefer") => SslMode::Prefer,
        Some("disable") => SslMode::Disable,
        Some("allow") => SslMode::Allow,
        Some("require") => SslMode::Require,
        Some("verify-ca") => SslMode::VerifyCa,
        Some("verify-full") => SslMode::VerifyFull,
        Some(_) => {
            let expected = "disable, allow, prefer, require, verify-ca or verify-full";
            return Err(DsnError::Value { key: "sslmode", expected });
        }
    };
    match roots {
        None if mode >= SslMode::VerifyCa => Err(DsnError::Value {
            key: "sslrootcert",
            expected: "given for sslmode verify-ca and verify-full: a PEM file, or 'system'",
        }),
        // Anybody can get a certificate from some public authority: without the host name it proves nothing.
        Some(Roots::System) if mode != SslMode::VerifyFull => {
            Err(DsnError::Value { key: "sslmode", expected: "verify-full with sslrootcert=system" })
        }
        Some(Roots::File(_)) if mode == SslMode::Require => Ok(SslMode::VerifyCa),
        _ => Ok(mode),
    }
}
