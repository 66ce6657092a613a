//! Dumps of real databases come back whole, and what a dump cannot hold is named.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use pgreeve_tests::testbed::{Options, Server};
use serde_json::{Value, json};

use crate::bed::{Store, furnish, server, sql, with_clients};

fn codes(answer: &Value) -> Vec<(&str, &str)> {
    let caveats = answer["manifest"]["caveats"].as_array().unwrap();
    caveats.iter().map(|one| (one["code"].as_str().unwrap(), one["subject"].as_str().unwrap())).collect()
}

#[test]
fn a_database_with_everything_comes_back_whatever_its_name_and_encoding() {
    for major in with_clients() {
        let server = Server::start(major, &Options::default());
        let store = Store::new();
        for (database, encoding) in [("app", "UTF8"), ("My \"App\" = ö'\\", "LATIN1"), ("ascii.db", "SQL_ASCII")] {
            furnish(&server, database, encoding);
            let dbname = format!("dbname='{}'", database.replace('\\', "\\\\").replace('\'', "\\'"));
            let taken = store.good(&server, &["take", "--kind=full", "--dbname", &dbname]);
            let manifest = &taken["manifest"];
            assert_eq!(manifest["database"], database);
            // The furniture's rows and the unlogged table's one.
            assert_eq!(manifest["summary"]["rows"], 1000 + 500 + 100 + 1);
            assert_eq!(manifest["summary"]["large_objects"], 3);
            assert_eq!(manifest["summary"]["event_triggers"], 2);
            assert_eq!(manifest["server"]["major"], u32::from(major.0));
            assert_eq!(manifest["caveats"], json!([]));
            let proved = store.good(&server, &["prove", "--name", taken["name"].as_str().unwrap()]);
            assert_eq!(proved["proof"]["passed"], true);
            assert!(proved["proof"]["restore_ms"].as_i64().unwrap() > 0);
            assert!(proved["proof"]["assertions"].as_array().unwrap().len() >= 11, "{proved:#}");
        }
        let scratch = "SELECT count(*) FROM pg_database WHERE datname LIKE 'pgreeve%'";
        assert_eq!(server.value(scratch).as_deref(), Some("0"));
        store.good(&server, &["verify"]);
    }
}

#[test]
fn a_backup_is_for_its_owner_alone() {
    let (server, store) = (server(), Store::new());
    furnish(&server, "app", "UTF8");
    store.take(&server, "app");
    store.good(&server, &["take", "--kind=base"]);
    for entry in store.entries() {
        let mode = fs::metadata(store.join(&entry)).unwrap().permissions().mode();
        assert_eq!(mode & 0o077, 0, "{entry} has mode {mode:o}");
    }
}

#[test]
fn a_parallel_dump_in_directory_format_comes_back() {
    let (server, store) = (server(), Store::new());
    furnish(&server, "app", "UTF8");
    store.good(&server, &["take", "--kind=full", "--dbname=app", "--format-of-dump=directory", "--jobs=3"]);
    let proved = store.good(&server, &["prove", "--of=app", "--jobs=2", "--query=SELECT count(*) = 500 FROM part"]);
    assert_eq!(proved["proof"]["passed"], true);
}

#[test]
fn a_schema_only_dump_and_globals_come_with_their_counts() {
    let (server, store) = (server(), Store::new());
    furnish(&server, "app", "UTF8");
    server.exec("CREATE ROLE \"Some one\" LOGIN PASSWORD 'x'");
    store.good(&server, &["take", "--kind=schema", "--dbname=app"]);
    store.good(&server, &["prove", "--kind=schema", "--of=app"]);
    let globals = store.good(&server, &["take", "--kind=globals"]);
    assert_eq!(globals["manifest"]["summary"]["roles"], 2);
    let text = fs::read_to_string(store.join(globals["manifest"]["payload"].as_str().unwrap())).unwrap();
    assert!(text.contains("CREATE ROLE \"Some one\""), "{text}");
    store.good(&server, &["verify"]);
}

#[test]
fn rows_are_counted_in_the_snapshot_of_the_dump_while_others_write() {
    let (server, store) = (server(), Store::new());
    furnish(&server, "app", "UTF8");
    let done = AtomicBool::new(false);
    thread::scope(|scope| {
        let writer = scope.spawn(|| {
            let mut written = 0;
            while !done.load(Ordering::Relaxed) {
                sql(&server, "app", "INSERT INTO child SELECT 1 FROM generate_series(1, 50); INSERT INTO part SELECT n, now() FROM generate_series(1, 9) AS n ON CONFLICT DO NOTHING");
                written += 1;
            }
            written
        });
        for _ in 0..3 {
            store.take(&server, "app");
            store.good(&server, &["prove", "--of=app", "--no-amcheck"]);
        }
        done.store(true, Ordering::Relaxed);
        assert!(writer.join().unwrap() > 0);
    });
}

#[test]
fn rows_of_extensions_that_no_dump_holds_are_named() {
    let (server, store) = (server(), Store::new());
    furnish(&server, "app", "UTF8");
    sql(
        &server,
        "app",
        "CREATE TABLE history AS SELECT 1 AS n; ALTER EXTENSION hstore ADD TABLE history; CREATE TABLE other (); ALTER EXTENSION pg_trgm ADD TABLE other",
    );
    let taken = store.good(&server, &["take", "--kind=full", "--dbname=app"]);
    assert_eq!(codes(&taken), [("extension-rows-left-out", "hstore")]);
    let detail = taken["manifest"]["caveats"][0]["detail"].as_str().unwrap();
    assert!(detail.contains("public.history"), "{detail}");
}

#[test]
fn what_a_dump_of_one_schema_loses_is_named() {
    let (server, store) = (server(), Store::new());
    furnish(&server, "app", "UTF8");
    sql(&server, "app", "CREATE SCHEMA alone; CREATE TABLE alone.t AS SELECT 1 AS n");
    let taken = store.good(&server, &["take", "--kind=full", "--dbname=app", "--schema=alone"]);
    let lost = [
        ("event-triggers-left-out", "On"),
        ("event-triggers-left-out", "off"),
        ("extensions-left-out", "hstore"),
        ("extensions-left-out", "pg_trgm"),
        ("large-objects-left-out", "large objects"),
    ];
    assert_eq!(codes(&taken), lost);
    store.good(&server, &["prove", "--of=app"]);
    let unknown = store.run(&server, &["take", "--kind=full", "--dbname=app", "--schema=alo*"]);
    assert_eq!(unknown.exit, 4, "{unknown:?}");
}

#[test]
fn a_query_of_the_operators_decides_too() {
    let (server, store) = (server(), Store::new());
    furnish(&server, "app", "UTF8");
    store.take(&server, "app");
    store.good(&server, &["prove", "--of=app", "--query=SELECT max(id) = 1000 FROM \"Quoted \"\"x\"\"\".\"Größe\""]);
    for query in ["SELECT false", "SELECT true WHERE false", "SELECT 1/0 = 1", "SELECT true FROM part"] {
        let answer = store.bad(&server, &["prove", "--of=app", "--no-amcheck", "--query", query]);
        assert_eq!(answer.failed(), ["query-1"], "{query}");
    }
}
