//! The `memory` capability: a job's private keys, and the samples of its own metrics. A run works on a copy; what it changed is kept
//! only if it completes.

pub mod wit;

use crate::store::{self, StoreHandle};

/// The part of a run's state that belongs to `memory`.
#[derive(Debug, Default)]
pub struct Memory {
    /// The job's keys as this run sees them.
    pub keys: store::Memory,
    /// Where samples come from; none where no history is kept.
    pub history: Option<StoreHandle>,
}

/// The most samples that one call returns.
pub const MOST_SAMPLES: usize = 10_000;
