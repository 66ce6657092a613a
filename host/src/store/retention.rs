//! Deleting what is too old or too much. It goes in small batches, each of some tens of milliseconds, so that runs are
//! recorded in between; the file gives its space back to the file system.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use rusqlite::{Connection, Transaction, params};

use super::{Store, StoreError};

/// How much history to keep. Whatever it says, each job keeps its newest run, its last run with a status, what stands,
/// and its memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Retention {
    /// Runs, samples, gaps and proposals that are over, older than this, go.
    pub max_age: Duration,
    /// While the database uses more bytes than this, the oldest runs, samples and proposals that are over go, whatever their job.
    pub max_bytes: u64,
}

/// What pruning did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Pruned {
    /// Runs deleted.
    pub runs: u64,
    /// Samples deleted.
    pub samples: u64,
    /// Bytes that the database uses now. Above `max_bytes` only where nothing is left that may be deleted.
    pub used_bytes: u64,
    /// There is more to do; call again.
    pub more: bool,
}

/// Rows of `run`, whose reports are large, in one batch.
const RUNS_PER_BATCH: i64 = 200;
/// Rows of `sample`, which are small, in one batch.
const SAMPLES_PER_BATCH: i64 = 4000;
/// Pages given back to the file system in one batch: 1 MiB.
const PAGES_PER_BATCH: u64 = 256;
/// By size, a batch deletes at most this part of the time that the history covers, so that runs and samples go side by side.
const SLICES: i64 = 64;

/// What each job keeps.
const KEPT: &str = "SELECT newest_run FROM job WHERE newest_run IS NOT NULL
                    UNION SELECT judged_run FROM job WHERE judged_run IS NOT NULL";

/// Proposals that may go: those that are over, and of which no attempt is in doubt. A doubt outlasts everything but a person's word.
const OVER: &str = "state IN ('verified', 'gone', 'stale') AND id NOT IN (
                        SELECT proposal FROM attempt WHERE result = 'uncertain' AND coalesce(verdict, '') NOT IN ('verified', 'settled'))";

/// Proposals and attempts stay for a day whatever the size: a pace counts them, and who looks in the morning wants to see them.
fn acts_before(now: Timestamp) -> i64 {
    now.as_microsecond() - 86_400_000_000
}

impl Store {
    /// Deletes one batch. To prune whole, call it while [`Pruned::more`].
    pub fn prune_batch(&mut self, retention: &Retention, now: Timestamp) -> Result<Pruned, StoreError> {
        let age = SignedDuration::try_from(retention.max_age).unwrap_or(SignedDuration::MAX);
        let by_age = now.checked_sub(age).unwrap_or(Timestamp::MIN).as_microsecond();
        let mut pruned = self.write("prune the history", |transaction| {
            let mut pruned = delete_before(transaction, by_age, now)?;
            if !pruned.more
                && used_bytes(transaction)? > retention.max_bytes
                && let Some(by_size) = end_of_oldest_slice(transaction, now)?
            {
                pruned = delete_before(transaction, by_size, now)?;
            }
            if !pruned.more {
                transaction.execute(
                    "DELETE FROM series WHERE NOT EXISTS (SELECT 1 FROM sample WHERE sample.series = series.id)",
                    [],
                )?;
            }
            Ok(pruned)
        })?;
        self.read("give pruned space back", |connection| {
            pruned.more |= shrink(connection)?;
            pruned.used_bytes = used_bytes(connection)?;
            if !pruned.more {
                // A checkpoint cuts the file itself. This kind waits for no reader; one in the way leaves it to a later one.
                connection.query_row("PRAGMA wal_checkpoint(PASSIVE)", [], |_| Ok(()))?;
            }
            Ok(pruned)
        })
    }
}

/// Deletes at most one batch of what is older than `cutoff`; there is more to do where it deleted anything.
fn delete_before(transaction: &Transaction<'_>, cutoff: i64, now: Timestamp) -> rusqlite::Result<Pruned> {
    let runs = transaction
        .prepare_cached(&format!(
            "DELETE FROM run WHERE id IN (
                 SELECT id FROM run WHERE started < ?1 AND finished IS NOT NULL AND id NOT IN ({KEPT})
                 ORDER BY started LIMIT ?2)"
        ))?
        .execute(params![cutoff, RUNS_PER_BATCH])?;
    // The series first: each holds its samples by time, and there is no index on the time alone.
    let samples = transaction
        .prepare_cached(
            "DELETE FROM sample WHERE (series, at) IN (
                 SELECT sample.series, sample.at FROM series CROSS JOIN sample ON sample.series = series.id
                 WHERE sample.at < ?1 LIMIT ?2)",
        )?
        .execute(params![cutoff, SAMPLES_PER_BATCH])?;
    let gaps = transaction.execute("DELETE FROM gap WHERE until < ?1", [cutoff])?;
    let cutoff = cutoff.min(acts_before(now));
    let proposals = transaction.execute(&format!("DELETE FROM proposal WHERE {OVER} AND changed < ?1"), [cutoff])?;
    // What stands keeps its attempts.
    transaction
        .execute("DELETE FROM attempt WHERE ended < ?1 AND proposal NOT IN (SELECT id FROM proposal)", [cutoff])?;
    let more = runs + samples + gaps + proposals > 0;
    Ok(Pruned { runs: runs as u64, samples: samples as u64, used_bytes: 0, more })
}

/// The end of the oldest slice of the history that may be deleted, `None` where nothing may be.
fn end_of_oldest_slice(transaction: &Transaction<'_>, now: Timestamp) -> rusqlite::Result<Option<i64>> {
    let oldest: Option<i64> = transaction
        .prepare_cached(&format!(
            "SELECT min(at) FROM (
                 SELECT * FROM (SELECT started AS at FROM run WHERE finished IS NOT NULL AND id NOT IN ({KEPT})
                                ORDER BY started LIMIT 1)
                 UNION ALL
                 SELECT (SELECT min(at) FROM sample WHERE sample.series = series.id) FROM series
                 UNION ALL
                 SELECT min(changed) FROM proposal WHERE {OVER} AND changed < ?1)"
        ))?
        .query_row([acts_before(now)], |row| row.get(0))?;
    Ok(oldest.map(|oldest| oldest + (now.as_microsecond() - oldest).max(0) / SLICES + 1))
}

/// Gives free pages back; whether there are more to give. There are none where it gave none: a file that somebody
/// rewrote without `auto_vacuum` never shrinks, and reuses its free pages.
fn shrink(connection: &Connection) -> rusqlite::Result<bool> {
    let before = pragma(connection, "freelist_count")?;
    // The pragma frees one page for each step, so every row must be fetched.
    let mut statement = connection.prepare(&format!("PRAGMA incremental_vacuum({PAGES_PER_BATCH})"))?;
    let mut rows = statement.query([])?;
    while rows.next()?.is_some() {}
    Ok((1..before).contains(&pragma(connection, "freelist_count")?))
}

/// The bytes of all pages that hold something.
fn used_bytes(connection: &Connection) -> rusqlite::Result<u64> {
    let used = pragma(connection, "page_count")?.saturating_sub(pragma(connection, "freelist_count")?);
    Ok(used * pragma(connection, "page_size")?)
}

fn pragma(connection: &Connection, name: &str) -> rusqlite::Result<u64> {
    connection.pragma_query_value(None, name, |row| super::row::count(row, 0))
}
