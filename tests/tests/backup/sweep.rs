//! What has no manifest is removed, and nothing else.

use std::fs;

use pgreeve_tests::testbed::give;
use serde_json::json;

use crate::bed::{Store, server};

#[test]
fn an_expired_backup_goes_and_everything_else_stays() {
    let (server, store) = (server(), Store::new());
    let names = ["full", "schema", "globals", "base"].map(|kind| {
        let answer = store.good(&server, &["take", "--kind", kind]);
        answer["name"].as_str().unwrap().to_owned()
    });
    store.good(&server, &["verify", "--record"]);
    // Somebody else's, however much they look like ours.
    for other in ["notes.txt", "full-x.dump", "base-cluster-20261120T18080", "full-postgres-20261120T180802Z.dump.old"]
    {
        fs::write(store.join(other), "x").unwrap();
    }
    std::os::unix::fs::symlink("/etc", store.join("base-cluster-20200101T000000Z")).unwrap();
    let before = store.entries();
    assert_eq!(store.good(&server, &["sweep", "--older-than=0s"])["removed"], json!([]));
    assert_eq!(store.entries(), before);

    // The host's expiry.
    for name in &names[2..] {
        fs::remove_file(store.join(&format!("{name}.json"))).unwrap();
    }
    let young = store.good(&server, &["sweep"]);
    assert_eq!(
        (young["removed"].as_array().unwrap().len(), young["kept"].as_array().unwrap().len()),
        (0, 7),
        "{young:#}"
    );
    let dry = store.good(&server, &["sweep", "--older-than=0s", "--dry-run"]);
    let expired = before.iter().filter(|entry| names[2..].iter().any(|name| entry.starts_with(name))).count() - 2;
    assert_eq!(dry["removed"].as_array().unwrap().len(), expired);
    let swept = store.good(&server, &["sweep", "--older-than=0s"]);
    assert_eq!(swept["removed"], dry["removed"]);
    assert!(swept["freed_bytes"].as_u64().unwrap() > 1000);
    let left: Vec<&String> =
        before.iter().filter(|entry| !names[2..].iter().any(|name| entry.starts_with(name))).collect();
    assert_eq!(store.entries().iter().collect::<Vec<_>>(), left);
    store.good(&server, &["verify"]);
}

#[test]
fn what_is_under_way_is_not_swept() {
    let (server, store) = (server(), Store::new());
    server.exec("CREATE TABLE t (n int) PARTITION BY RANGE (n)");
    let holder = server.session("postgres");
    holder.sql("BEGIN; LOCK TABLE t");
    let mut take = store.start(&server, &["take", "--kind=full"]);
    server.wait_until("the take waits for the lock", || {
        server.holds("SELECT count(*) > 0 FROM pg_locks AS l JOIN pg_stat_activity AS a USING (pid) WHERE NOT granted AND query LIKE 'LOCK TABLE%'")
    });
    let before = store.entries();
    assert_eq!(store.good(&server, &["sweep", "--older-than=0s"])["removed"], json!([]));
    assert_eq!(store.entries(), before);
    assert_eq!(store.good(&server, &["list"])["others"].as_array().unwrap().len(), 1);
    holder.sql("ROLLBACK");
    assert!(take.wait().unwrap().success());
    store.good(&server, &["verify"]);
    assert!(store.entries().iter().all(|entry| !entry.ends_with(".partial")));
}

#[test]
fn leftovers_go_whoever_finds_them() {
    let (server, store) = (server(), Store::new());
    let partial = store.join("full-app-20200101T000000Z.partial");
    fs::create_dir(&partial).unwrap();
    give(&partial).unwrap();
    let half = store.join("full-app-20200101T000000Z.proof.json.partial");
    fs::write(&half, "{").unwrap();
    let taken = store.good(&server, &["take", "--kind=full"]);
    assert_eq!(taken["leftovers_removed"].as_array().unwrap().len(), 2);
    assert!(!partial.exists() && !half.exists());
}
