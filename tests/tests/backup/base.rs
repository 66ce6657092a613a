//! Base backups, proved in a scratch server that harms nobody.

use std::fs;
use std::process::Command;

use pgreeve_tests::testbed::{Major, Options, Server, Stop, run_as_server_user};

use crate::bed::{Store, furnish, major, sql, with_clients};

/// A server that archives its WAL into a directory of the store.
pub(crate) fn archiving(major: Major, store: &Store) -> Server {
    let archive = store.directory("wal").display().to_string();
    let command = format!(
        "if test -f {archive}/%f; then cmp -s %p {archive}/%f; else cp %p {archive}/%f.new && mv {archive}/%f.new {archive}/%f; fi"
    );
    let settings = [("archive_mode", "on"), ("archive_command", &command)];
    Server::start(major, &Options { settings: &settings, own_system_identifier: true, ..Options::default() })
}

/// Ends the current segment and waits until it is in the archive.
pub(crate) fn archive(server: &Server) {
    let segment = server.value("SELECT pg_walfile_name(pg_current_wal_lsn())").unwrap();
    server.exec("SELECT pg_switch_wal()");
    server.wait_until("the segment is archived", || {
        server.holds(&format!("SELECT last_archived_wal >= '{segment}' FROM pg_stat_archiver"))
    });
}

#[test]
fn a_base_backup_with_a_tablespace_comes_back_elsewhere_and_replays_wal() {
    for major in with_clients() {
        let store = Store::new();
        let server = archiving(major, &store);
        let place = store.directory("tablespace");
        server.exec(&format!("CREATE TABLESPACE elsewhere LOCATION '{}'", place.display()));
        furnish(&server, "app", "UTF8");
        sql(&server, "app", "CREATE TABLE moved TABLESPACE elsewhere AS SELECT 1 AS n");
        let taken = store.good(&server, &["take", "--kind=base"]);
        assert_eq!(taken["manifest"]["summary"]["tablespaces"], 1);
        let walked = || walk(&place);
        let before = walked();
        sql(&server, "app", "INSERT INTO moved VALUES (2)");
        archive(&server);

        let alone =
            store.good(&server, &["prove", "--kind=base", "--of=app", "--query=SELECT count(*) = 1 FROM moved"]);
        assert_eq!(alone["proof"]["target"], "immediate");
        let wal = store.directory("wal").display().to_string();
        let replayed =
            ["prove", "--kind=base", "--of=app", "--query=SELECT count(*) = 2 FROM moved", "--wal-archive", &wal];
        let replayed = store.good(&server, &replayed);
        assert_eq!(replayed["proof"]["target"], "latest");
        let until = |answer: &serde_json::Value| answer["proof"]["data_until_us"].as_i64().unwrap();
        assert!(until(&replayed) > until(&alone), "the replayed insert is newer than the backup");
        // Nothing of the scratch server's reached the old one's files or archive.
        assert_eq!(walked(), before);
        assert!(
            fs::read_dir(&wal).unwrap().all(|entry| !entry
                .unwrap()
                .file_name()
                .to_str()
                .unwrap()
                .ends_with(".history"))
        );
    }
}

fn walk(path: &std::path::Path) -> Vec<std::path::PathBuf> {
    let mut found = vec![path.to_owned()];
    if path.is_dir() {
        let mut below: Vec<_> = fs::read_dir(path).unwrap().map(|entry| entry.unwrap().path()).collect();
        below.sort();
        found.extend(below.iter().flat_map(|path| walk(path)));
    }
    found
}

#[test]
fn a_base_backup_is_proved_to_a_time() {
    let store = Store::new();
    let server = archiving(major(), &store);
    server.exec("CREATE TABLE t AS SELECT 1 AS n");
    store.good(&server, &["take", "--kind=base"]);
    server.exec("INSERT INTO t VALUES (2)");
    let between = server.value("SELECT clock_timestamp() AT TIME ZONE 'UTC'").unwrap();
    server.exec("INSERT INTO t VALUES (3)");
    archive(&server);
    let wal = store.directory("wal").display().to_string();
    let prove = ["prove", "--kind=base", "--query=SELECT count(*) = 2 FROM t", "--wal-archive", &wal, "--to"];
    store.good(&server, &[&prove[..], &[&between]].concat());
    // PostgreSQL itself refuses a target that the WAL does not reach.
    let late = store.bad(&server, &[&prove[..], &["2099-01-01T00:00:00Z"]].concat());
    assert_eq!(late.failed(), ["restored"]);
    assert!(late.message().contains("before configured recovery target was reached"), "{late:?}");
}

/// Overwrites tuples of a table's first page.
fn damage_page(server: &Server, table: &str) {
    let file = server.value(&format!("SELECT pg_relation_filepath('{table}')")).unwrap();
    server.exec("CHECKPOINT");
    let path = server.data_dir().join(file);
    let mut bytes = fs::read(&path).unwrap();
    bytes[6000..8000].fill(0xA5);
    fs::write(&path, bytes).unwrap();
}

/// A server with or without checksums of pages: from 18 on initdb turns them on.
fn with_checksums(on: bool) -> Server {
    let mut server = crate::bed::server();
    if server.holds("SELECT current_setting('data_checksums')::bool") != on {
        server.stop(Stop::Fast);
        let mut change = Command::new(server.major().optional_program("pg_checksums").unwrap());
        change.args([if on { "--enable" } else { "--disable" }, "--no-sync", "-D"]).arg(server.data_dir());
        assert!(run_as_server_user(change.current_dir("/")).output().unwrap().status.success());
        server.start_again();
    }
    server
}

#[test]
fn a_damaged_page_makes_no_base_backup_where_checksums_are_on() {
    let store = Store::new();
    let server = with_checksums(true);
    server.exec("CREATE TABLE t AS SELECT n FROM generate_series(1, 5000) AS n");
    let taken = store.good(&server, &["take", "--kind=base"]);
    assert_eq!(taken["manifest"]["caveats"], serde_json::json!([]));
    damage_page(&server, "t");
    let answer = store.run(&server, &["take", "--kind=base"]);
    assert_eq!(answer.exit, 6, "{answer:?}");
    assert!(answer.stderr.contains("do not expire older backups"), "{answer:?}");
    store.good(&server, &["verify"]);
    assert_eq!(store.good(&server, &["list"])["backups"].as_array().unwrap().len(), 1);
}

#[test]
fn a_damaged_page_that_was_copied_unseen_is_found_by_the_proof() {
    let store = Store::new();
    let server = with_checksums(false);
    server.exec("CREATE TABLE t AS SELECT n FROM generate_series(1, 5000) AS n");
    damage_page(&server, "t");
    let taken = store.good(&server, &["take", "--kind=base"]);
    assert_eq!(taken["manifest"]["caveats"][0]["code"], "no-checksums");
    let proved = store.bad(&server, &["prove", "--kind=base"]);
    assert_eq!(proved.failed(), ["amcheck"]);
}

#[test]
fn a_dump_of_a_standby_says_what_it_lacks() {
    let store = Store::new();
    let primary = crate::bed::server();
    furnish(&primary, "app", "UTF8");
    let standby = primary.standby("s1", &pgreeve_tests::testbed::StandbyOptions::default());
    standby.catch_up_with(&primary);
    let taken = store.good(&standby, &["take", "--kind=full", "--dbname=app"]);
    assert_eq!(taken["manifest"]["server"]["role"], "standby");
    assert_eq!(taken["manifest"]["caveats"][0]["code"], "unlogged-rows-left-out");
    store.good(&primary, &["prove", "--of=app"]);
    store.good(&standby, &["take", "--kind=base"]);
    store.good(&standby, &["prove", "--kind=base"]);
}
