//! Loss of history. While the disk is full the checks go on; what could not be written is counted, and the gap is
//! recorded as soon as writing works again.

use jiff::Timestamp;
use rusqlite::params;

use super::row::{count, integer, time};
use super::{RunId, Store, StoreError, record};

/// Runs that could not be recorded: "`runs` runs from `since` to `until` were not recorded".
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Gap {
    /// The start of the earliest of them.
    pub since: Timestamp,
    /// The end of the latest of them.
    pub until: Timestamp,
    /// How many.
    pub runs: u64,
    /// Why the latest could not be written.
    pub error: String,
}

impl Gap {
    /// The gap with one more run.
    pub(super) fn add(former: Option<Self>, started: Timestamp, finished: Timestamp, error: String) -> Self {
        match former {
            None => Self { since: started, until: finished, runs: 1, error },
            Some(gap) => {
                Self { since: gap.since.min(started), until: gap.until.max(finished), runs: gap.runs + 1, error }
            }
        }
    }
}

impl Store {
    /// Records a gap that is over. The runs in `begun` began in it and lost their ends; they are counted in the gap,
    /// so their rows go.
    pub(super) fn record_gap(&mut self, gap: &Gap, begun: &[RunId]) -> Result<(), StoreError> {
        self.write("record a gap in the history", |transaction| {
            transaction.execute(
                "INSERT INTO gap (since, until, runs, error) VALUES (?1, ?2, ?3, ?4)",
                params![gap.since.as_microsecond(), gap.until.as_microsecond(), integer(gap.runs), gap.error],
            )?;
            begun.iter().try_for_each(|run| record::forget(transaction, *run))
        })
    }

    /// The gaps that end at `since` or later, the newest first.
    pub fn gaps(&self, since: Option<Timestamp>) -> Result<Vec<Gap>, StoreError> {
        let since = since.map_or(i64::MIN, Timestamp::as_microsecond);
        self.read("read the gaps in the history", |connection| {
            connection
                .prepare_cached(
                    "SELECT since, until, runs, error FROM gap WHERE until >= ?1 ORDER BY until DESC, id DESC",
                )?
                .query_map([since], |row| {
                    Ok(Gap {
                        since: time(row, "since")?,
                        until: time(row, "until")?,
                        runs: count(row, "runs")?,
                        error: row.get("error")?,
                    })
                })?
                .collect()
        })
    }
}
