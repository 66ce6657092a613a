//! What the local API asks of the agent. Nothing here waits: what takes time is spawned, and answers by itself.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use jiff::Timestamp;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use super::{Agent, PAUSE_NOTE, RELOAD_NOTE};
use crate::actions::acting::Acting;
use crate::actions::audit::Event;
use crate::actions::journal::Note;
use crate::config::{Job, Mode};
use crate::perform::Watcher;
use crate::rights::Who;
use crate::schedule::NotNow as NotRun;
use crate::serve::ask::{
    Ask, Asked, CannotRun, InForce, JobNow, LastReload, Losing, NotDecided, NotReloaded, Now, Paused, Reloaded, Reply,
    Running, Waiting, Which,
};
use crate::serve::view;
use crate::store::{Decision, Standing};

/// Who waits for what, and what the API alone wants to know.
#[derive(Default)]
pub(super) struct Desk {
    /// Those who wait for a run that was asked for and has not begun.
    watchers: HashMap<Arc<str>, Watcher>,
    /// Those who wait for the reload under way, and for the one after it.
    reloading: Vec<Reply<Result<Reloaded, NotReloaded>>>,
    reloading_next: Vec<Reply<Result<Reloaded, NotReloaded>>>,
    last_reload: Option<LastReload>,
    /// How often a pause or its end was written down, and how often before the look for approvals under way began: what that look saw of it is
    /// old where they differ.
    pauses: Arc<AtomicU64>,
    pauses_before_look: u64,
}

impl Desk {
    /// Who waits for this job's run, which begins now.
    pub(super) fn watcher(&mut self, job: &str) -> Option<Watcher> {
        self.watchers.remove(job)
    }

    /// The look for approvals begins.
    pub(super) fn look_begins(&mut self) {
        self.pauses_before_look = self.pauses.load(Ordering::SeqCst);
    }

    /// Whether what that look saw of a pause is old.
    pub(super) fn look_is_old(&self) -> bool {
        self.pauses_before_look != self.pauses.load(Ordering::SeqCst)
    }

    /// Another reload begins.
    pub(super) fn reload_begins(&mut self) {
        let waiting = std::mem::take(&mut self.reloading_next);
        self.reloading.extend(waiting);
    }
}

impl Agent {
    /// Answers, or sees to it that it is answered.
    pub(super) fn answer(&mut self, ask: Ask) {
        // Who asked may have gone away.
        match ask {
            Ask::Now(reply) => drop(reply.send(self.now())),
            Ask::Jobs(which, reply) => drop(reply.send(self.jobs_now(&which))),
            Ask::Run { job, who, reply } => drop(reply.send(self.run_now(&job, &who))),
            Ask::Reload { who, reply } => {
                tracing::info!("a reload, asked for by {who}");
                let waiting =
                    if self.reloads.is_empty() { &mut self.desk.reloading } else { &mut self.desk.reloading_next };
                waiting.push(reply);
                self.reload();
            }
            Ask::Decide { id, approve, why, who, reply } => {
                let valid = self.config.actions.approval_valid;
                let until = Timestamp::now().checked_add(valid).unwrap_or(Timestamp::MAX);
                let decision = match approve {
                    true => Decision::Approve { who: who.to_string(), why, until },
                    false => Decision::Reject { who: who.to_string(), why },
                };
                let (acting, jobs) = (self.acting.clone(), self.config.jobs.clone());
                tokio::spawn(async move { drop(reply.send(decide(&acting, &jobs, id, decision).await)) });
                // It is looked for as soon as it can have been written.
                self.look.reset_after(std::time::Duration::from_millis(200));
            }
            Ask::Policies(reply) => drop(reply.send(self.policies())),
            Ask::Pause { until, why, who, reply } => {
                let until = until.map(|until| until.to_string());
                let note = format!("{} {who}: {why}", until.as_deref().unwrap_or("-"));
                self.set_pause(note, Event::Paused { who: who.to_string(), until, why }, reply);
            }
            Ask::Resume { why, who, reply } => {
                // A pause that is over is none: its end stands where its beginning stood.
                let note = format!("{} {who}: {why}", Timestamp::now());
                self.set_pause(note, Event::Resumed { who: who.to_string(), why: Some(why) }, reply);
            }
        }
    }

    fn now(&self) -> Now {
        let now = Timestamp::now();
        let mut running: Vec<Running> = self
            .names
            .values()
            .map(|run| Running { job: run.job.to_string(), since: run.since, cause: run.cause })
            .collect();
        running.sort_by_key(|run| run.since);
        let paused = self.breakers.iter().filter_map(|(job, breaker)| {
            Some(Paused { job: job.to_string(), until: breaker.pausing(now)?, faults: breaker.faults() })
        });
        let mut paused: Vec<Paused> = paused.collect();
        paused.sort_by(|one, other| one.job.cmp(&other.job));
        let losing = self.history.loss().borrow().as_ref().map(|gap| Losing {
            since: gap.since,
            runs: gap.runs,
            error: gap.error.clone(),
        });
        Now {
            version: env!("CARGO_PKG_VERSION"),
            pid: std::process::id(),
            since: self.since,
            config: InForce::of(&self.config),
            max_running: self.config.agent.max_running.get(),
            running,
            waiting: self.schedule.waiting_jobs().map(|(job, due)| Waiting { job: job.to_owned(), due }).collect(),
            paused,
            actions_paused: self.current.borrow().paused.clone(),
            losing,
            last_reload: self.desk.last_reload.clone(),
        }
    }

    fn jobs_now(&self, which: &Which) -> Vec<JobNow> {
        match which {
            Which::One(name) => self.config.jobs.get(name).map(|job| self.job_now(job)).into_iter().collect(),
            Which::Page(after, limit) => {
                use std::ops::Bound::{Excluded, Unbounded};
                let page = self.config.jobs.range::<str, _>((Excluded(after.as_str()), Unbounded));
                page.take(*limit).map(|(_, job)| self.job_now(job)).collect()
            }
        }
    }

    fn job_now(&self, job: &Job) -> JobNow {
        let running = self.names.values().any(|run| *run.job == *job.name);
        let waits = || self.schedule.waits(&job.name);
        JobNow {
            job: job.name.clone(),
            plugin: job.plugin_name.clone(),
            schedule: job.plan.cron.to_string(),
            state: if running {
                "running"
            } else if waits() {
                "waiting"
            } else {
                "idle"
            },
            paused_until: self.pausing(&job.name),
            next_run: self.schedule.upcoming(&job.name).map(|planned| planned.start),
        }
    }

    /// A run now, also of a job that pauses: somebody wants to see whether it works again.
    fn run_now(&mut self, job: &str, who: &Who) -> Result<Asked, CannotRun> {
        if !self.config.jobs.contains_key(job) {
            return Err(CannotRun::Unknown);
        }
        let asked = self.schedule.ask(job, Timestamp::now());
        let events = asked.map_err(|why| {
            let acts = self.acts(job).filter(|_| why == NotRun::Running);
            CannotRun::Already(acts.unwrap_or_else(|| why.to_string()))
        })?;
        let ((begun, begins), (ended, ends)) = (oneshot::channel(), oneshot::channel());
        self.desk.watchers.insert(job.into(), Watcher { begun, ended });
        tracing::info!(job, "{job}: a run now, asked for by {who}");
        self.carry_out(events);
        Ok(Asked { started: !self.desk.watchers.contains_key(job), begun: begins, ended: ends })
    }

    fn policies(&self) -> serde_json::Value {
        view::policies(&self.config, self.current.borrow().paused.as_deref())
    }

    /// Pauses or resumes all actions: written down, then in force at once.
    fn set_pause(&self, note: String, event: Event, reply: Reply<Result<(), String>>) {
        let (acting, current, pauses) = (self.acting.clone(), self.current.clone(), Arc::clone(&self.desk.pauses));
        tokio::spawn(async move {
            let (now, word) = (Timestamp::now(), event.word());
            let pause = super::paused_by(&note, now);
            let who = note.split_once(' ').map_or("", |(_, who)| who);
            tracing::warn!("{}", pause.clone().unwrap_or_else(|| format!("actions may begin again, by {who}")));
            let stored = acting.history.call(move |store| store.set_note(PAUSE_NOTE, &note, now)).await;
            let written = match stored {
                Ok(()) => {
                    pauses.fetch_add(1, Ordering::SeqCst);
                    current.send_modify(|there| Arc::make_mut(there).paused = pause);
                    // Its head is noted in the store too: a log that lacks this entry at its end is found to be cut off.
                    let recorded = acting.record(event).await;
                    recorded.map_err(|error| {
                        format!("actions are {word}, and that is not in the audit log: {}", error.cause())
                    })
                }
                Err(error) => Err(format!("actions are not {word}, for it cannot be written down: {error}")),
            };
            if let Err(error) = &written {
                tracing::error!("{error}");
            }
            drop(reply.send(written));
        });
    }

    /// Tells those who wait for the reload, and keeps what there is to say of it. They are told when no action can begin any more by what was in
    /// force before: what begins asks the store behind `withdrawn`.
    pub(super) fn reload_ended(&mut self, taken: &Result<String, NotReloaded>, withdrawn: Option<JoinHandle<()>>) {
        let at = Timestamp::now();
        let answer = match taken {
            Ok(_) => Ok(Reloaded { config: InForce::of(&self.config) }),
            Err(refused) => Err(refused.clone()),
        };
        let waiting = std::mem::take(&mut self.desk.reloading);
        tokio::spawn(async move {
            if let Some(withdrawn) = withdrawn {
                // One that panicked is over too.
                let _ = withdrawn.await;
            }
            for reply in waiting {
                drop(reply.send(answer.clone()));
            }
        });
        // What waits for a slot no more, nobody need wait for.
        let schedule = &self.schedule;
        self.desk.watchers.retain(|job, _| schedule.waits(job));
        let note = match taken {
            Ok(note) => note.clone(),
            Err(refused) => format!("refused: {}", refused.message),
        };
        self.desk.last_reload = Some(LastReload { at, taken: taken.is_ok(), message: note.clone() });
        let history = self.history.clone();
        tokio::spawn(async move {
            if let Err(error) = history.call(move |store| store.set_note(RELOAD_NOTE, &note, at)).await {
                tracing::error!(%error, "the reload's outcome is not noted");
            }
        });
    }
}

/// Writes a decision down. A refusal stands in the store first, for it must hold whatever happens to the log; an approval in the audit log first,
/// for nothing is to be carried out of which nobody can read who approved it.
async fn decide(
    acting: &Acting,
    jobs: &std::collections::BTreeMap<String, Arc<Job>>,
    id: String,
    decision: Decision,
) -> Result<Standing, NotDecided> {
    let failed = |error: String| NotDecided::Failed(error);
    let Decision::Approve { who, why, .. } = decision.clone() else {
        let refused = stored(acting, id, decision, None).await?;
        tell(&refused, "rejected", refused.who.as_deref(), refused.why.as_deref());
        return match acting.write(Note::about("rejected", &refused)).await {
            Ok(()) => Ok(refused),
            Err(error) => Err(failed(format!("it is rejected, and that is not in the audit log: {}", error.cause()))),
        };
    };
    let (called, asked) = (id.clone(), decision.clone());
    let found = acting.history.call(move |store| store.decidable(&called, &asked, Timestamp::now())).await;
    let seen = found.map_err(|error| failed(error.to_string()))?.map_err(NotDecided::State)?;
    may_be_approved(jobs, &seen).map_err(NotDecided::State)?;
    let note = Note { who: Some(who.clone()), detail: why.clone(), ..Note::about("approved", &seen) };
    acting.write(note.clone()).await.map_err(|error| {
        failed(format!("it is not approved, for that cannot be written to the audit log: {}", error.cause()))
    })?;
    let stored = stored(acting, id, decision, Some(seen.clone())).await;
    match &stored {
        Ok(approved) => tell(approved, "approved", Some(&who), why.as_deref()),
        Err(NotDecided::State(error) | NotDecided::Failed(error)) => {
            let detail = Some(format!("the approval by {who} was not taken: {error}"));
            // That it was approved stands in the log; nothing comes of it either way.
            let _ = acting.write(Note { event: "stale", detail, ..note }).await;
        }
    }
    stored
}

/// Takes a decision in, of the proposal as it was `seen` where that is given.
async fn stored(
    acting: &Acting,
    id: String,
    decision: Decision,
    seen: Option<Standing>,
) -> Result<Standing, NotDecided> {
    let decided = acting.history.call(move |store| {
        let now = Timestamp::now();
        if let Some(seen) = seen {
            let same = |is: &Standing| is.lines == seen.lines && is.address == seen.address;
            match store.decidable(&id, &decision, now)? {
                Ok(is) if !same(&is) => {
                    return Ok(Err("what would be done has changed this moment: look again".into()));
                }
                _ => {}
            }
        }
        store.decide(&id, &decision, now)
    });
    decided.await.map_err(|error| NotDecided::Failed(error.to_string()))?.map_err(NotDecided::State)
}

/// Says in the log what somebody decided.
fn tell(standing: &Standing, event: &str, who: Option<&str>, why: Option<&str>) {
    let (job, action, target) = (&standing.job, &standing.told.action, &standing.told.target);
    let (who, why) = (who.unwrap_or_default(), why.unwrap_or("no reason given"));
    tracing::warn!(job, "{job}: {action} on {target} is {event} by {who}: {why}");
}

/// Whether an approval could lead to anything: not where the policy leaves the action to people.
fn may_be_approved(jobs: &std::collections::BTreeMap<String, Arc<Job>>, standing: &Standing) -> Result<(), String> {
    let (job, action) = (&standing.job, &standing.told.action);
    let Some(configured) = jobs.get(job) else { return Err(format!("its job {job} is not in agent.toml any more")) };
    let mode = configured.rules.get(action).map_or(Mode::default(), |rule| rule.mode);
    match mode {
        Mode::Approve | Mode::Auto => Ok(()),
        Mode::Deny | Mode::Propose => Err(format!(
            "the policy of {action} is {}: pgreeve does not carry it out; write actions = {{ {action} = \"approve\" }} in [job.{job}] and reload, or do it by hand",
            mode.word()
        )),
    }
}
