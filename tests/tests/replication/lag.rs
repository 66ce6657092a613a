//! Lag: paused, delayed, blocked, hanging, out of contact, cascaded.

use std::thread;
use std::time::Duration;

use pgreeve_tests::agent::Agent;
use pgreeve_tests::testbed::{Major, StandbyOptions, Stop, available};

use crate::bed::{await_status, expect, look, pair, primary, quiet, some, standby, text, watch};

const QUICK: &str = "lag_healthy = \"100ms\", lag_warning = \"300ms\", lag_critical = \"1s\"";

#[test]
fn a_paused_replay_is_a_warning_with_the_bytes_that_wait_and_clears() {
    for major in available() {
        let (primary, s1) = pair(major);
        let agent = watch(&s1, "");
        s1.pause_replay();
        primary.write_wal(2);
        s1.wait_until("the WAL has come", || {
            s1.holds("SELECT pg_last_wal_receive_lsn() - pg_last_wal_replay_lsn() > 2000000")
        });
        let said = expect(&agent, "replay", "warning", &format!("{major:?}"));
        assert!(said.contains("paused") && said.contains("2 MiB"), "{major:?}: {said}");
        assert_ne!(look(&agent).status_of("lag"), "critical", "a pause is on purpose");
        s1.resume_replay();
        s1.catch_up_with(&primary);
        quiet(&agent, &format!("{major:?} resumed"));
    }
}

#[test]
fn a_pause_that_is_allowed_is_ok_and_says_so() {
    for major in some() {
        let (primary, s1) = pair(major);
        s1.pause_replay();
        primary.write_wal(1);
        let said = expect(&watch(&s1, "pause_allowed = \"1h\""), "replay", "ok", &format!("{major:?}"));
        assert!(said.contains("paused"), "{said}");
    }
}

#[test]
fn a_delay_on_purpose_is_no_lag() {
    for major in available() {
        let (primary, _s1) = pair(major);
        let s2 = standby(&primary, "s2", &[]);
        s2.set(&[("recovery_min_apply_delay", "1h")]);
        primary.exec("INSERT INTO t VALUES (1)");
        s2.wait_until("the commit waits", || s2.holds("SELECT pg_last_wal_receive_lsn() > pg_last_wal_replay_lsn()"));
        let agent = watch(&s2, QUICK);
        quiet(&agent, &format!("{major:?} delayed"));
        thread::sleep(Duration::from_millis(1200)); // Longer than lag_critical: the time is what is tested.
        quiet(&agent, &format!("{major:?} delayed for longer than the thresholds"));
        assert!(text(&look(&agent), "lag").contains("on purpose"));
    }
}

#[test]
fn replay_that_hangs_is_lag_in_seconds() {
    for major in available() {
        let (primary, s1) = pair(major);
        let agents = [watch(&s1, QUICK), watch(&primary, QUICK)];
        agents.iter().for_each(|agent| quiet(agent, "before"));
        s1.hang("startup");
        primary.write_wal(1);
        await_status(&agents[0], "lag", "critical");
        await_status(&agents[1], "standby/s1", "critical");
        s1.thaw();
        s1.catch_up_with(&primary);
        await_status(&agents[0], "lag", "ok");
        await_status(&agents[1], "standby/s1", "ok");
    }
}

#[test]
fn a_query_on_the_standby_that_blocks_replay_is_named_as_the_cause() {
    for major in some() {
        let (primary, s1) = pair(major);
        s1.set(&[("max_standby_streaming_delay", "-1")]);
        primary.exec("INSERT INTO t SELECT generate_series(1, 100)");
        s1.catch_up_with(&primary);
        let session = s1.session("postgres");
        session.sql("BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT count(*) FROM t");
        primary.exec("DELETE FROM t");
        primary.exec("VACUUM t");
        s1.wait_until("replay is blocked", || {
            s1.holds(
                "SELECT count(*) = 1 FROM pg_stat_activity WHERE backend_type = 'startup' AND wait_event LIKE \
                'RecoveryConflict%'",
            )
        });
        let said = expect(&watch(&s1, ""), "replay", "warning", &format!("{major:?}"));
        assert!(said.contains("recovery conflict") && said.contains("pg_cancel_backend"), "{said}");
        session.sql("ROLLBACK");
    }
}

#[test]
fn a_standby_that_hangs_is_seen_by_its_primary() {
    for major in some() {
        let (primary, s1) = pair(major);
        let agent = watch(&primary, QUICK);
        quiet(&agent, "before");
        s1.hang("walreceiver");
        primary.write_wal(1);
        let checked = await_status(&agent, "standby/s1", "critical");
        assert!(text(&checked, "standby/s1").contains("MiB"), "{major:?}: {:#}", checked.json);
        let small = "SELECT COALESCE(replay_lag < '300 ms', true) FROM pg_stat_replication";
        assert!(primary.holds(small), "{major:?}: the view's replay_lag is that of before");
        s1.thaw();
        await_status(&agent, "standby/s1", "ok");
    }
}

#[test]
fn a_delayed_standby_is_no_lag_at_its_primary_when_the_setting_says_so() {
    for major in some() {
        let (primary, s1) = pair(major);
        s1.set(&[("recovery_min_apply_delay", "1h")]);
        let agent = watch(&primary, &format!("{QUICK}, delayed = {{ s1 = \"1h\" }}"));
        primary.exec("INSERT INTO t VALUES (1)");
        s1.wait_until("the commit waits", || s1.holds("SELECT pg_last_wal_receive_lsn() > pg_last_wal_replay_lsn()"));
        expect(&agent, "standby/s1", "ok", &format!("{major:?}"));
        thread::sleep(Duration::from_millis(1200)); // Longer than lag_critical: the time is what is tested.
        expect(&agent, "standby/s1", "ok", &format!("{major:?}"));
        await_status(&watch(&primary, QUICK), "standby/s1", "critical");
    }
}

#[test]
fn a_cascade_below_a_cut_off_standby_is_found_by_the_primary_and_by_a_heartbeat() {
    for major in available() {
        let (primary, s1) = pair(major);
        let c1 = standby(&s1, "c1", &[]);
        let scopes = [("main", c1.dsn("observer", "postgres")), ("top", primary.dsn("observer", "postgres"))];
        let agent = Agent::replication(&scopes, &format!("{QUICK}, primary = \"top\""));
        let heartbeat = watch(&c1, "expect_commit_within = \"1s\"");
        primary.exec("INSERT INTO t VALUES (1)");
        c1.catch_up_with(&primary);
        quiet(&agent, &format!("{major:?} before"));
        s1.stop_wal_receiver();
        primary.write_wal(1);
        let checked = await_status(&agent, "primary-lag/main", "critical");
        assert_eq!(checked.status_of("receiver/main"), "ok", "its own receiver is well: {:#}", checked.json);
        // Cut off in the middle of a record, it waits for the rest: some bytes behind, but behind its upstream all the same.
        assert!(text(&checked, "lag/main").contains("its upstream"), "{:#}", checked.json);
        await_status(&heartbeat, "commit-age", "critical");
        s1.start_wal_receiver();
        await_status(&agent, "primary-lag/main", "ok");
    }
}

#[test]
fn log_shipping_needs_no_receiver_and_does_not_claim_what_it_cannot_know() {
    for major in some() {
        let archive = tempfile::tempdir().unwrap();
        std::fs::set_permissions(archive.path(), std::os::unix::fs::PermissionsExt::from_mode(0o777)).unwrap();
        let path = archive.path().display().to_string();
        let primary = primary(major, &[("archive_mode", "on"), ("archive_command", &format!("cp %p {path}/%f"))]);
        let restore = format!("cp {path}/%f %p");
        let options = StandbyOptions {
            streaming: false,
            settings: &[("restore_command", &restore)],
            ..StandbyOptions::default()
        };
        let s1 = primary.standby("s1", &options);
        let agent = watch(&s1, QUICK);
        s1.wait_until("the last commit is old", || {
            s1.holds("SELECT COALESCE(now() - pg_last_xact_replay_timestamp() > '400 ms', true)")
        });
        let checked = look(&agent);
        assert_eq!(checked.finding("receiver")["reason"], "not-applicable", "{major:?}: {:#}", checked.json);
        assert_eq!(checked.finding("lag")["reason"], "no-data", "{major:?}: {:#}", checked.json);
    }
}

#[test]
fn a_primary_that_stops_leaves_at_most_the_age_of_the_last_contact() {
    for major in some() {
        let (mut primary, s1) = pair(major);
        primary.exec("INSERT INTO t VALUES (1)");
        s1.catch_up_with(&primary);
        let agent = watch(&s1, "");
        quiet(&agent, "before");
        primary.stop(Stop::Fast);
        s1.wait_until("the receiver is gone", || s1.holds("SELECT count(*) = 0 FROM pg_stat_wal_receiver"));
        let said = expect(&agent, "lag", "ok", &format!("{major:?}"));
        assert!(said.contains("at most"), "{said}");
    }
}

#[test]
fn a_standby_paused_at_a_recovery_target_is_not_advised_to_resume() {
    let (primary, mut s1) = pair(some()[0]);
    let target = primary.value("SELECT (pg_current_wal_lsn() + 1000000)::text").unwrap();
    s1.set(&[("recovery_target_lsn", &target)]);
    s1.restart();
    primary.write_wal(2);
    s1.wait_until("replay is paused", || s1.holds("SELECT pg_get_wal_replay_pause_state() = 'paused'"));
    let said = expect(&watch(&s1, ""), "replay", "warning", "at the target");
    assert!(said.contains("recovery_target_lsn") && said.contains("a primary"), "{said}");
    assert!(!said.contains("pg_wal_replay_resume"), "{said}");
}

#[test]
fn a_replay_lag_of_long_ago_is_no_lag_of_a_standby_that_has_caught_up_and_idles() {
    for major in available() {
        let primary = primary(major, &[]);
        // With PostgreSQL's default interval between replies.
        let s1 = standby(&primary, "s1", &[("wal_receiver_status_interval", "10s")]);
        let agent = watch(&primary, QUICK);
        quiet(&agent, &format!("{major} before"));
        s1.pause_replay();
        primary.exec("INSERT INTO t VALUES (1)");
        await_status(&agent, "standby/s1", "critical");
        s1.resume_replay();
        s1.catch_up_with(&primary);
        let stale = "SELECT replay_lag > '1 s' AND replay_lsn = pg_current_wal_lsn() FROM pg_stat_replication";
        primary.wait_until("the view shows a lag of before", || primary.holds(stale));
        quiet(&agent, &format!("{major} caught up"));
        assert!(primary.holds(stale), "the view still shows it");
    }
}

#[test]
fn bytes_are_counted_right_where_the_wal_crosses_four_gigabytes() {
    let mut primary = primary(Major(15), &[]);
    if !primary.move_wal_to("000000010000000000000FFC") {
        println!("skipped: no pg_resetwal here");
        return;
    }
    let s1 = standby(&primary, "s1", &[]);
    primary.exec("SELECT pg_create_physical_replication_slot('kept', true)");
    s1.pause_replay();
    let before = primary.value("SELECT pg_current_wal_lsn()").unwrap();
    primary.write_wal(4);
    let after = primary.value("SELECT pg_current_wal_lsn()").unwrap();
    assert!(before.starts_with("0/") && after.starts_with("1/"), "{before} to {after} crosses");
    s1.wait_until("the WAL has come", || s1.holds(&format!("SELECT pg_last_wal_receive_lsn() >= '{after}'")));
    for (server, key) in [(&s1, "replay"), (&primary, "standby/s1")] {
        let said = text(&look(&watch(server, "")), key);
        assert!(said.contains("4 MiB") || said.contains("4.1 MiB"), "{key}: {said}");
    }
    // It begins at the last checkpoint, some segments earlier.
    let said = expect(&watch(&primary, "slot_retention_warning = \"4MiB\""), "slot-retention/kept", "warning", "kept");
    assert!(said.contains("MiB"), "{said}");
}

#[test]
fn a_standby_that_has_replayed_no_commit_yet_gets_no_zero_for_an_age() {
    for major in available() {
        let (_primary, s1) = pair(major);
        assert!(
            s1.holds("SELECT pg_last_xact_replay_timestamp() IS NULL"),
            "{major}: nothing committed since its start"
        );
        let said = expect(&watch(&s1, "expect_commit_within = \"1s\""), "commit-age", "unknown", &format!("{major}"));
        assert!(said.contains("no-data"), "{said}");
    }
}
