//! Reading runs back: for `pgreeve runs`, for `pgreeve jobs`, and for the schedule's catch-up.

use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension, Row, named_params};

use super::row::{RUN_COLUMNS, optional_time, run, status};
use super::{Run, RunId, Store, StoreError, samples};
use crate::report::{Outcome, Status};

/// Which runs to list. Default: the newest 100 of all jobs.
#[derive(Clone, Debug)]
pub struct RunFilter {
    /// Of this job alone.
    pub job: Option<String>,
    /// That began then or later.
    pub since: Option<Timestamp>,
    /// That come after this one in the list: its start and its id.
    pub before: Option<(Timestamp, RunId)>,
    /// At most so many, the newest.
    pub limit: u32,
}

impl Default for RunFilter {
    fn default() -> Self {
        Self { job: None, since: None, before: None, limit: 100 }
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
        let runs = self.runs_as(filter, |run| run)?;
        self.read("list the runs", |connection| runs.into_iter().map(|run| with_metrics(connection, run)).collect())
    }

    /// The same, each turned into something smaller as soon as it is read: a run holds up to a megabyte. Their reports lack the metrics.
    pub fn runs_as<T>(&self, filter: &RunFilter, mut turn: impl FnMut(Run) -> T) -> Result<Vec<T>, StoreError> {
        // Two statements, for the planner cannot use the index on the job under "or no job was asked for".
        let of_job = if filter.job.is_some() { "job = :job" } else { ":job IS NULL" };
        let sql = format!(
            "SELECT {RUN_COLUMNS} FROM run WHERE {of_job} AND started >= :since AND (started, id) < (:before, :id) \
             ORDER BY started DESC, id DESC LIMIT :limit"
        );
        let since = filter.since.map_or(i64::MIN, Timestamp::as_microsecond);
        let (before, id) = filter.before.map_or((i64::MAX, 0), |(started, id)| (started.as_microsecond(), id.get()));
        self.read("list the runs", |connection| {
            let parameters = named_params! {
                ":job": filter.job, ":since": since, ":before": before, ":id": id, ":limit": filter.limit
            };
            let mut statement = connection.prepare_cached(&sql)?;
            let runs = statement.query_map(parameters, |row| run(row).map(&mut turn))?;
            runs.collect()
        })
    }

    /// One run, `None` where there is none with that id (any more).
    pub fn run(&self, id: RunId) -> Result<Option<Run>, StoreError> {
        self.read("read a run", |connection| find(connection, Some(id)))
    }

    /// Where each job stands that ever ran, by name; also of jobs that are no longer configured.
    pub fn last_runs(&self) -> Result<Vec<JobRuns>, StoreError> {
        self.last_runs_as(|runs| runs)
    }

    /// The same, each turned into something smaller as soon as it is read.
    pub fn last_runs_as<T>(&self, mut turn: impl FnMut(JobRuns) -> T) -> Result<Vec<T>, StoreError> {
        let names: Vec<String> = self.read("read the jobs' names", |connection| {
            connection
                .prepare_cached("SELECT name FROM job ORDER BY name")?
                .query_map([], |row| row.get(0))?
                .collect::<rusqlite::Result<_>>()
        })?;
        let mut found = Vec::new();
        for name in names {
            found.extend(self.job_runs(&name)?.map(&mut turn));
        }
        Ok(found)
    }

    /// Where a job stands; nothing if it never ran.
    pub fn job_runs(&self, job: &str) -> Result<Option<JobRuns>, StoreError> {
        self.read("read the jobs' last runs", |connection| {
            let id = |row: &Row<'_>, column: usize| row.get::<_, Option<i64>>(column).map(|id| id.map(RunId::new));
            let ids = connection
                .prepare_cached("SELECT newest_run, judged_run FROM job WHERE name = ?1")?
                .query_row([job], |row| Ok((id(row, 0)?, id(row, 1)?)))
                .optional()?;
            let Some((newest, judged)) = ids else { return Ok(None) };
            let (newest, judged) = (find(connection, newest)?, find(connection, judged)?);
            Ok(newest.map(|newest| JobRuns { job: job.to_owned(), newest, judged }))
        })
    }

    /// The status that each job's last judging run gave; of jobs that were judged ever.
    pub fn job_statuses(&self) -> Result<Vec<(String, Status)>, StoreError> {
        self.read("read the jobs' statuses", |connection| {
            connection
                .prepare_cached(
                    "SELECT job.name, run.status FROM job JOIN run ON run.id = job.judged_run
                     WHERE run.status IS NOT NULL ORDER BY job.name",
                )?
                .query_map([], |row| Ok((row.get(0)?, status(row, "status")?)))?
                .collect()
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
