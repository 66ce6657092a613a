//! What is written is what is read.

use super::*;
use crate::report::{Proposal, Reason};

fn store() -> (tempfile::TempDir, Store) {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(dir.path()).unwrap();
    (dir, store)
}

#[test]
fn every_outcome_reads_back_as_it_was_written() {
    let report = Report {
        findings: vec![
            finding("lag/standby1", Status::Critical),
            Finding { reason: Some(Reason::NoPrivilege), ..finding("lag/standby2", Status::Unknown) },
        ],
        metrics: vec![metric("lag_bytes", 1.5, &[("slot", "a"), ("standby", "b")]), metric("slots", 0.0, &[])],
        proposals: vec![Proposal {
            action: "drop-slot".to_owned(),
            arguments: vec![pair("slot", "a")],
            target: "main".to_owned(),
            clears: vec!["lag/standby1".to_owned()],
            reason: "lost".to_owned(),
        }],
    };
    let text = || "it's\n\"so\" ü".to_owned();
    let outcomes = [
        Outcome::Reported { report },
        Outcome::Failed { message: text(), advice: Some("grant it".to_owned()) },
        Outcome::Failed { message: text(), advice: None },
        Outcome::Faulted { limit: Some("memory".to_owned()), message: text() },
        Outcome::Faulted { limit: None, message: text() },
        Outcome::Errored { message: text() },
        Outcome::Skipped { message: text() },
        Outcome::Interrupted,
    ];
    let (_dir, mut store) = store();
    for outcome in outcomes {
        for cause in [Cause::Scheduled, Cause::Manual, Cause::Confirm, Cause::Verify] {
            let start = RunStart { cause, due: Some(at(-1)), plugin_digest: None, ..start("a", 0) };
            let end = end(5, outcome.clone());
            let begun = store.begin_run(&start).unwrap();
            assert_eq!(store.run(begun).unwrap().unwrap(), Run { id: begun, start: start.clone(), end: None });
            store.finish_run(begun, &end, &[]).unwrap();
            let whole = store.record_run(&start, &end, &[]).unwrap();
            for id in [begun, whole] {
                let expected = Run { id, start: start.clone(), end: Some(end.clone()) };
                assert_eq!(store.run(id).unwrap().unwrap(), expected);
            }
        }
    }
}

#[test]
fn a_run_ends_once() {
    let (_dir, mut store) = store();
    let run = store.begin_run(&start("a", 0)).unwrap();
    store.finish_run(run, &end(1, reported(Vec::new())), &[]).unwrap();
    let again = store.finish_run(run, &end(2, Outcome::Interrupted), &[keep("k", b"v")]);
    assert!(matches!(again, Err(StoreError::NotUnderWay { .. })));
    assert_eq!(store.run(run).unwrap().unwrap().end.unwrap().finished, at(1));
}

#[test]
fn a_run_that_cannot_be_written_whole_leaves_nothing_of_itself() {
    let (_dir, mut store) = store();
    let run = store.begin_run(&start("a", 0)).unwrap();
    let before = store.runs(&everything()).unwrap();
    // A value that is not a number is against the contract, and comes after the findings in the transaction.
    let report = Report {
        findings: vec![finding("lag", Status::Critical)],
        metrics: vec![metric("good", 1.0, &[]), metric("bad", f64::NAN, &[])],
        ..Report::default()
    };
    let end = end(1, Outcome::Reported { report });
    assert!(store.finish_run(run, &end, &[keep("k", b"v")]).is_err());
    assert!(store.record_run(&start("b", 0), &end, &[keep("k", b"v")]).is_err());
    assert_eq!(store.runs(&everything()).unwrap(), before);
    assert_eq!(store.findings("a").unwrap(), []);
    assert_eq!(store.samples("a", "good", &[], at(0), 10).unwrap(), []);
    assert!(store.memory("a").unwrap().is_empty());
    assert_eq!(store.last_runs().unwrap().len(), 1);
}

#[test]
fn an_interrupted_run_is_recorded_once_and_makes_its_job_unknown() {
    let (_dir, mut store) = store();
    let run = store.begin_run(&start("a", 0)).unwrap();
    assert_eq!(store.mark_interrupted(at(9)).unwrap(), 1);
    assert_eq!(store.mark_interrupted(at(10)).unwrap(), 0);
    let end = store.run(run).unwrap().unwrap().end.unwrap();
    assert_eq!((end.outcome, end.finished, end.took), (Outcome::Interrupted, at(9), Duration::ZERO));
    let judged = store.last_runs().unwrap().remove(0).judged.unwrap();
    assert_eq!(judged.end.unwrap().outcome.status(), Some(Status::Unknown));
}

#[test]
fn runs_are_listed_newest_first_by_job_and_time() {
    let (_dir, mut store) = store();
    for (job, second) in [("a", 10), ("b", 20), ("a", 30), ("a", 40)] {
        store.record_run(&start(job, second), &end(second, reported(Vec::new())), &[]).unwrap();
    }
    store.begin_run(&start("a", 50)).unwrap();
    type Case<'a> = (Option<&'a str>, Option<i64>, u32, &'a [i64]);
    let cases: [Case<'_>; 6] = [
        (None, None, 100, &[50, 40, 30, 20, 10]),
        (Some("a"), None, 100, &[50, 40, 30, 10]),
        (Some("a"), None, 2, &[50, 40]),
        (None, Some(20), 100, &[50, 40, 30, 20]),
        (Some("a"), Some(20), 100, &[50, 40, 30]),
        (Some("c"), None, 100, &[]),
    ];
    for (job, since, limit, expected) in cases {
        let filter = RunFilter { job: job.map(str::to_owned), since: since.map(at), limit, ..RunFilter::default() };
        let listed: Vec<_> = store.runs(&filter).unwrap().iter().map(|run| run.start.started).collect();
        assert_eq!(listed, expected.iter().map(|second| at(*second)).collect::<Vec<_>>(), "{filter:?}");
    }
}

#[test]
fn a_job_keeps_its_last_judgement_while_newer_runs_say_nothing() {
    let (_dir, mut store) = store();
    let judged = store.record_run(&start("a", 0), &end(1, reported(Vec::new())), &[]).unwrap();
    store.record_run(&start("a", 2), &end(2, Outcome::Skipped { message: "standby".to_owned() }), &[]).unwrap();
    let newest = store.begin_run(&start("a", 3)).unwrap();
    let never_judged = store.begin_run(&start("b", 4)).unwrap();
    let ids: Vec<_> = store
        .last_runs()
        .unwrap()
        .into_iter()
        .map(|last| (last.job, last.newest.id, last.judged.map(|run| run.id)))
        .collect();
    assert_eq!(ids, [("a".to_owned(), newest, Some(judged)), ("b".to_owned(), never_judged, None)]);
}

#[test]
fn the_last_due_time_is_the_latest_ever_answered() {
    let (_dir, mut store) = store();
    assert_eq!(store.last_due("a").unwrap(), None);
    for (due, expected) in
        [(None, None), (Some(60), Some(60)), (None, Some(60)), (Some(30), Some(60)), (Some(90), Some(90))]
    {
        store.begin_run(&RunStart { due: due.map(at), ..start("a", 100) }).unwrap();
        assert_eq!(store.last_due("a").unwrap(), expected.map(at), "after a run due at {due:?}");
    }
    assert_eq!(store.last_due("b").unwrap(), None);
}

#[test]
fn a_finding_stands_since_it_took_its_status_until_a_report_without_it() {
    let (_dir, mut store) = store();
    let failed = || Outcome::Failed { message: "no connection".to_owned(), advice: None };
    let only = |status| reported(vec![finding("lag", status)]);
    // What the run at each second said, and then: status, since, last seen.
    type Chapter = (Outcome, Option<(Status, i64, i64)>);
    let story: [Chapter; 9] = [
        (only(Status::Critical), Some((Status::Critical, 0, 0))),
        (only(Status::Critical), Some((Status::Critical, 0, 1))),
        (failed(), Some((Status::Critical, 0, 1))),
        (Outcome::Interrupted, Some((Status::Critical, 0, 1))),
        (only(Status::Critical), Some((Status::Critical, 0, 4))),
        (only(Status::Warning), Some((Status::Warning, 5, 5))),
        (only(Status::Critical), Some((Status::Critical, 6, 6))),
        (reported(vec![finding("other", Status::Ok)]), None),
        (only(Status::Critical), Some((Status::Critical, 8, 8))),
    ];
    store.record_run(&start("b", 0), &end(0, only(Status::Ok)), &[]).unwrap();
    for (second, (outcome, expected)) in (0..).zip(story) {
        store.record_run(&start("a", second), &end(second, outcome), &[]).unwrap();
        let standing = store.findings("a").unwrap().into_iter().find(|finding| finding.key == "lag");
        let seen = standing.map(|finding| (finding.status, finding.since, finding.seen));
        assert_eq!(seen, expected.map(|(status, since, seen)| (status, at(since), at(seen))), "at second {second}");
    }
    assert_eq!(store.findings("b").unwrap().len(), 1, "another job's finding of that key stands");
}

#[test]
fn memory_is_kept_only_where_the_run_completed() {
    let (_dir, mut store) = store();
    let incomplete = [
        Outcome::Failed { message: String::new(), advice: None },
        Outcome::Faulted { limit: None, message: String::new() },
        Outcome::Errored { message: String::new() },
    ];
    let mut record = |job, outcome, change: MemoryChange| {
        store.record_run(&start(job, 0), &end(0, outcome), &[change]).unwrap();
        store.memory("a").unwrap()
    };
    let first = record("a", reported(Vec::new()), keep("k", &[0, 255]));
    assert_eq!(first, [("k".to_owned(), vec![0, 255])].into());
    for outcome in incomplete {
        assert_eq!(record("a", outcome, keep("k", b"half")), first);
    }
    assert_eq!(record("b", reported(Vec::new()), keep("k", b"other job")), first);
    assert!(record("a", reported(Vec::new()), MemoryChange { key: "k".to_owned(), value: None }).is_empty());
}

#[test]
fn samples_are_found_by_their_labels_in_any_order() {
    let (_dir, mut store) = store();
    for second in 0..5_i32 {
        let metrics = vec![
            metric("lag", f64::from(second), &[("x", "1"), ("a", "2")]),
            metric("lag", -1.0, &[("x", "1")]),
            metric("other", -2.0, &[("x", "1"), ("a", "2")]),
        ];
        let outcome = Outcome::Reported { report: Report { metrics, ..Report::default() } };
        store.record_run(&start("a", second.into()), &end(second.into(), outcome), &[]).unwrap();
    }
    let values = |store: &Store, labels: &[Pair], since, limit| {
        let samples = store.samples("a", "lag", labels, at(since), limit).unwrap();
        samples.into_iter().map(|sample| (sample.at, sample.value)).collect::<Vec<_>>()
    };
    let labels = [pair("a", "2"), pair("x", "1")];
    assert_eq!(values(&store, &labels, 3, 10), [(at(3), 3.0), (at(4), 4.0)]);
    assert_eq!(values(&store, &labels, 0, 2), [(at(3), 3.0), (at(4), 4.0)], "the newest, oldest first");
    assert_eq!(values(&store, &[pair("x", "1")], 4, 10), [(at(4), -1.0)]);
    assert_eq!(values(&store, &[], 0, 10), []);
}

#[test]
fn a_note_is_replaced_by_the_next_of_its_name() {
    let (_dir, mut store) = store();
    assert_eq!(store.note("configuration").unwrap(), None);
    store.set_note("configuration", "ab", at(0)).unwrap();
    store.set_note("configuration", "cd", at(1)).unwrap();
    assert_eq!(store.note("configuration").unwrap(), Some(Note { value: "cd".to_owned(), at: at(1) }));
}
