//! agent.toml → [`Config`]: read whole, checked whole, every mistake with file, line, column and the fix, all in one go.
//!
//! Two steps, for the second needs the plugins: [`Draft::read`] takes the file apart (`reader` goes key by key; `capabilities`, `limits` and `jobs` know the
//! tables), [`complete`] loads the plugins and holds every job against its plugin's manifest and its plugin's own opinion of the settings.

mod actions;
mod api;
mod capabilities;
mod complete;
mod jobs;
mod json;
mod limits;
mod problem;
mod reader;
#[cfg(test)]
mod reference;
mod when;

use std::collections::BTreeMap;
use std::num::{NonZeroU32, NonZeroUsize};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use jiff::tz::TimeZone;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

pub use actions::{Actions, Mode, Rule};
pub use api::Api;
pub use complete::complete;
pub use problem::{Located, Mistakes};
pub use when::When;

use crate::engine::Room;
use crate::grants::Granted;
use crate::grants::objects::Store;
use crate::grants::postgres::Scope;
use crate::limits::Limits;
use crate::plugin::Plugin;
use crate::plugin::manifest::is_name;
use crate::plugin::source::Digest;
use crate::rights::Principal;
use crate::schedule::JobPlan;
use crate::store::Retention;
use api::Written;
use capabilities::Grantable;
use jobs::{Defaults, JobDraft, PluginFile};
use problem::Problem;
use reader::{At, Problems, Section, article, note};

/// A configuration that can be run.
pub struct Config {
    /// The file that it came from.
    pub path: PathBuf,
    /// SHA-256 of the file.
    pub digest: Digest,
    /// What concerns the agent as a whole.
    pub agent: Agent,
    /// The local API.
    pub api: Api,
    /// What may be carried out, over all jobs.
    pub actions: Actions,
    /// All database scopes, also those that no job is granted.
    pub postgres: Vec<Arc<Scope>>,
    /// In the order of their names.
    pub jobs: BTreeMap<String, Arc<Job>>,
}

/// The largest agent.toml, in bytes.
const MOST: u64 = 1 << 20;

/// The text of a file, or why there is none.
pub fn text(path: &Path) -> Result<String, String> {
    use std::io::Read as _;
    let failed = |error: std::io::Error| {
        let advice = match error.kind() {
            std::io::ErrorKind::PermissionDenied => "run this as the agent's user, or as another who may read it",
            _ => "name another with --config FILE",
        };
        format!("cannot read the configuration {}: {error}; {advice}", path.display())
    };
    let mut bytes = Vec::new();
    std::fs::File::open(path).and_then(|file| file.take(MOST + 1).read_to_end(&mut bytes)).map_err(failed)?;
    if bytes.len() as u64 > MOST {
        return Err(format!("the configuration {} has more than 1 MiB", path.display()));
    }
    String::from_utf8(bytes).map_err(|error| {
        let good = error.utf8_error().valid_up_to();
        let line = error.as_bytes().iter().take(good).filter(|byte| **byte == b'\n').count() + 1;
        format!("{}:{line}:1: this line is not UTF-8\n  fix: save the file as UTF-8", path.display())
    })
}

/// `[agent]`.
#[derive(Clone, Debug)]
pub struct Agent {
    /// Where the agent keeps history, plugin memory and compiled plugins. Default `/var/lib/pgreeve`.
    pub state_dir: PathBuf,
    /// The zone of the schedules. Default UTC.
    pub timezone: TimeZone,
    /// Runs at the same time. Default 4.
    pub max_running: NonZeroUsize,
    /// So many faults of a job's plugin in a row make the job pause. Default 3.
    pub faults_before_pause: NonZeroU32,
    /// How much history is kept. Default 30 days, 512 MiB.
    pub retention: Retention,
}

/// One job, ready to run.
pub struct Job {
    /// Its name.
    pub name: String,
    /// When it is due.
    pub plan: JobPlan,
    /// On which servers it runs; the role is asked of the first database granted.
    pub when: When,
    /// What runs.
    pub plugin: Arc<Plugin>,
    /// The plugin's name in agent.toml.
    pub plugin_name: String,
    /// Settings as JSON.
    pub settings: Arc<str>,
    /// What it may reach.
    pub granted: Arc<Granted>,
    /// What it may use.
    pub limits: Limits,
    /// What the operator says of the plugin's actions; of one that is not here: `propose`.
    pub rules: BTreeMap<String, Rule>,
}

/// A file taken apart, its plugins not yet asked.
pub struct Draft<'i> {
    path: &'i Path,
    text: &'i str,
    /// What concerns the agent as a whole.
    pub agent: Agent,
    /// The local API.
    pub api: Api,
    /// Users and groups that it names.
    principals: Vec<At<Principal>>,
    actions: Actions,
    grantable: Grantable,
    plugins: BTreeMap<String, Option<PluginFile>>,
    jobs: Vec<JobDraft<'i>>,
    problems: Problems,
    /// Where the state directory is named, or the file's begin.
    state_dir_span: std::ops::Range<usize>,
    /// So many of the problems, the first ones, concern the file's form, `[agent]` and `[api]`.
    general: usize,
}

impl<'i> Draft<'i> {
    /// Takes the text of a file apart. Mistakes are kept for [`complete`], so that they are all reported together.
    pub fn read(path: &'i Path, text: &'i str) -> Self {
        let (table, errors) = DeTable::parse_recoverable(text);
        let mut problems: Problems = errors
            .into_iter()
            .map(|error| Problem {
                span: error.span().unwrap_or(0..0),
                message: error.message().to_owned(),
                fix: Some(SYNTAX.to_owned()),
            })
            .collect();
        let mut root = Section::new("", table);
        let (agent, state_dir_span) = agent(root.section("agent", &mut problems), &mut problems);
        let directory = path.parent().unwrap_or(Path::new("."));
        let Written { api, principals, secrets } =
            api::read(root.section("api", &mut problems), &agent, directory, &mut problems);
        let general = problems.len();
        let actions = actions::global(root.section("actions", &mut problems), &mut problems);
        let limits = limits::read(root.section("limits", &mut problems), &Limits::default(), &mut problems);
        let defaults = Defaults { timezone: &agent.timezone, limits: &limits };
        let (mut plugins, mut jobs) = (BTreeMap::new(), Vec::new());
        let mut grantable = Grantable::read(&mut root, directory, &mut problems);
        grantable.secrets.extend(secrets);
        for (name, section) in tables(root.section("plugin", &mut problems), &mut problems) {
            plugins.insert(name.value, jobs::plugin(directory, section, &mut problems));
        }
        for (name, section) in tables(root.section("job", &mut problems), &mut problems) {
            jobs.push(jobs::job(name, section, &defaults, &mut problems));
        }
        root.finish(&mut problems);
        Self {
            path,
            text,
            agent,
            api,
            principals,
            actions,
            grantable,
            plugins,
            jobs,
            problems,
            state_dir_span,
            general,
        }
    }

    /// The mistakes in the file's form, in `[agent]` and in `[api]`, for commands that need no more: history can be read beside a mistake in a job.
    pub fn general_mistakes(mut self) -> Option<Mistakes> {
        self.problems.truncate(self.general);
        self.mistakes()
    }

    /// Every mistake that shows without the plugins, if there is one.
    pub fn mistakes(self) -> Option<Mistakes> {
        let wrong = !self.problems.is_empty();
        wrong.then(|| Mistakes::locate(self.path, self.text, self.problems))
    }

    /// Looks at what surrounds the agent and may change without the file: the places of secrets, the state directory. For `validate`, run by
    /// the agent's user; an agent that starts does not fail for a secret that one scope lacks.
    pub fn look_around(&mut self) {
        for at in &self.grantable.secrets {
            if let Err(error) = at.value.read() {
                let fix = "put it there, readable by the agent's user alone; run `validate` as that user";
                note(&mut self.problems, at.span.clone(), error.to_string(), fix);
            }
        }
        api::look_around(&self.principals, &mut self.problems);
        if let Err(why) = writable(&self.agent.state_dir) {
            let message = format!("the state directory {}: {why}", self.agent.state_dir.display());
            let fix = "make it, owned by the agent's user; run `validate` as that user";
            note(&mut self.problems, self.state_dir_span.clone(), message, fix);
        }
    }

    /// The jobs whose plugin is this file, or is called so, each with the capabilities that it grants.
    pub fn jobs_of(&self, file: &Path, plugin: &str) -> Vec<(String, Vec<&'static str>)> {
        let canonical = std::fs::canonicalize(file).ok();
        let is_it = |name: &str| {
            let path = self.plugins.get(name).and_then(Option::as_ref).map(|file| &file.path.value);
            name == plugin
                || (canonical.is_some() && path.and_then(|path| std::fs::canonicalize(path).ok()) == canonical)
        };
        let jobs = self.jobs.iter().filter(|job| job.plugin.as_ref().is_some_and(|name| is_it(&name.value)));
        jobs.map(|job| (job.name.value.clone(), job.granted().collect())).collect()
    }

    /// The object stores that are right, in the order of their names.
    pub fn stores(&self) -> Vec<Arc<Store>> {
        self.grantable.stores()
    }

    /// The names of the object stores that are not.
    pub fn wrong_stores(&self) -> Vec<String> {
        self.grantable.wrong_stores()
    }

    /// The jobs' names.
    pub fn job_names(&self) -> impl Iterator<Item = &str> {
        self.jobs.iter().map(|job| job.name.value.as_str())
    }

    /// The room that an engine needs for these jobs.
    pub fn room(&self) -> Room {
        let memory = self.jobs.iter().map(|job| job.limits.memory).max().unwrap_or(0).max(Limits::default().memory);
        Room { runs: u32::try_from(self.agent.max_running.get()).unwrap_or(u32::MAX), memory }
    }
}

/// Whether this user can write in a directory, or make it.
fn writable(directory: &Path) -> Result<(), String> {
    use rustix::fs::{Access, access};
    match std::fs::metadata(directory) {
        Ok(metadata) if !metadata.is_dir() => Err("is not a directory".to_owned()),
        Ok(_) => access(directory, Access::WRITE_OK | Access::EXEC_OK)
            .map_err(|error| format!("cannot be written by this user: {error}")),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            let parent = directory.parent().ok_or("cannot be made")?;
            writable(parent).map_err(|why| format!("is not there and cannot be made: {} {why}", parent.display()))
        }
        Err(error) => Err(format!("cannot be looked at: {error}")),
    }
}

const SYNTAX: &str =
    "correct the TOML: each key once, strings in quotes, tables as [name]; https://toml.io has the rules";

fn agent(section: Option<Section<'_>>, problems: &mut Problems) -> (Agent, std::ops::Range<usize>) {
    let mut place = 0..0;
    let mut agent = Agent {
        state_dir: "/var/lib/pgreeve".into(),
        timezone: TimeZone::UTC,
        max_running: NonZeroUsize::MIN.saturating_add(3),
        faults_before_pause: NonZeroU32::MIN.saturating_add(2),
        retention: Retention { max_age: Duration::from_secs(30 * 86_400), max_bytes: 512 << 20 },
    };
    let Some(mut section) = section else { return (agent, place) };
    place.clone_from(&section.span);
    if let Some(directory) = section.text("state_dir", problems) {
        place.clone_from(&directory.span);
        if !Path::new(&directory.value).is_absolute() {
            let message = format!("agent.state_dir {:?} is not an absolute path", directory.value);
            note(problems, directory.span, message, "write state_dir = \"/var/lib/pgreeve\"");
        }
        agent.state_dir = directory.value.into();
    }
    let zone =
        section.parsed("timezone", problems, jobs::timezone, "write a name such as \"Europe/Berlin\" or \"UTC\"");
    agent.timezone = zone.map_or(agent.timezone, |zone| zone.value);
    let most = section.count("max_running", problems).and_then(|most| NonZeroUsize::new(most as usize));
    agent.max_running = most.unwrap_or(agent.max_running);
    let faults = section.count("faults_before_pause", problems).and_then(NonZeroU32::new);
    agent.faults_before_pause = faults.unwrap_or(agent.faults_before_pause);
    agent.retention.max_age =
        section.duration_from("history_age", Duration::from_secs(60), problems).unwrap_or(agent.retention.max_age);
    agent.retention.max_bytes =
        section.size_from("history_size", 1 << 20, problems).unwrap_or(agent.retention.max_bytes);
    section.finish(problems);
    (agent, place)
}

/// The tables within a table, by their names; what is no table or has no proper name is a mistake.
fn tables<'i>(section: Option<Section<'i>>, problems: &mut Problems) -> Vec<(At<String>, Section<'i>)> {
    let mut tables = Vec::new();
    let Some(section) = section else { return tables };
    let kind = section.name.clone();
    for (name, value) in section.entries() {
        if !is_name(&name.value) {
            let fix = "use lower-case letters, digits and underscores, joined by hyphens, at most 64";
            note(problems, name.span.clone(), format!("{:?} is no name for a {kind}", name.value), fix);
        }
        match value.value {
            DeValue::Table(table) => {
                let section = Section::new(format!("{kind}.{}", name.value), Spanned::new(value.span, table));
                tables.push((name, section));
            }
            other => {
                let message = format!("{kind}.{} must be a table, not {}", name.value, article(other.type_str()));
                note(problems, value.span, message, format!("write it as [{kind}.{}]", name.value));
            }
        }
    }
    tables
}
