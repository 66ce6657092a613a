//! What a configuration has no room for any more: proposals of jobs that are gone, and approvals that nothing can come of. Told at once, for a job
//! that is not there runs no more, and one with another plugin or policy may not run for a day.

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::Timestamp;

use super::acting::{Acting, Current, short};
use super::journal::Note;
use super::policy::NOT_OURS;
use crate::config::{Job, Mode};
use crate::store::{Standing, State, StoreError};

/// Why a proposal does not stand under a configuration, if it does not.
fn why(jobs: &BTreeMap<String, Arc<Job>>, standing: &Standing) -> Option<String> {
    let Some(job) = jobs.get(&standing.job) else { return Some("its job is not in agent.toml any more".to_owned()) };
    if standing.state != State::Approved {
        // The job's next run says how it stands.
        return None;
    }
    if job.plugin.digest.to_string() != standing.plugin_sha256 {
        return Some("the job's plugin is another one now, which has to propose it anew".to_owned());
    }
    let mode = job.rules.get(&standing.told.action).map_or(Mode::default(), |rule| rule.mode);
    matches!(mode, Mode::Deny | Mode::Propose).then(|| format!("{NOT_OURS} {}", mode.word()))
}

impl Acting {
    /// Withdraws what the configuration has no room for. Its place among the store's calls is taken at once: what comes after a reload, be it
    /// another reload that brings the job back, finds nothing approved. The rest is to be awaited.
    pub fn withdraw(&self, current: Arc<Current>) -> impl Future<Output = Result<(), StoreError>> + Send + use<> {
        let withdrawn =
            self.history.call_now(move |store| store.withdraw(|one| why(&current.jobs, one), Timestamp::now()));
        let acting = self.clone();
        async move {
            for standing in withdrawn.await? {
                acting.tell_withdrawn(&standing).await;
            }
            Ok(())
        }
    }

    async fn tell_withdrawn(&self, standing: &Standing) {
        let (job, action, id) = (&standing.job, &standing.told.action, short(&standing.id));
        let why = standing.why.as_deref().unwrap_or_default();
        if standing.state != State::Stale {
            tracing::info!(job, "{job}: the proposal {action} ({id}) is {}: {why}", standing.state.word());
            return;
        }
        tracing::warn!(job, "{job}: {action} on {} ({id}) is not carried out: {why}", standing.told.target);
        if let Err(error) = self.write(Note::about("stale", standing)).await {
            tracing::error!(job, "that the approval of {action} ({id}) ended is not written down: {error}");
        }
    }
}
