//! Between the tables' words and the program's: times, statuses, outcomes. A word that is not known is an error, never a guess.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use rusqlite::types::Type;
use rusqlite::{Row, RowIndex};
use serde::{Deserialize, Serialize};

use super::{Cost, Run, RunEnd, RunId, RunStart};
use crate::grants::transcript::Trail;
use crate::report::{Cause, Finding, Outcome, Proposal, Report, Status};

/// The columns of `run` that [`run`] reads.
pub(super) const RUN_COLUMNS: &str = "run.id, run.job, run.plugin, run.plugin_digest, run.cause, run.due, run.started, \
     run.finished, run.outcome, run.message, run.advice, run.broken_limit, run.report, run.duration_us, run.queries, \
     run.rows, run.bytes, run.database_us, run.trail";

/// How far a clock is taken to be set back without a word.
pub(super) const SKEW: SignedDuration = SignedDuration::from_secs(60);

/// What the `report` column holds; metrics are kept as samples.
#[derive(Serialize)]
struct ReportColumn<'a> {
    findings: &'a [Finding],
    proposals: &'a [Proposal],
}

/// [`ReportColumn`], read back.
#[derive(Deserialize)]
struct OwnedReportColumn {
    findings: Vec<Finding>,
    proposals: Vec<Proposal>,
}

/// An outcome spread over its columns. The word and the status are the outcome's own.
#[derive(Default)]
pub(super) struct OutcomeColumns<'a> {
    pub(super) message: Option<&'a str>,
    pub(super) advice: Option<&'a str>,
    pub(super) broken_limit: Option<&'a str>,
    pub(super) report: Option<String>,
}

impl<'a> OutcomeColumns<'a> {
    pub(super) fn of(outcome: &'a Outcome) -> rusqlite::Result<Self> {
        Ok(match outcome {
            Outcome::Reported { report } => {
                let column = ReportColumn { findings: &report.findings, proposals: &report.proposals };
                let json = serde_json::to_string(&column)
                    .map_err(|error| rusqlite::Error::ToSqlConversionFailure(Box::new(error)))?;
                Self { report: Some(json), ..Self::default() }
            }
            Outcome::Failed { message, advice } => {
                Self { message: Some(message), advice: advice.as_deref(), ..Self::default() }
            }
            Outcome::Faulted { limit, message } => {
                Self { message: Some(message), broken_limit: limit.as_deref(), ..Self::default() }
            }
            Outcome::Errored { message } | Outcome::Skipped { message } => {
                Self { message: Some(message), ..Self::default() }
            }
            Outcome::Interrupted => Self::default(),
        })
    }
}

/// One run, from [`RUN_COLUMNS`]; its report's metrics are still to be read.
pub(super) fn run(row: &Row<'_>) -> rusqlite::Result<Run> {
    let start = RunStart {
        job: row.get("job")?,
        plugin: row.get("plugin")?,
        plugin_digest: row.get("plugin_digest")?,
        cause: cause_from(&row.get::<_, String>("cause")?)?,
        due: optional_time(row, "due")?,
        started: time(row, "started")?,
    };
    let end = match optional_time(row, "finished")? {
        None => None,
        Some(finished) => Some(RunEnd {
            finished,
            took: Duration::from_micros(count(row, "duration_us")?),
            outcome: outcome(row)?,
            cost: Cost {
                queries: count(row, "queries")?,
                rows: count(row, "rows")?,
                bytes: count(row, "bytes")?,
                database_us: count(row, "database_us")?,
            },
            trail: trail(row)?,
        }),
    };
    Ok(Run { id: RunId::new(row.get("id")?), start, end })
}

fn outcome(row: &Row<'_>) -> rusqlite::Result<Outcome> {
    let word: String = row.get("outcome")?;
    Ok(match word.as_str() {
        "reported" => {
            let column: OwnedReportColumn = serde_json::from_str(&row.get::<_, String>("report")?)
                .map_err(|error| rusqlite::Error::FromSqlConversionFailure(0, Type::Text, Box::new(error)))?;
            let report = Report { findings: column.findings, proposals: column.proposals, metrics: Vec::new() };
            Outcome::Reported { report }
        }
        "failed" => Outcome::Failed { message: row.get("message")?, advice: row.get("advice")? },
        "faulted" => Outcome::Faulted { limit: row.get("broken_limit")?, message: row.get("message")? },
        "errored" => Outcome::Errored { message: row.get("message")? },
        "skipped" => Outcome::Skipped { message: row.get("message")? },
        "interrupted" => Outcome::Interrupted,
        _ => return Err(unknown("outcome", &word)),
    })
}

/// A trail for its column; none for a run that asked nothing.
pub(super) fn trail_column(trail: &Trail) -> rusqlite::Result<Option<String>> {
    if trail.calls.is_empty() {
        return Ok(None);
    }
    let json = serde_json::to_string(trail);
    json.map(Some).map_err(|error| rusqlite::Error::ToSqlConversionFailure(Box::new(error)))
}

fn trail(row: &Row<'_>) -> rusqlite::Result<Trail> {
    let Some(json) = row.get::<_, Option<String>>("trail")? else { return Ok(Trail::default()) };
    serde_json::from_str(&json)
        .map_err(|error| rusqlite::Error::FromSqlConversionFailure(0, Type::Text, Box::new(error)))
}

/// The word for a cause.
pub(super) fn cause_word(cause: Cause) -> &'static str {
    match cause {
        Cause::Scheduled => "scheduled",
        Cause::Manual => "manual",
        Cause::Confirm => "confirm",
        Cause::Verify => "verify",
    }
}

fn cause_from(word: &str) -> rusqlite::Result<Cause> {
    [Cause::Scheduled, Cause::Manual, Cause::Confirm, Cause::Verify]
        .into_iter()
        .find(|cause| cause_word(*cause) == word)
        .ok_or_else(|| unknown("cause", word))
}

/// A status, from a column that always has one.
pub(super) fn status(row: &Row<'_>, column: &str) -> rusqlite::Result<Status> {
    let word: String = row.get(column)?;
    Status::from_word(&word).ok_or_else(|| unknown("status", &word))
}

/// A time, from a column that always has one.
pub(super) fn time(row: &Row<'_>, column: impl RowIndex) -> rusqlite::Result<Timestamp> {
    from_micros(row.get(column)?)
}

/// A time, from a column that may be NULL.
pub(super) fn optional_time(row: &Row<'_>, column: impl RowIndex) -> rusqlite::Result<Option<Timestamp>> {
    row.get::<_, Option<i64>>(column)?.map(from_micros).transpose()
}

fn from_micros(micros: i64) -> rusqlite::Result<Timestamp> {
    Timestamp::from_microsecond(micros)
        .map_err(|error| rusqlite::Error::FromSqlConversionFailure(0, Type::Integer, Box::new(error)))
}

/// A count, from a column that always has one.
pub(super) fn count(row: &Row<'_>, column: impl RowIndex) -> rusqlite::Result<u64> {
    let number: i64 = row.get(column)?;
    u64::try_from(number).map_err(|error| rusqlite::Error::FromSqlConversionFailure(0, Type::Integer, Box::new(error)))
}

/// A count for a column. SQLite's integers end at 2^63 - 1, a bound that no true count reaches.
pub(super) fn integer(count: impl TryInto<i64>) -> i64 {
    count.try_into().unwrap_or(i64::MAX)
}

fn unknown(kind: &str, word: &str) -> rusqlite::Error {
    let message = format!("{word:?} is not the word of any {kind}");
    rusqlite::Error::FromSqlConversionFailure(0, Type::Text, message.into())
}
