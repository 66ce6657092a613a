//! From a proposal to its proof: the plugin runs again and still proposes the same, the intention is written down, the host acts, and the
//! plugin runs once more. What that run proposes is the next round.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use tokio::sync::watch;

use super::audit::{Entry, Event};
use super::journal::{Note, about, cleared};
use super::perform::{Acting as As, Done, Ended, perform};
use super::policy::{Decision, Situation, decide, pace};
use super::prepare::{self, Prepared};
use super::what::What;
use crate::config::{Actions, Job, Rule};
use crate::contract::pgreeve::plugin::report as contract;
use crate::perform::{Call, recorded};
use crate::report::{Cause, Outcome, Report};
use crate::store::{Standing, State, StoreError, StoreHandle, Verdict};

/// How long to wait before looking again whether an action helped; then [`LAST_LOOK`] each time.
const LOOK_AGAIN: [Duration; 3] = [Duration::from_millis(500), Duration::from_secs(2), Duration::from_secs(5)];
const LAST_LOOK: Duration = Duration::from_secs(10);

/// The name of the store's note on the audit log's last entry: its number, a blank, its hash.
pub const HEAD_NOTE: &str = "audit-head";

/// The policy that allowed an action, where no person did.
pub const POLICY: &str = "policy auto";

/// The configuration in force, which may be replaced at any moment.
#[derive(Clone)]
pub struct Current {
    /// `[actions]`.
    pub actions: Actions,
    /// Jobs by name.
    pub jobs: std::collections::BTreeMap<String, Arc<Job>>,
    /// SHA-256 of agent.toml.
    pub digest: String,
    /// Until when, and why, all actions are paused.
    pub paused: Option<String>,
}

/// What acting needs of the agent.
#[derive(Clone)]
pub struct Acting {
    /// Where proposals and attempts are kept.
    pub history: StoreHandle,
    /// The audit log.
    pub audit: super::audit::AuditHandle,
    /// The configuration in force.
    pub current: watch::Receiver<Arc<Current>>,
    /// Becomes true when the agent ends: nothing is begun any more.
    pub stop: watch::Receiver<bool>,
}

/// Why an action was not carried out now. The proposal says so too, where it stands.
#[derive(Debug, thiserror::Error)]
pub enum NotNow {
    /// By policy, pace or state; or the proposal is gone.
    #[error("{0}")]
    Because(String),
    /// It could not be written down, so it was not done.
    #[error("it cannot be written down, so it is not carried out: {0}")]
    Store(#[from] StoreError),
    /// The same.
    #[error("it cannot be written down, so it is not carried out: {0}")]
    Audit(#[from] super::audit::AuditError),
}

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
                Ok(prepared) => prepared,
                Err(error) => {
                    tracing::error!(
                        job = job.name,
                        "what the plugin proposes is not recorded, so nothing is carried out: {error}"
                    );
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

    /// Whether policy speaks against an approved proposal right now, so that no run need be made for it.
    pub fn is_pointless(&self, job: &Job, standing: &Standing) -> bool {
        let current = self.current.borrow();
        let action = job.plugin.manifest.told.actions.iter().find(|action| action.id == standing.told.action);
        let decision = action.map(|action| {
            decide(Situation {
                actions: &current.actions,
                rule: job.rules.get(&action.id),
                risk: action.risk,
                paused: current.paused.as_deref(),
                state: standing.state,
                failures: standing.failures,
                now: Timestamp::now(),
                tz: &job.plan.tz,
            })
        });
        decision != Some(Decision::Go)
    }

    /// Records what a report proposes, and writes down what is new or gone.
    async fn observe(&self, job: &Job, report: &Report) -> Result<Vec<Prepared>, NotNow> {
        let prepared = prepare::all(job, report);
        let proposed: Vec<_> = prepared.iter().map(|one| one.proposed.clone()).collect();
        let name = job.name.clone();
        let (changes, standing) = self
            .history
            .call(move |store| {
                let changes = store.observe(&name, &proposed, Timestamp::now())?;
                Ok((changes, store.proposals(Some(&name), true)?))
            })
            .await?;
        for change in &changes {
            let Some(standing) = standing.iter().find(|standing| standing.id == change.id) else { continue };
            let (job, action, id) = (&job.name, &standing.told.action, short(&change.id));
            let why = change.why.as_deref().unwrap_or(&standing.told.reason);
            match change.to {
                State::Open => {
                    tracing::warn!(job, "{job}: proposes {action} on {} ({id}): {why}", standing.told.target);
                }
                State::Refused => {
                    tracing::error!(job, "{job}: the proposal {action} ({id}) can never be carried out: {why}");
                }
                to => tracing::info!(job, "{job}: the proposal {action} ({id}) is {}: {why}", to.word()),
            }
            let event = match change.to {
                State::Open => "proposed",
                State::Stale => "stale",
                State::Refused => "refused",
                _ => continue,
            };
            self.write(Note { findings: about(report, &standing.told.clears), ..Note::about(event, standing) }).await?;
        }
        Ok(prepared)
    }

    /// The first of the proposals that the agent may carry out by itself now.
    async fn next_by_itself(&self, job: &Job, prepared: &[Prepared], tried: &HashSet<String>) -> Option<String> {
        for one in prepared.iter().filter(|one| !tried.contains(&one.proposed.id)) {
            let standing = self.standing(&one.proposed.id).await.ok().flatten()?;
            match self.decided(&job.name, one, &standing).await {
                Ok(()) => return Some(standing.id),
                Err(NotNow::Because(why)) if standing.why.as_deref() != Some(&why) && standing.state == State::Open => {
                    let id = standing.id;
                    let _ = self.history.call(move |store| store.remark(&id, &why)).await;
                }
                Err(_) => {}
            }
        }
        None
    }

    async fn standing(&self, id: &str) -> Result<Option<Standing>, StoreError> {
        let id = id.to_owned();
        self.history
            .call(move |store| Ok(store.proposals_called(&id)?.into_iter().find(|standing| standing.id == id)))
            .await
    }

    /// Whether policy lets a proposal be carried out now, by the configuration in force now.
    async fn decided(&self, job: &str, prepared: &Prepared, standing: &Standing) -> Result<(), NotNow> {
        let current = Arc::clone(&self.current.borrow());
        let job = current.jobs.get(job).ok_or_else(|| NotNow::Because("its job is gone".to_owned()))?;
        let rule = job.rules.get(&prepared.proposed.told.action);
        let now = Timestamp::now();
        let decision = decide(Situation {
            actions: &current.actions,
            rule,
            risk: prepared.action.risk,
            paused: current.paused.as_deref(),
            state: standing.state,
            failures: standing.failures,
            now,
            tz: &job.plan.tz,
        });
        let (id, pace) = (standing.id.clone(), pace(&current.actions, rule));
        match decision {
            Decision::Go => self.history.call(move |store| store.pace(&id, pace, now)).await?.map_err(NotNow::Because),
            Decision::Ask(why) | Decision::Wait(why) | Decision::Never(why) => Err(NotNow::Because(why)),
        }
    }

    /// One action from its confirmation to its proof. The outcome of the last run made for it, and why it was not carried out, if it was not.
    async fn carry_out(&self, job: &str, id: &str, approved: Option<()>) -> (Option<Outcome>, Option<NotNow>) {
        let Some(job) = self.current.borrow().jobs.get(job).map(Arc::clone) else { return (None, None) };
        let action = self.standing(id).await.ok().flatten().map(|standing| standing.told.action).unwrap_or_default();
        let when = job.rules.get(&action).and_then(|rule: &Rule| rule.when);
        let call = Call { when, ..Call::new(Cause::Confirm, self.stop.clone()) };
        let outcome = recorded(&job, call, &self.history).await;
        let Outcome::Reported { report } = &outcome else {
            let why = format!("it could not be confirmed: the run {}", outcome.word());
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
            return Err(because("the configuration was replaced meanwhile"));
        }
        let what = prepared.what.clone().ok_or_else(|| because("it can never be carried out"))?;
        let who = standing.who.clone().filter(|_| approved).unwrap_or_else(|| POLICY.to_owned());
        let attempt = self.begin(job, &standing, &prepared, approved, &who).await?;
        let before = about(report, &standing.told.clears);
        let begun = Note { who: Some(who), findings: before, lines: what.lines(), ..Note::about("begun", &standing) };
        if let Err(error) = self.write(begun).await {
            let why = error.to_string();
            self.history
                .call(move |store| store.forgo_attempt(attempt, standing.state, &why, Timestamp::now()))
                .await?;
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
        let verified = self.prove(job, attempt, &standing, &done).await;
        Ok(verified)
    }

    /// Writes the intention: on the disk when this returns.
    async fn begin(
        &self,
        job: &Job,
        standing: &Standing,
        prepared: &Prepared,
        approved: bool,
        who: &str,
    ) -> Result<i64, NotNow> {
        let current = Arc::clone(&self.current.borrow());
        let rule = current.jobs.get(&job.name).and_then(|job| job.rules.get(&prepared.proposed.told.action));
        let (id, who, pace) = (standing.id.clone(), who.to_owned(), pace(&current.actions, rule));
        let begun = self.history.call(move |store| store.begin_attempt(&id, approved, &who, pace, Timestamp::now()));
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

    /// Writes how it ended, has the plugin look, and writes what it saw. What cannot be written now is in doubt at the next start.
    async fn prove(&self, job: &Arc<Job>, attempt: i64, standing: &Standing, done: &Done) -> Option<Outcome> {
        let (word, detail) = (word(done.ended), done.detail.clone());
        let told = detail.clone();
        let ended = self.history.call(move |store| store.end_attempt(attempt, word, &detail, Timestamp::now())).await;
        let note = Note { result: Some(word.to_owned()), detail: Some(told), ..Note::about("ended", standing) };
        let written = self.write(note).await;
        if let Err(error) = ended.map_err(NotNow::from).and(written) {
            tracing::error!(
                job = job.name,
                "how the action {} ended is not recorded ({word}): {error}",
                short(&standing.id)
            );
        }
        let (outcome, verdict) = self.look(job, standing, done).await;
        let (state, why) = settled(done, verdict);
        tracing::warn!(
            job = job.name,
            "{}: {} ({}) is {}: {why}",
            job.name,
            standing.told.action,
            short(&standing.id),
            state.word()
        );
        let after = match &outcome {
            Some(Outcome::Reported { report }) => about(report, &standing.told.clears),
            _ => Vec::new(),
        };
        let result = format!("{word}, {}", verdict.word());
        let note = Note {
            result: Some(result),
            detail: Some(why.clone()),
            findings: after,
            ..Note::about("settled", standing)
        };
        let settled =
            self.history.call(move |store| store.settle_attempt(attempt, verdict, state, &why, Timestamp::now())).await;
        let written = self.write(note).await;
        if let Err(error) = settled.map_err(NotNow::from).and(written) {
            tracing::error!(job = job.name, "what came of the action {} is not recorded: {error}", short(&standing.id));
        }
        outcome
    }

    /// Runs the plugin until the findings are gone or the time for that is over.
    async fn look(&self, job: &Arc<Job>, standing: &Standing, done: &Done) -> (Option<Outcome>, Verdict) {
        let began = Instant::now();
        let within = self.current.borrow().actions.verify_within;
        let mut waits = LOOK_AGAIN.into_iter().chain(std::iter::repeat(LAST_LOOK));
        loop {
            let outcomes = vec![told(standing, done)];
            let call = Call { outcomes, ..Call::new(Cause::Verify, self.stop.clone()) };
            let outcome = recorded(job, call, &self.history).await;
            let verdict = match &outcome {
                Outcome::Reported { report } if cleared(&about(report, &standing.told.clears)) => Verdict::Verified,
                Outcome::Reported { .. } => Verdict::Ineffective,
                _ => Verdict::Unverified,
            };
            // What was not done cannot help later.
            let hopeless = matches!(done.ended, Ended::Failed | Ended::Refused);
            let wait = waits.next().unwrap_or_default();
            if verdict == Verdict::Verified || hopeless || began.elapsed() + wait > within || *self.stop.borrow() {
                return (Some(outcome), verdict);
            }
            let mut stop = self.stop.clone();
            tokio::select! {
                () = tokio::time::sleep(wait) => {}
                _ = stop.wait_for(|stop| *stop) => {}
            }
        }
    }

    /// Writes one thing about a proposal down, on the disk when this returns.
    pub async fn write(&self, note: Note) -> Result<(), NotNow> {
        let digest = self.current.borrow().digest.clone();
        let entry = self.audit.append(note, digest).await?;
        self.keep_head(&entry).await;
        Ok(())
    }

    /// Writes anything else down.
    pub async fn record(&self, event: Event) -> Result<(), NotNow> {
        let entry = self.audit.record(event).await?;
        self.keep_head(&entry).await;
        Ok(())
    }

    /// Keeps the log's head in the store too: a log that was cut off is found by that.
    async fn keep_head(&self, entry: &Entry) {
        let head = format!("{} {}", entry.seq, entry.hash);
        let kept = self.history.call(move |store| store.set_note(HEAD_NOTE, &head, Timestamp::now())).await;
        if let Err(error) = kept {
            tracing::warn!(%error, "the head of the audit log is not kept in the store too");
        }
    }
}

/// The state that a proposal takes, and why.
fn settled(done: &Done, verdict: Verdict) -> (State, String) {
    let seen = match verdict {
        Verdict::Verified => "its findings are gone",
        Verdict::Ineffective => "its findings still stand",
        Verdict::Unverified => "whether its findings are gone could not be seen",
    };
    match (done.ended, verdict) {
        (Ended::Done, Verdict::Verified) => (State::Verified, format!("done, and {seen}")),
        (Ended::Done, _) => (State::Ineffective, format!("done, and {seen}")),
        (ended, Verdict::Verified) => {
            (State::Verified, format!("{}, and {seen}: {}", word(ended), first(&done.detail)))
        }
        (Ended::Uncertain, _) => (State::Uncertain, first(&done.detail)),
        (Ended::Failed | Ended::Refused, _) => (State::Failed, first(&done.detail)),
    }
}

/// What the plugin is told of an action.
fn told(standing: &Standing, done: &Done) -> contract::Outcome {
    contract::Outcome {
        proposal: standing.id.clone(),
        action: standing.told.action.clone(),
        target: standing.told.target.clone(),
        arguments: standing
            .told
            .arguments
            .iter()
            .map(|argument| contract::Argument { name: argument.name.clone(), value: argument.value.clone() })
            .collect(),
        kind: match done.ended {
            Ended::Done => contract::ResultKind::Done,
            Ended::Failed => contract::ResultKind::Failed,
            Ended::Uncertain => contract::ResultKind::Uncertain,
            Ended::Refused => contract::ResultKind::Refused,
        },
        detail: done.detail.clone(),
    }
}

fn word(ended: Ended) -> &'static str {
    match ended {
        Ended::Done => "done",
        Ended::Failed => "failed",
        Ended::Uncertain => "uncertain",
        Ended::Refused => "refused",
    }
}

fn first(detail: &str) -> String {
    detail.lines().next().unwrap_or_default().chars().take(300).collect()
}

/// An id as people see and type it.
pub fn short(id: &str) -> &str {
    id.get(..10).unwrap_or(id)
}
