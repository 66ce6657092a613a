//! The agent's end: the signals that ask for it, and what becomes of the runs under way.

use std::time::Duration;

use tokio::signal::unix::{Signal, SignalKind, signal};

use super::requests::Desk;
use super::{Agent, outcome_of};
use crate::serve::Served;

/// How long runs under way may go on after SIGTERM; what then still goes on is cancelled in the database too.
const GRACE: Duration = Duration::from_secs(10);
/// How long cancelling them may take.
const CANCEL: Duration = Duration::from_secs(5);

/// The signals that end the agent.
pub(super) struct End {
    terminate: Signal,
    interrupt: Signal,
}

impl End {
    pub(super) fn new() -> std::io::Result<Self> {
        Ok(Self { terminate: signal(SignalKind::terminate())?, interrupt: signal(SignalKind::interrupt())? })
    }

    /// Comes back when one of them comes.
    pub(super) async fn comes(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }
}

impl Agent {
    /// Lets runs under way end, then ends them: their statements are cancelled, and they are recorded as interrupted. A second signal ends the
    /// waiting at once, a third the cancelling.
    pub(super) async fn stop(mut self, served: Served, end: &mut End) {
        // Who asks from now on is told that the agent ends; who waits for a run under way has its answer when that ends.
        (self.asks, self.desk) = (crate::serve::ask::channel().1, Desk::default());
        tracing::info!(running = self.runs.len(), "stopping");
        if let Err(why) = self.drained(GRACE, end).await {
            tracing::warn!(running = self.runs.len(), "runs under way are cancelled: {why}");
            self.stop.send_replace(true);
            if let Err(why) = self.drained(CANCEL, end).await {
                tracing::warn!(running = self.runs.len(), "runs under way are given up: {why}");
                self.runs.shutdown().await;
            }
        }
        served.end().await;
        self.history.close().await;
    }

    /// Waits for the end of all runs, and says what they found; or why it waits no more.
    async fn drained(&mut self, time: Duration, end: &mut End) -> Result<(), String> {
        tokio::select! {
            drained = tokio::time::timeout(time, self.drain()) => drained.map_err(|_| format!("{} s are over", time.as_secs())),
            () = end.comes() => Err("told to end once more".to_owned()),
        }
    }

    async fn drain(&mut self) {
        while let Some(ended) = self.runs.join_next_with_id().await {
            let (id, outcome) = outcome_of(ended);
            self.ended(id, &outcome);
        }
    }
}
