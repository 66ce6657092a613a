//! A database scope of agent.toml, and the sessions that one run has with the scopes it was granted.

use std::collections::BTreeMap;
use std::time::Duration;

use super::{Cost, Error, Limits, Role, Rows, Session, Target};
use crate::limits;

/// `[postgres.NAME]`.
#[derive(Clone, Debug)]
pub struct Scope {
    /// The name by which it is granted.
    pub name: String,
    /// Where it is, and as whom to log in.
    pub target: Target,
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
        Self { name: name.to_owned(), target, connect_timeout, statement_timeout, lock_timeout }
    }
}

/// A guest's `rows`: the result, and the scope whose session it belongs to.
pub struct Cursor {
    pub(super) scope: String,
    pub(super) rows: Rows,
}

/// The part of a run's state that belongs to `postgres`: at most one session per scope, made when it is first needed.
pub struct Postgres {
    rows: u64,
    bytes: u64,
    sessions: BTreeMap<String, Session>,
}

impl Postgres {
    /// No session yet.
    pub fn new(limits: &limits::Limits) -> Self {
        Self { rows: limits.rows, bytes: limits.bytes, sessions: BTreeMap::new() }
    }

    /// The run's session with a scope. A login that failed is tried again by the next call, a lost connection is not replaced.
    pub async fn session(&mut self, scope: &Scope, job: &str) -> Result<&mut Session, Error> {
        if !self.sessions.contains_key(&scope.name) {
            // The run's caps are shared: what one scope has used up, the next cannot have.
            let used = self.cost();
            let limits = Limits {
                rows_per_query: self.rows,
                rows_per_run: self.rows.saturating_sub(used.rows),
                bytes_per_run: self.bytes.saturating_sub(used.bytes),
                connect_timeout: scope.connect_timeout,
                statement_timeout: scope.statement_timeout,
                lock_timeout: scope.lock_timeout,
                call_timeout: scope.connect_timeout.max(scope.statement_timeout) + Duration::from_secs(5),
                ..Limits::default()
            };
            let session = Session::connect(&scope.target, &limits, &format!("pgreeve/{job}")).await?;
            self.sessions.insert(scope.name.clone(), session);
        }
        self.open(&scope.name)
    }

    /// The session with a scope that a cursor came from.
    pub fn open(&mut self, scope: &str) -> Result<&mut Session, Error> {
        self.sessions.get_mut(scope).ok_or_else(|| Error::Invalid(format!("there is no connection to {scope:?}")))
    }

    /// The role that a server has now.
    pub async fn role(&mut self, scope: &Scope, job: &str) -> Result<Role, Error> {
        Ok(self.session(scope, job).await?.identify().await?.role)
    }

    /// What all sessions have cost so far.
    pub fn cost(&self) -> Cost {
        self.sessions.values().map(Session::cost).fold(Cost::default(), add)
    }

    /// Closes all connections; what they cost.
    pub async fn finish(self) -> Cost {
        let mut total = Cost::default();
        for session in self.sessions.into_values() {
            total = add(total, session.close().await);
        }
        total
    }
}

fn add(one: Cost, other: Cost) -> Cost {
    Cost {
        queries: one.queries + other.queries,
        rows: one.rows + other.rows,
        bytes: one.bytes + other.bytes,
        waited: one.waited + other.waited,
    }
}
