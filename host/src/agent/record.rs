//! What the store is told of due times that got no run, and of the agent's own findings.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;

use crate::config::Job;
use crate::grants::transcript::Trail;
use crate::report::{Cause, Outcome, PAUSED, Status};
use crate::schedule::SkipReason;
use crate::store::{Cost, RunEnd, RunStart, StoreHandle};

/// A due time that got no run.
pub(super) async fn skipped(job: Arc<Job>, due: Timestamp, reason: SkipReason, why: String, history: StoreHandle) {
    let now = Timestamp::now();
    let outcome = Outcome::Skipped { message: format!("due {due}: {why}") };
    let end = RunEnd { finished: now, took: Duration::ZERO, outcome, cost: Cost::default(), trail: Trail::default() };
    // A due time that was missed for good is answered; one that met a run still going or waiting is not, and counts as missed after a crash.
    let answered = matches!(reason, SkipReason::Missed { .. }).then_some(due);
    let _ = history.record_run(start_of(&job, answered, now), end, Vec::new()).await;
}

/// A due time that got no run because the job pauses.
pub(super) async fn paused(job: Arc<Job>, due: Timestamp, until: Option<Timestamp>, history: StoreHandle) {
    let until = until.map_or_else(String::new, |until| format!(" until {until:.0}"));
    let message = format!("due {due}: the job pauses{until} because its plugin faulted again and again");
    let now = Timestamp::now();
    let outcome = Outcome::Skipped { message };
    let end = RunEnd { finished: now, took: Duration::ZERO, outcome, cost: Cost::default(), trail: Trail::default() };
    let _ = history.record_run(start_of(&job, Some(due), now), end, Vec::new()).await;
}

/// Makes the pause of a job one of its standing findings; its next report removes it.
pub(super) async fn raise(job: Arc<str>, history: StoreHandle) {
    let now = Timestamp::now();
    // A store that cannot be written is counted and announced elsewhere.
    let _ = history.call(move |store| store.raise(&job, PAUSED, Status::Unknown, now)).await;
}

fn start_of(job: &Job, due: Option<Timestamp>, started: Timestamp) -> RunStart {
    RunStart {
        job: job.name.clone(),
        plugin: job.plugin_name.clone(),
        plugin_digest: Some(job.plugin.digest.to_string()),
        cause: Cause::Scheduled,
        due,
        started,
    }
}
