//! Statements that would use up the server or the agent: each ends at a limit, and nothing of it goes on.

use pgreeve_tests::agent::Agent;
use pgreeve_tests::testbed::Major;
use serde_json::json;

use super::state::Watch;
use super::{MAIN, query, scope, server};
use crate::bed::{answers, ask, config};

/// Statements that would never end, or fill the disk.
const ENDLESS: [&str; 8] = [
    "select pg_sleep(3600)",
    "select pg_sleep_until('infinity')",
    "select count(*) from generate_series(1, 1000000000000)",
    "select count(*) from pg_attribute a, pg_attribute b, pg_attribute c",
    "with recursive r as (select 1 as n, repeat('x', 8000) as x union all select n + 1, x from r) select max(n) from r order by 1",
    "select n from generate_series(1, 1000000000000) n order by md5(n::text)",
    "select sum(factorial(30000 + n)) from generate_series(1, 100000) n",
    "select set_config('statement_timeout', '0', false), pg_sleep(3600)",
];

/// Answers larger than the run may have.
const LARGE: [(&str, &str); 7] = [
    ("select generate_series(1, 1000000000)", "rows"),
    ("select n from generate_series(1, 100001) n", "rows"),
    ("select repeat('x', 200000000)", "bytes"),
    ("select repeat('x', 100000) from generate_series(1, 1000000)", "bytes"),
    ("select array_agg(n) from generate_series(1, 5000000) n", "bytes"),
    ("select repeat('x', 10000000) as a, repeat('x', 10000000) as b", "bytes"),
    (
        "select set_config('client_min_messages', 'debug1', false), query_to_xml('select n, repeat(''x'', 1000) from generate_series(1, 100000) n', true, true, '')",
        "bytes",
    ),
];

#[test]
fn what_takes_too_long_is_cancelled_and_its_files_are_gone() {
    let server = server(Major(15));
    let watch = Watch::new(&server);
    let before = watch.look();
    let calls: Vec<_> = ENDLESS.iter().map(|sql| query(sql)).collect();
    let answers = ask(&scope(&server, "statement_timeout = \"300ms\""), MAIN, &calls);
    for (sql, answer) in ENDLESS.iter().zip(&answers) {
        assert!(answer.kind == "timed-out", "{sql}: {answer:?}");
    }
    watch.look().assert_same(&before);
    let temporary = "SELECT count(*) FROM pg_ls_tmpdir()";
    assert_eq!(server.value(temporary).as_deref(), Some("0"));
}

#[test]
fn what_is_too_large_is_given_up_early() {
    let server = server(Major(15));
    let watch = Watch::new(&server);
    let before = watch.look();
    let agent = Agent::new("");
    for (sql, limit) in LARGE {
        agent.configure(&config(&scope(&server, ""), MAIN, &[query(sql)]));
        let checked = agent.check("j");
        let answer = &answers(&checked)[0];
        assert!(answer.is("limit-exceeded", limit), "{sql}: {answer:?}");
        // 16 MiB are allowed, and a byte more shows that there is more.
        let received = checked.json["cost"]["bytes"].as_u64().unwrap();
        assert!(received <= (16 << 20) + 1, "{sql}: {received}");
    }
    watch.look().assert_same(&before);
}

#[test]
fn parameters_are_values_and_never_text_of_the_statement() {
    let server = server(Major(15));
    let text = |value: &str| json!({ "kind": "text", "value": value });
    let with = |sql: &str, parameters: serde_json::Value, times: u32| json!({ "ask": "query", "name": "main", "sql": sql, "parameters": parameters, "times": times });
    let table = [
        (
            with("select $1::text", json!([text("'; delete from public.t; --")]), 1),
            "told",
            "'; delete from public.t; --",
        ),
        (with("select x from public.t where x::text = $1", json!([text("1' or '1'='1")]), 1), "told", ""),
        (with("select $1::int", json!([text("1; delete from public.t")]), 1), "22P02", ""),
        (with("select $1::int", json!([{ "kind": "int", "value": 3_000_000_000_u32 }]), 1), "22003", ""),
        (with("select $1::int", json!([{ "kind": "bytes", "value": "1234" }]), 1), "22P02", ""),
        (with("select $1::jsonb", json!([{ "kind": "json", "value": "{" }]), 1), "22P02", ""),
        (with("select $1::uuid", json!([{ "kind": "uuid", "value": "x" }]), 1), "22P02", ""),
        (with("select $1::numeric", json!([{ "kind": "numeric", "value": "1e999999" }]), 1), "22003", ""),
        (with("select $1::text", json!([text("a\u{0}b")]), 1), "22021", ""),
        (
            with("select $1", json!([{ "kind": "other", "type_name": "no_such_type", "value": "x" }]), 1),
            "invalid",
            "does not exist",
        ),
        (
            with("select $1", json!([{ "kind": "other", "type_name": "int4); drop table t; --", "value": "1" }]), 1),
            "42601",
            "",
        ),
        (
            with("select $1", json!([{ "kind": "other", "type_name": "regclass", "value": "public.secret" }]), 1),
            "told",
            "",
        ),
        (with("select 1", json!([{ "kind": "null" }]), 1), "42P18", ""),
        (with("select $1::int", json!([{ "kind": "null" }]), 2), "42P18", ""),
        (with("select 1", json!([{ "kind": "null" }]), 70_000), "invalid", ""),
        (query("select 1\u{0}; delete from public.t"), "invalid", ""),
        (query("select 1<<+1*200000>>"), "54001", ""),
        (query("select '<<x*3000000>>'"), "told", ""),
    ];
    let watch = Watch::new(&server);
    let before = watch.look();
    crate::bed::hold(&scope(&server, ""), MAIN, &table);
    watch.look().assert_same(&before);
}
