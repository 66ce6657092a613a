//! What is measured, and how it went, in steps.

use jiff::SignedDuration;

use super::*;
use crate::store::{SeriesFilter, Step};

fn measured(store: &mut Store, job: &str, second: i64, metrics: Vec<Metric>) {
    let report = Report { findings: Vec::new(), metrics, proposals: Vec::new() };
    store.record_run(&start(job, second), &end(second, Outcome::Reported { report }), &[]).unwrap();
}

fn store() -> (tempfile::TempDir, Store) {
    let dir = tempfile::tempdir().unwrap();
    let mut store = Store::open(dir.path()).unwrap();
    for (second, value) in [(0, 4.0), (10, 1.0), (20, 7.0), (100, 2.0)] {
        measured(&mut store, "a", second, vec![metric("lag_bytes", value, &[("standby", "s1")])]);
    }
    measured(
        &mut store,
        "a",
        50,
        vec![metric("lag_bytes", 9.0, &[("standby", "s2")]), metric("slots_count", 0.0, &[])],
    );
    measured(&mut store, "b", 60, vec![metric("lag_bytes", 3.0, &[])]);
    (dir, store)
}

fn all() -> SeriesFilter {
    SeriesFilter { limit: 100, ..SeriesFilter::default() }
}

#[test]
fn each_series_is_listed_once_with_what_was_measured_last() {
    let (_dir, store) = store();
    let listed = store.series(&all()).unwrap();
    let told: Vec<_> = listed.iter().map(|one| (one.job.as_str(), one.metric.as_str(), one.value, one.at)).collect();
    let expected = [
        ("a", "lag_bytes", 2.0, at(100)),
        ("a", "lag_bytes", 9.0, at(50)),
        ("a", "slots_count", 0.0, at(50)),
        ("b", "lag_bytes", 3.0, at(60)),
    ];
    assert_eq!(told, expected);
    assert_eq!(listed[0].labels, [pair("standby", "s1")]);
}

#[test]
fn a_list_is_narrowed_and_goes_on_where_it_ended() {
    let (_dir, store) = store();
    let count = |filter: SeriesFilter| store.series(&filter).unwrap().len();
    assert_eq!(count(SeriesFilter { job: Some("a".to_owned()), ..all() }), 3);
    assert_eq!(count(SeriesFilter { metric: Some("lag_bytes".to_owned()), ..all() }), 3);
    assert_eq!(count(SeriesFilter { job: Some("c".to_owned()), ..all() }), 0);
    let first = store.series(&SeriesFilter { limit: 3, ..all() }).unwrap();
    let rest = store.series(&SeriesFilter { after: Some(first[2].id), ..all() }).unwrap();
    assert_eq!((first.len(), rest.len()), (3, 1));
    assert_eq!(rest[0].job, "b");
}

#[test]
fn steps_hold_least_most_and_mean_and_a_time_without_samples_is_left_out() {
    let (_dir, store) = store();
    let id = store.series(&all()).unwrap()[0].id;
    let steps = store.steps(id, at(0), SignedDuration::from_secs(30)).unwrap();
    let expected = [
        Step { at: at(0), least: 1.0, most: 7.0, mean: 4.0, samples: 3 },
        Step { at: at(90), least: 2.0, most: 2.0, mean: 2.0, samples: 1 },
    ];
    assert_eq!(steps, expected);
    assert_eq!(store.steps(id, at(101), SignedDuration::from_secs(30)).unwrap(), []);
    // A step of no length is one of a microsecond.
    assert_eq!(store.steps(id, at(0), SignedDuration::ZERO).unwrap().len(), 4);
}
