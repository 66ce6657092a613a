//! A rehearsal: the statements of a transactional action, carried out and rolled back, to see what they would touch and lock.

use std::collections::BTreeSet;
use std::fmt;
use std::time::{Duration, Instant};

use serde::Serialize;

use super::sql::touched_words;
use super::{cut, said};
use crate::grants::log::printable;
use crate::grants::postgres::{Actor, Fault, Held, Keeps, Scope, Touched};
use crate::plugin::template::lasting;

/// The longest statement that is shown whole, in bytes.
const LONGEST: usize = 4 << 10;

/// What a rehearsal showed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Rehearsal {
    /// The database's name in agent.toml.
    pub database: String,
    /// In order, up to the first that failed.
    pub statements: Vec<Rehearsed>,
    /// What the rollback did not undo, or may not have undone, one sentence each.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub lasting: Vec<String>,
    /// Why it did not come to its end; none if it did.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub failed: Option<String>,
}

/// One statement that was carried out and will be undone.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Rehearsed {
    /// Its text.
    pub statement: String,
    /// Rows touched, as the server counts them.
    pub rows: u64,
    /// What it did, in words: rows, and the first value where that is a boolean or a number.
    pub did: String,
    /// Microseconds until its answer.
    pub took_us: u64,
    /// Relation locks that were taken by it and not held before; each is held to the end of the transaction, so what others wait is at least
    /// the time of all statements from this one on.
    pub locks: Vec<Lock>,
    /// What the server warned of.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub warnings: Vec<String>,
}

/// A relation lock.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Lock {
    /// With its schema.
    pub relation: String,
    /// As `pg_locks` says it: `AccessExclusiveLock` keeps out even reading.
    pub mode: String,
}

/// Carries the statements out over the actor's connection and rolls them back. They take their locks while it lasts, and others wait for
/// them; then deferred constraints are checked as COMMIT would. Sequences that were advanced stay so. A statement whose effect no rollback undoes, as far as pgreeve knows its functions, is not
/// sent, and nothing is; a function of the operator's own that reaches out of the transaction is beyond that.
pub async fn rehearse(scope: &Scope, statements: &[String], timeout: Duration) -> Rehearsal {
    let mut rehearsal =
        Rehearsal { database: scope.name.clone(), statements: Vec::new(), lasting: Vec::new(), failed: None };
    rehearsal.failed = attempt(scope, statements, timeout, &mut rehearsal).await.err();
    rehearsal
}

async fn attempt(
    scope: &Scope,
    statements: &[String],
    timeout: Duration,
    rehearsal: &mut Rehearsal,
) -> Result<(), String> {
    for (number, statement) in (1..).zip(statements) {
        if let Some(why) = lasting(statement) {
            return Err(format!("statement {number} cannot be rehearsed: {why}; nothing was sent"));
        }
    }
    let connected = Actor::connect(scope, timeout, "pgreeve/rehearse", Keeps::Transaction).await;
    let mut actor = connected.map_err(|error| said(&error))?;
    let outcome = within(&mut actor, statements, rehearsal).await;
    // A connection that is lost undoes it too; so does closing it.
    let _ = actor.rollback().await;
    actor.close().await;
    outcome
}

async fn within(actor: &mut Actor, statements: &[String], rehearsal: &mut Rehearsal) -> Result<(), String> {
    let words = |what: &str, fault: &Fault| format!("{what}: {}", said(fault.error()));
    actor.begin().await.map_err(|fault| words("no transaction could be begun", &fault))?;
    let mut held: BTreeSet<Held> = actor.locks().await.map_err(|fault| words("locks", &fault))?.into_iter().collect();
    for (number, statement) in (1..).zip(statements) {
        let started = Instant::now();
        let outcome = actor.run(statement).await;
        let took = started.elapsed();
        let touched = outcome.map_err(|fault| words(&format!("statement {number}"), &fault))?;
        let locks = actor.locks().await.map_err(|fault| words("locks", &fault))?;
        let new = locks.into_iter().filter(|lock| held.insert(lock.clone()));
        let locks = new.map(|Held { relation, mode }| Lock { relation, mode }).collect();
        rehearsal.statements.push(rehearsed(statement, &touched, took, locks, actor.warnings()));
        rehearsal.lasting = actor.lasting().await.map_err(|fault| words("what lasts", &fault))?;
    }
    let checked = actor.constraints().await;
    checked.map_err(|fault| words("the statements pass, and COMMIT would fail", &fault))
}

fn rehearsed(statement: &str, touched: &Touched, took: Duration, locks: Vec<Lock>, warnings: Vec<String>) -> Rehearsed {
    Rehearsed {
        statement: cut(statement, LONGEST),
        rows: touched.rows,
        did: touched_words(touched, statement),
        took_us: u64::try_from(took.as_micros()).unwrap_or(u64::MAX),
        locks,
        warnings,
    }
}

/// For people.
impl fmt::Display for Rehearsal {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(out, "rehearsed in database {} and rolled back", self.database)?;
        for (number, one) in (1..).zip(&self.statements) {
            let took = humantime::format_duration(Duration::from_micros(one.took_us));
            writeln!(out, "  {number}. {}", printable(&one.statement, LONGEST))?;
            writeln!(out, "     {} in {took}", one.did)?;
            for Lock { relation, mode } in &one.locks {
                writeln!(out, "     locks {} ({mode})", printable(relation, 200))?;
            }
            for warning in &one.warnings {
                writeln!(out, "     the server warns: {warning}")?;
            }
        }
        for lasting in &self.lasting {
            writeln!(out, "  not undone: {}", printable(lasting, 500))?;
        }
        match &self.failed {
            Some(why) => writeln!(out, "  failed: {why}"),
            None => Ok(()),
        }
    }
}
