//! Where a connection goes, in whose name, and what it may come to.

use std::time::Duration;

use super::Endpoint;
use super::origin::Origin;

/// Where to connect, and in whose name.
pub(in crate::grants) struct Way<'a> {
    /// What it is to people: `http endpoint`.
    pub(in crate::grants) what: &'static str,
    /// Its table in agent.toml: `http`.
    pub(in crate::grants) table: &'static str,
    /// Its name there.
    pub(in crate::grants) name: &'a str,
    pub(in crate::grants) origin: &'a Origin,
    /// Whether a name may stand for loopback and private addresses.
    pub(in crate::grants) allow_private: bool,
    /// For the name, TCP and TLS together; for messages.
    pub(in crate::grants) connect_timeout: Duration,
}

impl Endpoint {
    pub(super) fn way(&self) -> Way<'_> {
        let Self { name, origin, allow_private, connect_timeout, .. } = self;
        let (allow_private, connect_timeout) = (*allow_private, *connect_timeout);
        Way { what: "http endpoint", table: "http", name, origin, allow_private, connect_timeout }
    }
}
