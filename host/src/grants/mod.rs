//! What a job may reach: named grants, default deny, looked up in this file and nowhere else.
//!
//! One folder per capability, the same file names in each: `mod.rs` (the part of a run's state that belongs to it), `wit.rs` (its side of the
//! contract: counts the call, looks up the grant here, calls the client), and the client. A new capability is one folder and one line
//! in [`OFFERED`], [`link`] and `RunState`.

pub mod log;
pub mod memory;
pub mod postgres;

use std::sync::Arc;

use wasmtime::component::{HasSelf, Linker};

use crate::contract::pgreeve::plugin as contract;
use crate::run::RunState;

/// The capability interfaces that this version of the host serves. A plugin that imports another is refused when it is loaded.
pub const OFFERED: [&str; 3] = ["postgres", "memory", "log"];

/// Links every offered interface, once per process.
pub fn link(linker: &mut Linker<RunState>) -> wasmtime::Result<()> {
    contract::errors::add_to_linker::<_, HasSelf<RunState>>(linker, |state| state)?;
    contract::manifest::add_to_linker::<_, HasSelf<RunState>>(linker, |state| state)?;
    contract::report::add_to_linker::<_, HasSelf<RunState>>(linker, |state| state)?;
    contract::postgres::add_to_linker::<_, HasSelf<RunState>>(linker, |state| state)?;
    contract::memory::add_to_linker::<_, HasSelf<RunState>>(linker, |state| state)?;
    contract::log::add_to_linker::<_, HasSelf<RunState>>(linker, |state| state)
}

impl contract::errors::Host for RunState {}
impl contract::manifest::Host for RunState {}
impl contract::report::Host for RunState {}

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
        let denied = Denied { job: self.job.clone(), capability, name: name.chars().take(64).collect() };
        tracing::warn!(job = self.job, capability, name = denied.name, "denied: {denied}");
        denied
    }
}
