//! The store, read beside the agent: over a connection of its own, so that no reader keeps a run from being recorded. `pgreeve` reads the same
//! where no agent runs.

use std::collections::BTreeSet;
use std::path::Path;

use serde_json::{Value, json};
use tokio::sync::Semaphore;

use super::view::{self, Line};
use crate::report::Status;
use crate::store::{RunFilter, RunId, Store, StoreError};

/// Readers at a time.
static READERS: Semaphore = Semaphore::const_new(2);

/// Reads the store, on a thread that may wait for the disk.
pub(super) async fn read<T: Send + 'static>(
    state_dir: &Path,
    work: impl FnOnce(&Store) -> Result<T, StoreError> + Send + 'static,
) -> Result<T, StoreError> {
    let state_dir = state_dir.to_owned();
    blocking(move || work(&Store::open_reader(&state_dir)?)).await
}

/// Reads anything that stands on the disk. The permit goes with the work, also where who asked has gone away.
pub(super) async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    let permit = READERS.acquire().await;
    let read = tokio::task::spawn_blocking(move || {
        let done = work();
        drop(permit);
        done
    });
    match read.await {
        Ok(done) => done,
        // A defect: it ends this connection's task alone.
        Err(error) => std::panic::resume_unwind(error.into_panic()),
    }
}

/// Recorded runs, newest first, and the cursor of those that follow.
pub fn runs(store: &Store, job: Option<String>, cursor: Option<Cursor>, limit: u32) -> Result<Value, StoreError> {
    let before = cursor.map(|Cursor(started, id)| (started, id));
    let lines = store.runs_as(&RunFilter { job, since: None, before, limit }, |run| {
        let cursor = Cursor(run.start.started, run.id);
        (view::run(Some(run.id), &run.start, run.end.as_ref(), Line::Short), cursor)
    })?;
    // A list that the limit cut tells of its own time alone.
    let cut = lines.len() == limit as usize;
    let last = lines.last().map(|(_, cursor)| *cursor).filter(|_| cut);
    let gaps: Vec<Value> = store.gaps(last.map(|Cursor(started, _)| started))?.iter().map(view::gap).collect();
    let runs: Vec<Value> = lines.into_iter().map(|(line, _)| line).collect();
    Ok(json!({ "runs": runs, "gaps": gaps, "next": last.map(|last| last.to_string()) }))
}

/// A place in the list of runs: the run after which it goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cursor(jiff::Timestamp, RunId);

impl std::fmt::Display for Cursor {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(out, "{}-{}", self.0.as_microsecond(), self.1)
    }
}

impl std::str::FromStr for Cursor {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let (started, id) = text.rsplit_once('-').ok_or(())?;
        let started = started.parse().ok().and_then(|micros| jiff::Timestamp::from_microsecond(micros).ok());
        Ok(Self(started.ok_or(())?, RunId::new(id.parse().map_err(|_| ())?)))
    }
}

/// Which findings.
#[derive(Clone, Debug, Default)]
pub struct Wanted {
    /// Of these jobs: those that are configured, for the store keeps the last run of each that ever was.
    pub jobs: BTreeSet<String>,
    /// Of this one of them alone.
    pub job: Option<String>,
    /// With this status alone.
    pub status: Option<Status>,
    /// After this job and key.
    pub after: Option<(String, String)>,
    /// At most so many.
    pub limit: usize,
}

/// What stands, by job and key; and which of these jobs gave no report in their last run, so that what stands of them is old.
pub fn findings(store: &Store, wanted: &Wanted) -> Result<Value, StoreError> {
    let (mut findings, mut unanswered, mut next) = (Vec::new(), Vec::new(), None);
    for (job, silent) in store.last_runs_as(|runs| (runs.job.clone(), view::unanswered(&runs)))? {
        if !wanted.jobs.contains(&job) || wanted.job.as_ref().is_some_and(|wanted| *wanted != job) {
            continue;
        }
        unanswered.extend(silent);
        if next.is_some() || wanted.after.as_ref().is_some_and(|(after, _)| job < *after) {
            continue;
        }
        let mut texts: Option<crate::store::Run> = None;
        for standing in store.findings(&job)? {
            let after = wanted.after.as_ref().is_none_or(|(after, key)| (after, key) < (&job, &standing.key));
            if !after || wanted.status.is_some_and(|status| status != standing.status) {
                continue;
            }
            if findings.len() == wanted.limit {
                next = findings.last().and_then(|last: &Value| {
                    Some(format!("{}/{}", last.get("job")?.as_str()?, last.get("key")?.as_str()?))
                });
                break;
            }
            if texts.as_ref().is_none_or(|run| run.id != standing.run) {
                texts = store.run(standing.run)?;
            }
            findings.push(view::finding(&job, &standing, texts.as_ref()));
        }
    }
    Ok(json!({ "findings": findings, "unanswered": unanswered, "next": next }))
}

/// How many of these jobs stand how.
pub fn summary(store: &Store, configured: &BTreeSet<String>) -> Result<Value, StoreError> {
    let known = store.job_statuses()?.into_iter().filter(|(job, _)| configured.contains(job));
    let known: Vec<Status> = known.map(|(_, status)| status).collect();
    let count = |wanted| known.iter().filter(|status| **status == wanted).count();
    Ok(json!({
        "ok": count(Status::Ok),
        "warning": count(Status::Warning),
        "critical": count(Status::Critical),
        "unknown": count(Status::Unknown),
        "never_judged": configured.len().saturating_sub(known.len()),
    }))
}
