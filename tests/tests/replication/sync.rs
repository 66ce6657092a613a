//! Expected standbys and synchronous ones: configured and not there.

use pgreeve_tests::testbed::{StandbyOptions, available};

use crate::bed::{await_status, expect, look, pair, primary, quiet, some, standby, watch};

#[test]
fn an_expected_standby_that_is_absent_is_critical_by_name_and_by_slot_and_clears() {
    for major in available() {
        let primary = primary(major, &[]);
        let options = StandbyOptions { slot: Some("slot1"), ..StandbyOptions::default() };
        let mut s1 = primary.standby("berlin", &options);
        s1.wait_until_streaming();
        let agent = watch(&primary, "expect = [\"berlin\", \"slot1\", \"never\"]");
        let checked = look(&agent);
        for (key, status) in [("expected/berlin", "ok"), ("expected/slot1", "ok"), ("expected/never", "critical")] {
            assert_eq!(checked.status_of(key), status, "{major:?} {key}: {:#}", checked.json);
        }
        s1.stop(pgreeve_tests::testbed::Stop::Fast);
        await_status(&agent, "expected/berlin", "critical");
        expect(&agent, "expected/slot1", "critical", &format!("{major:?}"));
        s1.start_again();
        s1.wait_until_streaming();
        await_status(&agent, "expected/berlin", "ok");
        expect(&agent, "expected/slot1", "ok", &format!("{major:?}"));
    }
}

#[test]
fn a_synchronous_standby_that_is_configured_and_absent_is_critical_and_the_waiting_commit_is_counted() {
    for major in available() {
        let primary = primary(major, &[]);
        let agent = watch(&primary, "");
        assert_eq!(look(&agent).finding("sync")["reason"], "not-applicable");
        primary.set(&[("synchronous_standby_names", "nosuch")]);
        std::thread::scope(|scope| {
            let commit = scope.spawn(|| primary.exec("INSERT INTO t VALUES (1)"));
            primary.wait_until("a commit waits", || {
                primary.holds("SELECT count(*) = 1 FROM pg_stat_activity WHERE wait_event = 'SyncRep'")
            });
            let said = expect(&agent, "sync", "critical", &format!("{major:?}"));
            assert!(said.contains("0 of 1") && said.contains("1 commit waits") && said.contains("nosuch"), "{said}");
            primary.set(&[("synchronous_standby_names", "")]);
            commit.join().unwrap();
        });
        quiet(&agent, &format!("{major:?} cleared"));
    }
}

#[test]
fn as_many_synchronous_standbys_are_counted_as_are_asked_for() {
    for major in some() {
        let (primary, _s1) = pair(major);
        for (names, status) in [
            ("s1", "ok"),
            ("*", "ok"),
            ("FIRST 2 (s1, x)", "critical"),
            ("FIRST 1 (s1, x)", "warning"),
            ("ANY 1 (s1)", "ok"),
        ] {
            primary.set(&[("synchronous_standby_names", names)]);
            let ready = "SELECT count(*) = 1 FROM pg_stat_replication WHERE sync_state IN ('sync', 'quorum')";
            primary.wait_until("the setting counts", || primary.holds(ready));
            expect(&watch(&primary, ""), "sync", status, &format!("{major:?} {names}"));
        }
    }
}

#[test]
fn a_synchronous_standby_that_is_there_and_does_not_confirm_is_found() {
    for major in some() {
        let primary = primary(major, &[]);
        let s1 = standby(&primary, "s1", &[]);
        primary.set(&[("synchronous_standby_names", "s1")]);
        primary
            .wait_until("s1 is synchronous", || primary.holds("SELECT sync_state = 'sync' FROM pg_stat_replication"));
        s1.hang("walreceiver");
        std::thread::scope(|scope| {
            let commit = scope.spawn(|| primary.exec("INSERT INTO t VALUES (1)"));
            let agent = watch(&primary, "lag_healthy = \"1s\", lag_warning = \"2s\", lag_critical = \"3s\"");
            await_status(&agent, "sync", "critical");
            s1.thaw();
            commit.join().unwrap();
            await_status(&agent, "sync", "ok");
        });
    }
}

#[test]
fn a_commit_that_waits_is_counted_though_activities_are_not_tracked() {
    let primary = primary(some()[0], &[("track_activities", "off")]);
    primary.set(&[("synchronous_standby_names", "nosuch")]);
    let agent = watch(&primary, "");
    std::thread::scope(|scope| {
        let commit = scope.spawn(|| primary.exec("INSERT INTO t VALUES (1)"));
        primary.wait_until("a commit waits", || {
            primary.holds("SELECT count(*) = 1 FROM pg_stat_activity WHERE wait_event = 'SyncRep'")
        });
        let checked = look(&agent);
        primary.set(&[("synchronous_standby_names", "")]);
        commit.join().unwrap();
        let said = crate::bed::text(&checked, "sync");
        assert!(checked.status_of("sync") == "critical" && said.contains("1 commit waits"), "{said}");
    });
}
