//! What can go wrong with the store, each with what to do about it.

use std::io;
use std::path::{Path, PathBuf};

use rusqlite::ErrorCode;

use super::RunId;

/// Why the store could not be opened, read or written.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// The directory or the file could not be made or looked at.
    #[error("could not prepare {} for the store: {source}{}", path.display(), io_advice(source))]
    Directory {
        /// The directory or file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// There is no store yet; only for readers, which make none.
    #[error("there is no store at {}: no agent has run with this state_dir yet", path.display())]
    Absent {
        /// Where it would be.
        path: PathBuf,
    },
    /// The file is not sound. It is never deleted or overwritten.
    #[error(
        "the database {path} is damaged: {detail}. Move it away together with {path}-wal and {path}-shm, and start again: \
         history and plugin memory then begin afresh, configuration is not affected. Look for the cause in the disk first; \
         `sqlite3 {path} .recover` may save what is in the file",
        path = path.display()
    )]
    Damaged {
        /// The database file.
        path: PathBuf,
        /// What SQLite found.
        detail: String,
    },
    /// A sound SQLite database that another program made.
    #[error("{} is an SQLite database, but not one of pgreeve; move it away or choose another state_dir", path.display())]
    Foreign {
        /// The file.
        path: PathBuf,
    },
    /// A later pgreeve wrote it.
    #[error(
        "the database {} has schema version {found}, this pgreeve knows versions up to {known}: \
         use the pgreeve that wrote it or a later one, or choose another state_dir",
        path.display()
    )]
    Newer {
        /// The database file.
        path: PathBuf,
        /// Its version.
        found: i64,
        /// The newest version that this program knows.
        known: i64,
    },
    /// An earlier pgreeve wrote it, and a reader does not migrate.
    #[error(
        "the database {} has schema version {found}, this pgreeve reads version {known}: start its agent once, which migrates it",
        path.display()
    )]
    Older {
        /// The database file.
        path: PathBuf,
        /// Its version.
        found: i64,
        /// The version that this program reads.
        known: i64,
    },
    /// SQLite refused: a full disk, another process that holds the file for too long, missing rights.
    #[error("could not {doing} in {}: {source}{}", path.display(), advice(source))]
    Sql {
        /// What was tried.
        doing: &'static str,
        /// The database file.
        path: PathBuf,
        /// What SQLite said.
        source: rusqlite::Error,
    },
    /// The run to finish is not under way: never begun, or ended already.
    #[error("run {run} is not under way in {}, its end was not recorded", path.display())]
    NotUnderWay {
        /// The run.
        run: RunId,
        /// The database file.
        path: PathBuf,
    },
    /// The store's thread could not be started.
    #[error("could not start the store's thread: {source}")]
    Thread {
        /// What the system said.
        source: io::Error,
    },
    /// The store's thread has ended.
    #[error("the store is closed")]
    Closed,
}

impl StoreError {
    /// The file system is full or failing: no reason to stop checking, see [`StoreHandle::start_without_store`].
    ///
    /// [`StoreHandle::start_without_store`]: super::StoreHandle::start_without_store
    pub fn is_file_system_failure(&self) -> bool {
        match self {
            Self::Directory { source, .. } => is_full(source),
            Self::Sql { source, .. } => {
                matches!(source.sqlite_error_code(), Some(ErrorCode::DiskFull | ErrorCode::SystemIoFailure))
            }
            _ => false,
        }
    }

    /// Tells damage from every other failure, for it asks for another remedy.
    pub(super) fn sql(path: &Path, doing: &'static str, source: rusqlite::Error) -> Self {
        match source.sqlite_error_code() {
            Some(ErrorCode::NotADatabase | ErrorCode::DatabaseCorrupt) => {
                Self::Damaged { path: path.to_owned(), detail: source.to_string() }
            }
            _ => Self::Sql { doing, path: path.to_owned(), source },
        }
    }
}

/// There is no room for what was to be written.
pub(super) fn is_full(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded)
}

/// What to do about a failure of the file system.
pub(super) fn io_advice(error: &io::Error) -> &'static str {
    match error.kind() {
        _ if is_full(error) => "; make room on the file system that holds it",
        io::ErrorKind::PermissionDenied => "; the user that runs pgreeve must own this path",
        _ => "",
    }
}

/// What to do about a failure of SQLite, where the code tells.
fn advice(error: &rusqlite::Error) -> &'static str {
    match error.sqlite_error_code() {
        Some(ErrorCode::DiskFull) => "; make room on the file system that holds it",
        Some(ErrorCode::SystemIoFailure) => "; look at the file system that holds it: full, read-only or failing",
        Some(ErrorCode::DatabaseBusy) => "; another process kept it locked for too long",
        Some(ErrorCode::ReadOnly | ErrorCode::PermissionDenied | ErrorCode::CannotOpen) => {
            "; the user that runs pgreeve must own the file and its directory"
        }
        _ => "",
    }
}
