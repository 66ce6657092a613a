//! `redis-errors`: what clients were told instead of an answer, between two runs.

use pgreeve_sdk::{Finding, Status};

use super::View;
use crate::answer::seconds;

const ID: &str = "redis-errors";

/// Codes that are the server's fault, what they mean, and how bad that is.
const CODES: [(&str, &str, Status); 8] = [
    ("OOM", "it is full, and writes are refused: see redis-memory", Status::Critical),
    ("MISCONF", "it cannot save, and writes are refused: see redis-persistence", Status::Critical),
    ("CLUSTERDOWN", "its cluster does not serve: see redis-cluster", Status::Critical),
    ("MASTERDOWN", "it has no primary and may not serve what is old: see redis-link", Status::Critical),
    ("NOREPLICAS", "too few replicas are in sync (min-replicas-to-write): see redis-link", Status::Critical),
    ("READONLY", "somebody writes to a replica: point the application at the primary", Status::Warning),
    ("LOADING", "it was loading its data", Status::Warning),
    ("BUSY", "a script ran too long: SCRIPT KILL ends one that has not written", Status::Warning),
];

/// Judges the difference of two runs.
pub(super) fn check(view: &View<'_>) -> Finding {
    if let Some(finding) = view.incomparable(ID) {
        return finding;
    }
    // No code at all is what a server of before 6.2, or one without errors, shows.
    if view.info.number("total_error_replies").is_none() {
        return view.untold(ID, "errors by their code");
    }
    let came = |code: &str| view.since.errors.get(code).copied().filter(|number| *number > 0);
    let bad: Vec<_> =
        CODES.iter().filter_map(|(code, means, status)| Some((code, means, *status, came(code)?))).collect();
    let span = seconds(view.since.seconds);
    let all: u64 = view.since.errors.values().sum();
    let facts = |finding: Finding| {
        view.since
            .errors
            .iter()
            .filter(|(_, number)| **number > 0)
            .fold(finding, |finding, (code, number)| finding.fact(code, number))
    };
    let Some((_, means, ..)) = bad.first() else {
        let rest = if all > 0 { format!("; {all} other error replies") } else { String::new() };
        return facts(view.ok(ID, format!("none that is the server's fault in {span}{rest}")));
    };
    let status = if bad.iter().any(|(_, _, status, _)| *status == Status::Critical) {
        Status::Critical
    } else {
        Status::Warning
    };
    let list: Vec<String> = bad.iter().map(|(code, _, _, number)| format!("{code} {number} times")).collect();
    let detail: Vec<String> = bad.iter().map(|(code, means, ..)| format!("{code}: {means}")).collect();
    facts(view.finding(ID, status, format!("clients were told {} in {span}", list.join(", "))))
        .explain(detail.join("\n"))
        .advise((*means).to_owned())
}
