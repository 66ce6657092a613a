//! The agent's side of acting: what a scheduled run leads to, and what people approved.

use std::sync::Arc;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use tokio::sync::watch;
use tokio::task::JoinHandle;

use super::Agent;
use crate::actions::acting::{Acting, Current, PAUSE_NOTE, paused};
use crate::actions::audit::Event;
use crate::actions::journal::Note;
use crate::config::{Config, Job};
use crate::perform::{Call, Watcher, recorded};
use crate::report::{Cause, Outcome};
use crate::store::{Standing, State, StoreHandle};

/// How often the agent looks for approvals that wait for their time.
pub(super) const LOOK: Duration = Duration::from_secs(5);

/// How long after an approved action could not be carried out it is tried again.
const TRY_AGAIN: Duration = Duration::from_secs(60);

/// A run, recorded before and after, and what it leads to. The outcome is that of the last run made.
/// Without a due time somebody asked for it.
pub(super) async fn run(
    job: Arc<Job>,
    due: Option<Timestamp>,
    watcher: Option<Watcher>,
    acting: Acting,
) -> (Arc<str>, Outcome) {
    let cause = if due.is_some() { Cause::Scheduled } else { Cause::Manual };
    let call = Call { due, watcher, ..Call::new(cause, acting.stop.clone()) };
    let outcome = recorded(&job, call, &acting.history).await;
    let newest = if job.plugin.manifest.told.actions.is_empty() { None } else { acting.follow(&job, &outcome).await };
    (job.name.as_str().into(), newest.unwrap_or(outcome))
}

/// Carries out what was approved.
async fn approved(job: Arc<Job>, id: String, acting: Acting) -> (Arc<str>, Outcome) {
    let outcome = acting.approved(&job, &id).await;
    let nothing = || Outcome::Skipped { message: "the approved action was not carried out".to_owned() };
    (job.name.as_str().into(), outcome.unwrap_or_else(nothing))
}

/// The configuration as acting sees it.
pub(super) fn current(config: &Config) -> Current {
    Current {
        actions: config.actions.clone(),
        jobs: config.jobs.clone(),
        digest: config.digest.to_string(),
        paused: None,
    }
}

/// Ends approvals whose time is over, and finds those that may be carried out; and whether all actions are paused.
pub(super) async fn look(history: StoreHandle, acting: Acting) -> (Vec<Standing>, Option<String>) {
    let now = Timestamp::now();
    // Also what was approved while another configuration was taken.
    let current = Arc::clone(&acting.current.borrow());
    if let Err(error) = acting.withdraw(current).await {
        tracing::debug!(%error, "cannot look for approvals that the configuration has no room for");
    }
    // Where the store could not be opened when the agent started.
    let doubted = history.take_doubted().await.unwrap_or_default();
    acting.doubt(doubted).await;
    let looked = history.call(move |store| {
        let over = store.expire_approvals(now)?;
        Ok((over, store.proposals(None, false)?, store.note(PAUSE_NOTE)?))
    });
    match looked.await {
        Ok((over, standing, pause)) => {
            for standing in &over {
                tracing::warn!(
                    job = standing.job,
                    "{}: the approval of {} is over",
                    standing.job,
                    standing.told.action
                );
                if let Err(error) = acting.write(Note::about("expired", standing)).await {
                    tracing::error!(%error, "the end of an approval is not written down");
                }
            }
            let approved = standing.into_iter().filter(|standing| standing.state == State::Approved).collect();
            (approved, pause.and_then(|note| paused(&note.value, now)))
        }
        Err(error) => {
            // Nothing is begun either, for that could not be recorded.
            tracing::debug!(%error, "cannot look for approvals");
            (Vec::new(), Some("the store cannot be read".to_owned()))
        }
    }
}

impl Agent {
    /// Writes down which configuration is in force, and since when.
    pub(super) fn configured(&self, why: &'static str) {
        let (acting, configuration) = (self.acting.clone(), self.config.digest.to_string());
        tokio::spawn(async move {
            if let Err(error) = acting.record(Event::Configured { configuration, why: why.to_owned() }).await {
                tracing::error!(%error, "the configuration in force is not written down");
            }
        });
    }

    /// Withdraws what the configuration has no room for, before anything else happens to the store; ends when that is done.
    pub(super) fn withdraw(&self) -> JoinHandle<()> {
        let withdrawn = self.acting.withdraw(Arc::clone(&self.current.borrow()));
        tokio::spawn(async move {
            if let Err(error) = withdrawn.await {
                tracing::error!(
                    "approvals of before the reload still stand, and are withdrawn when it can be written down: {error}"
                );
            }
        })
    }

    /// Looks for approvals, unless it does already.
    pub(super) fn look_for_approved(&mut self) {
        if self.looks.is_empty() {
            self.desk.look_begins();
            self.looks.spawn(look(self.history.clone(), self.acting.clone()));
        }
    }

    /// Begins what was approved, one action for each job that is not running.
    pub(super) fn act_on(&mut self, found: (Vec<Standing>, Option<String>)) {
        if self.desk.look_is_old() {
            return;
        }
        let (found, paused) = found;
        self.change_current(|current| current.paused = paused);
        if self.acting.current.borrow().paused.is_some() {
            return;
        }
        let recently = |tried: &Instant| tried.elapsed() < TRY_AGAIN;
        self.tried.retain(|_, tried| recently(tried));
        for standing in found {
            let Some(job) = self.config.jobs.get(&standing.job).map(Arc::clone) else { continue };
            let tried = self.tried.contains_key(&standing.id);
            if tried || self.acting.is_pointless(&job, &standing) || !self.schedule.occupy(&job.name) {
                continue;
            }
            self.tried.insert(standing.id.clone(), Instant::now());
            let name: Arc<str> = job.name.as_str().into();
            let acting = self.acting.for_task();
            let progress = acting.progress.clone();
            let task = self.runs.spawn(approved(job, standing.id, acting)).id();
            self.begun(task, name, Cause::Confirm, progress);
        }
    }

    /// Changes the configuration as acting sees it.
    pub(super) fn change_current(&self, change: impl FnOnce(&mut Current)) {
        self.current.send_modify(|current| change(Arc::make_mut(current)));
    }
}

/// The channel through which acting sees the configuration.
pub(super) fn channel(config: &Config) -> (watch::Sender<Arc<Current>>, watch::Receiver<Arc<Current>>) {
    watch::channel(Arc::new(current(config)))
}
