//! `redis-errors`: what clients were told instead of an answer, between two runs.

use pgreeve_sdk::{Finding, Reason, Status};

use super::super::codes::{CODES, UNCOUNTED};
use super::View;
use crate::answer::seconds;

const ID: &str = "redis-errors";

/// Judges the difference of two runs.
pub(super) fn check(view: &View<'_>) -> Finding {
    if let Some(finding) = view.incomparable(ID) {
        return finding;
    }
    // No code at all is what a server of before 6.2, or one without errors, shows.
    if view.info.number("total_error_replies").is_none() {
        return view.untold(ID, "errors by their code");
    }
    if view.info.errors().contains_key(UNCOUNTED) {
        let summary = "it counts errors by their code no longer: too many different codes came";
        return Finding::unknown(ID, view.name, Reason::NoData, summary).advise(
            "a script that returns words of its own as errors does that: mend it, then CONFIG RESETSTAT counts them again",
        );
    }
    let came = |code: &str| view.since.errors.get(code).copied().filter(|number| *number > 0);
    let bad: Vec<_> =
        CODES.iter().filter_map(|(code, means, status)| Some((code, means, *status, came(code)?))).collect();
    let span = seconds(view.since.seconds);
    let all = view.since.counters.get("total_error_replies").copied().unwrap_or(0);
    let facts = |finding: Finding| {
        view.since
            .errors
            .iter()
            .filter(|(_, number)| **number > 0)
            .take(20)
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
