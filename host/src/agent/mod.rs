//! The daemon: wires configuration, schedule, runs and store together. Everything that happens, happens in [`Agent::turn`].

mod acting;
mod announce;
mod breaker;
mod ending;
mod known;
mod record;
mod reload;
mod requests;

use std::collections::{HashMap, HashSet};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;
use tokio::task::{Id, JoinError, JoinSet};

use crate::actions::acting::{Acting, Current};
pub use crate::actions::acting::{PAUSE_NOTE, paused as paused_by};
use crate::actions::audit::{AuditHandle, Head};
use crate::actions::news::News;
use crate::actions::progress::Progress;
use crate::config::Config;
use crate::engine::Room;
use crate::plugin::Loader;
use crate::plugin::source::Digest;
use crate::report::{Cause, Outcome};
use crate::rights::Rules;
use crate::schedule::{Event, LONGEST_SLEEP, Schedule, SkipReason};
use crate::serve::ask::{Asks, NotReloaded};
use crate::serve::{Place, Served};
use crate::store::Standing as Proposal;
use crate::store::{AgentLock, LockError, StoreError, StoreHandle};
use announce::Standing;
use breaker::Breaker;
use ending::End;
use known::{Known, past};
use record::{paused, raise, skipped};
use requests::Desk;

/// How often history is pruned.
const PRUNE: Duration = Duration::from_secs(600);

/// The name of the store's note on the last reload.
pub const RELOAD_NOTE: &str = "reload";

/// The agent cannot start, or cannot go on.
#[derive(Debug, thiserror::Error)]
pub enum AgentError {
    /// Another agent has the state directory.
    #[error(transparent)]
    Lock(#[from] LockError),
    /// The store cannot be opened.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Signals cannot be received.
    #[error("cannot set up signal handling: {0}")]
    Signals(std::io::Error),
}

/// A configuration and what is needed to take another.
pub struct Start {
    /// What to run.
    pub config: Config,
    /// Loads the plugins of a reload.
    pub loader: Arc<Loader>,
    /// What the engine reserved.
    pub room: Room,
}

/// A run that has begun.
struct UnderWay {
    job: Arc<str>,
    since: Timestamp,
    cause: Cause,
    /// What its task does.
    progress: Progress,
}

struct Agent {
    /// When it started.
    since: Timestamp,
    config: Config,
    path: PathBuf,
    loader: Arc<Loader>,
    room: Room,
    history: StoreHandle,
    schedule: Schedule,
    runs: JoinSet<(Arc<str>, Outcome)>,
    names: HashMap<Id, UnderWay>,
    standing: HashMap<Arc<str>, Standing>,
    /// Jobs of which it was said that due times get no run, for what is under way now or waits.
    skipping: HashSet<Arc<str>>,
    breakers: HashMap<Arc<str>, Breaker>,
    /// The reload under way; one at a time, so that the newest file is the last to be read.
    reloads: JoinSet<Result<Config, NotReloaded>>,
    /// Another reload was asked for meanwhile.
    reload_again: bool,
    /// Tells the runs under way to end.
    stop: watch::Sender<bool>,
    /// What runs need to act.
    acting: Acting,
    /// The configuration as acting sees it.
    current: watch::Sender<Arc<Current>>,
    /// The look for approvals under way.
    looks: JoinSet<(Vec<Proposal>, Option<String>)>,
    /// Approved proposals, and when they were last tried.
    tried: HashMap<String, Instant>,
    /// When to look again.
    look: tokio::time::Interval,
    /// What the local API asks.
    asks: Asks,
    /// Who waits for the answers.
    desk: Desk,
    /// Who may do what over the local API.
    rules: watch::Sender<Arc<Rules>>,
}

/// Runs the agent until SIGTERM or SIGINT.
pub async fn run(start: Start) -> Result<(), AgentError> {
    let Start { config, loader, room } = start;
    let _lock = AgentLock::take(&config.agent.state_dir)?;
    let now = Timestamp::now();
    let (history, Known { standing, last_due, doubted, audited }) = past(&config, now)?;
    let plans = config.jobs.values().map(|job| job.plan.clone()).collect();
    let schedule = Schedule::new(config.agent.max_running, plans, |job| last_due.get(job).copied(), now);
    let stop = watch::Sender::new(false);
    let (current, seen) = acting::channel(&config);
    let audit = AuditHandle::new(&config.agent.state_dir, audited.unwrap_or_else(Head::none));
    let acting = Acting {
        history: history.clone(),
        audit,
        current: seen,
        stop: stop.subscribe(),
        unwritten: Arc::default(),
        news: News::default(),
        progress: Progress::default(),
    };
    let (asker, asks) = crate::serve::ask::channel();
    let (rules, rules_seen) = watch::channel(Arc::new(config.api.rules.clone()));
    let mut agent = Agent {
        since: now,
        path: config.path.clone(),
        config,
        loader,
        room,
        history,
        schedule,
        runs: JoinSet::new(),
        names: HashMap::new(),
        standing,
        skipping: HashSet::new(),
        breakers: HashMap::new(),
        reloads: JoinSet::new(),
        reload_again: false,
        stop,
        acting,
        current,
        looks: JoinSet::new(),
        tried: HashMap::new(),
        look: tokio::time::interval(acting::LOOK),
        asks,
        desk: Desk::default(),
        rules,
    };
    agent.configured("start");
    agent.acting.doubt(doubted).await;
    agent.suspect_the_unknown();
    agent.forget_other_plugins();
    tracing::info!(jobs = agent.config.jobs.len(), config = %agent.path.display(), "pgreeve {} is running", env!("CARGO_PKG_VERSION"));
    let served = Served::begin(Place::of(&agent.config), asker, rules_seen);
    let mut end = End::new().map_err(AgentError::Signals)?;
    let mut hangup = signal(SignalKind::hangup()).map_err(AgentError::Signals)?;
    let mut prune = tokio::time::interval(PRUNE);
    let mut loss = agent.history.loss();
    let mut losing = false;
    loop {
        tokio::select! {
            () = agent.turn() => {}
            _ = hangup.recv() => agent.reload(),
            _ = prune.tick() => agent.prune(),
            Ok(()) = loss.changed() => {
                let lost = loss.borrow_and_update();
                match (lost.as_ref(), losing) {
                    (Some(lost), false) => tracing::error!("history is being lost since {}, checks go on: {}", lost.since, lost.error),
                    (None, true) => tracing::info!("history is recorded again; `pgreeve runs` shows the gap"),
                    _ => {}
                }
                losing = lost.is_some();
            }
            () = end.comes() => break,
        }
    }
    agent.stop(served, &mut end).await;
    Ok(())
}

impl Agent {
    /// Starts what is due, then waits for the next thing to happen: a run's end, a reload's end, the next due time. May be dropped
    /// while it waits.
    async fn turn(&mut self) {
        let events = self.schedule.take_due(Timestamp::now());
        self.carry_out(events);
        let wait = self.schedule.next_wake().map_or(LONGEST_SLEEP, |wake| {
            Duration::try_from(wake.duration_since(Timestamp::now())).unwrap_or(Duration::ZERO).min(LONGEST_SLEEP)
        });
        tokio::select! {
            Some(ended) = self.runs.join_next_with_id() => {
                let (id, outcome) = outcome_of(ended);
                if let Some(job) = self.ended(id, &outcome) {
                    let events = self.schedule.finished(&job);
                    self.carry_out(events);
                }
            }
            Some(reloaded) = self.reloads.join_next() => {
                let failed = |error| Err(reload::refused(format!("the reload failed (a defect of pgreeve): {error}")));
                self.take_over(reloaded.unwrap_or_else(failed));
            }
            Some(found) = self.looks.join_next() => {
                if let Ok(found) = found {
                    self.act_on(found);
                }
            }
            _ = self.look.tick() => self.look_for_approved(),
            Some(ask) = self.asks.recv() => self.answer(ask),
            () = tokio::time::sleep(wait) => {}
        }
    }

    /// Remembers what a task is.
    fn begun(&mut self, task: Id, job: Arc<str>, cause: Cause, progress: Progress) {
        self.skipping.remove(&job);
        self.names.insert(task, UnderWay { job, since: Timestamp::now(), cause, progress });
    }

    /// Says that a due time gets no run: of those that meet the same run, action or wait the first alone, for a long action may outlast hundreds.
    /// Each of them is in the history.
    fn say_skipped(&mut self, job: &Arc<str>, due: Timestamp, reason: SkipReason, why: &str) {
        if self.skipping.insert(Arc::clone(job)) || matches!(reason, SkipReason::Missed { .. }) {
            tracing::warn!(job = &**job, "skipped the run due {due}: {why}");
        } else {
            tracing::debug!(job = &**job, "skipped the run due {due}: {why}");
        }
    }

    /// Why a due time gets no run, in words: what is in its way may be an action.
    fn in_the_way(&self, job: &str, reason: SkipReason) -> String {
        let acts = if reason == SkipReason::StillRunning { self.acts(job) } else { None };
        acts.unwrap_or_else(|| reason.to_string())
    }

    /// That a job's action is under way, in words, if one is.
    fn acts(&self, job: &str) -> Option<String> {
        let UnderWay { cause, progress, .. } = self.names.values().find(|run| *run.job == *job)?;
        match (cause, progress.action()) {
            (Cause::Confirm, _) => Some("an approved action of the job is under way".to_owned()),
            (_, Some(action)) => Some(format!("the job's action {action}, which its policy allows, is under way")),
            (_, None) => None,
        }
    }

    /// Says what a run found, if its job is still there; the job that it was of.
    fn ended(&mut self, id: Id, outcome: &Outcome) -> Option<Arc<str>> {
        let UnderWay { job, .. } = self.names.remove(&id)?;
        self.skipping.remove(&job);
        if self.config.jobs.contains_key(&*job) {
            let standing = self.standing.entry(Arc::clone(&job)).or_default();
            standing.announce(&job, outcome);
            match outcome {
                Outcome::Faulted { .. } => self.schedule.suspect(&job, true),
                Outcome::Reported { .. } | Outcome::Failed { .. } => self.schedule.suspect(&job, false),
                Outcome::Errored { .. } | Outcome::Skipped { .. } | Outcome::Interrupted => {}
            }
            let breaker = self.breakers.entry(Arc::clone(&job)).or_default();
            let limit = self.config.agent.faults_before_pause.get();
            if let Some(until) = breaker.after(outcome, limit, Timestamp::now()) {
                standing.pausing(&job, breaker.faults(), until);
                tokio::spawn(raise(Arc::clone(&job), self.history.clone()));
            }
        }
        Some(job)
    }

    fn carry_out(&mut self, events: Vec<Event>) {
        for event in events {
            let (Event::Start { job: name, .. } | Event::StartAsked { job: name } | Event::Skip { job: name, .. }) =
                &event;
            // A reload may have dropped the job since.
            let Some(job) = self.config.jobs.get(&**name).map(Arc::clone) else {
                let events = self.schedule.finished(name);
                self.carry_out(events);
                continue;
            };
            let history = self.history.clone();
            match event {
                Event::Start { job: name, due, .. } if self.pausing(&name).is_some() => {
                    tokio::spawn(paused(job, due, self.pausing(&name), history));
                    let events = self.schedule.finished(&name);
                    self.carry_out(events);
                }
                Event::Start { job: name, due, missed_since } => {
                    if let Some(since) = missed_since {
                        tracing::warn!(
                            job = job.name,
                            "catching up: due since {since}, one run for all that was missed"
                        );
                    }
                    let acting = self.acting.for_task();
                    let progress = acting.progress.clone();
                    let task = self.runs.spawn(acting::run(job, Some(due), None, acting)).id();
                    self.begun(task, name, Cause::Scheduled, progress);
                }
                Event::StartAsked { job: name } => {
                    let acting = self.acting.for_task();
                    let progress = acting.progress.clone();
                    let task = self.runs.spawn(acting::run(job, None, self.desk.watcher(&name), acting)).id();
                    self.begun(task, name, Cause::Manual, progress);
                }
                Event::Skip { job: name, due, reason } => {
                    let why = self.in_the_way(&name, reason);
                    self.say_skipped(&name, due, reason, &why);
                    tokio::spawn(skipped(job, due, reason, why, history));
                }
            }
        }
    }

    fn pausing(&self, job: &str) -> Option<Timestamp> {
        self.breakers.get(job)?.pausing(Timestamp::now())
    }

    /// A job that has never reported leaves a slot to those that have: its plugin may be one that hangs.
    fn suspect_the_unknown(&mut self) {
        let jobs = self.config.jobs.keys();
        for job in jobs.filter(|job| !self.standing.get(job.as_str()).is_some_and(Standing::has_reported)) {
            self.schedule.suspect(job, true);
        }
    }

    fn forget_other_plugins(&self) {
        let digests: Vec<Digest> = self.config.jobs.values().map(|job| job.plugin.digest).collect();
        self.loader.keep_only(&digests);
    }

    fn prune(&self) {
        let (history, retention) = (self.history.clone(), self.config.agent.retention);
        tokio::spawn(async move {
            if let Err(error) = history.prune(retention, Timestamp::now()).await {
                tracing::error!(%error, "old history is not removed");
            }
        });
    }
}

fn outcome_of(ended: Result<(Id, (Arc<str>, Outcome)), JoinError>) -> (Id, Outcome) {
    match ended {
        Ok((id, (_, outcome))) => (id, outcome),
        Err(error) => {
            let message = format!("the run's task failed (a defect of pgreeve): {error}");
            (error.id(), Outcome::Errored { message })
        }
    }
}
