//! What the agent keeps: runs, findings, samples and plugin memory, in one SQLite file under `state_dir`.
//! A run is recorded whole or not at all; `kill -9` at any moment loses at most the run under way.
//!
//! | file | what it is for |
//! |---|---|
//! | `lock` | one agent for each state directory |
//! | `open`, `schema` | opening, permissions, migrations; refusing what is damaged or newer |
//! | `run`, `record`, `history` | a run as a value, writing it, reading it back |
//! | `findings`, `samples`, `memory`, `notes` | the other tables |
//! | `proposals`, `standing`, `attempts` | what plugins want done, reading that back, and what became of it |
//! | `gaps` | runs that could not be recorded |
//! | `retention` | deleting by age and by size, in small batches |
//! | `handle` | the thread that owns the store on behalf of async code |
//!
//! SQLite runs in WAL mode with `synchronous = NORMAL`: a commit survives the death of the process at once; a power cut may
//! take the last commits with it, never the file's consistency. Other processes may read and write beside the agent.

mod attempts;
mod error;
mod findings;
mod gaps;
mod handle;
mod history;
mod lock;
mod memory;
mod notes;
mod open;
mod proposals;
mod record;
mod retention;
mod row;
mod run;
mod samples;
mod schema;
mod series;
mod standing;
mod state;
#[cfg(test)]
mod tests;

use std::path::PathBuf;

use rusqlite::{Connection, Transaction, TransactionBehavior};

pub use attempts::{Attempt, Pace, Settled, Verdict};
pub use error::StoreError;
pub use findings::StandingFinding;
pub use gaps::Gap;
pub use handle::{StoreHandle, UnderWay};
pub use history::{JobRuns, RunFilter};
pub use lock::{AgentLock, LockError};
pub use memory::{Memory, MemoryChange, Quota, QuotaError};
pub use notes::Note;
pub use proposals::{Change, Decision, Proposed, Standing};
pub use retention::{Pruned, Retention};
pub use run::{Cost, Run, RunEnd, RunId, RunStart};
pub use samples::Sample;
pub use series::{Series, SeriesFilter, Step};
pub use standing::ProposalFilter;
pub use state::State;

/// The open store. Its methods block on the disk: async code goes through [`StoreHandle`].
#[derive(Debug)]
pub struct Store {
    connection: Connection,
    path: PathBuf,
}

impl Store {
    /// Reads; `doing` completes "could not …" in the error.
    fn read<T>(
        &self,
        doing: &'static str,
        work: impl FnOnce(&Connection) -> rusqlite::Result<T>,
    ) -> Result<T, StoreError> {
        work(&self.connection).map_err(|error| StoreError::sql(&self.path, doing, error))
    }

    /// Writes in one transaction: all of `work`, or nothing where it fails.
    /// It begins `IMMEDIATE`, for a transaction that starts as a reader cannot wait for another writer.
    fn write<T>(
        &mut self,
        doing: &'static str,
        work: impl FnOnce(&Transaction<'_>) -> rusqlite::Result<T>,
    ) -> Result<T, StoreError> {
        let attempt = || {
            let transaction = self.connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
            let value = work(&transaction)?;
            transaction.commit()?;
            Ok(value)
        };
        attempt().map_err(|error| StoreError::sql(&self.path, doing, error))
    }
}
