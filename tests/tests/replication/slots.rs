//! Slots: lost, unreserved, retained, unused, about to be lost; and those that are nobody's concern.

use pgreeve_tests::testbed::{Major, available};

use crate::bed::{await_status, expect, look, primary, quiet, some, standby, text, watch};

const LIMITED: &[(&str, &str)] = &[("max_slot_wal_keep_size", "4MB"), ("wal_level", "logical")];

#[test]
fn a_slot_goes_from_unreserved_to_lost_and_each_is_critical() {
    for major in available() {
        let primary = primary(major, LIMITED);
        primary.exec("SELECT pg_create_physical_replication_slot('s1', true)");
        let agent = watch(&primary, "");
        expect(&agent, "slot-status/s1", "ok", &format!("{major:?} new"));
        primary.write_wal(6);
        let said = expect(&agent, "slot-status/s1", "critical", &format!("{major:?}"));
        assert!(said.contains("unreserved"), "{major:?}: {said}");
        expect(&agent, "slot-time-to-lost/s1", "critical", &format!("{major:?}: a negative safe_wal_size"));
        primary.exec("CHECKPOINT");
        let said = expect(&agent, "slot-status/s1", "critical", &format!("{major:?}: a lost slot is not 0 bytes, ok"));
        assert!(said.contains("lost") && said.contains("pg_drop_replication_slot('s1')"), "{major:?}: {said}");
        let checked = look(&agent);
        assert_eq!(
            checked.finding("slot-retention/s1")["reason"],
            "not-applicable",
            "{major:?}: a lost slot keeps nothing"
        );
        primary.exec("SELECT pg_drop_replication_slot('s1')");
        quiet(&agent, &format!("{major:?} dropped"));
    }
}

#[test]
fn the_time_until_a_slot_is_lost_comes_from_two_runs() {
    for major in some() {
        let primary = primary(major, &[("max_slot_wal_keep_size", "64MB")]);
        primary.exec("SELECT pg_create_physical_replication_slot('s1', true)");
        let agent = watch(&primary, "");
        expect(&agent, "slot-time-to-lost/s1", "ok", &format!("{major:?}: no rate yet"));
        primary.write_wal(8);
        let said = expect(&agent, "slot-time-to-lost/s1", "critical", &format!("{major:?}: megabytes per second"));
        assert!(said.contains("at the present WAL rate"), "{said}");
    }
}

#[test]
fn what_a_slot_keeps_back_is_judged_in_bytes() {
    for major in some() {
        let primary = primary(major, &[]);
        primary.exec("SELECT pg_create_physical_replication_slot('s1', true)");
        primary.write_wal(4);
        let settings = |warning: &str, critical: &str| {
            format!("slot_retention_warning = \"{warning}\", slot_retention_critical = \"{critical}\"")
        };
        expect(&watch(&primary, &settings("1MiB", "1GiB")), "slot-retention/s1", "warning", &format!("{major:?}"));
        let said =
            expect(&watch(&primary, &settings("1MiB", "2MiB")), "slot-retention/s1", "critical", &format!("{major:?}"));
        assert!(said.contains("4 MiB") || said.contains("4.1 MiB"), "{said}");
    }
}

#[test]
fn an_unused_slot_is_a_warning_in_time_and_one_that_is_moved_forward_is_in_use() {
    for major in available() {
        let primary = primary(major, &[]);
        primary.exec("SELECT pg_create_physical_replication_slot('s1', true)");
        let agent = watch(&primary, "slot_inactive_warning = \"500ms\"");
        await_status(&agent, "slot-inactive/s1", "warning");
        // Patroni moves its members' slots forward without connecting to them.
        primary.write_wal(1);
        primary.exec("SELECT pg_replication_slot_advance('s1', pg_current_wal_lsn())");
        expect(&agent, "slot-inactive/s1", "ok", &format!("{major:?} moved"));
    }
}

#[test]
fn slots_that_hold_nothing_are_quiet() {
    for major in available() {
        let primary = primary(major, LIMITED);
        primary.exec("SELECT pg_create_physical_replication_slot('never_used')");
        let session = primary.session("postgres");
        session.sql("SELECT pg_create_physical_replication_slot('passing', true, true)");
        let agent = watch(&primary, "");
        let checked = look(&agent);
        assert!(checked.complaints().is_empty(), "{major:?}: {:?}", checked.complaints());
        assert!(checked.find("slot-status/passing").is_none(), "a temporary slot is nobody's concern");
        assert_eq!(checked.finding("slot-status/never_used")["reason"], "not-applicable");
    }
}

#[test]
fn a_slot_ended_by_its_idle_timeout_is_lost_though_it_keeps_its_position() {
    for major in available().into_iter().filter(|major| *major >= Major(18)) {
        let primary = primary(major, &[("idle_replication_slot_timeout", "1s")]);
        primary.exec("SELECT pg_create_physical_replication_slot('s1', true)");
        primary.wait_until("the slot is invalidated", || {
            primary.exec("CHECKPOINT");
            primary.holds("SELECT wal_status = 'lost' FROM pg_replication_slots")
        });
        let said = expect(&watch(&primary, ""), "slot-status/s1", "critical", &format!("{major:?}"));
        assert!(said.contains("idle_timeout"), "{said}");
    }
}

#[test]
fn a_logical_slot_on_a_standby_that_conflicts_with_recovery_is_lost() {
    for major in available().into_iter().filter(|major| *major >= Major(16)) {
        let primary = primary(major, &[("wal_level", "logical")]);
        let s1 = standby(&primary, "s1", &[("hot_standby_feedback", "on")]);
        primary.wait_until("feedback has come", || {
            primary.holds("SELECT xmin IS NOT NULL FROM pg_replication_slots WHERE slot_name = 's1'")
        });
        let session = s1.session("postgres");
        std::thread::scope(|scope| {
            let made = scope.spawn(|| session.sql("SELECT pg_create_logical_replication_slot('l', 'test_decoding')"));
            while !made.is_finished() {
                primary.exec("SELECT pg_log_standby_snapshot()");
            }
        });
        let agent = watch(&s1, "");
        assert_eq!(look(&agent).status_of("slot-status/l"), "ok", "{major:?}");
        s1.set(&[("hot_standby_feedback", "off")]);
        primary.wait_until("feedback has ended", || {
            primary.holds("SELECT catalog_xmin IS NULL FROM pg_replication_slots WHERE slot_name = 's1'")
        });
        primary.exec("CREATE TABLE gone (n int)");
        primary.exec("DROP TABLE gone");
        primary.exec("VACUUM pg_class");
        s1.wait_until("the slot is invalidated", || {
            s1.holds("SELECT wal_status = 'lost' FROM pg_replication_slots WHERE slot_name = 'l'")
        });
        let said = text(&look(&agent), "slot-status/l");
        assert!(
            said.contains("lost") && (said.contains("conflict") || said.contains("rows_removed")),
            "{major:?}: {said}"
        );
    }
}

#[test]
fn a_failover_slot_synchronised_to_a_standby_is_quiet_though_nobody_uses_it_there() {
    for major in available().into_iter().filter(|major| *major >= Major(17)) {
        let primary = primary(major, &[("wal_level", "logical")]);
        let s1 = standby(&primary, "s1", &[("hot_standby_feedback", "on")]);
        primary.exec("SELECT pg_create_logical_replication_slot('fo', 'test_decoding', failover => true)");
        let conninfo =
            s1.value("SELECT setting || ' dbname=postgres' FROM pg_settings WHERE name = 'primary_conninfo'").unwrap();
        s1.set(&[("primary_conninfo", &conninfo), ("sync_replication_slots", "on")]);
        s1.wait_until("the slot is synchronised", || {
            primary.exec("SELECT pg_log_standby_snapshot()");
            primary.exec("SELECT pg_replication_slot_advance('fo', pg_current_wal_lsn())");
            s1.holds("SELECT synced AND NOT temporary AND NOT active FROM pg_replication_slots WHERE slot_name = 'fo'")
        });
        let agent = watch(&s1, "slot_inactive_warning = \"1ms\"");
        s1.wait_until_streaming();
        let checked = look(&agent);
        assert_eq!(checked.finding("slot-inactive/fo")["reason"], "not-applicable", "{major:?}: {:#}", checked.json);
        assert_eq!(checked.status_of("slot-status/fo"), "ok", "{major:?}");
    }
}
