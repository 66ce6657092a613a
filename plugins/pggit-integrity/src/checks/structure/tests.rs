//! What is seen of the structure, and what is made of it, without a server.

use pgreeve_sdk::{Cause, Context, Error, RemoteError, Report, Run, Status};

use super::judge;
use crate::install::Kind;
use crate::known::Object;
use crate::observe::structure::{Corruption, Largest, Seen, Sequence};
use crate::settings::Settings;
use crate::view::View;

fn sequence(next: i64) -> Sequence {
    Sequence {
        schema: "pggit".into(),
        sequence: "history_id_seq".into(),
        table_schema: "pggit".into(),
        table: "history".into(),
        column: "id".into(),
        step: 1,
        most: i64::from(i32::MAX),
        next,
    }
}

fn seen(objects: Vec<Object>, next: i64, largest: Option<i64>, corruption: Corruption) -> Seen {
    Seen {
        objects: Ok(objects),
        baseline: None,
        sequences: Ok(vec![sequence(next)]),
        largest: Ok(vec![Largest { place: 0, value: largest }]),
        corruption,
        grants: Ok(Vec::new()),
        strays: None,
    }
}

fn judged(seen: &Seen) -> Report {
    let context = Context {
        job: "pggit".into(),
        now: 0,
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

fn status(report: &Report, key: &str) -> Status {
    report.findings.iter().find(|finding| finding.key == key).unwrap().status
}

#[test]
fn a_sequence_is_behind_from_the_largest_value_on() {
    for (next, largest, bad) in
        [(1, None, None), (8, Some(7), None), (7, Some(7), Some(true)), (2_147_000_000, Some(7), Some(false))]
    {
        let report = judged(&seen(Vec::new(), next, largest, Corruption::NoAmcheck));
        let found = report.findings.iter().find(|finding| finding.key == "sequence/pggit.history_id_seq");
        assert_eq!(found.map(|finding| finding.status), bad.map(|_| Status::Critical), "{next} {largest:?}");
        assert_eq!(report.proposals.len(), usize::from(bad == Some(true)), "{next} {largest:?}");
    }
}

#[test]
fn a_sequence_comes_to_its_end_by_what_it_has_left_and_not_by_its_steps() {
    let int = i64::from(i32::MAX);
    let (warning, critical) = (Some(Status::Warning), Some(Status::Critical));
    for (step, most, next, wanted) in [
        (1, int, 1, None),
        (1, int, int / 10 * 9, None),
        (1, int, int / 10 * 9 + 100, warning),
        (1, int, int / 100 * 99, warning),
        (1, int, int / 100 * 99 + 100, critical),
        // Servers that share out numbers.
        (10, int, 7, None),
        (100, int, 7, None),
        (1000, int, 500_007, None),
        (1000, i64::MAX, 7, None),
        (10, int, int / 10 * 9 + 1000, warning),
        (10, int, int / 100 * 99 + 1000, critical),
        // Few in themselves.
        (30_000, int, 1, warning),
        (300_000, int, 1, critical),
        (200_000_000, int, 8, critical),
        // Few from the start, by a MAXVALUE of somebody's own.
        (1, 1000, 1, None),
        (1, 1000, 901, warning),
        (1, 1000, 992, critical),
    ] {
        let mut seen = seen(Vec::new(), next, None, Corruption::NoAmcheck);
        seen.sequences = Ok(vec![Sequence { step, most, ..sequence(next) }]);
        let report = judged(&seen);
        let found = report.findings.iter().find(|finding| finding.key == "sequence/pggit.history_id_seq");
        assert_eq!(found.map(|finding| finding.status), wanted, "{next} by {step} up to {most}");
    }
}

#[test]
fn an_index_is_built_anew_and_what_is_left_over_is_dropped_and_one_being_built_is_left_alone() {
    let index = |name: &str, state: &str| Object { kind: "index".into(), name: name.into(), fingerprint: state.into() };
    let objects = vec![
        index("pggit.a", "invalid"),
        index("pggit.b_ccnew1", "invalid"),
        index("pggit.c_ccold", "invalid"),
        index("pggit.d", "building"),
        index("pggit.e", ""),
    ];
    let report = judged(&seen(objects, 1, None, Corruption::NoAmcheck));
    let proposed: Vec<(&str, &str)> =
        report.proposals.iter().map(|proposal| (proposal.action.as_str(), proposal.clears[0].as_str())).collect();
    assert_eq!(
        proposed,
        [
            ("reindex", "index/pggit.a"),
            ("drop-invalid-index", "index/pggit.b_ccnew1"),
            ("drop-invalid-index", "index/pggit.c_ccold")
        ]
    );
    assert_eq!(status(&report, "index/pggit.a"), Status::Critical);
    assert_eq!(status(&report, "index/pggit.b_ccnew1"), Status::Warning);
}

#[test]
fn a_corrupt_index_is_critical_and_one_that_could_not_be_looked_at_is_unknown() {
    let remote =
        |code: &str| Error::Remote(RemoteError { code: code.into(), message: "no".into(), detail: None, hint: None });
    for (error, key, wanted) in [
        (remote("XX002"), "corruption/pggit.i", Status::Critical),
        (remote("58P01"), "corruption/pggit.i", Status::Critical),
        (remote("42501"), "corruption", Status::Unknown),
        (Error::TimedOut("10 s".into()), "corruption", Status::Unknown),
    ] {
        let corruption = Corruption::Looked { sound: 3, failed: vec![("pggit.i".into(), error)], skipped: 0 };
        let report = judged(&seen(Vec::new(), 1, None, corruption));
        assert_eq!(status(&report, key), wanted);
    }
}
