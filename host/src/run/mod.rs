//! One run of one plugin: a fresh instance, limits on everything, a time-out around all of it, and an outcome whatever happens.

mod answer;
pub mod recording;

use std::sync::Arc;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use tokio::sync::watch;

use crate::contract::pgreeve::plugin::report as contract;
use crate::grants::Granted;
use crate::grants::kept::Kept;
use crate::grants::log::printable;
use crate::grants::memory::Memory;
use crate::grants::postgres::{Role, Scope};
use crate::grants::transcript::{Mode, Trail};
use crate::guest::{Fault, RunState, contained, store_for};
use crate::limits::Limits;
use crate::plugin::Plugin;
use crate::report::{Cause, Outcome};
use crate::store::{Cost, MemoryChange, RunEnd};

/// What a run is to do.
#[derive(Clone, Debug)]
pub struct Request {
    /// Why it is made.
    pub cause: Cause,
    /// The `now` that the plugin sees.
    pub now: Timestamp,
    /// The job's settings as JSON.
    pub settings: Arc<str>,
    /// What it may reach; names the job too.
    pub granted: Arc<Granted>,
    /// What it may use.
    pub limits: Limits,
    /// Becomes true when the run is to end at once: what it does in databases is cancelled, and it is `interrupted`.
    pub stop: Option<watch::Receiver<bool>>,
    /// The role that the server must have, and the scope to ask; asked anew in each run, over the run's own connection.
    pub role: Option<(Arc<Scope>, Role)>,
    /// Whether its host calls are answered live, recorded too, or answered from a recording.
    pub mode: Mode,
    /// What became of the actions just carried out, where the run is to verify them.
    pub outcomes: Vec<contract::Outcome>,
}

/// What came of a run.
#[derive(Debug)]
pub struct Finished {
    /// How it ended.
    pub outcome: Outcome,
    /// How long it took.
    pub took: Duration,
    /// What it cost the databases.
    pub cost: Cost,
    /// What it wants remembered; empty unless it reported.
    pub memory: Vec<MemoryChange>,
    /// What it asked of the host.
    pub trail: Trail,
    /// Its host calls, where it was recorded.
    pub kept: Kept,
    /// What its clock read, where it imports WASI and looked.
    pub clock: Vec<u64>,
}

impl Finished {
    /// What the store is told of it, and what the plugin wants remembered.
    pub fn into_end(self, finished: Timestamp) -> (RunEnd, Vec<MemoryChange>) {
        let Self { outcome, took, cost, memory, trail, .. } = self;
        (RunEnd { finished, took, outcome, cost, trail }, memory)
    }

    /// A run that ended before its plugin was called.
    pub fn without_run(outcome: Outcome) -> Self {
        Self {
            outcome,
            took: Duration::ZERO,
            cost: Cost::default(),
            memory: Vec::new(),
            trail: Trail::default(),
            kept: Kept::default(),
            clock: Vec::new(),
        }
    }
}

/// Runs a plugin once.
pub async fn once(plugin: &Plugin, request: Request, memory: Memory) -> Finished {
    let began = Instant::now();
    let wall = request.limits.wall;
    let context = context(&request);
    let mut store =
        store_for(plugin.engine(), RunState::new(request.limits, request.granted, memory, request.now, request.mode));
    let call = contained(wall, async {
        if let Some(outcome) = not_here(store.data_mut(), request.role.as_ref()).await {
            return Ok(Err(outcome));
        }
        let instance = plugin.pre().instantiate_async(&mut store).await?;
        instance.call_run(&mut store, &context).await.map(Ok)
    });
    let called = tokio::select! {
        called = call => Some(called),
        () = stopped(request.stop) => None,
    };
    let outcome = match called {
        None => Outcome::Interrupted,
        Some(Ok(Ok(Ok(report)))) => answer::report(report, &plugin.manifest, &store.data().meter.limits),
        Some(Ok(Ok(Err(failure)))) => answer::failure(failure),
        Some(Ok(Err(outcome))) => outcome,
        Some(Err(fault)) => faulted(&fault),
    };
    let mut state = store.into_data();
    let left = state.transcript.left();
    let outcome = match outcome {
        Outcome::Reported { .. } | Outcome::Failed { .. } if left > 0 => {
            Outcome::Faulted { limit: None, message: format!("ended with {left} calls of its recording not made") }
        }
        outcome => outcome,
    };
    let (written, clock, dropped) = state.wasi.finish();
    for line in written.lines().filter_map(|line| state.parts.log.admit(line)) {
        tracing::info!(target: "plugin", job = state.granted.job, "{line}");
    }
    let (trail, kept) = state.transcript.finish();
    let spent = state.parts.postgres.finish().await;
    let cost = Cost {
        queries: spent.queries,
        rows: spent.rows,
        bytes: spent.bytes,
        database_us: u64::try_from(spent.waited.as_micros()).unwrap_or(u64::MAX),
    };
    if state.parts.log.dropped > 0 {
        tracing::warn!(target: "plugin", job = state.granted.job, "{} log lines over the limit were dropped", state.parts.log.dropped);
    }
    if dropped > 0 {
        tracing::warn!(target: "plugin", job = state.granted.job, "{dropped} bytes of output over the limit were dropped");
    }
    let memory = match outcome {
        Outcome::Reported { .. } => state.parts.memory.keys.into_changes(),
        _ => Vec::new(),
    };
    Finished { outcome, took: began.elapsed(), cost, memory, trail, kept, clock }
}

/// Comes back when the run is to end; never, if nobody can say so.
async fn stopped(stop: Option<watch::Receiver<bool>>) {
    let Some(mut stop) = stop else { return std::future::pending().await };
    if stop.wait_for(|stop| *stop).await.is_err() {
        std::future::pending::<()>().await;
    }
}

/// The outcome of a run that is not made because the server has another role than the job wants, or would not tell.
async fn not_here(state: &mut RunState, wanted: Option<&(Arc<Scope>, Role)>) -> Option<Outcome> {
    let (scope, wanted) = wanted?;
    match state.parts.postgres.role(scope, &state.granted.job).await {
        Ok(role) if role == *wanted => None,
        Ok(role) => {
            let message = format!("{:?} is a {}, and `when` asks for a {}", scope.name, role.word(), wanted.word());
            Some(Outcome::Skipped { message })
        }
        Err(error) => {
            let message = format!("cannot ask {:?} whether it is a {}: {error}", scope.name, wanted.word());
            Some(Outcome::Errored { message: printable(&message, 1024) })
        }
    }
}

fn context(request: &Request) -> contract::Context {
    contract::Context {
        job: request.granted.job.clone(),
        now: request.now.as_microsecond(),
        cause: match request.cause {
            Cause::Scheduled => contract::Cause::Scheduled,
            Cause::Manual => contract::Cause::Manual,
            Cause::Confirm => contract::Cause::Confirm,
            Cause::Verify => contract::Cause::Verify,
        },
        settings: request.settings.to_string(),
        grants: request
            .granted
            .names()
            .into_iter()
            .map(|(capability, names)| contract::Grant { capability, names })
            .collect(),
        outcomes: request.outcomes.clone(),
    }
}

/// The outcome of a run whose guest did not answer.
fn faulted(fault: &Fault) -> Outcome {
    let limit = match fault {
        Fault::Limit(broken) => Some(broken.limit.to_owned()),
        Fault::Trap(_) | Fault::Panic(_) | Fault::Diverged(_) => None,
    };
    Outcome::Faulted { limit, message: fault.to_string() }
}
