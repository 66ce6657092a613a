//! What a job that is busy does: a run, or an action that a run led to. So that whoever meets it is told the truth.

use std::sync::{Arc, Mutex, PoisonError};

/// Shared by a task that may act and those who are asked about it.
#[derive(Clone, Debug, Default)]
pub struct Progress(Arc<Mutex<Option<String>>>);

impl Progress {
    /// The action that is under way, from its confirmation to its proof, if one is.
    pub fn action(&self) -> Option<String> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// An action is under way until the answer is dropped.
    #[must_use = "the action is over when this is dropped"]
    pub(super) fn acts(&self, action: &str) -> Acts {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(action.to_owned());
        Acts(self.clone())
    }
}

/// An action under way.
#[derive(Debug)]
pub(super) struct Acts(Progress);

impl Drop for Acts {
    fn drop(&mut self) {
        *self.0.0.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }
}
