//! The state of one run: its limits, its grants, and each capability's part. Made for the run, dropped with it, never shared.

use std::sync::Arc;

use jiff::Timestamp;
use wasmtime::component::ResourceTable;

use super::wasi::Wasi;

use crate::grants::transcript::{Mode, Transcript};
use crate::grants::{
    Granted, commands, files::Files, http::Http, log::Log, memory::Memory, objects::Objects, postgres::Postgres, redis,
    system,
};
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
    /// The run's `now`.
    pub now: Timestamp,
    /// For guests that import WASI.
    pub wasi: Wasi,
    /// Each capability's part.
    pub parts: Parts,
}

/// The parts of the state that belong to one capability each.
pub struct Parts {
    /// Sessions with databases.
    pub postgres: Postgres,
    /// Bytes received over HTTP.
    pub http: Http,
    /// Directories opened.
    pub files: Files,
    /// Bytes received from object stores.
    pub objects: Objects,
    /// Connections to Redis servers.
    pub redis: redis::Part,
    /// Bytes received from commands.
    pub commands: commands::Part,
    /// Nothing.
    pub system: system::Host,
    /// The job's keys.
    pub memory: Memory,
    /// Lines logged.
    pub log: Log,
}

impl RunState {
    /// The state of a run that has not begun.
    pub fn new(limits: Limits, granted: Arc<Granted>, memory: Memory, now: Timestamp, mut mode: Mode) -> Self {
        let mut table = ResourceTable::new();
        table.set_max_capacity(limits.handles as usize);
        let parts = Parts {
            postgres: Postgres::new(&limits),
            http: Http::new(limits.bytes),
            files: Files::new(limits.bytes),
            objects: Objects::new(limits.bytes),
            redis: redis::Part::new(&granted.job, limits.bytes),
            commands: commands::Part::new(limits.bytes),
            system: system::Host,
            memory: memory.within(limits.bytes),
            log: Log::new(limits.log),
        };
        let clock = match &mut mode {
            Mode::Replaying { clock, .. } => Some(std::mem::take(clock)),
            Mode::Live | Mode::Recording(_) => None,
        };
        let wasi = Wasi::new(limits.log, clock);
        Self { meter: Meter::new(limits), granted, table, transcript: Transcript::new(mode), now, wasi, parts }
    }

    /// For `describe` and `check-settings`: granted nothing, remembering nothing.
    pub fn bare(limits: Limits) -> Self {
        Self::new(limits, Arc::new(Granted::default()), Memory::default(), Timestamp::UNIX_EPOCH, Mode::Live)
    }
}
