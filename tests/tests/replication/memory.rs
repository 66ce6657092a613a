//! What runs remember of a server that is another one by now: its cluster, its timeline, its slots, its statistics.

use pgreeve_tests::agent::Agent;
use pgreeve_tests::testbed::{Options, Server, Stop, available};

use crate::bed::{await_status, expect, look, pair, primary, quiet, standby, text, watch};

const QUICK: &str = "lag_healthy = \"100ms\", lag_warning = \"300ms\", lag_critical = \"1s\"";

/// From now on the agent finds this server where it found another one.
fn now_watches(agent: &Agent, server: &Server, settings: &str) {
    agent.configure(&Agent::replication_config(&[("main", server.dsn("observer", "postgres"))], settings));
}

#[test]
fn another_cluster_in_the_place_of_the_one_before_is_judged_by_nothing_remembered() {
    for major in available() {
        let (before, old) = pair(major);
        let agent = watch(&old, QUICK);
        before.write_wal(8);
        old.catch_up_with(&before);
        quiet(&agent, &format!("{major} before"));
        let primary = Server::start(major, &Options { own_system_identifier: true, ..Options::default() });
        primary.create_roles();
        let s1 = standby(&primary, "s1", &[]);
        let end =
            |server: &Server| server.value("SELECT pg_last_wal_replay_lsn() - '0/0'").unwrap().parse::<u64>().unwrap();
        assert!(end(&s1) < end(&old), "what is remembered would be far ahead");
        now_watches(&agent, &s1, QUICK);
        quiet(&agent, &format!("{major} the other cluster"));
        s1.hang("startup");
        primary.write_wal(1);
        await_status(&agent, "lag", "critical");
    }
}

#[test]
fn a_standby_rebuilt_from_another_timeline_is_not_behind_what_only_the_old_primary_wrote() {
    for major in available() {
        let (mut primary, s1) = pair(major);
        let s2 = standby(&primary, "s2", &[]);
        let agent = watch(&s2, QUICK);
        s1.stop_wal_receiver();
        primary.write_wal(8); // Comes to s2 alone.
        s2.catch_up_with(&primary);
        quiet(&agent, &format!("{major} before"));
        primary.stop(Stop::Fast);
        drop(s2);
        s1.promote();
        // The first checkpoint on the new timeline: a base backup begins with one.
        let rebuilt = standby(&s1, "s2", &[]);
        now_watches(&agent, &rebuilt, QUICK);
        quiet(&agent, &format!("{major} rebuilt"));
        rebuilt.hang("startup");
        s1.write_wal(1);
        await_status(&agent, "lag", "critical");
    }
}

#[test]
fn a_slot_made_anew_by_the_name_of_another_starts_with_nothing_remembered() {
    for major in available() {
        let primary = primary(major, &[("max_slot_wal_keep_size", "64MB")]);
        let make = "SELECT pg_create_physical_replication_slot('s1', true)";
        primary.exec(make);
        let agent = watch(&primary, "slot_inactive_warning = \"500ms\"");
        await_status(&agent, "slot-inactive/s1", "warning");
        primary.write_wal(8);
        expect(&agent, "slot-time-to-lost/s1", "critical", &format!("{major}: megabytes per second"));
        primary.exec("SELECT pg_drop_replication_slot('s1')");
        primary.exec("CHECKPOINT");
        primary.exec(make);
        let checked = look(&agent);
        assert_eq!(checked.status_of("slot-inactive/s1"), "ok", "{major}: {:#}", checked.json);
        let said = text(&checked, "slot-time-to-lost/s1");
        assert!(checked.status_of("slot-time-to-lost/s1") == "ok" && said.contains("from the next run on"), "{said}");
    }
}

#[test]
fn an_archiver_that_fails_goes_on_failing_when_its_statistics_are_reset() {
    for major in available() {
        let primary = primary(major, &[("archive_mode", "on"), ("archive_command", "false")]);
        let agent = watch(&primary, "");
        primary.exec("INSERT INTO t VALUES (1)");
        primary.exec("SELECT pg_switch_wal()");
        await_status(&agent, "archiver", "critical");
        // Between two attempts, which may be a minute apart.
        primary.hang("archiver");
        primary.wait_until("the statistics are reset", || {
            primary.exec("SELECT pg_stat_reset_shared('archiver')");
            primary.holds("SELECT failed_count = 0 AND last_failed_time IS NULL FROM pg_stat_archiver")
        });
        let said = expect(&agent, "archiver", "critical", &format!("{major}: reset"));
        assert!(said.contains("statistics were reset"), "{said}");
        primary.thaw();
        primary.set(&[("archive_command", "true")]);
        primary.wait_until("the segment is archived", || {
            // Another segment wakes the archiver.
            primary.exec("INSERT INTO t VALUES (1)");
            primary.exec("SELECT pg_switch_wal()");
            primary.holds("SELECT archived_count > 0 FROM pg_stat_archiver")
        });
        await_status(&agent, "archiver", "ok");
    }
}
