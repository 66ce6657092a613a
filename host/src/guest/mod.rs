//! A guest while it is called: the state of its run, a store with limits on everything, and a call that always comes back.

mod link;
mod state;
pub mod wasi;

use std::future::Future;
use std::panic::AssertUnwindSafe;
use std::time::Duration;

use futures_util::FutureExt as _;
use wasmtime::{Engine, Store, UpdateDeadline};

pub use link::link;
pub use state::{Parts, RunState};

use crate::grants::log::printable;
use crate::grants::transcript::Diverged;
use crate::limits::LimitBroken;

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
    /// Replayed, it asked something else than it was recorded asking.
    #[error("{0}")]
    Diverged(Diverged),
    /// It trapped, or its answer broke the rules of the component model.
    #[error("trapped: {0}")]
    Trap(String),
    /// A host function panicked: a defect of pgreeve.
    #[error("the host panicked in a call of this plugin (a defect of pgreeve, please report it): {0}")]
    Panic(String),
}

/// Awaits a call into a guest: not longer than `wall`, and not letting a panic out.
pub async fn contained<T>(wall: Duration, call: impl Future<Output = wasmtime::Result<T>>) -> Result<T, Fault> {
    match tokio::time::timeout(wall, AssertUnwindSafe(call).catch_unwind()).await {
        Ok(Ok(Ok(answer))) => Ok(answer),
        Ok(Ok(Err(error))) => Err(fault(error)),
        Ok(Err(panic)) => {
            let text = panic.downcast_ref::<&str>().map(ToString::to_string);
            Err(Fault::Panic(text.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_default()))
        }
        Err(_) => Err(Fault::Limit(LimitBroken::new("wall", humantime::format_duration(wall)))),
    }
}

/// Limits whose errors have no type in wasmtime: a piece of the message, the limit's key, what it allows.
const NAMELESS: [(&str, &str, &str); 6] = [
    ("fuel allocated for hostcalls", "call_bytes", "bytes that one host call may carry from the guest"),
    ("instance count too high", "instances", "core instances of one guest"),
    ("memory count too high", "memories", "linear memories of one guest"),
    ("table count too high", "tables", "tables of one guest"),
    ("store handle limit exceeded", "handles", "handles open at a time"),
    ("resource table has no free keys", "handles", "handles open at a time"),
];

fn fault(error: wasmtime::Error) -> Fault {
    let error = match error.downcast::<LimitBroken>() {
        Ok(broken) => return Fault::Limit(broken),
        Err(error) => error,
    };
    let error = match error.downcast::<Diverged>() {
        Ok(diverged) => return Fault::Diverged(diverged),
        Err(error) => error,
    };
    // The frames help the plugin's author alone.
    tracing::debug!(target: "plugin", "{error:#}");
    let cause = error.root_cause().to_string();
    match NAMELESS.iter().find(|(text, ..)| cause.contains(text)) {
        Some((_, limit, allowed)) => Fault::Limit(LimitBroken::new(limit, allowed)),
        None => Fault::Trap(printable(&cause, 1024)),
    }
}
