//! The job's settings: thresholds with their defaults and where these come from. The doc comments are the schema's
//! descriptions.

use pgreeve_sdk::{Bytes, Problem, Seconds};
use schemars::JsonSchema;
use serde::Deserialize;

use crate::group::Group;

/// Settings of a pggit-integrity job. All have defaults; none is required.
#[derive(Clone, Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Settings {
    /// Which groups of checks this job asks. Default: all. A job keeps its own memory, so a group that compares with
    /// earlier runs belongs into one job.
    pub(crate) groups: Vec<Group>,
    /// A name for the state that is accepted as right. What is compared with a stored baseline (bodies of functions,
    /// constraints, watermarks of the history) is compared with the state at the first run under this name; after a
    /// change that was meant, such as an upgrade of pgGit, write another name. Default: "".
    pub(crate) baseline: String,
    /// Whether pgGit is expected in the granted databases: its absence is then critical; otherwise it is an answer that
    /// needs nobody. Default: false.
    pub(crate) expect_install: bool,
    /// Event triggers that are switched off on purpose, such as `pggit_metrics_trigger`. Default: none.
    pub(crate) disabled_triggers: Vec<String>,
    /// Bodies of functions (md5 of `pg_proc.prosrc`, in hexadecimal) that are right though no known release has them.
    /// Default: none.
    pub(crate) accepted_bodies: Vec<String>,
    /// How long tracking may be paused on purpose before it is a warning. Default "1d".
    pub(crate) pause_longest: Seconds,
    /// How long deployment mode may be on before it is a warning. Default "1d".
    pub(crate) deployment_longest: Seconds,
    /// How much the indexes of pgGit, with their tables, may have in all to be looked into for corruption; the largest are
    /// left out first. Default "4GiB", which takes half a minute or so.
    pub(crate) index_check_size: Bytes,
    /// How often a canary is to prove that pgGit records: it is proposed when the last proof is so old, and `unknown` when
    /// it is twice as old. Default: none, no canary.
    pub(crate) canary_every: Option<Seconds>,
    /// The schema in which the canary makes its table. Default "public".
    pub(crate) canary_schema: String,
    /// So many active branches are a warning. Default 50, of the operations guide ("< 50").
    pub(crate) branches_most: u32,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            groups: Group::ALL.to_vec(),
            baseline: String::new(),
            expect_install: false,
            disabled_triggers: Vec::new(),
            accepted_bodies: Vec::new(),
            pause_longest: Seconds(86_400.0),
            deployment_longest: Seconds(86_400.0),
            index_check_size: Bytes(4 << 30),
            canary_every: None,
            canary_schema: "public".to_owned(),
            branches_most: 50,
        }
    }
}

impl Settings {
    /// Contradictions between settings that each fit the schema.
    pub(crate) fn problems(&self) -> Vec<Problem> {
        let mut problems = Vec::new();
        if self.groups.is_empty() {
            problems.push(Problem::at("/groups", "is empty: name at least one group, or leave it out for all"));
        }
        problems
    }

    /// Whether this job asks a group.
    pub(crate) fn asks(&self, group: Group) -> bool {
        self.groups.contains(&group)
    }
}
