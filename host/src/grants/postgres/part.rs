//! The part of a run that belongs to `postgres`: its sessions with the scopes it was granted, and its cursors.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use super::{Ask, Column, Cost, Error, Limits, Role, Rows, Scope, Session, Told, Value};
use crate::grants::Granted;
use crate::grants::part::{About, Part, Size};
use crate::limits;

/// A guest's `rows`: a number, for the cursor itself stays with the host; in a replay there is none.
pub struct Cursor {
    pub(super) number: u32,
    pub(super) columns: Vec<Column>,
}

/// The part of a run's state that belongs to `postgres`: at most one session per scope, made when it is first needed.
pub struct Postgres {
    rows: u64,
    bytes: u64,
    sessions: BTreeMap<String, Session>,
    cursors: BTreeMap<u32, Open>,
    /// The number of the next cursor.
    next: u32,
}

/// An open cursor.
struct Open {
    scope: String,
    sql: Arc<str>,
    rows: Rows,
}

impl Postgres {
    /// No session yet.
    pub fn new(limits: &limits::Limits) -> Self {
        Self { rows: limits.rows, bytes: limits.bytes, sessions: BTreeMap::new(), cursors: BTreeMap::new(), next: 0 }
    }

    /// The run's session with a scope. A login that failed is tried again by the next call, a lost connection is not replaced.
    async fn session(&mut self, scope: &Scope, job: &str) -> Result<&mut Session, Error> {
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

    fn open(&mut self, scope: &str) -> Result<&mut Session, Error> {
        self.sessions.get_mut(scope).ok_or_else(|| Error::Invalid(format!("there is no connection to {scope:?}")))
    }

    /// A cursor that the guest no longer wants.
    pub fn close(&mut self, cursor: u32) {
        if let Some(open) = self.cursors.remove(&cursor)
            && let Ok(session) = self.open(&open.scope)
        {
            session.discard(open.rows);
        }
    }

    async fn query(&mut self, scope: &Scope, job: &str, sql: &str, parameters: &[Value]) -> Result<Told, Error> {
        let rows = self.session(scope, job).await?.query(sql, parameters).await?;
        let (cursor, columns) = (self.next, rows.columns().to_vec());
        self.next += 1;
        self.cursors.insert(cursor, Open { scope: scope.name.clone(), sql: sql.into(), rows });
        Ok(Told::Cursor { cursor, columns })
    }

    async fn next(&mut self, cursor: u32, max: u32) -> Result<Told, Error> {
        let Self { sessions, cursors, .. } = self;
        let open = cursors.get_mut(&cursor).ok_or_else(|| Error::Invalid("there is no such cursor".to_owned()))?;
        let session = sessions
            .get_mut(&open.scope)
            .ok_or_else(|| Error::Invalid(format!("there is no connection to {:?}", open.scope)))?;
        Ok(Told::Rows(session.next(&mut open.rows, max.max(1)).await?))
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
        drop(self.cursors);
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

impl Part for Postgres {
    const NAME: &'static str = "postgres";
    type Ask = Ask;
    type Told = Told;

    fn about(&self, ask: &Ask) -> About {
        match ask {
            Ask::Identify { database } => About { operation: "identify", grant: database.clone(), text: None },
            Ask::Query { database, sql, .. } => {
                About { operation: "query", grant: database.clone(), text: Some(sql.clone()) }
            }
            Ask::Next { cursor, .. } => {
                let open = self.cursors.get(cursor);
                let grant = open.map(|open| open.scope.clone()).unwrap_or_default();
                About { operation: "next", grant, text: open.map(|open| open.sql.to_string()) }
            }
        }
    }

    fn size(told: &Told) -> Size {
        let Told::Rows(Some(rows)) = told else { return Size::default() };
        Size { rows: rows.len() as u64, bytes: rows.iter().flatten().map(Value::size).sum() }
    }

    async fn perform(&mut self, granted: &Granted, ask: &Ask) -> Result<Told, Error> {
        match ask {
            Ask::Identify { database } => {
                let scope = granted.postgres(database)?;
                match self.session(scope, &granted.job).await {
                    Ok(session) => session.identify().await.map(Told::Server),
                    Err(error) => Err(error),
                }
            }
            Ask::Query { database, sql, parameters } => {
                let scope = granted.postgres(database)?;
                self.query(scope, &granted.job, sql, parameters).await
            }
            Ask::Next { cursor, max } => self.next(*cursor, *max).await,
        }
    }
}
