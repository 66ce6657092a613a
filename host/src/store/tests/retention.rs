//! Retention, on databases of real size.

use std::fs;

use super::*;

const MIB: u64 = 1024 * 1024;
const FOR_EVER: Duration = Duration::MAX;

fn prune(store: &mut Store, max_age: Duration, max_bytes: u64, now: i64) -> Pruned {
    let retention = Retention { max_age, max_bytes };
    let mut total = Pruned::default();
    loop {
        let batch = store.prune_batch(&retention, at(now)).unwrap();
        total = Pruned { runs: total.runs + batch.runs, samples: total.samples + batch.samples, ..batch };
        if !total.more {
            return total;
        }
    }
}

fn record(store: &mut Store, job: &str, second: i64, bytes: usize) {
    let report = Report {
        findings: vec![Finding { detail: Some("x".repeat(bytes)), ..finding("lag", Status::Ok) }],
        metrics: (0..10).map(|slot| metric("lag", second as f64, &[("slot", &slot.to_string())])).collect(),
        proposals: Vec::new(),
    };
    store.record_run(&start(job, second), &end(second, Outcome::Reported { report }), &[]).unwrap();
}

fn starts(store: &Store, job: &str) -> Vec<Timestamp> {
    let filter = RunFilter { job: Some(job.to_owned()), ..everything() };
    store.runs(&filter).unwrap().iter().map(|run| run.start.started).collect()
}

#[test]
fn what_is_older_than_the_age_goes_and_the_rest_stays() {
    let dir = tempfile::tempdir().unwrap();
    let mut store = Store::open(dir.path()).unwrap();
    (0..1000).for_each(|second| record(&mut store, "a", second, 100));
    let old = Gap { since: at(1), until: at(2), runs: 1, error: "full".to_owned() };
    let young = Gap { until: at(950), ..old.clone() };
    store.record_gap(&old, &[]).unwrap();
    store.record_gap(&young, &[]).unwrap();

    let pruned = prune(&mut store, Duration::from_secs(100), u64::MAX, 1000);
    assert_eq!((pruned.runs, pruned.samples), (900, 9000));
    assert_eq!(starts(&store, "a"), (900..1000).rev().map(at).collect::<Vec<_>>());
    let samples = store.samples("a", "lag", &[pair("slot", "3")], Timestamp::MIN, 10_000).unwrap();
    assert_eq!(samples.iter().map(|sample| sample.at).collect::<Vec<_>>(), (900..1000).map(at).collect::<Vec<_>>());
    assert_eq!(store.gaps(None).unwrap(), [young]);
    assert_sound(&store);
}

#[test]
fn whatever_its_age_a_job_keeps_where_it_stands() {
    let dir = tempfile::tempdir().unwrap();
    let mut store = Store::open(dir.path()).unwrap();
    record(&mut store, "a", 0, 100);
    record(&mut store, "a", 1, 100);
    for second in 2..5 {
        let skipped = end(second, Outcome::Skipped { message: "standby".to_owned() });
        let start = RunStart { due: Some(at(second)), ..start("a", second) };
        store.record_run(&start, &skipped, &[]).unwrap();
    }
    let end = end(6, reported(vec![finding("lag", Status::Critical)]));
    store.record_run(&start("b", 6), &end, &[keep("k", b"v")]).unwrap();
    let under_way = store.begin_run(&start("c", 7)).unwrap();

    for (max_age, max_bytes) in [(Duration::ZERO, u64::MAX), (FOR_EVER, 0)] {
        let pruned = prune(&mut store, max_age, max_bytes, 1_000_000);
        assert!(pruned.used_bytes > 0);
        assert_eq!(starts(&store, "a"), [at(4), at(1)], "the newest and the last judged");
        assert_eq!(starts(&store, "b"), [at(6)]);
        assert_eq!(store.last_due("a").unwrap(), Some(at(4)));
        assert_eq!(store.findings("b").unwrap()[0].since, at(6));
        assert_eq!(store.memory("b").unwrap()["k"], b"v");
    }
    store.finish_run(under_way, &end, &[]).unwrap();
    let series: i64 = store.connection.query_row("SELECT count(*) FROM series", [], |row| row.get(0)).unwrap();
    assert_eq!(series, 0, "series without samples stayed");
}

#[test]
fn a_database_that_is_too_large_loses_its_oldest_and_the_file_shrinks() {
    let dir = tempfile::tempdir().unwrap();
    let mut store = Store::open(dir.path()).unwrap();
    record(&mut store, "yearly", 0, 100);
    (1..3000).for_each(|second| record(&mut store, "a", second, 20_000));
    let size = || fs::metadata(dir.path().join("pgreeve.db")).unwrap().len();
    let untouched = prune(&mut store, FOR_EVER, 200 * MIB, 3000);
    assert_eq!((untouched.runs, untouched.samples), (0, 0));
    assert!(size() > 56 * MIB, "only {} bytes to begin with", size());

    let pruned = prune(&mut store, FOR_EVER, 16 * MIB, 3000);
    assert!(pruned.used_bytes <= 16 * MIB, "{pruned:?}");
    assert!(pruned.used_bytes > 10 * MIB, "more was deleted than had to be: {pruned:?}");
    assert!(size() <= 16 * MIB, "the file still has {} bytes", size());
    let log = fs::metadata(dir.path().join("pgreeve.db-wal")).unwrap().len();
    assert!(log <= 8 * MIB, "the log has {log} bytes");
    let left = starts(&store, "a");
    assert!(left.len() > 500, "{} runs left", left.len());
    assert_eq!(left, (3000 - left.len() as i64..3000).rev().map(at).collect::<Vec<_>>(), "the newest are left");
    assert_eq!(starts(&store, "yearly"), [at(0)]);
    assert_sound(&store);
}

#[test]
fn pruning_ends_on_a_file_that_cannot_shrink() {
    let dir = tempfile::tempdir().unwrap();
    let mut store = Store::open(dir.path()).unwrap();
    (0..500).for_each(|second| record(&mut store, "a", second, 1000));
    store.connection.execute_batch("PRAGMA journal_mode = DELETE; PRAGMA auto_vacuum = NONE; VACUUM").unwrap();
    drop(store);
    let mut store = Store::open(dir.path()).unwrap();
    assert_eq!(prune(&mut store, Duration::ZERO, u64::MAX, 1000).runs, 499);
    assert!(store.connection.pragma_query_value(None, "freelist_count", |row| row.get::<_, i64>(0)).unwrap() > 0);
}

#[test]
fn runs_are_recorded_between_the_batches() {
    let dir = tempfile::tempdir().unwrap();
    let mut store = Store::open(dir.path()).unwrap();
    (0..1000).for_each(|second| record(&mut store, "a", second, 100));
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(async {
        let store = StoreHandle::start(store).unwrap();
        let retention = Retention { max_age: Duration::ZERO, max_bytes: u64::MAX };
        let pruning = runtime.spawn({
            let store = store.clone();
            async move { store.prune(retention, at(2000)).await }
        });
        tokio::task::yield_now().await;
        // The first batch is on its way. This one's turn comes before the last: the run that it replaces as newest goes too.
        store.record_run(start("a", 3000), end(3000, reported(Vec::new())), Vec::new()).await.unwrap();
        assert_eq!(pruning.await.unwrap().unwrap().runs, 1000);
    });
}
