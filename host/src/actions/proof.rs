//! What came of an action: how it ended is written down, the plugin looks whether the findings are gone, and that is written down too.

use std::sync::Arc;
use std::time::{Duration, Instant};

use jiff::Timestamp;

use super::acting::{Acting, NotNow, short};
use super::journal::{Note, Seen, about, seen};
use super::perform::{Done, Ended};
use crate::config::Job;
use crate::contract::pgreeve::plugin::report as contract;
use crate::perform::{Call, recorded};
use crate::report::{Cause, Outcome, Report};
use crate::store::{Settled, Standing, State, Verdict};

/// How long to wait before looking again whether an action helped; then [`LAST_LOOK`] each time.
const LOOK_AGAIN: [Duration; 3] = [Duration::from_millis(500), Duration::from_secs(2), Duration::from_secs(5)];
const LAST_LOOK: Duration = Duration::from_secs(10);

/// How long after it could not be written what came of an action that is tried again.
pub(super) const TRY_AGAIN: Duration = Duration::from_secs(5);

/// What is to be written of an action when all is over.
struct Settling {
    attempt: i64,
    result: &'static str,
    detail: String,
    verdict: Verdict,
    state: State,
    why: String,
    note: Note,
}

impl Acting {
    /// Writes how it ended, has the plugin look, and writes what it saw; `before` is what it saw last. What cannot be written then is
    /// written later; where the agent ends before, it is in doubt at the next start.
    pub(super) async fn prove(
        &self,
        job: &Arc<Job>,
        attempt: i64,
        standing: &Standing,
        done: &Done,
        before: &Report,
    ) -> Option<Outcome> {
        let (word, detail) = (word(done.ended), done.detail.clone());
        let told = detail.clone();
        let ended = self.history.call(move |store| store.end_attempt(attempt, word, &told, Timestamp::now())).await;
        let note =
            Note { result: Some(word.to_owned()), detail: Some(detail.clone()), ..Note::about("ended", standing) };
        let written = self.write(note).await;
        if let Err(error) = ended.map_err(NotNow::from).and(written) {
            tracing::error!(
                job = job.name,
                "how the action {} ended is not recorded ({word}): {error}",
                short(&standing.id)
            );
        }
        let (outcome, verdict) = self.look(job, standing, done, before).await;
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
        let settling = Settling { attempt, result: word, detail, verdict, state, why, note };
        if let Err(error) = self.settle(&settling).await {
            tracing::error!(
                job = job.name,
                "what came of the action {} is not recorded, and is tried again until it can be: {error}",
                short(&standing.id)
            );
            let (acting, id) = (self.clone(), standing.id.clone());
            tokio::spawn(async move { acting.settle_later(&settling, &id).await });
        }
        outcome
    }

    /// Writes what came of it to the store and to the log.
    async fn settle(&self, settling: &Settling) -> Result<(), NotNow> {
        let Settling { attempt, result, verdict, state, .. } = *settling;
        let (detail, why) = (settling.detail.clone(), settling.why.clone());
        let settled = Settled { result, detail, verdict, state, why };
        self.history.call(move |store| store.settle_attempt(attempt, &settled, Timestamp::now())).await?;
        self.write(settling.note.clone()).await
    }

    /// The same as soon as it can be, or until the agent ends: the proposal is `acting` for so long, and does not stay so.
    async fn settle_later(&self, settling: &Settling, id: &str) {
        let mut stop = self.stop.clone();
        loop {
            tokio::select! {
                () = tokio::time::sleep(TRY_AGAIN) => {}
                _ = stop.wait_for(|stop| *stop) => return,
            }
            if self.settle(settling).await.is_ok() {
                tracing::warn!("what came of the action {} is recorded now", short(id));
                return;
            }
        }
    }

    /// Runs the plugin until the findings are gone or the time for that is over.
    async fn look(
        &self,
        job: &Arc<Job>,
        standing: &Standing,
        done: &Done,
        before: &Report,
    ) -> (Option<Outcome>, Verdict) {
        let began = Instant::now();
        let within = self.current.borrow().actions.verify_within;
        let mut waits = LOOK_AGAIN.into_iter().chain(std::iter::repeat(LAST_LOOK));
        loop {
            let outcomes = vec![told(standing, done)];
            let call = Call { outcomes, ..Call::new(Cause::Verify, self.stop.clone()) };
            let outcome = recorded(job, call, &self.history).await;
            let verdict = match &outcome {
                Outcome::Reported { report } => match seen(before, report, &standing.told.clears) {
                    Seen::Gone => Verdict::Verified,
                    Seen::There => Verdict::Ineffective,
                    Seen::Unseen => Verdict::Unverified,
                },
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
