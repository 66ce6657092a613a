//! Locks that a take waits for: who holds them, and a dump that hangs on one.

use std::path::Path;
use std::time::{Duration, Instant};

use serde::Deserialize;

use crate::answer::{Failure, Kind as Why, Outcome};
use crate::connection::Connection;
use crate::name::Name;
use crate::session::{Session, literal};

/// How often the dump is looked at.
const EVERY: Duration = Duration::from_secs(1);
/// Relations named; the others are as good a reason.
const NAMED: usize = 3;

#[derive(Deserialize)]
struct Holder {
    relation: String,
    who: String,
}

/// Adds to a failure what to do about it; of a lock that did not come, who holds it.
pub(super) fn explain(mut failure: Failure, psql: &Path, connection: &Connection, name: &Name) -> Failure {
    let said = &failure.message;
    let hint = if ["lock timeout", "statement timeout", "lock_not_available"].iter().any(|word| said.contains(word)) {
        // psql ended at the error, so a session of its own asks. Whoever held it may have let go by now.
        let held = Session::connect(psql, connection).and_then(|mut session| holders(&mut session)).unwrap_or_default();
        if held.is_empty() {
            "; somebody held a lock on a table, and holds it no more: try again, or raise --lock-wait".to_owned()
        } else {
            format!("; {}: wait for it or end it (pg_terminate_backend), or raise --lock-wait", held.join("; "))
        }
    } else if said.contains("conflict with recovery") {
        "; the standby's replay went ahead: raise max_standby_streaming_delay there, or dump from the primary"
            .to_owned()
    } else if said.contains("permission denied") {
        "; dump as a member of pg_read_all_data, or as the tables' owner".to_owned()
    } else if said.contains("row-level security") {
        "; dump as a role with BYPASSRLS".to_owned()
    } else {
        String::new()
    };
    failure.message = format!("no backup {name}: {}{hint}", failure.message);
    failure
}

/// Who holds locks that keep everybody from reading, or waits for one, which does the same.
fn holders(session: &mut Session) -> Outcome<Vec<String>> {
    let found: Vec<Holder> = session.rows(include_str!("../sql/holders.sql"))?;
    Ok(found.into_iter().take(NAMED).map(|one| format!("{} is locked by {}", one.relation, one.who)).collect())
}

/// Looks whether pg_dump hangs: it waits for the locks of tables as long as it was told, for those of anything else (a materialized view
/// that is being refreshed) for ever.
pub(super) struct Watch {
    application: String,
    wait_ms: u128,
    next: Instant,
}

impl Watch {
    /// Of a dump whose sessions have this application_name.
    pub(super) fn new(application: String, wait_ms: u128) -> Self {
        Self { application, wait_ms, next: Instant::now() + EVERY }
    }

    /// Fails if a lock is waited for too long.
    pub(super) fn look(&mut self, session: &mut Session) -> Outcome<()> {
        if Instant::now() < self.next {
            return Ok(());
        }
        // A transaction sees other sessions as they were when it first looked.
        session.execute("SELECT pg_catalog.pg_stat_clear_snapshot()")?;
        let query = include_str!("../sql/waiting.sql")
            .replace("$APPLICATION$", &literal(&self.application))
            .replace("$WAIT$", &self.wait_ms.to_string());
        let waiting: Vec<Holder> = session.rows(&query)?;
        self.next = Instant::now() + EVERY;
        let Some(one) = waiting.into_iter().next() else { return Ok(()) };
        let why = format!(
            "pg_dump waited for a lock on {} for longer than --lock-wait; it is locked by {}: wait for it or end it (pg_terminate_backend)",
            one.relation, one.who
        );
        Err(Failure::new(Why::Failed, why))
    }
}
