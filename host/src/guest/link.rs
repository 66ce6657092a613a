//! Which interface of the contract works on which part of a run's state. One line per capability.

use wasmtime::component::{HasSelf, Linker};

use super::RunState;
use crate::contract::pgreeve::plugin::{
    commands, errors, files, http, log, manifest, memory, objects, postgres, redis, report, system,
};
use crate::grants::{Call, Has};

/// Links every offered interface, once per process.
pub fn link(linker: &mut Linker<RunState>) -> wasmtime::Result<()> {
    super::wasi::link(linker)?;
    // Types alone.
    errors::add_to_linker::<_, HasSelf<RunState>>(linker, |state| state)?;
    manifest::add_to_linker::<_, HasSelf<RunState>>(linker, |state| state)?;
    report::add_to_linker::<_, HasSelf<RunState>>(linker, |state| state)?;
    // Capabilities.
    postgres::add_to_linker::<_, Has<_>>(linker, |state| state.call(|parts| &mut parts.postgres))?;
    http::add_to_linker::<_, Has<_>>(linker, |state| state.call(|parts| &mut parts.http))?;
    files::add_to_linker::<_, Has<_>>(linker, |state| state.call(|parts| &mut parts.files))?;
    objects::add_to_linker::<_, Has<_>>(linker, |state| state.call(|parts| &mut parts.objects))?;
    redis::add_to_linker::<_, Has<_>>(linker, |state| state.call(|parts| &mut parts.redis))?;
    commands::add_to_linker::<_, Has<_>>(linker, |state| state.call(|parts| &mut parts.commands))?;
    system::add_to_linker::<_, Has<_>>(linker, |state| state.call(|parts| &mut parts.system))?;
    memory::add_to_linker::<_, Has<_>>(linker, |state| state.call(|parts| &mut parts.memory))?;
    log::add_to_linker::<_, Has<_>>(linker, |state| state.call(|parts| &mut parts.log))
}

impl errors::Host for RunState {}
impl manifest::Host for RunState {}
impl report::Host for RunState {}

impl RunState {
    /// A capability's view of the run.
    fn call<'a, P>(&'a mut self, part: impl FnOnce(&'a mut super::state::Parts) -> &'a mut P) -> Call<'a, P> {
        Call {
            meter: &mut self.meter,
            granted: &self.granted,
            table: &mut self.table,
            transcript: &mut self.transcript,
            part: part(&mut self.parts),
        }
    }
}
