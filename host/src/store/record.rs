//! Writing runs. One transaction each: a run is recorded whole, or not at all.

use std::time::Duration;

use jiff::Timestamp;
use rusqlite::{OptionalExtension, Transaction, named_params, params};

use super::row::{OutcomeColumns, cause_word, integer, trail_column};
use super::{Cost, MemoryChange, RunEnd, RunId, RunStart, Store, StoreError, findings, memory, samples};
use crate::grants::transcript::Trail;
use crate::report::{Outcome, Status};

impl Store {
    /// Writes that a run is under way. Once this returns, the death of the process leaves a trace of it.
    pub fn begin_run(&mut self, start: &RunStart) -> Result<RunId, StoreError> {
        self.write("record that a run begins", |transaction| insert(transaction, start))
    }

    /// Writes how a run under way ended: outcome, findings, samples and, where it reported, what the plugin remembers.
    pub fn finish_run(&mut self, run: RunId, end: &RunEnd, memory: &[MemoryChange]) -> Result<(), StoreError> {
        let under_way = self.write("record a run's end", |transaction| {
            let job: Option<String> = transaction
                .prepare_cached("SELECT job FROM run WHERE id = ?1 AND finished IS NULL")?
                .query_row([run.get()], |row| row.get(0))
                .optional()?;
            job.map(|job| finish(transaction, run, &job, end, memory)).transpose()
        })?;
        under_way.ok_or_else(|| StoreError::NotUnderWay { run, path: self.path.clone() })
    }

    /// Writes a run that has ended already, such as a manual check or one that was skipped.
    pub fn record_run(&mut self, start: &RunStart, end: &RunEnd, memory: &[MemoryChange]) -> Result<RunId, StoreError> {
        self.write("record a run", |transaction| {
            let run = insert(transaction, start)?;
            finish(transaction, run, &start.job, end, memory)?;
            Ok(run)
        })
    }

    /// Records every run under way as interrupted, and returns how many there were.
    /// For the agent's start, under its lock: nobody else leaves runs under way.
    pub fn mark_interrupted(&mut self, now: Timestamp) -> Result<u64, StoreError> {
        let end = RunEnd {
            finished: now,
            took: Duration::ZERO,
            outcome: Outcome::Interrupted,
            cost: Cost::default(),
            trail: Trail::default(),
        };
        self.write("record the runs that were interrupted", |transaction| {
            let under_way = transaction
                .prepare("SELECT id, job FROM run WHERE finished IS NULL ORDER BY id")?
                .query_map([], |row| Ok((RunId::new(row.get(0)?), row.get::<_, String>(1)?)))?
                .collect::<rusqlite::Result<Vec<_>>>()?;
            for (run, job) in &under_way {
                finish(transaction, *run, job, &end, &[])?;
            }
            Ok(under_way.len() as u64)
        })
    }
}

/// Removes a run that began and whose end could not be written.
pub(super) fn forget(transaction: &Transaction<'_>, run: RunId) -> rusqlite::Result<()> {
    transaction.prepare_cached("UPDATE job SET newest_run = judged_run WHERE newest_run = ?1")?.execute([run.get()])?;
    transaction.prepare_cached("DELETE FROM run WHERE id = ?1 AND finished IS NULL")?.execute([run.get()])?;
    Ok(())
}

fn insert(transaction: &Transaction<'_>, start: &RunStart) -> rusqlite::Result<RunId> {
    let due = start.due.map(Timestamp::as_microsecond);
    transaction
        .prepare_cached(
            "INSERT INTO run (job, plugin, plugin_digest, cause, due, started) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
        )?
        .execute(params![
            start.job,
            start.plugin,
            start.plugin_digest,
            cause_word(start.cause),
            due,
            start.started.as_microsecond()
        ])?;
    let run = RunId::new(transaction.last_insert_rowid());
    transaction
        .prepare_cached(
            "INSERT INTO job (name, newest_run, last_due) VALUES (?1, ?2, ?3)
             ON CONFLICT (name) DO UPDATE SET newest_run = excluded.newest_run,
                 last_due = coalesce(max(last_due, excluded.last_due), last_due, excluded.last_due)",
        )?
        .execute(params![start.job, run.get(), due])?;
    Ok(run)
}

fn finish(
    transaction: &Transaction<'_>,
    run: RunId,
    job: &str,
    end: &RunEnd,
    memory: &[MemoryChange],
) -> rusqlite::Result<()> {
    let columns = OutcomeColumns::of(&end.outcome)?;
    let status = end.outcome.status();
    transaction
        .prepare_cached(
            "UPDATE run SET finished = :finished, outcome = :outcome, status = :status, message = :message,
                 advice = :advice, broken_limit = :broken_limit, report = :report, duration_us = :duration_us,
                 queries = :queries, rows = :rows, bytes = :bytes, database_us = :database_us, trail = :trail
             WHERE id = :id",
        )?
        .execute(named_params! {
            ":id": run.get(),
            ":finished": end.finished.as_microsecond(),
            ":outcome": end.outcome.word(),
            ":status": status.map(Status::word),
            ":message": columns.message,
            ":advice": columns.advice,
            ":broken_limit": columns.broken_limit,
            ":report": columns.report,
            ":duration_us": integer(end.took.as_micros()),
            ":queries": integer(end.cost.queries),
            ":rows": integer(end.cost.rows),
            ":bytes": integer(end.cost.bytes),
            ":database_us": integer(end.cost.database_us),
            ":trail": trail_column(&end.trail)?,
        })?;
    if status.is_some() {
        transaction
            .prepare_cached("UPDATE job SET judged_run = ?2 WHERE name = ?1")?
            .execute(params![job, run.get()])?;
    }
    // Only a completed run says what stands and what to remember: a run cut short may have seen half of it.
    if let Outcome::Reported { report } = &end.outcome {
        findings::replace(transaction, job, run, end.finished, &report.findings)?;
        samples::insert(transaction, job, end.finished, &report.metrics)?;
        memory::apply(transaction, job, memory)?;
    }
    Ok(())
}
