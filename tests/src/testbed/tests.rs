//! The test bed itself, on every major that is installed.

use std::fs;
use std::time::Duration;

use super::{Major, Options, Server, StandbyOptions, Stop, available};

const REPLICATING: &str = "SELECT string_agg(application_name, ',') FROM pg_stat_replication";

#[test]
fn a_standby_and_a_cascade_follow_their_upstreams() {
    for major in available() {
        let primary = Server::start(major, &Options::default());
        primary.exec("CREATE TABLE t AS SELECT 1 AS a");
        let standby = primary.standby("standby1", &StandbyOptions { slot: Some("slot1"), ..Default::default() });
        let cascade = standby.standby("cascade1", &StandbyOptions { slot: Some("slot2"), ..Default::default() });
        primary.exec("INSERT INTO t VALUES (2)");
        primary.write_wal(4);
        standby.catch_up_with(&primary);
        cascade.catch_up_with(&standby);
        assert_eq!(cascade.value("SELECT count(*) FROM t").as_deref(), Some("2"), "{major}");
        assert_eq!(primary.value(REPLICATING).as_deref(), Some("standby1"), "{major}");
        assert_eq!(standby.value(REPLICATING).as_deref(), Some("cascade1"), "{major}");
        assert!(standby.holds("SELECT active FROM pg_replication_slots WHERE slot_name = 'slot2'"), "{major}");

        standby.promote();
        standby.exec("INSERT INTO t VALUES (3)");
        cascade.catch_up_with(&standby);
        assert_eq!(cascade.value("SELECT count(*) FROM t").as_deref(), Some("3"), "{major}");
    }
}

#[test]
fn a_paused_standby_receives_and_does_not_replay() {
    let primary = Server::start(Major(15), &Options::default());
    let standby = primary.standby("standby1", &StandbyOptions::default());
    standby.wait_until_streaming();
    standby.pause_replay();
    primary.write_wal(1);
    let target = primary.value("SELECT pg_current_wal_lsn()").unwrap();
    standby.wait_until("it is received", || standby.holds(&format!("SELECT pg_last_wal_receive_lsn() >= '{target}'")));
    assert!(standby.holds(&format!("SELECT pg_last_wal_replay_lsn() < '{target}'")));
    standby.resume_replay();
    standby.catch_up_with(&primary);
}

#[test]
fn a_standby_without_its_walreceiver_is_left_behind_until_it_is_back() {
    let primary = Server::start(Major(15), &Options::default());
    let standby = primary.standby("standby1", &StandbyOptions::default());
    standby.wait_until_streaming();
    standby.stop_wal_receiver();
    primary.wait_until("the walsender is gone", || primary.value(REPLICATING).is_none());
    primary.write_wal(1);
    standby.start_wal_receiver();
    standby.catch_up_with(&primary);
}

/// Everything that waits, called wherever a test may be running.
fn use_everything() {
    let mut server = Server::start(Major(15), &Options { settings: &[("work_mem", "5MB")], ..Default::default() });
    assert_eq!(server.value("SHOW work_mem").as_deref(), Some("5MB"));
    server.set(&[("work_mem", "6MB")]);
    assert_eq!(server.value("SHOW work_mem").as_deref(), Some("6MB"));
    server.reset(&["work_mem"]);
    assert_eq!(server.value("SHOW work_mem").as_deref(), Some("5MB"));
    server.restart();
    server.stop(Stop::Immediate);
    server.start_again();
    server.create_roles();
    assert!(server.session("nobody").try_sql("SELECT * FROM pg_ls_waldir()").is_err());
    assert!(!server.session("observer").sql("SELECT * FROM pg_ls_waldir()").is_empty());
}

#[test]
fn it_works_without_a_runtime() {
    use_everything();
}

#[tokio::test]
async fn it_works_within_a_current_thread_runtime() {
    use_everything();
}

#[tokio::test(flavor = "multi_thread")]
async fn it_works_within_a_multi_thread_runtime() {
    use_everything();
}

#[test]
fn an_own_system_identifier_is_different() {
    let identifier = "SELECT system_identifier FROM pg_control_system()";
    let copied = Server::start(Major(15), &Options::default());
    let own = Server::start(Major(15), &Options { own_system_identifier: true, segment_mb: 16, ..Default::default() });
    assert_ne!(own.value(identifier), copied.value(identifier));
    assert_eq!(own.value("SHOW wal_segment_size").as_deref(), Some("16MB"));
}

#[test]
#[should_panic(expected = "in vain until pigs fly; the log of primary ends:")]
fn a_wait_in_vain_tells_what_for_and_shows_the_log() {
    Server::start(Major(15), &Options::default()).wait_for("pigs fly", Duration::from_millis(50), || false);
}

#[test]
#[should_panic(expected = "unrecognized configuration parameter \"wurk_mem\"")]
fn a_server_that_does_not_start_shows_its_log() {
    Server::start(Major(15), &Options { settings: &[("wurk_mem", "5MB")], ..Default::default() });
}

#[test]
fn servers_that_hang_are_gone_after_drop_with_all_that_they_started() {
    let options =
        Options { settings: &[("archive_mode", "on"), ("archive_command", "sleep 4321")], ..Default::default() };
    let primary = Server::start(Major(15), &options);
    let standby = primary.standby("standby1", &StandbyOptions::default());
    standby.wait_until_streaming();
    primary.exec("SELECT pg_switch_wal()");
    let archiving = "SELECT wait_event = 'ArchiveCommand' FROM pg_stat_activity WHERE backend_type = 'archiver'";
    primary.wait_until("the archive command runs", || primary.holds(archiving));
    let (primary_dir, standby_dir) = (primary.data_dir(), standby.data_dir());
    standby.hang("startup");
    primary.hang("walsender");
    primary.freeze();
    drop((primary, standby));
    for dir in [primary_dir, standby_dir] {
        assert!(!dir.exists());
        assert_eq!(processes_below(&dir.display().to_string()), 0);
    }
}

/// Processes whose working directory is `dir`, as PostgreSQL's and its commands' are, also when it was removed.
fn processes_below(dir: &str) -> usize {
    let processes = fs::read_dir("/proc").unwrap().flatten();
    let cwds = processes.filter_map(|process| fs::read_link(process.path().join("cwd")).ok());
    cwds.filter(|cwd| cwd.to_str().is_some_and(|cwd| cwd.starts_with(dir))).count()
}
