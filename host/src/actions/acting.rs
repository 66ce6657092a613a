//! What acting needs of the agent, and the two places that all of it is written to: the audit log, and the store that keeps the log's head.

use std::collections::HashSet;
use std::sync::{Arc, Mutex};

use jiff::Timestamp;
use tokio::sync::watch;

use super::audit::{Entry, Event};
use super::journal::Note;
use super::news::News;
use super::progress::Progress;
use crate::config::{Actions, Job};
use crate::store::{Standing, StoreError, StoreHandle};

/// The name of the store's note on the audit log's last entry: its number, a blank, its hash.
pub const HEAD_NOTE: &str = "audit-head";

/// The name of the store's note on a pause: until when (RFC 3339, or `-`), a blank, who and why.
pub const PAUSE_NOTE: &str = "actions-paused";

/// What a pause says, if it holds now.
pub fn paused(note: &str, now: Timestamp) -> Option<String> {
    let (until, why) = note.split_once(' ')?;
    let over = until.parse::<Timestamp>().is_ok_and(|until| until <= now);
    (!over).then(|| match until {
        "-" => format!("all actions are paused by {why}"),
        until => format!("all actions are paused until {until} by {why}"),
    })
}

/// The configuration in force, which may be replaced at any moment.
#[derive(Clone)]
pub struct Current {
    /// `[actions]`.
    pub actions: Actions,
    /// Jobs by name.
    pub jobs: std::collections::BTreeMap<String, Arc<Job>>,
    /// SHA-256 of agent.toml.
    pub digest: String,
    /// Until when, and why, all actions are paused.
    pub paused: Option<String>,
}

/// What acting needs of the agent.
#[derive(Clone)]
pub struct Acting {
    /// Where proposals and attempts are kept.
    pub history: StoreHandle,
    /// The audit log.
    pub audit: super::audit::AuditHandle,
    /// The configuration in force.
    pub current: watch::Receiver<Arc<Current>>,
    /// Becomes true when the agent ends: nothing is begun any more.
    pub stop: watch::Receiver<bool>,
    /// Jobs whose proposals could not be written down the last time: it is said once, for a disk stays full for many runs.
    pub unwritten: Arc<Mutex<HashSet<String>>>,
    /// What is new of each job's proposals within an hour.
    pub news: News,
    /// What the task that has this does.
    pub progress: Progress,
}

/// Why an action was not carried out now. The proposal says so too, where it stands.
#[derive(Debug, thiserror::Error)]
pub enum NotNow {
    /// By policy, pace or state; or the proposal is gone.
    #[error("{0}")]
    Because(String),
    /// It could not be written down, so it was not done.
    #[error("it cannot be written down, so it is not carried out: {0}")]
    Store(#[from] StoreError),
    /// The same.
    #[error("it cannot be written down, so it is not carried out: {0}")]
    Audit(#[from] super::audit::AuditError),
}

impl NotNow {
    /// What failed, without what follows from it.
    pub fn cause(&self) -> String {
        match self {
            Self::Because(why) => why.clone(),
            Self::Store(error) => error.to_string(),
            Self::Audit(error) => error.to_string(),
        }
    }
}

impl Acting {
    /// The same for a task of its own.
    pub fn for_task(&self) -> Self {
        Self { progress: Progress::default(), ..self.clone() }
    }

    /// Writes one thing about a proposal down, on the disk when this returns.
    pub async fn write(&self, note: Note) -> Result<(), NotNow> {
        let digest = self.current.borrow().digest.clone();
        let entry = self.audit.append(note, digest).await?;
        self.keep_head(&entry).await;
        Ok(())
    }

    /// Writes anything else down.
    pub async fn record(&self, event: Event) -> Result<(), NotNow> {
        let entry = self.audit.record(event).await?;
        self.keep_head(&entry).await;
        Ok(())
    }

    /// Keeps the log's head in the store too: a log that was cut off is found by that.
    async fn keep_head(&self, entry: &Entry) {
        let head = format!("{} {}", entry.seq, entry.hash);
        let kept = self.history.call(move |store| store.set_note(HEAD_NOTE, &head, Timestamp::now())).await;
        if let Err(error) = kept {
            tracing::warn!(%error, "the head of the audit log is not kept in the store too");
        }
    }

    pub(super) async fn standing(&self, id: &str) -> Result<Option<Standing>, StoreError> {
        let id = id.to_owned();
        self.history
            .call(move |store| Ok(store.proposals_called(&id)?.into_iter().find(|standing| standing.id == id)))
            .await
    }
}

/// An id as people see and type it.
pub fn short(id: &str) -> &str {
    id.get(..10).unwrap_or(id)
}
