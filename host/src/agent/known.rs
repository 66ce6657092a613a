//! What the store knows when the agent starts, and starting without it.

use std::collections::HashMap;
use std::sync::Arc;

use jiff::Timestamp;

use super::announce::Standing;
use crate::actions::acting::HEAD_NOTE;
use crate::actions::audit::Head;
use crate::config::Config;
use crate::store::{Standing as Proposal, Store, StoreError, StoreHandle};

/// What the store knows when the agent starts.
#[derive(Default)]
pub(super) struct Known {
    pub(super) standing: HashMap<Arc<str>, Standing>,
    pub(super) last_due: HashMap<String, Timestamp>,
    /// Actions that were begun, and nobody knows whether they happened.
    pub(super) doubted: Vec<Proposal>,
    /// The audit log's last entry.
    pub(super) audited: Option<Head>,
}

/// Opens the store and reads what matters for the start. A disk that is full or broken costs history, not checks; a store that is damaged
/// or of a newer version is refused.
pub(super) fn past(config: &Config, now: Timestamp) -> Result<(StoreHandle, Known), StoreError> {
    let state_dir = &config.agent.state_dir;
    let open = || -> Result<(Store, Known), StoreError> {
        let mut store = Store::open(state_dir)?;
        store.verify()?;
        let interrupted = store.mark_interrupted(now)?;
        if interrupted > 0 {
            tracing::warn!(
                "{interrupted} runs were under way when the agent last ended; they are recorded as interrupted"
            );
        }
        let mut known = Known { doubted: store.doubt_attempts(now)?, ..Known::default() };
        known.audited = store.note(HEAD_NOTE)?.and_then(|note| Head::noted(&note.value));
        for job in config.jobs.values() {
            known.standing.insert(job.name.as_str().into(), Standing::recorded(&job.name, store.findings(&job.name)?));
            known.last_due.extend(store.last_due(&job.name)?.map(|due| (job.name.clone(), due)));
        }
        Ok((store, known))
    };
    match open() {
        Ok((store, known)) => Ok((StoreHandle::start(store)?, known)),
        Err(error) if error.is_file_system_failure() => {
            tracing::error!("history is being lost, checks go on: {error}");
            Ok((StoreHandle::start_without_store(state_dir)?, Known::default()))
        }
        Err(error) => Err(error),
    }
}
