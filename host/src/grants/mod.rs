//! What a job may reach: named grants, default deny, looked up in this file and nowhere else.
//!
//! One folder per capability, the same file names in each: `mod.rs` (the part of a run's state that belongs to it), `call.rs` (its calls and
//! answers as values), `policy.rs` (what may be done, as pure functions), the client, and `wit.rs` (its side of the contract: translates,
//! and asks through [`Call::ask`]). A new capability is one folder and one line in [`OFFERED`], in `exchange.rs`, in `guest/link.rs` and in
//! `guest::Parts`, and a section in `config/`.

pub mod bytes;
pub mod commands;
pub mod error;
pub mod exchange;
pub mod files;
pub mod http;
pub mod kept;
pub mod log;
pub mod memory;
pub mod objects;
pub mod part;
pub mod postgres;
pub mod redis;
pub mod secret;
pub mod system;
pub mod tls;
pub mod transcript;
mod wit;

use std::marker::PhantomData;
use std::sync::Arc;
use std::time::Instant;

use wasmtime::component::{HasData, ResourceTable};

use crate::limits::Meter;
use error::Error;
use exchange::{Ask, Exchange, Told};
use part::Part;
use transcript::Transcript;

/// The capability interfaces that this version of the host serves. A plugin that imports another is refused when it is loaded.
pub const OFFERED: [&str; 9] = ["postgres", "http", "files", "objects", "redis", "commands", "system", "memory", "log"];

/// What a host call of one capability sees of its run: what was granted, the limits and handles that all capabilities share, and the
/// capability's own part.
pub struct Call<'a, P> {
    /// Limits and what was used of them.
    pub meter: &'a mut Meter,
    /// What the job was granted.
    pub granted: &'a Granted,
    /// Handles that the guest holds.
    pub table: &'a mut ResourceTable,
    /// The run's calls so far.
    pub transcript: &'a mut Transcript,
    /// The part of the run's state that belongs to the capability.
    pub part: &'a mut P,
}

impl<P> Call<'_, P>
where
    P: Part,
    P::Ask: Into<Ask>,
    P::Told: Into<Told> + TryFrom<Told>,
{
    /// Answers one call of a guest: counted, then from the recording if the run is a replay, otherwise by the capability; traced, and kept
    /// where the run is recorded. The outer error ends the run.
    pub async fn ask(&mut self, ask: P::Ask) -> wasmtime::Result<Result<P::Told, Error>> {
        self.meter.call()?;
        if let Some(told) = self.transcript.replay(|| ask.clone().into())? {
            return match told.map(P::Told::try_from) {
                Ok(Ok(told)) => Ok(Ok(told)),
                Ok(Err(_)) => Err(wasmtime::Error::msg("the recording has an answer of another capability")),
                Err(error) => Ok(Err(error)),
            };
        }
        let begun = Instant::now();
        let told = self.part.perform(self.granted, &ask).await.map_err(|error| self.granted.named::<P>(error));
        let elapsed = begun.elapsed();
        self.meter.waited(elapsed);
        let most = self.meter.limits.answer_bytes;
        let told = told.and_then(|told| {
            if P::size(&told).bytes > most { Err(Error::LimitExceeded(error::Limit::Bytes)) } else { Ok(told) }
        });
        let size = told.as_ref().map(P::size);
        if let Some(text) = self.transcript.trace(P::NAME, self.part.about(&ask), size, elapsed) {
            tracing::warn!(
                job = self.granted.job,
                plugin = self.granted.plugin,
                capability = P::NAME,
                "denied: {text}"
            );
        }
        self.transcript.keep(|| Exchange {
            ask: ask.into(),
            told: told.clone().map(Into::into),
            elapsed_us: u64::try_from(elapsed.as_micros()).unwrap_or(u64::MAX),
        });
        Ok(told)
    }
}

/// The recording answers a call with something that is no answer to it: it was edited by hand.
pub(crate) fn unexpected() -> wasmtime::Error {
    wasmtime::Error::msg("the recording has an answer to another call here")
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
    /// Its plugin, for messages.
    pub plugin: String,
    /// Database scopes, in the order of agent.toml.
    pub postgres: Vec<Arc<postgres::Scope>>,
    /// HTTP endpoints, the same.
    pub http: Vec<Arc<http::Endpoint>>,
    /// Directories, the same.
    pub files: Vec<Arc<files::Directory>>,
    /// Object stores, the same.
    pub objects: Vec<Arc<objects::Store>>,
    /// Redis servers, the same.
    pub redis: Vec<Arc<redis::Server>>,
    /// Commands, the same, each with the name that the job's plugin calls it by.
    pub commands: Vec<Arc<commands::Command>>,
    /// The host that the agent runs on.
    pub system: Option<Arc<system::System>>,
    /// In a replay, the names that the recorded run was granted: nothing stands behind them.
    pub replayed: Option<Vec<(String, Vec<String>)>>,
}

/// The answer to a call that was not granted: which job, which capability, which line would grant it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("job {job:?} (plugin {plugin:?}) is not granted {}: if it should be, {} under [job.{job}] in agent.toml", self.what(), self.line())]
pub struct Denied {
    /// The job that asked.
    pub job: String,
    /// The plugin that the job runs.
    pub plugin: String,
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

    /// The HTTP endpoint of that name, if the job was granted it.
    pub fn http(&self, name: &str) -> Result<&http::Endpoint, Denied> {
        self.http
            .iter()
            .find(|endpoint| endpoint.name == name)
            .map(Arc::as_ref)
            .ok_or_else(|| self.denied("http", name))
    }

    /// The directory of that name, if the job was granted it.
    pub fn files(&self, name: &str) -> Result<&files::Directory, Denied> {
        let found = self.files.iter().find(|directory| directory.name == name).map(Arc::as_ref);
        found.ok_or_else(|| self.denied("files", name))
    }

    /// The object store of that name, if the job was granted it.
    pub fn objects(&self, name: &str) -> Result<&objects::Store, Denied> {
        self.objects
            .iter()
            .find(|store| store.name == name)
            .map(Arc::as_ref)
            .ok_or_else(|| self.denied("objects", name))
    }

    /// The Redis server of that name, if the job was granted it.
    pub fn redis(&self, name: &str) -> Result<&redis::Server, Denied> {
        self.redis.iter().find(|server| server.name == name).map(Arc::as_ref).ok_or_else(|| self.denied("redis", name))
    }

    /// The command that the job's plugin calls so, if the job was granted it.
    pub fn command(&self, name: &str) -> Result<&Arc<commands::Command>, Denied> {
        let found = self.commands.iter().find(|command| command.called() == name);
        found.ok_or_else(|| self.denied("commands", name))
    }

    /// The host, if the job was granted it.
    pub fn system(&self) -> Result<&system::System, Denied> {
        self.system.as_deref().ok_or_else(|| self.denied("system", ""))
    }

    /// The names granted, by capability, as the contract's context lists them; those of the recording in a replay.
    pub fn names(&self) -> Vec<(String, Vec<String>)> {
        if let Some(replayed) = &self.replayed {
            return replayed.clone();
        }
        let system = if self.system.is_some() { vec!["host".to_owned()] } else { Vec::new() };
        let all = [
            ("postgres", self.postgres.iter().map(|scope| scope.name.clone()).collect()),
            ("http", self.http.iter().map(|endpoint| endpoint.name.clone()).collect()),
            ("files", self.files.iter().map(|directory| directory.name.clone()).collect()),
            ("objects", self.objects.iter().map(|store| store.name.clone()).collect()),
            ("redis", self.redis.iter().map(|server| server.name.clone()).collect()),
            ("commands", self.commands.iter().map(|command| command.called().to_owned()).collect()),
            ("system", system),
        ];
        let granted = all.into_iter().filter(|(_, names): &(&str, Vec<String>)| !names.is_empty());
        granted.map(|(capability, names)| (capability.to_owned(), names)).collect()
    }

    /// A denial by a capability's finer rules says whose it is, as those of whole grants do.
    fn named<P: Part>(&self, error: Error) -> Error {
        match error {
            Error::Denied(text) if !text.starts_with("job ") => {
                Error::Denied(format!("job {:?} (plugin {:?}), {}: {text}", self.job, self.plugin, P::NAME))
            }
            other => other,
        }
    }

    fn denied(&self, capability: &'static str, name: &str) -> Denied {
        Denied { job: self.job.clone(), plugin: self.plugin.clone(), capability, name: name.chars().take(64).collect() }
    }
}

impl Denied {
    fn what(&self) -> String {
        match self.capability {
            "system" => "system".to_owned(),
            capability => format!("{:?} of {capability}", self.name),
        }
    }

    fn line(&self) -> String {
        match self.capability {
            "system" => "write `grant = { system = true }`".to_owned(),
            capability => format!("add {:?} to `grant = {{ {capability} = [...] }}`", self.name),
        }
    }
}

impl From<Denied> for Error {
    fn from(denied: Denied) -> Self {
        Self::Denied(denied.to_string())
    }
}
