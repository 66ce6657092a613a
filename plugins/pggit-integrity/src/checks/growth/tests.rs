//! Forecasts, in words.

use pgreeve_sdk::{Cause, Context, Finding, Report, Run, Sample, Status};

use super::judge;
use crate::install::Kind;
use crate::observe::growth::{Seen, Sizes};
use crate::settings::Settings;
use crate::view::View;

const DAY: i64 = 86_400_000_000;
/// 16 February 2026, 12:00 UTC, in days since 1970.
const TODAY: f64 = 20_500.5;
const DATABASE: f64 = 10e9;

/// What is seen today of a database of 10 GB that stays so large, with a sample for each of so many days before.
fn seen(days: i64, pggit: impl Fn(f64) -> f64, rows: impl Fn(f64) -> f64) -> Seen {
    let past = |value: &dyn Fn(f64) -> f64| {
        let times = (1..=days).rev().map(|ago| TODAY - ago as f64);
        times.map(|at| Sample { at: (at * DAY as f64) as i64, value: value(at) }).collect::<Vec<_>>()
    };
    Seen {
        sizes: Ok(Sizes { pggit: pggit(TODAY) as i64, database: DATABASE as i64 }),
        rows: Some(Ok(rows(TODAY) as i64)),
        archivable: None,
        dead: Ok(Vec::new()),
        past: Ok([past(&pggit), past(&|_| DATABASE), past(&rows)]),
    }
}

fn judged(seen: &Seen) -> Report {
    let context = Context {
        job: "pggit".into(),
        now: (TODAY * DAY as f64) as i64,
        cause: Cause::Scheduled,
        settings: String::new(),
        grants: Vec::new(),
        outcomes: Vec::new(),
    };
    let run = Run { context, settings: Settings::default() };
    let view = View { run: &run, scope: "main", several: false, user: "observer", kind: Kind::Script, primary: true };
    let mut report = Report { findings: Vec::new(), metrics: Vec::new(), proposals: Vec::new() };
    judge(&view, seen, &mut report);
    report
}

fn find<'a>(report: &'a Report, key: &str) -> &'a Finding {
    report.findings.iter().find(|finding| finding.key == key).unwrap()
}

#[test]
fn a_share_that_grows_is_dated() {
    // A tenth of the database on 3 March at noon, in 15 days.
    let report = judged(&seen(30, |at| 1e9 - 1e7 * (20_515.5 - at), |_| 100.0));
    let share = find(&report, "forecast/share");
    assert_eq!(share.status, Status::Warning, "{share:?}");
    assert!(
        share.summary.starts_with("over 10 % of the database on 3 March 2026 (3 March 2026 to"),
        "{}",
        share.summary
    );
    assert!(share.summary.contains("high confidence"), "{}", share.summary);
    assert_eq!(find(&report, "forecast/history").status, Status::Ok);
    assert_eq!(find(&report, "projection").status, Status::Ok);
}

#[test]
fn what_comes_late_is_dated_and_no_warning_and_what_never_comes_is_not_dated() {
    // 50,000 rows in 60 days.
    let report = judged(&seen(30, |_| 2e8, |at| 50_000.0 - 100.0 * (TODAY + 60.0 - at)));
    let history = find(&report, "forecast/history");
    assert_eq!(history.status, Status::Ok);
    assert!(history.summary.starts_with("history over 50000 rows on 17 April 2026"), "{}", history.summary);
    let share = find(&report, "forecast/share");
    assert!(share.summary.starts_with("not over 10 % of the database within"), "{}", share.summary);
}

#[test]
fn growth_beyond_what_was_projected_is_a_warning() {
    // A megabyte a day, and then twenty.
    let broken = |at: f64| 2e8 + 1e6 * (at - 20_400.0) + if at > 20_485.0 { 2e7 * (at - 20_485.0) } else { 0.0 };
    let report = judged(&seen(30, broken, |_| 100.0));
    let projection = find(&report, "projection");
    assert_eq!(projection.status, Status::Warning, "{projection:?}");
    assert!(projection.summary.ends_with("more"), "{}", projection.summary);
}

#[test]
fn without_samples_nothing_is_said() {
    let report = judged(&seen(2, |_| 2e8, |_| 100.0));
    for key in ["forecast/share", "forecast/history", "projection"] {
        let finding = find(&report, key);
        assert!(finding.status == Status::Ok && finding.reason.is_some(), "{finding:?}");
    }
}
