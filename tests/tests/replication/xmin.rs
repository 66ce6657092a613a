//! The xmin horizon: each kind of holder is found and named.

use pgreeve_tests::testbed::{Server, StandbyOptions, available};

use crate::bed::{await_status, expect, pair, primary, quiet, some, watch};

const STRICT: &str = "xmin_age_warning = 30, xmin_age_critical = 60";

const FEEDBACK: &[(&str, &str)] = &[("hot_standby_feedback", "on")];

fn burn(server: &Server, transactions: usize) {
    let session = server.session("postgres");
    (0..transactions).for_each(|_| drop(session.sql("SELECT txid_current()")));
}

#[test]
fn an_idle_transaction_is_named_whether_it_holds_an_xmin_or_an_xid() {
    for major in some() {
        for statement in ["SELECT txid_current()", "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ; SELECT 1"] {
            let primary = primary(major, &[]);
            let agent = watch(&primary, STRICT);
            let session = primary.session("postgres");
            session.sql(&format!("BEGIN; {statement}"));
            let pid = session.sql("SELECT pg_backend_pid()")[0][0].clone().unwrap();
            burn(&primary, 40);
            let said = expect(&agent, "xmin", "warning", &format!("{major:?} {statement}"));
            assert!(
                said.contains(&format!("backend {pid}")) && said.contains(&format!("pg_terminate_backend({pid})")),
                "{said}"
            );
            burn(&primary, 30);
            expect(&agent, "xmin", "critical", &format!("{major:?} {statement}"));
            session.sql("ROLLBACK");
            quiet(&agent, &format!("{major:?} ended"));
        }
    }
}

#[test]
fn a_prepared_transaction_is_named() {
    for major in some() {
        let primary = primary(major, &[]);
        primary.session("postgres").sql("BEGIN; INSERT INTO t VALUES (1); PREPARE TRANSACTION 'forgotten'");
        burn(&primary, 40);
        let said = expect(&watch(&primary, STRICT), "xmin", "warning", &format!("{major:?}"));
        assert!(said.contains("prepared transaction forgotten") && said.contains("ROLLBACK PREPARED"), "{said}");
    }
}

#[test]
fn the_slot_of_a_standby_that_is_gone_holds_the_horizon_though_it_has_no_database() {
    for major in some() {
        let (primary, s1) = pair(major);
        s1.set(&[("hot_standby_feedback", "on")]);
        primary.wait_until("feedback has come", || primary.holds("SELECT xmin IS NOT NULL FROM pg_replication_slots"));
        drop(s1);
        burn(&primary, 40);
        let checked = await_status(&watch(&primary, STRICT), "xmin", "warning");
        assert!(
            checked.finding("xmin")["summary"].as_str().unwrap().contains("slot s1"),
            "{major:?}: {:#}",
            checked.json
        );
    }
}

#[test]
fn a_session_on_a_standby_holds_nothing_without_hot_standby_feedback() {
    let (primary, s1) = pair(some()[0]);
    let session = s1.session("postgres");
    session.sql("BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT 1");
    burn(&primary, 40);
    s1.catch_up_with(&primary);
    let agent = watch(&s1, STRICT);
    let said = expect(&agent, "xmin", "ok", "off");
    assert!(said.contains("not-applicable"), "{said}");
    s1.set(&[("hot_standby_feedback", "on")]);
    await_status(&agent, "xmin", "warning");
}

#[test]
fn a_running_vacuum_holds_nothing_back_and_an_analyze_is_named() {
    for major in available() {
        let primary = primary(major, &[]);
        let agent = watch(&primary, STRICT);
        primary.exec("INSERT INTO t SELECT generate_series(1, 10000)");
        primary.exec("DELETE FROM t WHERE n % 2 = 0");
        for (command, status) in [("VACUUM", "ok"), ("ANALYZE", "warning")] {
            let session = primary.session("postgres");
            // Slow: it sleeps at each page.
            session.sql("SET vacuum_cost_delay = 100; SET vacuum_cost_limit = 1");
            let pid = session.sql("SELECT pg_backend_pid()")[0][0].clone().unwrap();
            std::thread::scope(|scope| {
                let runs = scope.spawn(|| session.try_sql(&format!("{command} t")));
                let view = format!("SELECT count(*) = 1 FROM pg_stat_progress_{command} WHERE pid = {pid}");
                primary.wait_until("it runs", || primary.holds(&view));
                burn(&primary, 40);
                let holds = format!("SELECT age(backend_xmin) >= 40 FROM pg_stat_activity WHERE pid = {pid}");
                assert!(primary.holds(&holds), "{major} {command}: it shows an old xmin");
                let said = expect(&agent, "xmin", status, &format!("{major} {command}"));
                assert_eq!(said.contains(&format!("backend {pid}")), status == "warning", "{major} {command}: {said}");
                assert!(primary.holds(&view), "{major}: {command} still ran");
                primary.exec(&format!("SELECT pg_cancel_backend({pid})"));
                assert!(runs.join().unwrap().is_err());
            });
        }
    }
}

#[test]
fn a_standby_that_feeds_its_horizon_back_without_a_slot_is_named() {
    for major in some() {
        let primary = primary(major, &[]);
        let s1 = primary.standby("s1", &StandbyOptions { settings: FEEDBACK, ..StandbyOptions::default() });
        s1.wait_until_streaming();
        let session = s1.session("postgres");
        session.sql("BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT 1");
        primary.wait_until("feedback has come", || {
            primary.holds("SELECT backend_xmin IS NOT NULL FROM pg_stat_replication")
        });
        burn(&primary, 40);
        let said = expect(&watch(&primary, STRICT), "xmin", "warning", &format!("{major}"));
        assert!(said.contains("standby s1") && said.contains("hot_standby_feedback"), "{said}");
    }
}
