//! What several commands begin with: a runtime, the file, an engine with room for it, its plugins.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use crate::config::{self, Agent, Api, Config, Draft};
use crate::engine::{self, Allocation, Room};
use crate::plugin::Loader;
use crate::plugin::cache::Cache;
use crate::plugin::source::Digest;
use crate::store::Store;

use super::Failure;

/// A configuration with the engine that it runs on.
pub(crate) struct Loaded {
    pub(crate) config: Config,
    pub(crate) loader: Loader,
    pub(crate) room: Room,
    pub(crate) allocation: Allocation,
}

/// Reads the file.
pub(crate) fn text(path: &Path) -> Result<String, Failure> {
    config::text(path).map_err(Failure::from)
}

/// `[agent]` and `[api]` of a file.
pub(crate) struct General {
    pub(crate) path: PathBuf,
    /// Of the whole file.
    pub(crate) sha256: String,
    pub(crate) agent: Agent,
    pub(crate) api: Api,
    /// The names of the jobs, right or wrong.
    pub(crate) jobs: BTreeSet<String>,
}

impl General {
    /// Refuses the name of a job that agent.toml does not have, where nothing was found of one: there is nothing of a name that was mistyped.
    pub(crate) fn knows(&self, job: Option<&str>) -> Result<(), Failure> {
        match job {
            Some(job) if !self.jobs.contains(job) => Err(no_job(&self.path, job, self.jobs.iter())),
            _ => Ok(()),
        }
    }

    /// Of a configuration that is loaded whole.
    pub(crate) fn of(config: &Config) -> Self {
        let (path, sha256, jobs) =
            (config.path.clone(), config.digest.to_string(), config.jobs.keys().cloned().collect());
        Self { path, sha256, agent: config.agent.clone(), api: config.api.clone(), jobs }
    }
}

/// `[agent]` and `[api]` of a file; what else is wrong with the file does not matter here.
pub(crate) fn general(path: &Path) -> Result<General, Failure> {
    let text = text(path)?;
    let draft = Draft::read(path, &text);
    let jobs = draft.job_names().map(str::to_owned).collect();
    let sha256 = Digest::of(text.as_bytes()).to_string();
    let general = General { path: path.to_owned(), sha256, agent: draft.agent.clone(), api: draft.api.clone(), jobs };
    draft.general_mistakes().map_or(Ok(general), |mistakes| Err(mistakes.into()))
}

/// That a file has no such job, and which it has.
pub(crate) fn no_job<'n>(path: &Path, name: &str, jobs: impl Iterator<Item = &'n String>) -> Failure {
    let jobs: Vec<&str> = jobs.map(String::as_str).collect();
    let jobs = if jobs.is_empty() { "none".to_owned() } else { jobs.join(", ") };
    format!("{} has no job {name:?}; it has: {jobs}", path.display()).into()
}

/// `[agent]` of a file.
pub(crate) fn agent(path: &Path) -> Result<Agent, Failure> {
    Ok(general(path)?.agent)
}

/// What a command does with the state directory.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum StateDir {
    /// Makes it if it is not there.
    Make,
    /// Uses what is there.
    AsItIs,
    /// Uses what is there, and looks whether the agent could write it and read its secrets.
    LookAround,
}

/// Loads a configuration whole.
pub(crate) async fn load(path: &Path, state_dir: StateDir) -> Result<Loaded, Failure> {
    let text = text(path)?;
    let mut draft = Draft::read(path, &text);
    if state_dir == StateDir::LookAround {
        draft.look_around();
    }
    let room = draft.room();
    let (engine, allocation) = engine::start(room)?;
    let loader = Loader::new(engine, cache(&draft.agent.state_dir, state_dir))?;
    let config = config::complete(draft, &loader, room).await?;
    Ok(Loaded { config, loader, room, allocation })
}

/// The cache of compiled plugins, if this user may use it.
fn cache(state_dir: &Path, make: StateDir) -> Option<Cache> {
    if !is_ours(state_dir) || (make != StateDir::Make && !state_dir.exists()) {
        return None;
    }
    Cache::open(&state_dir.join("cache"))
        .inspect_err(|error| tracing::warn!(%error, "plugins are compiled anew each time"))
        .ok()
}

/// Whether the state directory belongs to this user, or could: what another user would write there, root included, the agent could not use.
pub(crate) fn is_ours(state_dir: &Path) -> bool {
    use std::os::unix::fs::MetadataExt as _;
    match std::fs::metadata(state_dir) {
        Ok(metadata) => metadata.is_dir() && metadata.uid() == rustix::process::geteuid().as_raw(),
        Err(error) => error.kind() == std::io::ErrorKind::NotFound,
    }
}

/// The store for a command beside the agent: to read and write if the directory is ours, otherwise nothing and why.
pub(crate) fn store(state_dir: &Path) -> Result<Store, String> {
    if !is_ours(state_dir) {
        return Err(format!("{} belongs to another user; run this as the agent's user", state_dir.display()));
    }
    Store::open(state_dir).map_err(|error| error.to_string())
}

/// A runtime for a command that does one thing.
pub(crate) fn runtime() -> Result<tokio::runtime::Runtime, Failure> {
    Ok(tokio::runtime::Builder::new_current_thread().enable_all().build()?)
}
