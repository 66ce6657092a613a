//! A database scope of agent.toml.

use std::time::Duration;

use super::{Limits, Target};

/// `[postgres.NAME]`.
#[derive(Clone, Debug)]
pub struct Scope {
    /// The name by which it is granted.
    pub name: String,
    /// Where it is, and as whom to log in.
    pub target: Target,
    /// The same for actions that the operator allowed, from `act_dsn`. Without it none is carried out here.
    pub act: Option<Target>,
    /// For connecting, per address. Default 5 s.
    pub connect_timeout: Duration,
    /// The server's `statement_timeout`. Default 10 s.
    pub statement_timeout: Duration,
    /// The server's `lock_timeout`. Default 1 s.
    pub lock_timeout: Duration,
}

impl Scope {
    /// A scope with default time-outs.
    pub fn new(name: &str, target: Target) -> Self {
        let Limits { connect_timeout, statement_timeout, lock_timeout, .. } = Limits::default();
        Self { name: name.to_owned(), target, act: None, connect_timeout, statement_timeout, lock_timeout }
    }
}
