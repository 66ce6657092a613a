//! From a proposal to its proof: the plugin runs again and still proposes the same, the intention is written down, the host acts, and the
//! plugin runs once more. What that run proposes is the next round.

use std::collections::HashSet;
use std::sync::{Arc, PoisonError};

use jiff::Timestamp;

use super::acting::{Acting, NotNow, PAUSE_NOTE, paused, short};
use super::journal::{Note, about};
use super::perform::{Acting as As, Done, perform};
use super::policy::pace;
use super::prepare::Prepared;
use super::proof::TRY_AGAIN;
use super::what::What;
use crate::config::{Job, Rule};
use crate::perform::{Call, recorded};
use crate::report::{Cause, Outcome, Report};
use crate::store::{Standing, State, Store};

/// The policy that allowed an action, where no person did.
const POLICY: &str = "policy auto";

/// Why an action of a job that a reload took over is not begun.
const REPLACED: &str = "the configuration was replaced meanwhile";

impl Acting {
    /// Takes in what a run proposed, and carries out what policy lets the agent do by itself; then what the run that verified it proposes,
    /// and so on, within bounds. The outcome of the last run that was made, if one was.
    pub async fn follow(&self, job: &Arc<Job>, outcome: &Outcome) -> Option<Outcome> {
        let mut newest: Option<Outcome> = None;
        let mut tried = HashSet::new();
        let rounds = self.current.borrow().actions.max_rounds;
        for _ in 0..rounds {
            let Some(Outcome::Reported { report }) = newest.as_ref().or(Some(outcome)) else { break };
            let prepared = match self.observe(job, report).await {
                Ok(prepared) => {
                    self.is_written(job, None);
                    prepared
                }
                Err(error) => {
                    self.is_written(job, Some(&error));
                    break;
                }
            };
            let next = self.next_by_itself(job, &prepared, &tried).await;
            let Some(id) = next.filter(|_| !*self.stop.borrow()) else { break };
            tried.insert(id.clone());
            match self.carry_out(&job.name, &id, None).await {
                (Some(outcome), _) => newest = Some(outcome),
                (None, _) => break,
            }
        }
        newest
    }

    /// Says that what a job proposes cannot be written down, and that it can be again: each once.
    fn is_written(&self, job: &Job, error: Option<&NotNow>) {
        let mut unwritten = self.unwritten.lock().unwrap_or_else(PoisonError::into_inner);
        match error {
            Some(error) if unwritten.insert(job.name.clone()) => tracing::error!(
                job = job.name,
                "{}: what the plugin proposes is not recorded, so nothing is carried out: {}",
                job.name,
                error.cause()
            ),
            Some(error) => {
                tracing::debug!(job = job.name, "what the plugin proposes is not recorded: {}", error.cause());
            }
            None if unwritten.remove(&job.name) => {
                tracing::info!(job = job.name, "{}: what the plugin proposes is recorded again", job.name);
            }
            None => {}
        }
    }

    /// Carries out what a person approved, and follows what that leads to. The outcome of the last run that was made.
    pub async fn approved(&self, job: &Arc<Job>, id: &str) -> Option<Outcome> {
        let (outcome, _) = self.carry_out(&job.name, id, Some(())).await;
        let outcome = outcome?;
        let followed = self.follow(job, &outcome).await;
        Some(followed.unwrap_or(outcome))
    }

    /// Says of actions that were begun before this start that nobody knows whether they happened.
    pub async fn doubt(&self, doubted: Vec<Standing>) {
        for standing in doubted {
            let next = match standing.repeatable {
                true => "it does no harm twice: if the plugin proposes it again, policy decides as before",
                false => "look whether it happened, then `pgreeve approve` or `pgreeve reject` it",
            };
            let (job, action, id) = (&standing.job, &standing.told.action, short(&standing.id));
            tracing::error!(
                job,
                "{job}: whether {action} ({id}) was carried out is not known, the agent ended meanwhile; {next}"
            );
            if let Err(error) = self.write(Note::about("uncertain", &standing)).await {
                tracing::error!(job, "that the action {id} is in doubt is not written down: {error}");
            }
        }
    }

    /// One action from its confirmation to its proof. The outcome of the last run made for it, and why it was not carried out, if it was not.
    async fn carry_out(&self, job: &str, id: &str, approved: Option<()>) -> (Option<Outcome>, Option<NotNow>) {
        let Some(job) = self.current.borrow().jobs.get(job).map(Arc::clone) else { return (None, None) };
        let action = self.standing(id).await.ok().flatten().map(|standing| standing.told.action).unwrap_or_default();
        let _acts = self.progress.acts(&action);
        let when = job.rules.get(&action).and_then(|rule: &Rule| rule.when);
        let call = Call { when, ..Call::new(Cause::Confirm, self.stop.clone()) };
        let outcome = recorded(&job, call, &self.history).await;
        let Outcome::Reported { report } = &outcome else {
            let why = match &outcome {
                Outcome::Skipped { message } => format!("it waits: {message}"),
                _ => format!("it could not be confirmed: the run {}", outcome.word()),
            };
            self.give_up(&job, id, &why).await;
            return (Some(outcome), Some(NotNow::Because(why)));
        };
        match self.act(&job, id, approved.is_some(), report).await {
            Ok(verified) => (verified.or(Some(outcome)), None),
            Err(why) => {
                self.give_up(&job, id, &why.to_string()).await;
                (Some(outcome), Some(why))
            }
        }
    }

    /// Says why an action is not carried out, in the log and where the proposal stands.
    async fn give_up(&self, job: &Job, id: &str, why: &str) {
        tracing::warn!(job = job.name, "{}: the action {} is not carried out: {why}", job.name, short(id));
        let (id, why) = (id.to_owned(), why.to_owned());
        let _ = self.history.call(move |store| store.remark(&id, &why)).await;
    }

    /// Acts on a proposal that a run has just made again, and has the plugin look at what came of it.
    async fn act(&self, job: &Arc<Job>, id: &str, approved: bool, report: &Report) -> Result<Option<Outcome>, NotNow> {
        let prepared = self.observe(job, report).await?;
        let because = |why: &str| NotNow::Because(why.to_owned());
        let prepared = prepared.into_iter().find(|one| one.proposed.id == id);
        let prepared = prepared.ok_or_else(|| because("the plugin does not propose it any more"))?;
        let standing = self.standing(id).await?.ok_or_else(|| because("it is gone"))?;
        // Also where the run that found it was one of the schedule's: who allowed it is the person, and the approval must hold.
        let approved = approved || standing.state == State::Approved;
        self.decided(&job.name, &prepared, &standing).await?;
        if *self.stop.borrow() {
            return Err(because("the agent ends"));
        }
        // What was prepared is of the configuration that the run was made under: its scopes, endpoints and commands.
        if !self.current.borrow().jobs.get(&job.name).is_some_and(|current| Arc::ptr_eq(current, job)) {
            return Err(because(REPLACED));
        }
        let what = prepared.what.clone().ok_or_else(|| because("it can never be carried out"))?;
        let who = standing.who.clone().filter(|_| approved).unwrap_or_else(|| POLICY.to_owned());
        let attempt = self.begin(job, &standing, &prepared, approved, &who).await?;
        let before = about(report, &standing.told.clears);
        // Where a person approved it, why it stands so is that person's word; otherwise it is about an attempt before this one.
        let detail = standing.why.clone().filter(|_| approved);
        let begun =
            Note { who: Some(who), findings: before, lines: what.lines(), detail, ..Note::about("begun", &standing) };
        if let Err(error) = self.write(begun).await {
            let why = error.to_string();
            self.forgo(attempt, standing, why).await;
            return Err(error);
        }
        tracing::warn!(
            job = job.name,
            "{}: carries out {} on {} ({})",
            job.name,
            standing.told.action,
            standing.told.target,
            short(id)
        );
        let done = self.perform(job, &prepared, &what).await;
        let verified = self.prove(job, attempt, &standing, &done, report).await;
        Ok(verified)
    }

    /// Takes an attempt back of which nothing was sent: now, or as soon as it can be written. Until then it stands as being carried out.
    async fn forgo(&self, attempt: i64, standing: Standing, why: String) {
        let forgone = {
            let (standing, why) = (standing.clone(), why.clone());
            move |store: &mut Store| store.forgo_attempt(attempt, &standing, &why, Timestamp::now())
        };
        let Err(error) = self.history.call(forgone.clone()).await else { return };
        tracing::error!(
            job = standing.job,
            "that the action {} was not carried out is not recorded, and is tried again until it can be: {error}",
            short(&standing.id)
        );
        let acting = self.clone();
        tokio::spawn(async move {
            let mut stop = acting.stop.clone();
            loop {
                tokio::select! {
                    () = tokio::time::sleep(TRY_AGAIN) => {}
                    _ = stop.wait_for(|stop| *stop) => return,
                }
                if acting.history.call(forgone.clone()).await.is_ok() {
                    return;
                }
            }
        });
    }

    /// Writes the intention: on the disk when this returns.
    ///
    /// Whoever paused all actions, or reloaded, was answered when that stood among the store's calls. So both are asked once more among them.
    async fn begin(
        &self,
        job: &Arc<Job>,
        standing: &Standing,
        prepared: &Prepared,
        approved: bool,
        who: &str,
    ) -> Result<i64, NotNow> {
        let current = Arc::clone(&self.current.borrow());
        let rule = current.jobs.get(&job.name).and_then(|job| job.rules.get(&prepared.proposed.told.action));
        let (id, who, pace) = (standing.id.clone(), who.to_owned(), pace(&current.actions, rule));
        let (seen, job) = (self.current.clone(), Arc::clone(job));
        let begun = self.history.call(move |store| {
            let now = Timestamp::now();
            if let Some(paused) = store.note(PAUSE_NOTE)?.and_then(|note| paused(&note.value, now)) {
                return Ok(Err(paused));
            }
            if !seen.borrow().jobs.get(&job.name).is_some_and(|current| Arc::ptr_eq(current, &job)) {
                return Ok(Err(REPLACED.to_owned()));
            }
            store.begin_attempt(&id, approved, &who, pace, now)
        });
        begun.await?.map_err(NotNow::Because)
    }

    async fn perform(&self, job: &Job, prepared: &Prepared, what: &What) -> Done {
        let as_ = As {
            job: job.name.clone(),
            action: prepared.proposed.told.action.clone(),
            proposal: prepared.proposed.id.clone(),
        };
        perform(what, &as_).await
    }
}
