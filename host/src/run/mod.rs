//! One run of one plugin: a fresh instance, limits on everything, a time-out around all of it, and an outcome whatever happens.

mod answer;
pub mod limits;
mod state;

use std::future::Future;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_util::FutureExt as _;
use jiff::Timestamp;
use wasmtime::{Engine, Store, UpdateDeadline};

pub use limits::{LimitBroken, Limits};
pub use state::RunState;

use crate::contract::pgreeve::plugin::report as contract;
use crate::grants::Granted;
use crate::grants::memory::Memory;
use crate::grants::postgres::{Role, Scope};
use crate::plugin::Plugin;
use crate::report::{Cause, Outcome};
use crate::store::{Cost, MemoryChange};

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
    /// The role that the server must have, and the scope to ask; asked anew in each run, over the run's own connection.
    pub role: Option<(Arc<Scope>, Role)>,
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
}

/// Runs a plugin once.
pub async fn once(plugin: &Plugin, request: Request, memory: Memory) -> Finished {
    let began = Instant::now();
    let wall = request.limits.wall;
    let context = context(&request);
    let mut store = store_for(plugin.engine(), RunState::new(request.limits, request.granted, memory));
    let called = contained(wall, async {
        if let Some(outcome) = not_here(store.data_mut(), request.role.as_ref()).await {
            return Ok(Err(outcome));
        }
        let instance = plugin.pre().instantiate_async(&mut store).await?;
        instance.call_run(&mut store, &context).await.map(Ok)
    })
    .await;
    let outcome = match called {
        Ok(Ok(Ok(report))) => answer::report(report, &plugin.manifest, &store.data().meter.limits),
        Ok(Ok(Err(failure))) => answer::failure(failure),
        Ok(Err(outcome)) => outcome,
        Err(fault) => fault.into_outcome(),
    };
    let state = store.into_data();
    let spent = state.postgres.finish().await;
    let cost = Cost {
        queries: spent.queries,
        rows: spent.rows,
        bytes: spent.bytes,
        database_us: u64::try_from(spent.waited.as_micros()).unwrap_or(u64::MAX),
    };
    if state.log.dropped > 0 {
        tracing::warn!(target: "plugin", job = state.granted.job, "{} log lines over the limit were dropped", state.log.dropped);
    }
    let memory = match outcome {
        Outcome::Reported { .. } => state.memory.keys.into_changes(),
        _ => Vec::new(),
    };
    Finished { outcome, took: began.elapsed(), cost, memory }
}

/// The outcome of a run that is not made because the server has another role than the job wants, or would not tell.
async fn not_here(state: &mut RunState, wanted: Option<&(Arc<Scope>, Role)>) -> Option<Outcome> {
    let (scope, wanted) = wanted?;
    match state.postgres.role(scope, &state.granted.job).await {
        Ok(role) if role == *wanted => None,
        Ok(role) => {
            let message = format!("{:?} is a {}, and the job runs on a {} alone", scope.name, role.word(), wanted.word());
            Some(Outcome::Skipped { message })
        }
        Err(error) => {
            let message = format!("cannot ask {:?} whether it is a {}: {error}", scope.name, wanted.word());
            Some(Outcome::Errored { message: crate::grants::log::printable(&message, 1024) })
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
            .map(|(capability, names)| contract::Grant { capability: capability.to_owned(), names })
            .collect(),
        outcomes: Vec::new(),
    }
}

/// A store whose guest is looked at every epoch, bounded in memory, handles and what it may pass to the host.
pub fn store_for(engine: &Engine, state: RunState) -> Store<RunState> {
    let call_bytes = usize::try_from(state.meter.limits.call_bytes).unwrap_or(usize::MAX);
    let handles = state.meter.limits.handles as usize;
    let mut store = Store::new(engine, state);
    store.limiter(|state| &mut state.meter);
    store.set_hostcall_fuel(call_bytes);
    store.set_max_component_handles(handles);
    store.set_epoch_deadline(1);
    store.epoch_deadline_callback(|mut store| {
        store.data_mut().meter.tick()?;
        // Yielding lets other runs have the thread, and lets the time-out around the run see its deadline.
        Ok(UpdateDeadline::Yield(1))
    });
    store
}

/// A call into a guest that did not return an answer.
#[derive(Debug, thiserror::Error)]
pub enum Fault {
    /// It broke a limit.
    #[error("{0}")]
    Limit(LimitBroken),
    /// It trapped, or its answer broke the rules of the component model.
    #[error("trapped: {0}")]
    Trap(String),
    /// A host function panicked: a defect of pgreeve.
    #[error("the host panicked in a call of this plugin (a defect of pgreeve, please report it): {0}")]
    Panic(String),
}

impl Fault {
    fn into_outcome(self) -> Outcome {
        let limit = match &self {
            Self::Limit(broken) => Some(broken.limit.to_owned()),
            Self::Trap(_) | Self::Panic(_) => None,
        };
        Outcome::Faulted { limit, message: self.to_string() }
    }
}

/// Awaits a call into a guest: not longer than `wall`, and not letting a panic out.
pub async fn contained<T>(wall: Duration, call: impl Future<Output = wasmtime::Result<T>>) -> Result<T, Fault> {
    match tokio::time::timeout(wall, AssertUnwindSafe(call).catch_unwind()).await {
        Ok(Ok(Ok(answer))) => Ok(answer),
        Ok(Ok(Err(error))) => Err(match error.downcast::<LimitBroken>() {
            Ok(broken) => Fault::Limit(broken),
            Err(error) => {
                // The frames help the plugin's author alone.
                tracing::debug!(target: "plugin", "{error:#}");
                Fault::Trap(crate::grants::log::printable(&error.root_cause().to_string(), 1024))
            }
        }),
        Ok(Err(panic)) => {
            let text = panic.downcast_ref::<&str>().map(ToString::to_string);
            Err(Fault::Panic(text.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_default()))
        }
        Err(_) => Err(Fault::Limit(LimitBroken::new("wall", humantime::format_duration(wall)))),
    }
}
