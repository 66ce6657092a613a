//! What stands: the findings of each job's newest report, and since when each has its status.

use jiff::Timestamp;
use rusqlite::{Transaction, params};

use super::row::{status, time};
use super::{RunId, Store, StoreError};
use crate::report::{Finding, Status};

/// A finding of its job's newest report. One that the newest report does not name is gone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StandingFinding {
    /// The finding's key.
    pub key: String,
    /// How bad it is.
    pub status: Status,
    /// When it took this status: the end of the first run that said so without another status in between.
    pub since: Timestamp,
    /// The end of the last run that said so.
    pub seen: Timestamp,
    /// That last run, which holds the finding's text. Retention may have deleted it where later runs did not report.
    pub run: RunId,
}

impl Store {
    /// What stands for the job, by key. Runs that did not complete change nothing here.
    pub fn findings(&self, job: &str) -> Result<Vec<StandingFinding>, StoreError> {
        self.read("read the findings", |connection| {
            connection
                .prepare_cached("SELECT key, status, since, seen, run FROM finding WHERE job = ?1 ORDER BY key")?
                .query_map([job], |row| {
                    Ok(StandingFinding {
                        key: row.get("key")?,
                        status: status(row, "status")?,
                        since: time(row, "since")?,
                        seen: time(row, "seen")?,
                        run: RunId::new(row.get("run")?),
                    })
                })?
                .collect()
        })
    }
}

impl Store {
    /// Adds one finding of the agent's own to what stands for the job, under the job's newest run; the next report replaces it.
    pub fn raise(&mut self, job: &str, key: &str, status: Status, at: Timestamp) -> Result<(), StoreError> {
        self.write("raise a finding", |transaction| {
            transaction
                .prepare_cached(
                    "INSERT INTO finding (job, key, status, since, seen, run)
                     SELECT name, ?2, ?3, ?4, ?4, newest_run FROM job WHERE name = ?1
                     ON CONFLICT (job, key) DO UPDATE SET
                         since = CASE WHEN status = excluded.status THEN since ELSE excluded.since END,
                         status = excluded.status, seen = excluded.seen, run = excluded.run",
                )?
                .execute(params![job, key, status.word(), at.as_microsecond()])?;
            Ok(())
        })
    }
}

/// Makes `findings` all that stands for the job.
pub(super) fn replace(
    transaction: &Transaction<'_>,
    job: &str,
    run: RunId,
    at: Timestamp,
    findings: &[Finding],
) -> rusqlite::Result<()> {
    // In an upsert the bare column is the value before it.
    let mut upsert = transaction.prepare_cached(
        "INSERT INTO finding (job, key, status, since, seen, run) VALUES (?1, ?2, ?3, ?4, ?4, ?5)
         ON CONFLICT (job, key) DO UPDATE SET
             since = CASE WHEN status = excluded.status THEN since ELSE excluded.since END,
             status = excluded.status, seen = excluded.seen, run = excluded.run",
    )?;
    for finding in findings {
        upsert.execute(params![job, finding.key, finding.status.word(), at.as_microsecond(), run.get()])?;
    }
    transaction.prepare_cached("DELETE FROM finding WHERE job = ?1 AND run <> ?2")?.execute(params![job, run.get()])?;
    Ok(())
}
