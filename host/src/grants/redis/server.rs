//! A Redis or Valkey server as agent.toml names it.

use std::{fmt, path::PathBuf, time::Duration};

use super::allow::Line;
use crate::grants::{secret::Secret, tls::Tls};

/// Redis' own default.
const DEFAULT_PORT: u16 = 6379;

/// Where a server listens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Address {
    /// A name or IP address, and a port.
    Tcp {
        /// Without brackets, also where it is an IPv6 address.
        host: String,
        /// Default 6379.
        port: u16,
    },
    /// The socket's absolute path.
    Unix(PathBuf),
}

/// One server that jobs can be granted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Server {
    /// What jobs and guests call it.
    pub name: String,
    /// Where it listens.
    pub address: Address,
    /// Speak TLS; the certificate has to be for the address' host. Default: no, unless the URL begins with `rediss:`.
    pub tls: Option<Tls>,
    /// The ACL user (Redis 6 and later). Default: the server's `default` user.
    pub user: Option<String>,
    /// Its password, or that of `requirepass`. Default: do not log in.
    pub password: Option<Secret>,
    /// The database to select. Default: 0, which every server has and a cluster has alone.
    pub database: Option<u32>,
    /// Commands that actions may send. Nothing, where it is empty.
    pub allow: Vec<Line>,
    /// For name resolution, connection and TLS handshake together. Default 2 s.
    pub connect_timeout: Duration,
    /// For each command until its whole reply has come. Default 2 s.
    pub timeout: Duration,
    /// The largest reply, in bytes as they come over the wire. Default 1 MiB.
    pub max_reply: u64,
}

impl Server {
    /// A server at `redis://host[:port][/database]`, `rediss://…` (TLS) or `unix:///path[?db=database]`, everything else being the default.
    ///
    /// The error is fit for a message about agent.toml; it repeats nothing of the URL that could be a secret.
    pub fn new(name: &str, url: &str) -> Result<Self, String> {
        let (scheme, rest) = url.split_once("://").ok_or_else(forms)?;
        if rest.contains('@') {
            return Err("the URL of a Redis server holds no user and no password: give `user` and `password_file`, `password_env` or \
                        `password_credential` beside it"
                .to_owned());
        }
        if let Some(odd) = rest.chars().find(|c| c.is_whitespace() || c.is_control() || "%#".contains(*c)) {
            return Err(format!("the URL of a Redis server cannot contain {odd:?}"));
        }
        let (address, database) = match scheme {
            "redis" | "rediss" => tcp(rest)?,
            "unix" => unix(rest)?,
            _ => return Err(forms()),
        };
        Ok(Self {
            name: name.to_owned(),
            address,
            tls: (scheme == "rediss").then(Tls::default),
            user: None,
            password: None,
            database,
            allow: Vec::new(),
            connect_timeout: Duration::from_secs(2),
            timeout: Duration::from_secs(2),
            max_reply: 1 << 20,
        })
    }

    /// Whether the fields, some of which the operator set one by one, go together.
    pub fn validate(&self) -> Result<(), String> {
        if self.user.is_some() && self.password.is_none() {
            return Err(
                "`user` needs a password: add `password_file`, `password_env` or `password_credential`".to_owned()
            );
        }
        if self.tls.is_some() && matches!(self.address, Address::Unix(_)) {
            return Err("a Unix socket has no TLS: remove the TLS settings, or use rediss://".to_owned());
        }
        if self.connect_timeout.is_zero() || self.timeout.is_zero() {
            return Err("a time-out of a Redis server is longer than 0".to_owned());
        }
        if self.max_reply == 0 {
            return Err("`max_reply` is at least 1 byte".to_owned());
        }
        Ok(())
    }
}

/// As in messages: the name and the address.
impl fmt::Display for Server {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "Redis server {:?} at {}", self.name, self.address)
    }
}

impl fmt::Display for Address {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp { host, port } if host.contains(':') => write!(out, "[{host}]:{port}"),
            Self::Tcp { host, port } => write!(out, "{host}:{port}"),
            Self::Unix(path) => write!(out, "{}", path.display()),
        }
    }
}

fn forms() -> String {
    "the URL of a Redis server is redis://host:6379/0, rediss://host:6379/0 (TLS) or unix:///run/redis/redis.sock?db=0"
        .to_owned()
}

fn tcp(rest: &str) -> Result<(Address, Option<u32>), String> {
    let (authority, database) = match rest.split_once('/') {
        None | Some((_, "")) => (rest.trim_end_matches('/'), None),
        Some((authority, database)) => (authority, Some(number(database)?)),
    };
    let (host, port) = match authority.strip_prefix('[') {
        Some(rest) => {
            let (host, port) = rest.split_once(']').ok_or("the IPv6 address in the URL lacks its `]`")?;
            if host.parse::<std::net::Ipv6Addr>().is_err() {
                return Err(format!("{host:?} is no IPv6 address"));
            }
            match port.strip_prefix(':') {
                None if !port.is_empty() => return Err(format!("{port:?} after `]` is no port")),
                port => (host, port),
            }
        }
        None => authority.split_once(':').map_or((authority, None), |(host, port)| (host, Some(port))),
    };
    if host.is_empty() || (host.contains(['?', ':']) && !authority.starts_with('[')) {
        return Err(forms());
    }
    let port = match port.map(str::parse) {
        None => DEFAULT_PORT,
        Some(Ok(port)) if port > 0 => port,
        Some(_) => return Err("the port of a Redis server is a number from 1 to 65535".to_owned()),
    };
    Ok((Address::Tcp { host: host.to_owned(), port }, database))
}

fn unix(rest: &str) -> Result<(Address, Option<u32>), String> {
    let (path, database) = match rest.split_once("?db=") {
        Some((path, database)) => (path, Some(number(database)?)),
        None => (rest, None),
    };
    if !path.starts_with('/') || path.contains('?') {
        return Err(forms());
    }
    Ok((Address::Unix(PathBuf::from(path)), database))
}

fn number(database: &str) -> Result<u32, String> {
    database.parse().map_err(|_| "the database of a Redis server is a number, such as 0".to_owned())
}
