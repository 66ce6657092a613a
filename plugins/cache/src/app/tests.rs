//! What came of a warming, as a table: outcomes in, the finding that a scheduled run then has out.

use pgreeve_sdk::{Argument, Cause, Context, Outcome, Report, ResultKind, Run, Status};

use super::judge;
use super::memory::Memory;
use super::observe::{Observed, Seen};
use super::reading::{Stats, Told};
use crate::settings::{Cache, Settings};

const MINUTE: i64 = 60_000_000;

fn cache() -> Cache {
    Cache { warm: Some("/cache/warm".into()), entries: Some("/entries".into()), ..Cache::default() }
}

fn stats(rate: f64, entries: u64) -> Stats {
    Stats { rate: Some(Told::Ratio(rate)), entries: Some(entries), ..Stats::default() }
}

fn run(now: i64, cause: Cause, outcomes: Vec<Outcome>) -> Run<Settings> {
    let context = Context { job: "cache".into(), now, cause, settings: String::new(), grants: Vec::new(), outcomes };
    Run { context, settings: Settings::default() }
}

fn outcome(target: &str, kind: ResultKind, detail: &str) -> Outcome {
    Outcome {
        proposal: "p".into(),
        action: "warm-2".into(),
        target: target.into(),
        arguments: vec![Argument { name: "first".into(), value: "cache".into() }],
        kind,
        detail: detail.into(),
    }
}

/// A run that saw `before`, the verification of the outcome that saw `after`, and the report of a scheduled run so many minutes later.
fn then(before: &Stats, outcome: Outcome, after: &Stats, minutes: i64) -> Report {
    let cache = cache();
    let advance = |memory: Option<&Memory>, stats: &Stats, run: &Run<Settings>| {
        Memory::advance(memory, Some(stats), "app", &cache, run)
    };
    let proposed = advance(None, before, &run(0, Cause::Scheduled, Vec::new()));
    let verified = advance(Some(&proposed), after, &run(MINUTE, Cause::Verify, vec![outcome]));
    let later = run((1 + minutes) * MINUTE, Cause::Scheduled, Vec::new());
    let memory = advance(Some(&verified), after, &later);
    let seen = Ok(Seen { took: 0.01, stats: Ok(after.clone()) });
    judge(&Observed { name: "app".into(), cache, seen, memory }, &[], &later)
}

#[test]
fn only_what_moved_counts_and_what_had_no_effect_is_not_repeated_at_once() {
    use ResultKind::{Done, Failed, Refused, Uncertain};
    let cold = stats(0.1, 7);
    let (grown, risen) = (stats(0.1, 9), stats(0.2, 7));
    // Outcome, what was seen after it, minutes: the status of http-warm, and whether warming is proposed.
    for (done, after, minutes, status, proposed) in [
        (outcome("app", Done, "status 200\n{\"warmed\": 2}"), &grown, 2, Status::Ok, false),
        (outcome("app", Done, "status 204"), &risen, 2, Status::Ok, false),
        (outcome("app", Uncertain, "cut off"), &grown, 2, Status::Ok, false),
        (outcome("app", Done, "status 200\n{\"warmed\": 2}"), &cold, 2, Status::Warning, false),
        (outcome("app", Done, "status 200\n{\"warmed\": 0}"), &grown, 2, Status::Warning, false),
        (outcome("app", Failed, "status 500"), &grown, 2, Status::Warning, false),
        (outcome("app", Refused, "not allowed"), &grown, 2, Status::Warning, true),
        // Another endpoint's.
        (outcome("other", Done, "status 200"), &grown, 2, Status::Warning, true),
        // Half an hour later it is cold again, or still.
        (outcome("app", Done, "status 200"), &grown, 31, Status::Warning, true),
        (outcome("app", Failed, "status 500"), &cold, 31, Status::Warning, true),
        // Emptied since.
        (outcome("app", Done, "status 200"), &stats(0.2, 0), 2, Status::Warning, true),
    ] {
        let report = then(&cold, done.clone(), after, minutes);
        let finding = report.findings.iter().find(|finding| finding.key == "http-warm/app").unwrap();
        assert_eq!(finding.status, status, "{done:?}, {after:?}: {finding:?}");
        assert_eq!(!report.proposals.is_empty(), proposed, "{done:?}, {after:?}: {finding:?}");
        let hit = report.findings.iter().find(|finding| finding.key == "http-hit/app").unwrap();
        assert_eq!(hit.status, Status::Warning, "the hit rate is what it is");
    }
}

#[test]
fn a_cache_that_is_not_cold_is_not_warmed() {
    let well = stats(0.9, 7);
    let report = then(&well, outcome("app", ResultKind::Refused, ""), &well, 1);
    assert!(report.proposals.is_empty());
    assert!(report.findings.iter().all(|finding| finding.status == Status::Ok), "{:?}", report.findings);
}

#[test]
fn an_application_that_works_after_it_answered_is_believed_when_its_entries_have_come() {
    let cache = cache();
    let accepted = outcome("app", ResultKind::Done, "status 202");
    let advance = |memory: Option<&Memory>, entries: u64, minute: i64, cause, outcomes| {
        Memory::advance(memory, Some(&stats(0.1, entries)), "app", &cache, &run(minute * MINUTE, cause, outcomes))
    };
    let later = |outcome: Outcome, entries: u64, minute: i64| {
        let before = advance(None, 7, 0, Cause::Scheduled, Vec::new());
        let verified = advance(Some(&before), 7, 1, Cause::Verify, vec![outcome]);
        let memory = advance(Some(&verified), entries, minute, Cause::Scheduled, Vec::new());
        let seen = Ok(Seen { took: 0.01, stats: Ok(stats(0.1, entries)) });
        let observed = Observed { name: "app".into(), cache: cache.clone(), seen, memory };
        let report = judge(&observed, &[], &run(minute * MINUTE, Cause::Scheduled, Vec::new()));
        report.findings.iter().find(|finding| finding.key == "http-warm/app").unwrap().clone()
    };
    assert_eq!(later(accepted.clone(), 7, 5).status, Status::Warning);
    assert_eq!(later(accepted.clone(), 9, 5).status, Status::Warning, "traffic adds so many");
    let came = later(accepted, 5_000, 5);
    assert_eq!(came.status, Status::Ok);
    assert!(came.summary.contains("from 7 to 5000 entries, not at once"), "{came:?}");
    // What failed, or says that it did nothing, did nothing.
    for detail in ["status 500", "status 200\n{\"warmed\": 0}"] {
        let kind = if detail.contains("500") { ResultKind::Failed } else { ResultKind::Done };
        assert_eq!(later(outcome("app", kind, detail), 5_000, 5).status, Status::Warning, "{detail}");
    }
}
