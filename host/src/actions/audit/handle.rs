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
    log: Arc<Mutex<Log>>,
}

#[derive(Debug)]
struct Log {
    open: Option<Audit>,
    /// The last entry that was written, as far as is known: a log that lacks it says so when it is opened.
    known: Head,
}

impl AuditHandle {
    /// The log of a state directory, opened by the first entry; `known` is the last entry that was written, as it was kept elsewhere.
    pub fn new(state_dir: impl Into<PathBuf>, known: Head) -> Self {
        Self { state_dir: state_dir.into().into(), log: Arc::new(Mutex::new(Log { open: None, known })) }
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
        let Self { state_dir, log } = self.clone();
        let done = tokio::task::spawn_blocking(move || {
            let mut log = log.lock().unwrap_or_else(PoisonError::into_inner);
            if log.open.is_none() {
                log.open = Some(opened(&state_dir, &log.known)?);
            }
            let open = log.open.as_mut().ok_or_else(|| AuditError::Unfit("the log is not open".to_owned()))?;
            let done = work(open);
            let head = open.head();
            if let Err(AuditError::Damaged { .. }) = done {
                // The operator may have moved it away by the next time.
                log.open = None;
            } else {
                log.known = head;
            }
            done
        });
        done.await.map_err(|error| AuditError::Unfit(error.to_string()))?
    }
}

/// Opens the log. One that lacks what was written says so from then on.
fn opened(state_dir: &Path, known: &Head) -> Result<Audit, AuditError> {
    let mut audit = Audit::open(state_dir)?;
    if !audit.holds(known)? {
        let broken = Event::Broken { entry: known.seq, expected: known.hash.clone() };
        audit.append(&broken)?;
        tracing::error!(
            "the audit log in {} lacks entry {}, which was written: it was cut off, replaced or moved away. It goes on, and `pgreeve audit verify` \
             says where",
            state_dir.display(),
            known.seq
        );
    }
    Ok(audit)
}
