//! The state of one run: its limits, its grants, and each capability's part. Made for the run, dropped with it, never shared.

use std::sync::Arc;

use wasmtime::component::ResourceTable;

use crate::grants::transcript::{Mode, Transcript};
use crate::grants::{Granted, log::Log, memory::Memory, postgres::Postgres};
use crate::limits::{Limits, Meter};

/// What belongs to a run.
pub struct RunState {
    /// Limits and what was used of them.
    pub meter: Meter,
    /// What the job was granted: looked up there and nowhere else.
    pub granted: Arc<Granted>,
    /// Handles that the guest holds.
    pub table: ResourceTable,
    /// The run's host calls.
    pub transcript: Transcript,
    /// Each capability's part.
    pub parts: Parts,
}

/// The parts of the state that belong to one capability each.
pub struct Parts {
    /// Sessions with databases.
    pub postgres: Postgres,
    /// The job's keys.
    pub memory: Memory,
    /// Lines logged.
    pub log: Log,
}

impl RunState {
    /// The state of a run that has not begun.
    pub fn new(limits: Limits, granted: Arc<Granted>, memory: Memory, mode: Mode) -> Self {
        let mut table = ResourceTable::new();
        table.set_max_capacity(limits.handles as usize);
        let parts = Parts { postgres: Postgres::new(&limits), memory, log: Log::new(limits.log) };
        Self { meter: Meter::new(limits), granted, table, transcript: Transcript::new(mode), parts }
    }

    /// For `describe` and `check-settings`: granted nothing, remembering nothing.
    pub fn bare(limits: Limits) -> Self {
        Self::new(limits, Arc::new(Granted::default()), Memory::default(), Mode::Live)
    }
}
