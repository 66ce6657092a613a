//! Which of pgGit's schemas were here at an earlier run. What is gone answers no question any more, so nothing else would say so.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::Look;
use crate::memory::Baseline;

/// Under this name it is kept what was here.
const SCHEMAS: &str = "install/schemas";
/// Schemas that stay; pgGit makes and drops others with its branches.
const LASTING: [&str; 4] = ["pggit", "pggit_audit", "pggit_migration", "pggit_v0"];

/// What was here and is gone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Gone {
    pub(crate) schemas: Vec<String>,
    /// How pgGit had come here.
    pub(crate) kind: String,
    /// When it was last seen whole, in microseconds since 1970-01-01 UTC by the agent's clock.
    pub(crate) at: i64,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
struct Kept {
    kind: String,
    schemas: BTreeSet<String>,
}

/// Compares with the last run under the present setting `baseline`, and keeps what is here for the next.
pub(crate) fn look(look: &Look<'_>) -> Option<Gone> {
    let here: BTreeSet<String> =
        LASTING.into_iter().filter(|schema| look.install.holds(schema)).map(str::to_owned).collect();
    let label = look.run.settings.baseline.clone();
    let kept: Option<Baseline<Kept>> = look.recall(SCHEMAS).filter(|kept: &Baseline<Kept>| kept.label == label);
    let schemas: Vec<String> = kept.iter().flat_map(|kept| kept.value.schemas.difference(&here)).cloned().collect();
    if let Some(kept) = kept
        && !schemas.is_empty()
    {
        return Some(Gone { schemas, kind: kept.value.kind, at: kept.at });
    }
    if !here.is_empty() {
        let kind = look.install.kind().to_string();
        look.remember(SCHEMAS, &Baseline { label, at: look.run.now(), value: Kept { kind, schemas: here } });
    }
    None
}
