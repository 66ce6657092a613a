//! Locks that somebody else holds: no take waits for ever, and its answer names what is locked and by whom.

use pgreeve_tests::testbed::{Server, Session};

use crate::bed::{Store, server};

/// A session that holds what `sql` takes, and its process' id.
fn holder(server: &Server, sql: &str) -> (Session, String) {
    let session = server.session("postgres");
    session.sql(&format!("BEGIN; {sql}"));
    let pid = session.sql("SELECT pg_backend_pid()")[0][0].clone().unwrap();
    (session, pid)
}

/// Every kind of dump ends, with this relation and this process in its answer.
#[track_caller]
fn ends(server: &Server, kinds: &[&str], relation: &str, pid: &str) {
    let store = Store::new();
    for kind in kinds {
        let answer = store.run(server, &["take", "--kind", kind, "--lock-wait=200ms"]);
        assert_eq!(answer.exit, 6, "{answer:?}");
        assert!(answer.stderr.contains(&format!("pid {pid}")) && answer.stderr.contains(relation), "{answer:?}");
        assert!(store.entries().is_empty(), "{:?}", store.entries());
    }
}

#[test]
fn a_table_that_is_locked_ends_the_take_which_names_it_and_the_process() {
    let server = server();
    server.exec("CREATE TABLE \"T t\" (); CREATE TABLE other AS SELECT 1 AS n");
    let (_holder, pid) = holder(&server, "LOCK TABLE \"T t\"");
    ends(&server, &["full", "schema"], "public.\"T t\"", &pid);
    // No tables are read for these.
    let store = Store::new();
    store.good(&server, &["take", "--kind=globals"]);
    store.good(&server, &["take", "--kind=base"]);
}

#[test]
fn what_waits_for_a_lock_keeps_others_out_too_and_is_named_with_whom_it_waits_for() {
    let server = server();
    server.exec("CREATE TABLE t ()");
    let (_reader, pid) = holder(&server, "SELECT FROM t");
    let waiter = server.session("postgres");
    std::thread::scope(|scope| {
        scope.spawn(|| waiter.try_sql("SET lock_timeout = '60s'; LOCK TABLE t"));
        let waits = "SELECT count(*) > 0 FROM pg_locks WHERE NOT granted";
        server.wait_until("the lock is waited for", || server.holds(waits));
        ends(&server, &["full"], "public.t", &pid);
        server.exec(&format!("SELECT pg_terminate_backend({pid})"));
    });
}

#[test]
fn a_partitioned_table_is_locked_by_the_dump_program_and_named_all_the_same() {
    let server = server();
    server.exec("CREATE TABLE p (n int) PARTITION BY RANGE (n)");
    let (_holder, pid) = holder(&server, "LOCK TABLE ONLY p");
    ends(&server, &["full"], "public.p", &pid);
}

#[test]
fn a_materialized_view_that_is_refreshed_for_hours_does_not_hang_the_dump() {
    let server = server();
    server.exec("CREATE MATERIALIZED VIEW m AS SELECT 1 AS n");
    let (_holder, pid) = holder(&server, "REFRESH MATERIALIZED VIEW m");
    ends(&server, &["full", "schema"], "m", &pid);
}

#[test]
fn a_prepared_transaction_that_holds_a_lock_is_named_as_one() {
    let (server, store) = (server(), Store::new());
    server.exec("CREATE TABLE t ()");
    let session = server.session("postgres");
    for statement in ["BEGIN", "LOCK TABLE t", "PREPARE TRANSACTION 'forgotten'"] {
        session.sql(statement);
    }
    let answer = store.run(&server, &["take", "--kind=full", "--lock-wait=200ms"]);
    assert!(answer.exit == 6 && answer.stderr.contains("public.t is locked by a prepared transaction"), "{answer:?}");
}
