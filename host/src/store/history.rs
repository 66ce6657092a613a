//! Reading runs back: for `pgreeve runs`, for `pgreeve jobs`, and for the schedule's catch-up.

use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension, Row, named_params};

use super::row::{RUN_COLUMNS, optional_time, run};
use super::{Run, RunId, Store, StoreError, samples};
use crate::report::Outcome;

/// Which runs to list. Default: the newest 100 of all jobs.
#[derive(Clone, Debug)]
pub struct RunFilter {
    /// Of this job alone.
    pub job: Option<String>,
    /// That began then or later.
    pub since: Option<Timestamp>,
    /// At most so many, the newest.
    pub limit: u32,
}

impl Default for RunFilter {
    fn default() -> Self {
        Self { job: None, since: None, limit: 100 }
    }
}

/// Where a job stands.
#[derive(Clone, Debug, PartialEq)]
pub struct JobRuns {
    /// The job's name.
    pub job: String,
    /// The run begun or recorded last; it may be under way, or skipped.
    pub newest: Run,
    /// The last run to end with a status: what is known of the job while `newest` says nothing.
    pub judged: Option<Run>,
}

impl Store {
    /// The runs that the filter wants, newest start first.
    pub fn runs(&self, filter: &RunFilter) -> Result<Vec<Run>, StoreError> {
        // Two statements, for the planner cannot use the index on the job under "or no job was asked for".
        let of_job = if filter.job.is_some() { "job = :job" } else { ":job IS NULL" };
        let sql = format!(
            "SELECT {RUN_COLUMNS} FROM run WHERE {of_job} AND started >= :since ORDER BY started DESC, id DESC LIMIT :limit"
        );
        let since = filter.since.map_or(i64::MIN, Timestamp::as_microsecond);
        self.read("list the runs", |connection| {
            let parameters = named_params! { ":job": filter.job, ":since": since, ":limit": filter.limit };
            let runs =
                connection.prepare_cached(&sql)?.query_map(parameters, run)?.collect::<rusqlite::Result<Vec<_>>>()?;
            runs.into_iter().map(|run| with_metrics(connection, run)).collect()
        })
    }

    /// One run, `None` where there is none with that id (any more).
    pub fn run(&self, id: RunId) -> Result<Option<Run>, StoreError> {
        self.read("read a run", |connection| find(connection, Some(id)))
    }

    /// Where each job stands that ever ran, by name; also of jobs that are no longer configured.
    pub fn last_runs(&self) -> Result<Vec<JobRuns>, StoreError> {
        self.read("read the jobs' last runs", |connection| {
            let id = |row: &Row<'_>, column: usize| row.get::<_, Option<i64>>(column).map(|id| id.map(RunId::new));
            let jobs = connection
                .prepare_cached("SELECT name, newest_run, judged_run FROM job ORDER BY name")?
                .query_map([], |row| Ok((row.get::<_, String>(0)?, id(row, 1)?, id(row, 2)?)))?
                .collect::<rusqlite::Result<Vec<_>>>()?;
            let mut found = Vec::with_capacity(jobs.len());
            for (job, newest, judged) in jobs {
                let (newest, judged) = (find(connection, newest)?, find(connection, judged)?);
                found.extend(newest.map(|newest| JobRuns { job, newest, judged }));
            }
            Ok(found)
        })
    }

    /// The latest time of its schedule that the job answered; retention keeps it.
    pub fn last_due(&self, job: &str) -> Result<Option<Timestamp>, StoreError> {
        self.read("read when a job was last due", |connection| {
            let due = connection
                .prepare_cached("SELECT last_due FROM job WHERE name = ?1")?
                .query_row([job], |row| optional_time(row, 0))
                .optional()?;
            Ok(due.flatten())
        })
    }
}

fn find(connection: &Connection, id: Option<RunId>) -> rusqlite::Result<Option<Run>> {
    let Some(id) = id else { return Ok(None) };
    let sql = format!("SELECT {RUN_COLUMNS} FROM run WHERE id = ?1");
    let found = connection.prepare_cached(&sql)?.query_row([id.get()], run).optional()?;
    found.map(|run| with_metrics(connection, run)).transpose()
}

/// Puts the samples that the run left back into its report.
fn with_metrics(connection: &Connection, mut run: Run) -> rusqlite::Result<Run> {
    if let Some(end) = &mut run.end
        && let Outcome::Reported { report } = &mut end.outcome
    {
        report.metrics = samples::of_run(connection, &run.start.job, end.finished)?;
    }
    Ok(run)
}
