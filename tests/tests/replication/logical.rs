//! Logical replication beside physical: subscriptions, their initial copy, their slots and snapshots.

use pgreeve_tests::testbed::{Major, Server, available};

use crate::bed::{advised_questions, await_status, expect, look, primary, quiet, text, watch};

/// A publisher with a table of a few rows, and a server with the same table, empty.
fn publisher_and_subscriber(major: Major) -> (Server, Server) {
    let publisher = primary(major, &[("wal_level", "logical")]);
    publisher.exec("ALTER TABLE t ADD PRIMARY KEY (n)");
    publisher.exec("INSERT INTO t SELECT generate_series(1, 10); CREATE PUBLICATION p FOR TABLE t");
    let subscriber = primary(major, &[("wal_level", "logical")]);
    subscriber.exec("ALTER TABLE t ADD PRIMARY KEY (n)");
    (publisher, subscriber)
}

fn subscribe(subscriber: &Server, publisher: &Server) {
    let conninfo = publisher.tcp_dsn("postgres", "postgres");
    subscriber.exec(&format!("CREATE SUBSCRIPTION sub CONNECTION '{conninfo}' PUBLICATION p"));
}

fn wait_until_synchronised(subscriber: &Server) {
    subscriber.wait_until("the initial copy is done", || {
        subscriber.holds("SELECT bool_and(srsubstate = 'r') FROM pg_subscription_rel")
    });
}

fn burn(server: &Server, transactions: usize) {
    let session = server.session("postgres");
    (0..transactions).for_each(|_| drop(session.sql("SELECT txid_current()")));
}

#[test]
fn a_subscriptions_initial_copy_is_no_standby_and_its_snapshot_and_slot_are_named() {
    for major in available() {
        let (publisher, subscriber) = publisher_and_subscriber(major);
        // A constraint that waits for a lock holds the copy in its middle.
        subscriber.exec(
            "CREATE FUNCTION held(int) RETURNS bool LANGUAGE plpgsql AS $$ BEGIN
             PERFORM pg_advisory_xact_lock_shared(1); RETURN true; END $$; ALTER TABLE t ADD CHECK (held(n))",
        );
        let holder = subscriber.session("postgres");
        holder.sql("SELECT pg_advisory_lock(1)");
        subscribe(&subscriber, &publisher);
        subscriber.wait_until("the copy is held", || {
            subscriber.holds("SELECT count(*) = 1 FROM pg_locks WHERE locktype = 'advisory' AND NOT granted")
        });
        let copies = "SELECT count(*) = 1 FROM pg_stat_replication JOIN pg_stat_activity USING (pid) \
                      WHERE pg_stat_activity.datname IS NOT NULL AND pg_stat_replication.application_name LIKE '%sync%'";
        assert!(publisher.holds(copies), "{major}: the copy's walsender has a row of a standby");
        let agent = watch(&publisher, "");
        let checked = look(&agent);
        assert_eq!(checked.complaints(), Vec::<String>::new(), "{major} while it copies");
        assert_eq!(checked.finding("standby")["reason"], "not-applicable", "{major}: {:#}", checked.json);
        burn(&publisher, 40);
        let strict = watch(&publisher, "xmin_age_warning = 30, xmin_age_critical = 1000");
        let checked = look(&strict);
        assert_eq!(checked.status_of("xmin"), "warning", "{major}: {:#}", checked.json);
        let named = |kind: &str| checked.finding("xmin")["evidence"].to_string().contains(kind);
        assert!(named("logical walsender pg_") && named("slot pg_"), "{major}: {:#}", checked.finding("xmin"));
        holder.sql("SELECT pg_advisory_unlock(1)");
        wait_until_synchronised(&subscriber);
        publisher
            .wait_until("the copy's slot is gone", || publisher.holds("SELECT count(*) = 1 FROM pg_replication_slots"));
        quiet(&agent, &format!("{major} copied"));
        quiet(&watch(&subscriber, ""), &format!("{major} the subscriber"));
    }
}

#[test]
fn the_slot_of_a_subscriber_that_is_gone_holds_the_catalogs_horizon() {
    for major in available() {
        let publisher = primary(major, &[("wal_level", "logical")]);
        publisher.exec("SELECT pg_create_logical_replication_slot('l', 'test_decoding')");
        burn(&publisher, 40);
        let agent = watch(&publisher, "xmin_age_warning = 30, xmin_age_critical = 1000");
        let said = expect(&agent, "xmin", "warning", &format!("{major}"));
        assert!(said.contains("slot l") && said.contains("pg_drop_replication_slot('l')"), "{said}");
        publisher.exec("SELECT pg_drop_replication_slot('l')");
        quiet(&agent, &format!("{major} dropped"));
    }
}

#[test]
fn a_subscriber_is_no_standby_and_is_expected_by_its_slot() {
    for major in available() {
        let (publisher, subscriber) = publisher_and_subscriber(major);
        subscribe(&subscriber, &publisher);
        wait_until_synchronised(&subscriber);
        let agent = watch(&publisher, "expect = [\"sub\"]");
        await_status(&agent, "expected/sub", "ok");
        publisher.exec("INSERT INTO t VALUES (11)");
        let checked = look(&agent);
        assert_eq!(checked.complaints(), Vec::<String>::new(), "{major}");
        assert_eq!(checked.finding("standby")["reason"], "not-applicable", "{major}: {:#}", checked.json);
        subscriber.exec("ALTER SUBSCRIPTION sub DISABLE");
        await_status(&agent, "expected/sub", "critical");
    }
}

#[test]
fn a_subscriber_that_waits_or_fails_in_a_loop_is_found_though_it_is_connected_and_an_idle_one_is_quiet() {
    for major in available() {
        let (publisher, subscriber) = publisher_and_subscriber(major);
        subscribe(&subscriber, &publisher);
        wait_until_synchronised(&subscriber);
        let agent = watch(&publisher, "subscriber_stalled_warning = \"2s\"");
        let below = watch(&subscriber, "lag_healthy = \"100ms\", lag_warning = \"1s\"");
        quiet(&below, &format!("{major} the subscriber"));
        publisher.exec("INSERT INTO t VALUES (11)");
        publisher.exec("CREATE TABLE not_published (n int)");
        await_status(&agent, "subscriber/sub", "ok");
        let blocker = subscriber.session("postgres");
        blocker.sql("BEGIN; LOCK TABLE t IN ACCESS EXCLUSIVE MODE");
        publisher.exec("INSERT INTO t VALUES (12)");
        let checked = await_status(&agent, "subscriber/sub", "warning");
        assert_eq!(checked.status_of("slot-inactive/sub"), "ok", "{major}: it is connected: {:#}", checked.json);
        let workers = advised_questions(&checked, "subscriber/sub").remove(0);
        let found = subscriber.session("observer").sql(&workers);
        let pid = blocker.sql("SELECT pg_backend_pid()")[0][0].clone().unwrap();
        assert_eq!(found[0][4], Some(format!("{{{pid}}}")), "{major}: the advice finds who blocks it: {found:?}");
        let said = text(&await_status(&below, "subscription/postgres.sub", "warning"), "subscription/postgres.sub");
        assert!(said.contains("waits for a lock"), "{major}: {said}");
        blocker.sql("ROLLBACK");
        await_status(&agent, "subscriber/sub", "ok");
        subscriber.exec("INSERT INTO t VALUES (13)");
        publisher.exec("INSERT INTO t VALUES (13)");
        let checked = await_status(&agent, "subscriber/sub", "warning");
        assert!(
            ["duplicate key", "conflict detected"].iter().any(|words| subscriber.log().contains(words)),
            "{major}: it fails in a loop"
        );
        if major >= Major(15) {
            await_status(&below, "subscription/postgres.sub", "critical");
            let errors = advised_questions(&checked, "subscriber/sub").remove(1);
            assert_ne!(subscriber.session("observer").sql(&errors)[0][1].as_deref(), Some("0"), "{major}");
        }
        subscriber.exec("DELETE FROM t WHERE n = 13");
        await_status(&agent, "subscriber/sub", "ok");
        quiet(&agent, &format!("{major} healed"));
        await_status(&below, "subscription/postgres.sub", "ok");
    }
}
