//! Groups of checks, which a job asks for by the setting `groups`.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A group of checks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Group {
    /// Event triggers, their functions, pauses, and settings that switch them off. Cheap: for the frequent job.
    Tracking,
    /// The live catalog against what pgGit tracks.
    Drift,
    /// Versions that chain, rows that were taken out or changed.
    History,
    /// Foreign keys of pgGit's tables and their orphans.
    References,
    /// Commits, trees, refs of pggit_v0.
    Graph,
    /// pggit_audit.
    Audit,
    /// Tables, functions, constraints, indexes, sequences and privileges of the install.
    Structure,
    /// pgGit's own functions, where they can be believed, and the canary.
    Proof,
    /// Sizes, growth and thresholds.
    Growth,
}

impl Group {
    /// All of them.
    pub(crate) const ALL: [Self; 9] = [
        Self::Tracking,
        Self::Drift,
        Self::History,
        Self::References,
        Self::Graph,
        Self::Audit,
        Self::Structure,
        Self::Proof,
        Self::Growth,
    ];
}
