//! PostgreSQL's buffer cache: scans that miss it, resets, restarts, promotions, crashes, quiet databases.

use pgreeve_tests::agent::Agent;
use pgreeve_tests::testbed::{Major, Options, Server, StandbyOptions, Stop, available};

use crate::bed::{agent, await_status, await_that, config, expect, holds, look, text};

const MAIN: &str = "postgres = [\"main\"]";

/// Enough for a scan of `large`, and more than the agent's own questions ask for.
const BLOCKS: i64 = 4_000;

fn settings() -> String {
    format!("buffer_least_blocks = {BLOCKS}")
}

/// The oldest major, the one that is always there, the newest.
fn some() -> Vec<Major> {
    let all = available();
    let wanted = |major: &Major| *major == Major(15) || Some(major) == all.first() || Some(major) == all.last();
    all.iter().copied().filter(wanted).collect()
}

/// A server with a table `large` of 32 MB, twice shared_buffers, and a table `small`.
fn server(major: Major) -> Server {
    let server = Server::start(major, &Options::default());
    server.create_roles();
    server.exec("CREATE TABLE large (n int, filler text); CREATE TABLE small (n int)");
    server.exec("ALTER TABLE large ALTER filler SET STORAGE plain");
    server.exec("INSERT INTO large SELECT n, repeat('x', 1900) FROM generate_series(1, 16400) AS n");
    server.exec("INSERT INTO small SELECT generate_series(1, 20000)");
    server
}

fn table(server: &Server, user: &str) -> String {
    format!("[postgres.main]\ndsn = {:?}\n", server.dsn(user, "postgres"))
}

fn watch(server: &Server) -> Agent {
    agent(&table(server, "observer"), MAIN, &settings())
}

/// A counter of the database, as the server tells it to a session that begins now.
fn counter(server: &Server, name: &str) -> i64 {
    server.value(&format!("SELECT {name} FROM pg_stat_database WHERE datname = 'postgres'")).unwrap().parse().unwrap()
}

/// Does something, and waits until the server tells of so many blocks more. What sessions count is told when they end.
fn counted(server: &Server, name: &str, blocks: i64, work: impl FnOnce()) {
    let before = counter(server, name);
    work();
    await_that("the statistics", || counter(server, name) >= before + blocks);
}

/// Asks for 4,100 blocks, of which the cache cannot have more than its 2,048.
fn miss(server: &Server) {
    counted(server, "blks_read", BLOCKS / 2, || server.exec("SELECT count(*) FROM large"));
}

/// Reads what is: 88 blocks each time.
fn hit(server: &Server) {
    let scans = "SELECT count(*) FROM small;".repeat(120);
    counted(server, "blks_hit", BLOCKS * 2, || server.exec(&scans));
}

#[test]
fn hits_and_misses_are_told_between_runs_and_the_table_that_reads_is_named() {
    for major in available() {
        let server = server(major);
        // History: it must not show.
        hit(&server);
        let agent = watch(&server);
        let first = expect(&agent, "buffer-hit/main:postgres", "unknown", "this is the first run");
        holds(&first, "buffer-tables/main:postgres", "unknown", "no-data");
        holds(&first, "buffer/main", "ok", "shared_buffers 16 MiB");
        miss(&server);
        let low = await_status(&agent, "buffer-hit/main:postgres", "warning");
        holds(&low, "buffer-hit/main:postgres", "warning", "under 95 %");
        assert!(text(&low, "buffer-hit/main:postgres").contains("public.large"), "{major:?}: {:#}", low.json);
        holds(&low, "buffer-tables/main:postgres", "ok", "public.large read most");
        // A run a moment later: too few blocks to judge anew, and what was judged stands.
        expect(&agent, "buffer-hit/main:postgres", "warning", "too few since");
        hit(&server);
        let well = await_status(&agent, "buffer-hit/main:postgres", "ok");
        holds(&well, "buffer-hit/main:postgres", "ok", "found in the cache");
        assert_eq!(well.complaints(), Vec::<String>::new(), "{major:?}");
        hit(&server);
        assert_eq!(look(&agent).complaints(), Vec::<String>::new(), "{major:?}");
    }
}

#[test]
fn a_reset_a_restart_and_a_crash_are_said_and_judged_from_then_on() {
    for major in some() {
        let mut server = server(major);
        let agent = watch(&server);
        look(&agent);
        miss(&server);
        await_status(&agent, "buffer-hit/main:postgres", "warning");
        server.exec("SELECT pg_stat_reset()");
        await_that("the reset", || {
            server
                .holds("SELECT stats_reset > now() - interval '1 min' FROM pg_stat_database WHERE datname = 'postgres'")
        });
        let reset = agent.check_until("cache", "the reset is seen", |checked| {
            text(checked, "buffer-hit/main:postgres").contains("reset")
        });
        holds(&reset, "buffer-hit/main:postgres", "unknown", "no-data");
        server.restart();
        let restarted = expect(&agent, "buffer-hit/main:postgres", "unknown", "began empty");
        holds(&restarted, "buffer/main", "ok", "restarted since the last run");
        server.stop(Stop::Immediate);
        expect(&agent, "buffer/main", "unknown", "unreachable");
        server.start_again();
        expect(&agent, "buffer-hit/main:postgres", "unknown", "no-data");
        miss(&server);
        await_status(&agent, "buffer-hit/main:postgres", "warning");
    }
}

#[test]
fn a_standby_counts_its_own_and_a_promotion_ends_the_comparison() {
    let primary = server(Major(15));
    let standby = primary.standby("s1", &StandbyOptions::default());
    standby.wait_until_streaming();
    standby.catch_up_with(&primary);
    let agent = watch(&standby);
    holds(&look(&agent), "buffer/main", "ok", "standby");
    miss(&standby);
    await_status(&agent, "buffer-hit/main:postgres", "warning");
    standby.promote();
    let promoted = expect(&agent, "buffer-hit/main:postgres", "unknown", "promoted since the last run");
    holds(&promoted, "buffer/main", "ok", "primary");
}

#[test]
fn another_server_by_the_same_name_is_not_compared() {
    let (one, other) = (server(Major(15)), server(Major(15)));
    let agent = watch(&one);
    look(&agent);
    miss(&other);
    agent.configure(&config(&table(&other, "observer"), MAIN, &settings()));
    expect(&agent, "buffer-hit/main:postgres", "unknown", "no-data");
}

#[test]
fn a_database_that_is_renamed_goes_on_and_another_by_its_name_begins_anew() {
    let server = server(Major(15));
    server.exec("CREATE DATABASE one");
    server.exec("CREATE DATABASE two");
    let agent = watch(&server);
    look(&agent);
    let known = look(&agent);
    for key in ["buffer-hit/main:one", "buffer-hit/main:two"] {
        assert!(!text(&known, key).contains("no hit rate yet"), "{}", text(&known, key));
    }
    server.exec("DROP DATABASE two");
    server.exec("ALTER DATABASE one RENAME TO two");
    server.exec("CREATE DATABASE one");
    let renamed = look(&agent);
    holds(&renamed, "buffer-hit/main:one", "unknown", "this database is seen for the first time");
    assert!(
        !text(&renamed, "buffer-hit/main:two").contains("no hit rate yet"),
        "{}",
        text(&renamed, "buffer-hit/main:two")
    );
    server.exec("DROP DATABASE two");
    assert!(look(&agent).find("buffer-hit/main:two").is_none());
}

#[test]
fn a_session_that_crashes_takes_cache_and_counters_with_it_and_is_said_so() {
    for major in some() {
        let server = server(major);
        let agent = watch(&server);
        look(&agent);
        miss(&server);
        await_status(&agent, "buffer-hit/main:postgres", "warning");
        let started = server.value("SELECT pg_postmaster_start_time()").unwrap();
        crash(&server);
        let after =
            agent.check_until("cache", "the server answers", |checked| checked.status_of("buffer/main") == "ok");
        holds(&after, "buffer-hit/main:postgres", "unknown", "crashed");
        holds(&after, "buffer/main", "ok", "crashed since the last run");
        assert_eq!(server.value("SELECT pg_postmaster_start_time()").unwrap(), started, "the postmaster lives on");
        hit(&server);
        await_status(&agent, "buffer-hit/main:postgres", "ok");
    }
}

/// Kills one session as the kernel does when memory runs out: the postmaster ends all others, and the cache begins empty.
fn crash(server: &Server) {
    let session = server.session("postgres");
    let pid = session.sql("SELECT pg_backend_pid()")[0][0].as_deref().unwrap().parse().unwrap();
    let pid = rustix::process::Pid::from_raw(pid).unwrap();
    rustix::process::kill_process(pid, rustix::process::Signal::KILL).unwrap();
    await_that("the session's end", || session.try_sql("SELECT 1").is_err());
    await_that("the recovery", || server.try_sql("SELECT 1").is_ok());
}

#[test]
fn a_quiet_database_is_too_quiet_to_judge_and_one_that_counts_nothing_is_no_quiet_one() {
    let server = server(Major(15));
    server.exec("CREATE DATABASE \"Quiet db\"");
    let agent = watch(&server);
    look(&agent);
    let quiet = look(&agent);
    let said = text(&quiet, "buffer-hit/main:Quiet db");
    assert!(said.contains("idle") || said.contains("too few"), "{said}");
    assert!(quiet.find("buffer-hit/main:template1").is_none());
    server.set(&[("track_counts", "off")]);
    agent.check_until("cache", "track_counts is seen", |checked| {
        text(checked, "buffer/main").contains("track_counts is off")
    });
}

#[test]
fn a_role_without_any_right_sees_the_counters_and_not_the_buffers() {
    for major in some() {
        let server = server(major);
        let plain = agent(&table(&server, "nobody"), MAIN, &settings());
        let before = look(&plain);
        holds(&before, "buffer-size/main", "ok", "not-applicable");
        server.exec("CREATE SCHEMA \"Odd schema\"; CREATE EXTENSION pg_buffercache SCHEMA \"Odd schema\"");
        miss(&server);
        let seen = await_status(&plain, "buffer-hit/main:postgres", "warning");
        holds(&seen, "buffer-size/main", "unknown", "no-privilege");
    }
}

/// Rows of `large` all over, by its index: three quarters of it, more than the cache holds.
const ALL_OVER: &str = "DO $$ DECLARE k int; BEGIN FOR i IN 1..40000 LOOP k := random() * 12300; PERFORM filler FROM large WHERE n = k; END LOOP; END $$";

#[test]
fn with_pg_buffercache_it_is_told_whether_what_is_asked_for_fits() {
    for major in some() {
        let mut server = server(major);
        server.exec("CREATE EXTENSION pg_buffercache; CREATE INDEX ON large (n)");
        let agent = watch(&server);
        holds(&look(&agent), "buffer-size/main", "ok", "16 MiB");
        counted(&server, "blks_read", BLOCKS, || server.exec(ALL_OVER));
        let seen = await_status(&agent, "buffer-hit/main:postgres", "warning");
        holds(&seen, "buffer-size/main", "warning", "does not fit");
        // After a restart it is empty; a small table fills little of it.
        server.restart();
        look(&agent);
        hit(&server);
        let seen = await_status(&agent, "buffer-hit/main:postgres", "ok");
        holds(&seen, "buffer-size/main", "ok", "is unused: what is used fits");
    }
}

#[test]
fn a_server_that_is_away_or_refuses_is_unknown() {
    let mut server = server(Major(15));
    let agent = watch(&server);
    server.stop(Stop::Fast);
    let away = expect(&agent, "buffer/main", "unknown", "unreachable");
    assert_eq!(away.exit, 3);
    assert!(away.find("buffer-hit/main:postgres").is_none());
}
