//! One run as the store keeps it: how it began, how it ended, what it cost.

use std::fmt;
use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::grants::transcript::Trail;
use crate::report::{Cause, Outcome};

/// Names a run in this store for ever: ids rise and are never given twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct RunId(i64);

impl RunId {
    /// The id with this number, as an operator typed it.
    pub fn new(number: i64) -> Self {
        Self(number)
    }

    /// The number.
    pub fn get(self) -> i64 {
        self.0
    }
}

impl fmt::Display for RunId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(formatter)
    }
}

/// What is known when a run begins. Times are kept to the microsecond.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RunStart {
    /// The job's name.
    pub job: String,
    /// The plugin's name.
    pub plugin: String,
    /// SHA-256 of the component, in hex; `None` where it could not be read.
    pub plugin_digest: Option<String>,
    /// Why it was made.
    pub cause: Cause,
    /// The time of the schedule that it answers; `None` where none does.
    pub due: Option<Timestamp>,
    /// When it began.
    pub started: Timestamp,
}

/// What is known when it has ended.
#[derive(Clone, Debug, PartialEq)]
pub struct RunEnd {
    /// When it ended.
    pub finished: Timestamp,
    /// How long it took, by a clock that is never set. Zero where nobody measured: skipped and interrupted runs.
    pub took: Duration,
    /// How it ended.
    pub outcome: Outcome,
    /// What it cost the database.
    pub cost: Cost,
    /// What it asked of the host.
    pub trail: Trail,
}

/// What a run cost the databases that it read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cost {
    /// Statements sent.
    pub queries: u64,
    /// Rows received.
    pub rows: u64,
    /// Bytes of values received.
    pub bytes: u64,
    /// Microseconds from sending a statement to its last row, summed.
    pub database_us: u64,
}

/// A run as recorded.
#[derive(Clone, Debug, PartialEq)]
pub struct Run {
    /// Its name.
    pub id: RunId,
    /// How it began.
    pub start: RunStart,
    /// How it ended; `None` while it is under way. The report's metrics come in the order of name and labels, and are
    /// missing once retention has deleted the samples of a run that it kept.
    pub end: Option<RunEnd>,
}
