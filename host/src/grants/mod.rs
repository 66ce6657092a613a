//! What a job may reach: named grants, default deny, looked up in this file and nowhere else.
//!
//! One folder per capability, the same file names in each: `mod.rs` (the part of a run's state that belongs to it), `wit.rs` (its side of the
//! contract: counts the call, looks up the grant here, calls the client), and the client. A new capability is one folder and one line
//! in [`OFFERED`], in `guest/link.rs` and in `guest::Parts`, a section in `config/`.

pub mod log;
pub mod memory;
pub mod postgres;

use std::marker::PhantomData;
use std::sync::Arc;

use wasmtime::component::{HasData, ResourceTable};

use crate::contract::pgreeve::plugin::errors::Error;
use crate::limits::Meter;

/// The capability interfaces that this version of the host serves. A plugin that imports another is refused when it is loaded.
pub const OFFERED: [&str; 3] = ["postgres", "memory", "log"];

/// What a host call of one capability sees of its run: what was granted, the limits and handles that all capabilities share, and the
/// capability's own part.
pub struct Call<'a, P> {
    /// Limits and what was used of them.
    pub meter: &'a mut Meter,
    /// What the job was granted.
    pub granted: &'a Granted,
    /// Handles that the guest holds.
    pub table: &'a mut ResourceTable,
    /// The part of the run's state that belongs to the capability.
    pub part: &'a mut P,
}

impl<P> Call<'_, P> {
    /// The error of a call that was not granted. The log has the first few of a run.
    pub fn refuse(&mut self, denied: &Denied) -> Error {
        if self.meter.denied() {
            tracing::warn!(job = denied.job, capability = denied.capability, name = denied.name, "denied: {denied}");
        }
        Error::Denied(denied.to_string())
    }
}

/// Tells wasmtime that a capability's functions work on a [`Call`] with its part.
pub struct Has<P>(PhantomData<P>);

impl<P: 'static> HasData for Has<P> {
    type Data<'a> = Call<'a, P>;
}

/// Everything that one job was granted.
#[derive(Clone, Debug, Default)]
pub struct Granted {
    /// The job, for messages.
    pub job: String,
    /// Database scopes, in the order of agent.toml.
    pub postgres: Vec<Arc<postgres::Scope>>,
}

/// The answer to a call that was not granted: which job, which capability, which line would grant it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "job {job:?} is not granted the {capability} scope {name:?}: if it should be, add {name:?} to `grant = {{ {capability} = [...] }}` under \
     [job.{job}] in agent.toml"
)]
pub struct Denied {
    /// The job that asked.
    pub job: String,
    /// The capability's name in `grant`.
    pub capability: &'static str,
    /// The name that it asked for, cut at 64 characters.
    pub name: String,
}

impl Granted {
    /// The database scope of that name, if the job was granted it.
    pub fn postgres(&self, name: &str) -> Result<&Arc<postgres::Scope>, Denied> {
        self.postgres.iter().find(|scope| scope.name == name).ok_or_else(|| self.denied("postgres", name))
    }

    /// The names granted, by capability, as the contract's context lists them.
    pub fn names(&self) -> Vec<(&'static str, Vec<String>)> {
        vec![("postgres", self.postgres.iter().map(|scope| scope.name.clone()).collect())]
    }

    fn denied(&self, capability: &'static str, name: &str) -> Denied {
        Denied { job: self.job.clone(), capability, name: name.chars().take(64).collect() }
    }
}
