//! Where a server can be: a socket's directory, a name, an address.

use std::{fmt, net::IpAddr, path::PathBuf};

/// Where Debian's and Red Hat's servers put their sockets.
pub(super) const DEFAULT_SOCKET_DIRECTORY: &str = "/var/run/postgresql";

/// One server to try.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Host {
    pub(super) address: Address,
    pub(super) port: u16,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Address {
    /// The directory of the socket.
    Unix(PathBuf),
    /// A name or address to resolve.
    Name(String),
    /// `hostaddr`, with the name for TLS and the passfile if `host` gives one.
    Ip(IpAddr, Option<String>),
}

impl fmt::Display for Host {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.address {
            Address::Unix(directory) => write!(out, "{}:{}", directory.display(), self.port),
            Address::Name(name) => write!(out, "{name}:{}", self.port),
            Address::Ip(ip, None) => write!(out, "{ip}:{}", self.port),
            Address::Ip(ip, Some(name)) => write!(out, "{name}({ip}):{}", self.port),
        }
    }
}
