//! pggit_audit, and who changed what.

use std::collections::BTreeMap;

use pgreeve_sdk::{Answer, Value};
use serde::{Deserialize, Serialize};

use super::Look;
use crate::memory::Baseline;

/// Under this name sums of hashes are kept.
const ROWS: &str = "audit/rows";
/// Times without a zone may be so far off, in microseconds.
const ZONES: i64 = 26 * 3_600_000_000;

/// What was seen. What is none is not installed.
#[derive(Debug)]
pub(crate) struct Seen {
    pub(crate) commits: Option<Answer<Commits>>,
    pub(crate) rows: Option<Answer<Kept>>,
    pub(crate) trigger: Option<Answer<Trigger>>,
    pub(crate) authors: Option<Answer<Vec<Author>>>,
    pub(crate) days: Option<Answer<Vec<Day>>>,
}

/// Changes whose commit is gone.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Commits {
    pub(crate) rows: i64,
    pub(crate) lost: i64,
    pub(crate) example: Option<String>,
}

/// Whether rows stay as they were.
#[derive(Clone, Debug)]
pub(crate) struct Kept {
    pub(crate) since: i64,
    pub(crate) rows: i64,
    /// Tables that are others now, and how many rows more they have.
    pub(crate) changed: Vec<(String, i64)>,
}

/// Whether the compliance log is kept from changes.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Trigger {
    pub(crate) kept: bool,
}

/// What somebody changed.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Author {
    pub(crate) author: Option<String>,
    pub(crate) changes: i64,
    pub(crate) drops: i64,
    pub(crate) new: bool,
}

/// What was changed on a day.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Day {
    pub(crate) day: String,
    pub(crate) changes: i64,
    pub(crate) drops: i64,
    pub(crate) recent: bool,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Sums {
    until: i64,
    parts: BTreeMap<String, (i64, i64)>,
}

#[derive(Deserialize)]
struct Sum {
    part: String,
    rows_then: i64,
    hash_then: String,
    rows_now: i64,
    hash_now: String,
}

#[derive(Deserialize)]
struct Finished {
    finished: i64,
}

/// Looks.
pub(crate) fn look(look: &Look<'_>) -> Seen {
    let has = |name: &str| look.install.has(name);
    let changes = has("pggit_audit.changes");
    let whole = changes && has("pggit_audit.object_versions") && has("pggit_audit.compliance_log");
    let graph = changes && has("pggit_v0.commit_graph");
    let days = [Value::Int(i64::from(look.run.settings.author_days))];
    let history = has("pggit.history");
    Seen {
        commits: graph.then(|| look.row(include_str!("../sql/audit_commits.sql"))),
        rows: whole.then(|| rows(look)),
        trigger: has("pggit_audit.compliance_log").then(|| look.row(include_str!("../sql/audit_trigger.sql"))),
        authors: history.then(|| look.database.rows_with(include_str!("../sql/audit_authors.sql"), &days)),
        days: history.then(|| look.database.rows_with(include_str!("../sql/audit_days.sql"), &days)),
    }
}

fn rows(look: &Look<'_>) -> Answer<Kept> {
    let finished: Finished = look.row(include_str!("../sql/graph_finished.sql"))?;
    let label = &look.run.settings.baseline;
    let kept: Option<Baseline<Sums>> = look.recall(ROWS).filter(|kept: &Baseline<Sums>| kept.label == *label);
    let then = kept.as_ref().map_or(i64::MIN, |kept| kept.value.until);
    let until = (finished.finished - ZONES).max(then);
    let sums: Vec<Sum> =
        look.database.rows_with(include_str!("../sql/audit_rows.sql"), &[Value::Int(then), Value::Int(until)])?;
    let low = |text: &str| text.parse::<i128>().unwrap_or(0) as i64;
    let of = |part: &str| sums.iter().find(|sum| sum.part == part);
    let before = kept.as_ref().map(|kept| kept.value.parts.clone()).unwrap_or_default();
    // A table that was empty before may have old rows now, e.g. taken over from version 1: that is no change.
    let differs = |(part, was): (&String, &(i64, i64))| {
        let now = of(part).map_or((0, 0), |sum| (sum.rows_then, low(&sum.hash_then)));
        (was.0 > 0 && *was != now).then(|| (part.clone(), now.0 - was.0))
    };
    let changed: Vec<(String, i64)> = before.iter().filter_map(differs).collect();
    let since = kept.as_ref().map_or(look.run.now(), |kept| kept.at);
    if changed.is_empty() {
        let parts = sums.iter().map(|sum| (sum.part.clone(), (sum.rows_now, low(&sum.hash_now)))).collect();
        look.remember(ROWS, &Baseline { label: label.clone(), at: since, value: Sums { until, parts } });
    }
    Ok(Kept { since, rows: sums.iter().map(|sum| sum.rows_now).sum(), changed })
}
