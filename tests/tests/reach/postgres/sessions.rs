//! What lasts longer than a statement: settings, locks, connections, and statements that still run when the run has ended.

use std::time::{Duration, Instant};

use pgreeve_tests::agent::Agent;
use pgreeve_tests::testbed::{Major, Server};
use rustix::process::Signal;
use serde_json::{Value, json};

use super::{MAIN, query, scope, server};
use crate::bed::{ask, await_that, config};

const SESSIONS: &str = "SELECT count(*) FROM pg_stat_activity WHERE usename = 'observer'";

fn held(name: &str, sql: &str) -> Value {
    json!({ "ask": "query", "name": name, "sql": sql, "hold": 1 })
}

#[test]
fn a_setting_lasts_as_long_as_its_query() {
    let server = server(Major(15));
    let settings = [
        ("statement_timeout", "0"),
        ("lock_timeout", "0"),
        ("search_path", "public"),
        ("role", "pg_monitor"),
        ("client_encoding", "LATIN1"),
        ("standard_conforming_strings", "off"),
        ("DateStyle", "German"),
        ("application_name", "psql"),
        ("TimeZone", "Asia/Tokyo"),
        ("idle_in_transaction_session_timeout", "0"),
    ];
    let read: Vec<String> = settings.iter().map(|(name, _)| format!("current_setting('{name}')")).collect();
    let read = query(&format!("select {}", read.join(", ")));
    let mut calls = vec![read.clone()];
    for (name, value) in settings {
        calls.push(query(&format!("select set_config('{name}', '{value}', false)")));
        calls.push(read.clone());
        // One that is not read to its end is closed by the next query.
        calls.push(held(
            "main",
            &format!("select set_config('{name}', '{value}', false) from generate_series(1, 9999)"),
        ));
        calls.push(read.clone());
    }
    let answers = ask(&scope(&server, ""), MAIN, &calls);
    assert!(answers[0].text.contains("10s") && answers[0].text.contains("pg_catalog, pg_temp"), "{:?}", answers[0]);
    for (number, answer) in answers.iter().enumerate() {
        assert!(answer.kind == "told", "{}: {answer:?}", calls[number]);
        assert!(calls[number] != read || *answer == answers[0], "{}: {answer:?}", calls[number - 1]);
    }
}

#[test]
fn text_in_another_encoding_is_an_error_and_not_another_text() {
    let server = server(Major(15));
    let answers = ask(
        &scope(&server, ""),
        MAIN,
        &[query("select set_config('client_encoding', 'LATIN1', true), 'ä'"), query("select 'ä'")],
    );
    assert!(answers[0].is("invalid", "not UTF-8"), "{answers:?}");
    assert!(answers[1].is("told", "ä"), "{answers:?}");
}

/// An advisory lock outlives its transaction: the application could not take it while the run goes on.
#[test]
fn an_advisory_lock_does_not_outlive_its_query() {
    let server = server(Major(15));
    let mine = "select count(*) from pg_locks where locktype = 'advisory'";
    let take = "select pg_advisory_lock(n) from generate_series(1, 2000) n";
    let answers =
        ask(&scope(&server, ""), MAIN, &[query(take), query(mine), held("main", take), query(mine), query(mine)]);
    for answer in [&answers[1], &answers[3], &answers[4]] {
        assert_eq!(answer.text, "[[Value::Int(0)]]", "{answers:?}");
    }
}

#[test]
fn a_run_has_one_connection_for_each_scope_and_none_is_left() {
    let server = server(Major(15));
    let other = scope(&server, "").replace("[postgres.main]", "[postgres.other]");
    let mut calls: Vec<Value> = (0..20)
        .map(|number| held(["main", "other"][number % 2], "select generate_series(1, 9999), pg_backend_pid()"))
        .collect();
    // Failed queries and lost cursors in between.
    calls.push(query("select 1/0"));
    calls.push(query(&SESSIONS.to_lowercase()));
    calls.push(json!({ "ask": "query", "name": "other", "sql": "select 1/0" }));
    calls.push(query(&SESSIONS.to_lowercase()));
    let answers = ask(&(scope(&server, "") + &other), "postgres = [\"main\", \"other\"]", &calls);
    assert_eq!((answers[21].text.as_str(), answers[23].text.as_str()), ("[[Value::Int(2)]]", "[[Value::Int(2)]]"));
    await_that("the end of the connections", || server.value(SESSIONS).as_deref() == Some("0"));
}

#[test]
fn a_login_that_is_refused_is_tried_one_at_a_time() {
    let server = server(Major(15));
    server.exec("ALTER ROLE observer CONNECTION LIMIT 0");
    let answers = ask(&scope(&server, ""), MAIN, &[query("select 1"), query("select 2"), query("select 3")]);
    assert!(answers.iter().all(|answer| answer.is("53300", "too many connections")), "{answers:?}");
}

/// The session and its statement, as a superuser sees them.
fn asleep(server: &Server) -> bool {
    server.holds("SELECT count(*) = 1 FROM pg_stat_activity WHERE usename = 'observer' AND wait_event = 'PgSleep'")
}

#[test]
fn a_statement_ends_in_the_server_when_its_run_does() {
    let server = server(Major(15));
    let sleep = [query("select set_config('statement_timeout', '0', false), pg_sleep(3600)")];
    let gone = || server.value(SESSIONS).as_deref() == Some("0");
    for signal in [Signal::TERM, Signal::INT] {
        let agent = Agent::new(&config(&scope(&server, "statement_timeout = \"1h\""), MAIN, &sleep));
        let mut child = agent.command(&["check", "j"]).stdout(std::process::Stdio::null()).spawn().unwrap();
        await_that("the statement to run", || asleep(&server));
        rustix::process::kill_process(rustix::process::Pid::from_child(&child), signal).unwrap();
        assert_eq!(child.wait().unwrap().code(), Some(3));
        assert!(gone(), "after {signal:?} the session was left");
    }
    let limited = format!("{}\n[limits]\nwall = \"700ms\"\n", scope(&server, "statement_timeout = \"1h\""));
    let checked = Agent::new(&config(&limited, MAIN, &sleep)).check("j");
    assert!(checked.json["summary"].as_str().unwrap().contains("limit of wall"), "{}", checked.json["summary"]);
    assert!(gone());
}

/// The time-out that the server keeps is set anew for each batch of rows, so a query can switch it off for its later ones; the host keeps
/// time too.
#[test]
fn a_query_that_switches_its_time_out_off_is_ended_by_the_host() {
    let server = server(Major(15));
    let sql = "select case when n < 2500 then set_config('statement_timeout', '0', true) else pg_sleep(3600)::text end \
               from generate_series(1, 3000) n";
    let more = "statement_timeout = \"300ms\"\nconnect_timeout = \"300ms\"";
    let began = Instant::now();
    let answers = ask(&scope(&server, more), MAIN, &[query(sql), query("select 1")]);
    assert!(answers[0].is("timed-out", "cancelled"), "{answers:?}");
    assert!(began.elapsed() < Duration::from_secs(30));
    assert_eq!(server.value(SESSIONS).as_deref(), Some("0"));
}
