//! The log for async code: the disk is waited for on threads that may.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use super::{Audit, AuditError, Entry, Event, Head};
use crate::actions::journal::Note;

/// Writes to the audit log; clones write to the same. A log that cannot be opened is tried again with each entry, so that an agent starts on a
/// full disk; until then nothing can be written down, and so nothing is carried out.
#[derive(Clone, Debug)]
pub struct AuditHandle {
    state_dir: Arc<Path>,
    audit: Arc<Mutex<Option<Audit>>>,
}

impl AuditHandle {
    /// The log of a state directory, opened by the first entry.
    pub fn new(state_dir: impl Into<PathBuf>) -> Self {
        Self { state_dir: state_dir.into().into(), audit: Arc::default() }
    }

    /// Appends one entry about an action, on the disk when this returns. It is written whether or not somebody waits for it to the end.
    pub async fn append(&self, note: Note, digest: String) -> Result<Entry, AuditError> {
        let event =
            Event::of(note, digest).map_err(|word| AuditError::Unfit(format!("{word:?} is the word of no event")))?;
        self.record(event).await
    }

    /// Appends one entry about anything.
    pub async fn record(&self, event: Event) -> Result<Entry, AuditError> {
        self.with(move |audit| audit.append(&event)).await
    }

    /// The last entry's number and hash.
    pub async fn head(&self) -> Result<Head, AuditError> {
        self.with(|audit| Ok(audit.head())).await
    }

    async fn with<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Audit) -> Result<T, AuditError> + Send + 'static,
    ) -> Result<T, AuditError> {
        let Self { state_dir, audit } = self.clone();
        let done = tokio::task::spawn_blocking(move || {
            let mut audit = audit.lock().unwrap_or_else(PoisonError::into_inner);
            if audit.is_none() {
                *audit = Some(Audit::open(&state_dir)?);
            }
            let open = audit.as_mut().ok_or_else(|| AuditError::Unfit("the log is not open".to_owned()))?;
            let done = work(open);
            if let Err(AuditError::Damaged { .. }) = done {
                // The operator may have moved it away by the next time.
                *audit = None;
            }
            done
        });
        done.await.map_err(|error| AuditError::Unfit(error.to_string()))?
    }
}
