//! Why the audit log cannot be written or read, and what to do.

use std::io;
use std::path::PathBuf;

/// It cannot be written or read. Nothing is carried out while it cannot be written.
#[derive(Debug, thiserror::Error)]
pub enum AuditError {
    /// The system said no.
    #[error("could not {doing} the audit log {}: {source}{}", path.display(), advice(source))]
    Io {
        /// What was tried.
        doing: &'static str,
        /// The log, its directory, or what was torn off it.
        path: PathBuf,
        #[allow(missing_docs)]
        source: io::Error,
    },
    /// Its end is not what pgreeve wrote: nothing can be chained to it.
    #[error(
        "the audit log {} is not as pgreeve wrote it: {why}. `pgreeve audit verify` names the first wrong line; keep the file as it is, \
         find out who changed it, then rename it to audit-DATE.jsonl in the same directory: pgreeve begins a new one",
        path.display()
    )]
    Damaged {
        /// The log.
        path: PathBuf,
        #[allow(missing_docs)]
        why: String,
    },
    /// The entry cannot be made.
    #[error("no entry of the audit log can be made: {0}")]
    Unfit(String),
}

impl AuditError {
    pub(super) fn io(doing: &'static str, path: impl Into<PathBuf>) -> impl FnOnce(io::Error) -> Self {
        let path = path.into();
        move |source| Self::Io { doing, path, source }
    }
}

fn advice(error: &io::Error) -> &'static str {
    match error.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => "; make room on the file system that holds it",
        io::ErrorKind::PermissionDenied => "; the user that runs pgreeve must own it",
        _ => "",
    }
}
