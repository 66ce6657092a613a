//! One run of one job, as the schedule and `pgreeve check` both make it: the job's memory, its grants, its plugin.

use jiff::Timestamp;
use tokio::sync::watch;

use crate::config::{Job, When};
use crate::grants::memory::Memory;
use crate::grants::postgres::Role;
use crate::grants::transcript::Mode;
use crate::plugin::explain::interface;
use crate::report::{Cause, Outcome};
use crate::run::{self, Finished, Request};
use crate::store::{self, Quota, StoreHandle};

/// Runs a job now. Without history the plugin remembers nothing. The run ends early when `stop` becomes true.
pub async fn perform(
    job: &Job,
    cause: Cause,
    now: Timestamp,
    history: Option<&StoreHandle>,
    stop: watch::Receiver<bool>,
    mode: Mode,
) -> Finished {
    let memory = match memory(job, history).await {
        Ok(memory) => memory,
        Err(error) => {
            // A plugin that finds its memory empty would take this for its first run.
            let outcome = Outcome::Errored { message: format!("cannot read what the job remembers: {error}") };
            return Finished::without_run(outcome);
        }
    };
    let wanted = match job.when {
        When::Any => None,
        When::Primary => Some(Role::Primary),
        When::Standby => Some(Role::Standby),
    };
    let request = Request {
        cause,
        now,
        settings: job.settings.clone(),
        granted: job.granted.clone(),
        limits: job.limits.clone(),
        stop: Some(stop),
        mode,
        role: wanted.and_then(|role| Some((job.granted.postgres.first()?.clone(), role))),
    };
    run::once(&job.plugin, request, memory).await
}

async fn memory(job: &Job, history: Option<&StoreHandle>) -> Result<Memory, store::StoreError> {
    let uses_memory = job.plugin.imports.iter().any(|import| interface(import) == Some("memory"));
    let Some(history) = history.filter(|_| uses_memory) else { return Ok(Memory::default()) };
    let name = job.name.clone();
    let entries = history.call(move |store| store.memory(&name)).await?;
    Ok(Memory { keys: store::Memory::new(entries, Quota::default()), history: Some(history.clone()) })
}
