//! One run of one job, as the schedule, an action and `pgreeve check` all make it: the job's memory, its grants, its plugin.

use std::panic::AssertUnwindSafe;
use std::time::Duration;

use futures_util::FutureExt as _;
use jiff::Timestamp;
use tokio::sync::{oneshot, watch};

use crate::config::{Job, When};
use crate::contract::pgreeve::plugin::report as contract;
use crate::grants::memory::Memory;
use crate::grants::postgres::Role;
use crate::grants::transcript::Mode;
use crate::plugin::explain::interface;
use crate::report::{Cause, Outcome};
use crate::run::{self, Finished, Request};
use crate::store::{self, Quota, RunEnd, RunId, RunStart, StoreHandle};

/// What a run is made for.
#[derive(Debug)]
pub struct Call {
    /// Why.
    pub cause: Cause,
    /// The due time that it answers.
    pub due: Option<Timestamp>,
    /// The `now` that the plugin sees.
    pub now: Timestamp,
    /// It ends early when this becomes true.
    pub stop: watch::Receiver<bool>,
    /// Whether its host calls are live or recorded.
    pub mode: Mode,
    /// The role that the server must have, where it is not the job's `when`.
    pub when: Option<When>,
    /// What became of the actions just carried out.
    pub outcomes: Vec<contract::Outcome>,
    /// Somebody who waits for it.
    pub watcher: Option<Watcher>,
}

/// Is told of a run as it goes. One who has gone away is no failure.
#[derive(Debug)]
pub struct Watcher {
    /// The run's id, once its beginning is recorded; none where that failed.
    pub begun: oneshot::Sender<Option<RunId>>,
    /// The whole run, once its end is recorded, or was lost.
    pub ended: oneshot::Sender<Watched>,
}

/// A run as its watcher is told of it.
#[derive(Clone, Debug)]
pub struct Watched {
    /// None where it is not recorded.
    pub id: Option<RunId>,
    /// How it began.
    pub start: RunStart,
    /// How it ended.
    pub end: RunEnd,
}

impl Watched {
    /// As the store has it, to the microsecond.
    fn as_kept(id: Option<RunId>, mut start: RunStart, mut end: RunEnd) -> Self {
        let kept = |at: Timestamp| Timestamp::from_microsecond(at.as_microsecond()).unwrap_or(at);
        (start.started, end.finished) = (kept(start.started), kept(end.finished));
        end.took = Duration::from_micros(u64::try_from(end.took.as_micros()).unwrap_or(u64::MAX));
        Self { id, start, end }
    }
}

impl Call {
    /// A live run, now.
    pub fn new(cause: Cause, stop: watch::Receiver<bool>) -> Self {
        let (now, outcomes) = (Timestamp::now(), Vec::new());
        Self { cause, due: None, now, stop, mode: Mode::Live, when: None, outcomes, watcher: None }
    }
}

/// Runs a job now, and records it: before and after.
pub async fn recorded(job: &Job, mut call: Call, history: &StoreHandle) -> Outcome {
    let start = RunStart {
        job: job.name.clone(),
        plugin: job.plugin_name.clone(),
        plugin_digest: Some(job.plugin.digest.to_string()),
        cause: call.cause,
        due: call.due,
        started: call.now,
    };
    let under_way = history.begin_run(start.clone()).await;
    let watcher = call.watcher.take().map(|Watcher { begun, ended }| {
        let _ = begun.send(under_way.id().ok());
        ended
    });
    // A begun run is finished whatever happens, or it would stand as under way until the next start.
    let finished = AssertUnwindSafe(perform(job, call, Some(history))).catch_unwind().await.unwrap_or_else(|_| {
        Finished::without_run(Outcome::Errored {
            message: "the agent panicked in this run (a defect of pgreeve, please report it)".to_owned(),
        })
    });
    let outcome = finished.outcome.clone();
    let (end, memory) = finished.into_end(Timestamp::now());
    let watched = watcher.map(|watcher| (watcher, end.clone()));
    // A record that cannot be written is counted by the store and announced by the agent.
    let recorded = history.finish_run(under_way, end, memory).await;
    if let Some((watcher, end)) = watched {
        let _ = watcher.send(Watched::as_kept(recorded.ok(), start, end));
    }
    outcome
}

/// Runs a job now. Without history the plugin remembers nothing.
pub async fn perform(job: &Job, call: Call, history: Option<&StoreHandle>) -> Finished {
    let memory = match memory(job, history).await {
        Ok(memory) => memory,
        Err(error) => {
            // A plugin that finds its memory empty would take this for its first run.
            let outcome = Outcome::Errored { message: format!("cannot read what the job remembers: {error}") };
            return Finished::without_run(outcome);
        }
    };
    let wanted = match call.when.unwrap_or(job.when) {
        When::Any => None,
        When::Primary => Some(Role::Primary),
        When::Standby => Some(Role::Standby),
    };
    let request = Request {
        cause: call.cause,
        now: call.now,
        settings: job.settings.clone(),
        granted: job.granted.clone(),
        limits: job.limits.clone(),
        stop: Some(call.stop),
        mode: call.mode,
        role: wanted.and_then(|role| Some((job.granted.postgres.first()?.clone(), role))),
        outcomes: call.outcomes,
    };
    run::once(&job.plugin, request, memory).await
}

async fn memory(job: &Job, history: Option<&StoreHandle>) -> Result<Memory, store::StoreError> {
    let uses_memory = job.plugin.imports.iter().any(|import| interface(import) == Some("memory"));
    let Some(history) = history.filter(|_| uses_memory) else { return Ok(Memory::default()) };
    let name = job.name.clone();
    let entries = history.call(move |store| store.memory(&name)).await?;
    Ok(Memory::new(store::Memory::new(entries, Quota::default()), history.clone()))
}
