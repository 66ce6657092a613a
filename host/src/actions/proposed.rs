//! What a run proposed: recorded, written down where it is new or gone, and held against the policy in force.

use std::collections::HashSet;
use std::sync::Arc;

use jiff::Timestamp;

use super::acting::{Acting, NotNow, short};
use super::journal::{Note, about, is_unseen};
use super::news;
use super::policy::{Decision, Situation, decide, pace};
use super::prepare::{self, Prepared};
use crate::config::Job;
use crate::report::Report;
use crate::store::{Standing, State};

impl Acting {
    /// Records what a report proposes, and writes down what is new or gone.
    pub(super) async fn observe(&self, job: &Job, report: &Report) -> Result<Vec<Prepared>, NotNow> {
        let prepared = prepare::all(job, report);
        let proposed: Vec<_> = prepared.iter().map(|one| one.proposed.clone()).collect();
        let (name, seen, news) = (job.name.clone(), report.clone(), self.news.clone());
        let observed = self
            .history
            .call(move |store| {
                let bytes = news::bytes(&proposed, &seen, &store.proposals(Some(&name), false)?);
                if let Err(why) = news.take(&name, bytes) {
                    return Ok(Err(why));
                }
                let unseen = |standing: &Standing| is_unseen(&seen, &standing.told.clears);
                let changes = store
                    .observe(&name, &proposed, unseen, Timestamp::now())
                    .inspect_err(|_| news.give_back(&name, bytes))?;
                Ok(Ok((changes, store.proposals(Some(&name), true)?)))
            })
            .await?;
        let (changes, standing) = observed.map_err(NotNow::Because)?;
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
    pub(super) async fn next_by_itself(
        &self,
        job: &Job,
        prepared: &[Prepared],
        tried: &HashSet<String>,
    ) -> Option<String> {
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

    /// Whether policy lets a proposal be carried out now, by the configuration in force now.
    pub(super) async fn decided(&self, job: &str, prepared: &Prepared, standing: &Standing) -> Result<(), NotNow> {
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
            repeatable: prepared.action.repeatable,
            since: standing.changed,
            now,
            tz: &job.plan.tz,
        });
        let (id, job, action) = (standing.id.clone(), job.name.clone(), standing.told.action.clone());
        let pace = pace(&current.actions, rule);
        match decision {
            Decision::Go => self
                .history
                .call(move |store| store.pace(&id, &job, &action, pace, now))
                .await?
                .map_err(NotNow::Because),
            Decision::Ask(why) | Decision::Wait(why) | Decision::Never(why) => Err(NotNow::Because(why)),
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
                repeatable: action.repeatable,
                since: standing.changed,
                now: Timestamp::now(),
                tz: &job.plan.tz,
            })
        });
        decision != Some(Decision::Go)
    }
}
