//! pggit.dependencies: whether what was recorded stays. No release of pgGit removes a row; with an object of pggit.objects its own would go.

use pgreeve_sdk::{Answer, Value};
use serde::{Deserialize, Serialize};

use super::Look;
use crate::memory::Baseline;

/// Under this name the number of rows is kept.
const ROWS: &str = "references/dependencies";

/// What was seen.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Seen {
    /// Rows that there are.
    pub(crate) rows: i64,
    /// Rows that there were, and when; microseconds since 1970-01-01 UTC by the agent's clock.
    pub(crate) before: (i64, i64),
    /// How many of those are gone.
    pub(crate) gone: i64,
}

#[derive(Clone, Copy, Debug, Deserialize)]
struct Rows {
    last: i64,
    rows: i64,
    rows_then: i64,
}

#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
struct Kept {
    last: i64,
    rows: i64,
}

/// Looks. What is lost is compared with the same look until it is back.
pub(crate) fn look(look: &Look<'_>) -> Answer<Seen> {
    let label = &look.run.settings.baseline;
    let kept: Option<Baseline<Kept>> = look.recall(ROWS).filter(|kept: &Baseline<Kept>| kept.label == *label);
    let last = kept.as_ref().map_or(0, |kept| kept.value.last);
    let mut answer: Vec<Rows> =
        look.database.rows_with(include_str!("../sql/references_dependencies.sql"), &[Value::Int(last)])?;
    let Rows { last, rows, rows_then } = answer.pop().unwrap_or(Rows { last: 0, rows: 0, rows_then: 0 });
    // One with a lower number may be committed later: then there are more.
    let gone = kept.as_ref().map_or(0, |kept| (kept.value.rows - rows_then).max(0));
    let before = kept.map_or((rows, look.run.now()), |kept| (kept.value.rows, kept.at));
    if gone == 0 {
        look.set_baseline(ROWS, &Kept { last, rows });
    }
    Ok(Seen { rows, before, gone })
}
