//! What is proposed, when, and what the proposals' templates do when they are carried out by hand.

use crate::application::Application;
use crate::bed::{agent, await_that, expect, holds, look, proposals};
use crate::server::Redis;

fn proposal(
    action: &str,
    target: &str,
    arguments: &[&str],
    clears: &str,
) -> (String, String, Vec<String>, Vec<String>) {
    let arguments = arguments.iter().map(|argument| (*argument).to_owned()).collect();
    (action.to_owned(), target.to_owned(), arguments, vec![clears.to_owned()])
}

#[test]
fn warming_is_proposed_for_a_cold_cache_and_for_an_empty_one_and_for_no_other() {
    let app = Application::telling("");
    let agent = agent(
        &app.table("app", ""),
        "http = [\"app\"]",
        "slow_answer = \"20s\", caches = { app = { warm = \"/api/v1/cache/warm\", entries = \"/entries\", hit_rate = \"/hit_rate\", \
         unit = \"percent\" }, other = { endpoint = \"app\", warm = \"/cache/warm\" } }",
    );
    app.tell(r#"{"hit_rate": 95, "entries": 7}"#);
    let well = look(&agent);
    assert_eq!(proposals(&well), []);
    holds(&well, "http-warm/app", "ok", "not-applicable");
    app.tell(r#"{"hit_rate": 12, "entries": 7}"#);
    let cold = expect(&agent, "http-warm/app", "warning", "cold");
    let wanted =
        [proposal("warm", "app", &[], "http-warm/app"), proposal("warm-2", "app", &["cache"], "http-warm/other")];
    assert_eq!(proposals(&cold), wanted);
    assert_eq!(proposals(&look(&agent)), wanted, "the same again");
    app.tell(r#"{"hit_rate": 95, "entries": 0}"#);
    let empty = expect(&agent, "http-warm/app", "warning", "it is empty");
    assert_eq!(proposals(&empty), [proposal("warm", "app", &[], "http-warm/app")]);
    app.tell("nonsense");
    assert_eq!(proposals(&look(&agent)), []);
}

#[test]
fn flushing_is_proposed_for_an_expendable_database_that_is_full_and_empties_that_one_alone() {
    let redis = Redis::start("maxmemory 8mb\nmaxmemory-policy noeviction");
    let table = redis.table("cache", "").replace("/socket\"", "/socket?db=3\"");
    let agent = agent(&table, "redis = [\"cache\"]", "servers = { cache = { expendable = true } }");
    redis.send(&["SET session 1"]);
    assert_eq!(proposals(&look(&agent)), [], "it is not full");
    redis.send(&["SELECT 3", "DEBUG POPULATE 60000 key 100"]);
    let full = expect(&agent, "redis-memory/cache", "critical", "refused");
    assert_eq!(proposals(&full), [proposal("flush", "cache", &[], "redis-memory/cache")]);
    // What the template says, in the database of the grant.
    redis.send(&["SELECT 3", "FLUSHDB ASYNC"]);
    crate::bed::await_status(&agent, "redis-memory/cache", "ok");
    assert!(redis.send(&["GET session"]).contains(&"1".to_owned()));
}

#[test]
fn flushing_is_not_proposed_where_other_databases_fill_the_server_nor_on_a_replica() {
    let redis = Redis::start("maxmemory 8mb\nmaxmemory-policy noeviction");
    let table = redis.table("cache", "").replace("/socket\"", "/socket?db=3\"");
    let agent = agent(&table, "redis = [\"cache\"]", "servers = { cache = { expendable = true } }");
    redis.send(&["DEBUG POPULATE 60000 key 100", "SELECT 3"]);
    let full = expect(&agent, "redis-memory/cache", "critical", "refused");
    assert_eq!(proposals(&full), []);
    // A replica of it takes all that it is sent, and nothing from anybody else.
    let follows = format!("maxmemory 8mb\nmaxmemory-policy noeviction\nreplicaof 127.0.0.1 {}", redis.port);
    let replica = Redis::start(&follows);
    await_that("the copy", || replica.send(&["DBSIZE"])[0] == ":60000");
    let agent = crate::bed::agent(
        &replica.table("cache", ""),
        "redis = [\"cache\"]",
        "servers = { cache = { expendable = true } }",
    );
    let full = expect(&agent, "redis-memory/cache", "warning", "if it is promoted");
    assert_eq!(proposals(&full), []);
}

#[test]
fn bypassing_is_proposed_while_redis_is_down_and_using_it_again_when_it_is_back() {
    let mut redis = Redis::start("");
    let app = Application::telling(r#"{"hit_rate": 95, "bypassed": false}"#);
    let tables = format!("{}{}", redis.table("cache", ""), app.table("app", ""));
    let agent = agent(
        &tables,
        "redis = [\"cache\"], http = [\"app\"]",
        "slow_answer = \"20s\", caches = { app = { bypass = \"/api/v1/cache/bypass\", bypassed = \"/bypassed\", redis = \"cache\" } }",
    );
    let well = look(&agent);
    holds(&well, "http-bypass/app", "ok", "which serves");
    assert_eq!(proposals(&well), []);
    redis.kill();
    let down = expect(&agent, "http-bypass/app", "critical", "does not bypass it");
    assert_eq!(proposals(&down), [proposal("bypass", "app", &[], "http-bypass/app")]);
    // It fails because its cache is down: all the more.
    app.set(|state| state.status = "503 Service Unavailable");
    let failing = expect(&agent, "http-bypass/app", "critical", "does not tell");
    assert_eq!(proposals(&failing), [proposal("bypass", "app", &[], "http-bypass/app")]);
    app.set(|state| state.status = "200 OK");
    app.tell(r#"{"hit_rate": 95, "bypassed": true}"#);
    expect(&agent, "http-bypass/app", "ok", "bypassed while");
    redis.start_again("");
    let back = expect(&agent, "http-bypass/app", "warning", "still bypasses");
    assert_eq!(proposals(&back), [proposal("resume", "app", &[], "http-bypass/app")]);
}
