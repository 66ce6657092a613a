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
    /// Rows of pggit.history from which they are a warning. Default 50,000, of the guide ("schedule regular cleanup").
    pub(crate) history_warning: u64,
    /// Rows of pggit.history from which they are critical. Default 100,000, of the guide ("implement partitioning").
    pub(crate) history_critical: u64,
    /// For how many days rows of the history stay before they may go to the archive. Default 90, of the guide; another
    /// guide has 365.
    pub(crate) archive_days: u32,
    /// Part of the database that pgGit may take, 0 to 1. Default 0.1, of the operations guide.
    pub(crate) share_warning: f64,
    /// As long as pgGit is smaller, its part of the database does not matter. Default "100MiB": a fresh install is a large
    /// part of a small database.
    pub(crate) share_from: Bytes,
    /// A threshold that is forecast to be passed within this time is a warning. Default "30d".
    pub(crate) forecast_warning: Seconds,
    /// How far what was forecast may be from what came, as a part of the forecast. Default 0.2, of the operations guide.
    pub(crate) projection_tolerance: f64,
    /// Dead rows of a table from which they are a warning, where they are a fifth of it as well. Default 10,000.
    pub(crate) dead_rows: u64,
    /// How long a table may have so many dead rows, or wait for its first ANALYZE: autovacuum takes its time. Default "1h".
    pub(crate) dead_longest: Seconds,
    /// How many days the list of changes per author goes back. Default 30, of the guide's monthly audit.
    pub(crate) author_days: u32,
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
            history_warning: 50_000,
            history_critical: 100_000,
            archive_days: 90,
            share_warning: 0.1,
            share_from: Bytes(100 << 20),
            forecast_warning: Seconds(30.0 * 86_400.0),
            projection_tolerance: 0.2,
            dead_rows: 10_000,
            dead_longest: Seconds(3600.0),
            author_days: 30,
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
        if self.history_warning > self.history_critical {
            problems.push(Problem::at("/history_warning", "is above history_critical"));
        }
        for (pointer, part) in
            [("/share_warning", self.share_warning), ("/projection_tolerance", self.projection_tolerance)]
        {
            if !(part > 0.0 && part <= 1.0) {
                problems.push(Problem::at(pointer, "is a part, above 0 and at most 1"));
            }
        }
        problems
    }

    /// Whether this job asks a group.
    pub(crate) fn asks(&self, group: Group) -> bool {
        self.groups.contains(&group)
    }
}
