//! The plugin trait and the three exports that every plugin has.

use schemars::JsonSchema;
use serde::{Serialize, de::DeserializeOwned};

use crate::bindings::pgreeve::plugin::{log as host_log, memory};
use crate::{Context, Database, Error, Failure, Level, Manifest, Problem, Report, Sample};

/// A plugin: what it is told, what it looks at, what it makes of it.
pub trait Plugin {
    /// The job's settings. Derive `Deserialize` and `JsonSchema`, with `#[serde(default, deny_unknown_fields)]`.
    type Settings: DeserializeOwned + JsonSchema;
    /// All that a run looks at. Judging it needs nothing else, so tests make one by hand.
    type Observed;

    /// What this plugin is; start from [`manifest`](crate::manifest). The settings' schema is filled in from `Settings`.
    fn manifest() -> Manifest;

    /// What is wrong with settings that already fit the schema, such as a warning threshold above the critical one.
    fn check_settings(_settings: &Self::Settings) -> Vec<Problem> {
        Vec::new()
    }

    /// Looks: the only function that calls the host. A question that could not be answered belongs into `Observed` as an error;
    /// a failure means that nothing could be looked at.
    fn observe(run: &Run<Self::Settings>) -> Result<Self::Observed, Failure>;

    /// Judges: pure.
    fn judge(run: &Run<Self::Settings>, observed: &Self::Observed) -> Report;
}

/// What a run was called with.
#[derive(Clone, Debug)]
pub struct Run<S> {
    /// As the host gave it.
    pub context: Context,
    /// The job's settings.
    pub settings: S,
}

impl<S> Run<S> {
    /// Microseconds since 1970-01-01 UTC; the same during the whole run.
    pub fn now(&self) -> i64 {
        self.context.now
    }

    /// The names granted for a capability, in the order of agent.toml.
    pub fn granted(&self, capability: &str) -> &[String] {
        self.context.grants.iter().find(|grant| grant.capability == capability).map_or(&[], |grant| &grant.names)
    }

    /// The database scopes granted to the job.
    pub fn databases(&self) -> impl Iterator<Item = Database> + '_ {
        self.granted("postgres").iter().map(|name| Database::named(name))
    }
}

/// Writes a line to the agent's log.
pub fn log(level: Level, message: &str) {
    host_log::log(level, message);
}

/// What the last completed run remembered under a key, or what this one did; none if there is nothing, or nothing that this
/// version of the plugin understands.
pub fn recall<T: DeserializeOwned>(key: &str) -> Result<Option<T>, Error> {
    Ok(memory::get(key)?.and_then(|bytes| serde_json::from_slice(&bytes).ok()))
}

/// Remembers a value for the next run; kept only if this one completes.
pub fn remember<T: Serialize>(key: &str, value: &T) -> Result<(), Error> {
    let bytes =
        serde_json::to_vec(value).map_err(|error| Error::Invalid(format!("cannot write {key:?} as JSON: {error}")))?;
    memory::set(key, &bytes)
}

/// What the host recorded of one of this job's own metrics, with exactly these labels, since a time in microseconds: oldest
/// first, at most 10,000.
pub fn samples(metric: &str, labels: &[(&str, &str)], since: i64) -> Result<Vec<Sample>, Error> {
    let label = |(name, value): &(&str, &str)| memory::Label { name: (*name).to_owned(), value: (*value).to_owned() };
    memory::samples(metric, &labels.iter().map(label).collect::<Vec<_>>(), since)
}

/// The component's exports, for [`export!`](crate::export).
pub mod exports {
    use super::*;

    /// `describe`.
    pub fn describe<P: Plugin>() -> Manifest {
        let mut manifest = P::manifest();
        let generator =
            schemars::generate::SchemaSettings::draft2020_12().with(|settings| settings.inline_subschemas = true);
        let schema = generator.into_generator().into_root_schema_for::<P::Settings>();
        manifest.settings_schema = schema.as_value().to_string();
        manifest
    }

    /// `check-settings`.
    pub fn check_settings<P: Plugin>(settings: &str) -> Vec<Problem> {
        match serde_json::from_str::<P::Settings>(settings) {
            Ok(settings) => P::check_settings(&settings),
            Err(error) => vec![Problem { pointer: String::new(), message: error.to_string() }],
        }
    }

    /// `run`.
    pub fn run<P: Plugin>(context: Context) -> Result<Report, Failure> {
        let settings = serde_json::from_str(&context.settings).map_err(|error| Failure {
            message: format!("cannot read the job's settings: {error}"),
            advice: Some("run `pgreeve validate`".to_owned()),
        })?;
        let run = Run { context, settings };
        let observed = P::observe(&run)?;
        Ok(P::judge(&run, &observed))
    }
}
