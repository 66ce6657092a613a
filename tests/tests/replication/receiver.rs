//! The receiver: absent, silent, waiting; and back again.

use pgreeve_tests::testbed::{StandbyOptions, Stop, available};

use crate::bed::{await_status, expect, look, pair, quiet, some, standby, text, watch};

const IMPATIENT: &str = "reconnect_within = \"300ms\"";

#[test]
fn a_dead_receiver_is_critical_and_never_zero_lag_and_clears_when_it_is_back() {
    for major in available() {
        let (mut primary, s1) = pair(major);
        primary.exec("INSERT INTO t VALUES (1)");
        s1.catch_up_with(&primary);
        let agent = watch(&s1, IMPATIENT);
        quiet(&agent, "before");
        primary.stop(Stop::Fast);
        let checked = await_status(&agent, "receiver", "critical");
        assert!(text(&checked, "receiver").contains("last contact"), "{major:?}: {:#}", checked.json);
        let checked = await_status(&agent, "lag", "unknown");
        let lag = text(&checked, "lag");
        assert!(lag.contains("no-data") && lag.contains("out of contact"), "{major:?}: {lag}");
        primary.start_again();
        s1.wait_until_streaming();
        s1.catch_up_with(&primary);
        quiet(&agent, &format!("{major:?} healed"));
    }
}

#[test]
fn a_receiver_that_is_gone_for_a_moment_is_a_warning() {
    for major in some() {
        let (mut primary, s1) = pair(major);
        primary.exec("INSERT INTO t VALUES (1)");
        s1.catch_up_with(&primary);
        let agent = watch(&s1, "");
        quiet(&agent, "before");
        primary.stop(Stop::Fast);
        s1.wait_until("the receiver is gone", || s1.holds("SELECT count(*) = 0 FROM pg_stat_wal_receiver"));
        expect(&agent, "receiver", "warning", &format!("{major:?} just now"));
    }
}

#[test]
fn a_standby_that_nothing_feeds_is_critical_at_once() {
    for major in some() {
        let (_primary, s1) = pair(major);
        s1.stop_wal_receiver();
        let said = expect(&watch(&s1, ""), "receiver", "critical", &format!("{major:?}"));
        assert!(said.contains("primary_conninfo"), "{said}");
        assert_ne!(look(&watch(&s1, "")).status_of("receiver"), "ok");
    }
}

#[test]
fn a_standby_restarted_while_its_primary_is_down_says_so() {
    for major in some() {
        let (mut primary, mut s1) = pair(major);
        primary.exec("INSERT INTO t VALUES (1)");
        s1.catch_up_with(&primary);
        primary.stop(Stop::Fast);
        s1.restart();
        let agent = watch(&s1, "reconnect_within = \"1ms\"");
        let checked = look(&agent);
        assert_ne!(checked.status_of("receiver"), "ok", "{major:?}");
        s1.wait_until("the retries have passed", || {
            s1.holds("SELECT clock_timestamp() - pg_postmaster_start_time() > '1 s'")
        });
        expect(&agent, "receiver", "critical", &format!("{major:?} restarted"));
        assert_ne!(look(&agent).status(), "ok");
    }
}

#[test]
fn an_upstream_that_hangs_is_found_by_its_silence() {
    for major in available() {
        let (primary, s1) = pair(major);
        s1.set(&[("wal_receiver_timeout", "4s")]);
        let agent = watch(&s1, "contact_slack = \"300ms\"");
        quiet(&agent, "before");
        primary.hang("walsender");
        let checked = await_status(&agent, "receiver", "critical");
        assert!(text(&checked, "receiver").contains("silent"), "{major:?}: {:#}", checked.json);
        assert_eq!(checked.status_of("lag"), "ok", "a silence shorter than lag_warning is no lag: {:#}", checked.json);
        primary.thaw();
        await_status(&agent, "receiver", "ok");
    }
}

#[test]
fn a_receiver_that_waits_for_another_timeline_is_not_fresh() {
    for major in available() {
        let (_primary, s1) = pair(major);
        let c1 = standby(&s1, "c1", &[("recovery_target_timeline", "current")]);
        let agent = watch(&c1, IMPATIENT);
        quiet(&agent, "before");
        s1.promote();
        c1.wait_until("the receiver waits", || c1.holds("SELECT status = 'waiting' FROM pg_stat_wal_receiver"));
        let checked = await_status(&agent, "receiver", "critical");
        assert!(text(&checked, "receiver").contains("recovery_target_timeline"), "{major:?}: {:#}", checked.json);
        let upstream = watch(&s1, "");
        assert_ne!(look(&upstream).status_of("standby/c1"), "ok", "{major:?}: its upstream sees it in state startup");
    }
}

#[test]
fn a_receiver_that_starts_again_and_again_is_critical() {
    for major in some() {
        let (primary, s1) = pair(major);
        // Needs WAL that is gone: refused after each connect.
        let s2 = primary.standby("s2", &StandbyOptions::default());
        s2.wait_until_streaming();
        let agent = watch(&s2, IMPATIENT);
        quiet(&agent, "before");
        let mut s2 = s2;
        s2.stop(Stop::Fast);
        primary.set(&[("wal_keep_size", "0"), ("max_slot_wal_keep_size", "1MB")]);
        drop(s1);
        primary.write_wal(6);
        primary.exec("CHECKPOINT");
        primary.write_wal(2);
        primary.exec("CHECKPOINT");
        s2.start_again();
        let checked = await_status(&agent, "receiver", "critical");
        assert!(text(&checked, "receiver").contains("has already been removed"), "{major:?}: {:#}", checked.json);
    }
}

#[test]
fn a_standby_refused_for_want_of_walsenders_is_critical_and_its_upstream_too() {
    for major in some() {
        let primary = crate::bed::primary(major, &[("max_wal_senders", "1")]);
        let s1 = standby(&primary, "s1", &[]);
        let said = expect(&watch(&primary, ""), "wal-senders", "critical", &format!("{major:?}"));
        assert!(said.contains("1 of 1"), "{said}");
        drop(s1);
        primary.wait_until("the walsender is gone", || primary.holds("SELECT count(*) = 0 FROM pg_stat_replication"));
        assert_ne!(look(&watch(&primary, "")).status_of("wal-senders"), "critical");
    }
}

#[test]
fn a_slot_that_is_missing_on_the_upstream_is_found_at_the_standby_and_named() {
    for major in some() {
        let (primary, mut s1) = pair(major);
        let agent = watch(&s1, IMPATIENT);
        quiet(&agent, "before");
        s1.stop(Stop::Fast);
        primary.wait_until("the slot is free", || primary.holds("SELECT NOT active FROM pg_replication_slots"));
        primary.exec("SELECT pg_drop_replication_slot('s1')");
        s1.start_again();
        let checked = await_status(&agent, "receiver", "critical");
        assert!(text(&checked, "receiver").contains("slot_name = 's1'"), "{major:?}: {:#}", checked.json);
    }
}

#[test]
fn an_upstream_that_died_without_a_word_is_found() {
    for major in some() {
        let (mut primary, s1) = pair(major);
        let agent = watch(&s1, IMPATIENT);
        quiet(&agent, "before");
        primary.stop(Stop::Immediate);
        await_status(&agent, "receiver", "critical");
        await_status(&agent, "lag", "unknown");
        primary.start_again();
        await_status(&agent, "receiver", "ok");
        await_status(&agent, "lag", "ok");
    }
}
