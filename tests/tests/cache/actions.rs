//! What the plugin proposes and the agent carries out: done, and seen to have helped, or seen not to have.

use std::time::{Duration, Instant};

use pgreeve_tests::agent::Agent;
use serde_json::Value;

use crate::application::{Application, Reaction};
use crate::bed::{acting, await_that, text};
use crate::server::Redis;

const WARMED: &str = "caches = { app = { warm = \"/api/v1/cache/warm\", entries = \"/entries\", hit_rate = \"/hit_rate\", \
                      unit = \"percent\" } }, slow_answer = \"20s\"";

/// What does not help is not waited for.
const BRIEF: &str = "[actions]\nverify_within = \"1s\"\n";

/// The proposals of the action on the target.
fn proposals(agent: &Agent, action: &str, target: &str) -> Vec<Value> {
    let output = agent.run(&["proposals", "--all", "--format", "json"]);
    let json: Value = serde_json::from_slice(&output.stdout).unwrap_or_default();
    let all = json["proposals"].as_array().cloned().unwrap_or_default();
    all.into_iter().filter(|one| one["action"] == action && one["target"] == target).collect()
}

/// Waits until the action on the target is in the state.
fn await_state(agent: &Agent, action: &str, target: &str, state: &str) -> Value {
    let began = Instant::now();
    loop {
        let seen = proposals(agent, action, target);
        if let Some(one) = seen.iter().find(|one| one["state"] == state) {
            return one.clone();
        }
        assert!(began.elapsed() < Duration::from_secs(90), "{action} on {target} is not {state}: {seen:#?}");
        std::thread::sleep(Duration::from_millis(200));
    }
}

#[test]
fn a_warming_that_fills_the_cache_is_verified_and_done_once_though_the_hit_rate_stays_low() {
    let app = Application::telling(r#"{"hit_rate": 12, "entries": 7}"#);
    let fills = Reaction {
        to: "POST /api/v1/cache/warm",
        answer: r#"{"warmed": 5000}"#,
        then_tells: r#"{"hit_rate": 12, "entries": 5007}"#,
    };
    app.set(|state| state.reactions.push(fills));
    let agent = acting(&app.table("app", ""), "http = [\"app\"]", WARMED, "warm = \"auto\"");
    {
        let _daemon = agent.start();
        let done = await_state(&agent, "warm", "app", "verified");
        assert_eq!(done["clears"][0], "http-warm/app");
        let seen = app.asked();
        await_that("more runs", || app.asked() > seen + 3);
    }
    assert_eq!(app.was_sent("POST"), 1);
    let checked = agent.check("cache");
    assert_eq!(checked.status_of("http-hit/app"), "warning", "{:#}", checked.json);
    assert_eq!(checked.status_of("http-warm/app"), "ok", "{:#}", checked.json);
    assert!(text(&checked, "http-warm/app").contains("from 7 to 5007 entries"), "{}", text(&checked, "http-warm/app"));
}

#[test]
fn a_warming_of_nothing_is_ineffective_whatever_traffic_adds_and_is_not_repeated() {
    let app = Application::telling(r#"{"hit_rate": 12, "entries": 7}"#);
    let empty = Reaction {
        to: "POST /api/v1/cache/warm",
        answer: "{\n  \"status\": \"ok\",\n  \"warmed\": 0\n}",
        then_tells: r#"{"hit_rate": 12, "entries": 9}"#,
    };
    app.set(|state| state.reactions.push(empty));
    let agent = acting(&format!("{BRIEF}{}", app.table("app", "")), "http = [\"app\"]", WARMED, "warm = \"auto\"");
    {
        let _daemon = agent.start();
        await_that("the attempt", || app.was_sent("POST") == 1);
        await_that("its end", || {
            proposals(&agent, "warm", "app").iter().any(|one| one["attempts"][0]["verdict"] == "ineffective")
        });
        let seen = app.asked();
        await_that("more runs", || app.asked() > seen + 3);
    }
    assert_eq!(app.was_sent("POST"), 1);
    let checked = agent.check("cache");
    assert_eq!(checked.status_of("http-warm/app"), "warning", "{:#}", checked.json);
    assert!(text(&checked, "http-warm/app").contains("warmed 0 entries"), "{}", text(&checked, "http-warm/app"));
}

#[test]
fn of_two_applications_only_the_one_that_moved_counts_as_warm() {
    let (works, lies) = (Application::telling(""), Application::telling(""));
    works.tell(r#"{"hit_rate": 12, "entries": 7}"#);
    lies.tell(r#"{"hit_rate": 12, "entries": 7}"#);
    let path = "POST /api/v1/cache/warm";
    works.set(|state| {
        let then_tells = r#"{"hit_rate": 12, "entries": 70}"#;
        state.reactions.push(Reaction { to: path, answer: "{}", then_tells });
    });
    lies.set(|state| {
        let then_tells = r#"{"hit_rate": 12, "entries": 7}"#;
        state.reactions.push(Reaction { to: path, answer: r#"{"warmed": 63}"#, then_tells });
    });
    let tables = format!("{BRIEF}{}{}", works.table("works", ""), lies.table("lies", ""));
    let one = "warm = \"/api/v1/cache/warm\", entries = \"/entries\"";
    let settings = format!("caches = {{ works = {{ {one} }}, lies = {{ {one} }} }}, slow_answer = \"20s\"");
    let agent = acting(&tables, "http = [\"works\", \"lies\"]", &settings, "warm = \"auto\"");
    {
        let _daemon = agent.start();
        await_state(&agent, "warm", "works", "verified");
        await_that("the other attempt's end", || {
            proposals(&agent, "warm", "lies").iter().any(|one| one["attempts"][0]["verdict"] == "ineffective")
        });
    }
    let checked = agent.check("cache");
    assert_eq!(checked.status_of("http-warm/works"), "ok", "{:#}", checked.json);
    assert!(text(&checked, "http-warm/lies").contains("neither entries nor hit rate rose"), "{:#}", checked.json);
}

#[test]
fn an_application_is_switched_to_bypass_while_redis_is_down_and_back() {
    let mut redis = Redis::start("");
    let app = Application::telling(r#"{"hit_rate": 95, "bypassed": false}"#);
    app.set(|state| {
        let path = "POST /api/v1/cache/bypass";
        state.reactions.push(Reaction { to: path, answer: "", then_tells: r#"{"hit_rate": 95, "bypassed": true}"# });
        let path = "DELETE /api/v1/cache/bypass";
        state.reactions.push(Reaction { to: path, answer: "", then_tells: r#"{"hit_rate": 95, "bypassed": false}"# });
    });
    let tables = format!("{}{}", redis.table("cache", ""), app.table("app", ""));
    let settings = "slow_answer = \"20s\", caches = { app = { bypass = \"/api/v1/cache/bypass\", bypassed = \"/bypassed\", redis = \"cache\" } }";
    let policy = "bypass = \"auto\", resume = \"auto\"";
    let agent = acting(&tables, "redis = [\"cache\"], http = [\"app\"]", settings, policy);
    let _daemon = agent.start();
    await_that("a run", || app.asked() > 2);
    assert_eq!(app.was_sent("POST"), 0);
    redis.kill();
    await_state(&agent, "bypass", "app", "verified");
    redis.start_again("");
    await_state(&agent, "resume", "app", "verified");
    assert_eq!((app.was_sent("POST"), app.was_sent("DELETE")), (1, 1));
}

#[test]
fn a_full_expendable_database_is_flushed_where_both_its_server_and_its_job_allow_it() {
    let redis = Redis::start("maxmemory 8mb\nmaxmemory-policy noeviction");
    redis.send(&["SET session 1", "SELECT 3", "DEBUG POPULATE 60000 key 100"]);
    let table = redis.table("cache", "").replace("/socket\"", "/socket?db=3\"");
    let settings = "servers = { cache = { expendable = true } }";
    let actions = "flush = { policy = \"auto\", high_risk = true, max_per_hour = 2 }";
    let grant = "redis = [\"cache\"]";
    {
        // The server's own line is missing: nothing is sent.
        let agent = acting(&format!("{BRIEF}{table}"), grant, settings, actions);
        let _daemon = agent.start();
        let refused = await_state(&agent, "flush", "cache", "failed");
        let why = refused["attempts"][0]["detail"].as_str().unwrap();
        assert!(why.contains("allow"), "{why}");
        assert_eq!(refused["attempts"][0]["result"], "refused");
        assert_eq!(redis.send(&["SELECT 3", "DBSIZE"])[1], ":60000");
    }
    let allowed = format!("{BRIEF}{table}allow = [\"FLUSHDB ASYNC\"]\n");
    let agent = acting(&allowed, grant, settings, actions);
    let _daemon = agent.start();
    await_state(&agent, "flush", "cache", "verified");
    assert_eq!(redis.send(&["SELECT 3", "DBSIZE"])[1], ":0");
    assert!(redis.send(&["GET session"]).contains(&"1".to_owned()), "another database was emptied");
}

#[test]
fn what_policy_or_the_endpoint_does_not_allow_is_not_sent() {
    let app = Application::telling(r#"{"hit_rate": 12, "entries": 7}"#);
    let grant = "http = [\"app\"]";
    {
        let agent = acting(&app.table("app", ""), grant, WARMED, "warm = \"deny\"");
        let _daemon = agent.start();
        let seen = app.asked();
        await_that("runs", || app.asked() > seen + 3);
        assert!(
            proposals(&agent, "warm", "app").iter().all(|one| one["attempts"].as_array().is_none_or(Vec::is_empty))
        );
    }
    // The line for it is missing.
    let table = app.table("app", "").replace("\"POST /api/v1/cache/warm\", ", "");
    let agent = acting(&format!("{BRIEF}{table}"), grant, WARMED, "warm = \"auto\"");
    let _daemon = agent.start();
    await_that("a refusal", || {
        let seen = proposals(&agent, "warm", "app");
        seen.iter().any(|one| one.to_string().contains("POST /api/v1/cache/warm") && one.to_string().contains("allow"))
    });
    assert_eq!(app.was_sent("POST"), 0);
}

#[test]
fn an_approval_of_what_is_needed_no_longer_does_nothing() {
    let redis = Redis::start("maxmemory 8mb\nmaxmemory-policy noeviction");
    redis.send(&["DEBUG POPULATE 60000 key 100"]);
    let table = format!("{}allow = [\"FLUSHDB ASYNC\"]\n", redis.table("cache", ""));
    let settings = "servers = { cache = { expendable = true } }";
    // A window that is hardly ever open: what is approved waits.
    let actions = "flush = { policy = \"approve\", only_during = \"0 0 29 2 *\" }";
    let agent = acting(&table, "redis = [\"cache\"]", settings, actions);
    let _daemon = agent.start();
    let open = await_state(&agent, "flush", "cache", "open");
    let id = open["id"].as_str().unwrap();
    let approved = agent.run(&["approve", id, "--why", "test"]);
    assert!(approved.status.success(), "{}", String::from_utf8_lossy(&approved.stderr));
    await_state(&agent, "flush", "cache", "approved");
    redis.send(&["CONFIG SET maxmemory 900mb"]);
    await_state(&agent, "flush", "cache", "stale");
    assert_eq!(redis.send(&["DBSIZE"])[0], ":60000");
}

#[test]
fn entries_that_traffic_adds_anyway_prove_no_warming() {
    let app = Application::telling(r#"{"hit_rate": 95, "entries": ENTRIES}"#);
    app.set(|state| {
        state.grows = Some((Instant::now(), 100));
        let path = "POST /api/v1/cache/warm";
        let still = r#"{"hit_rate": 12, "entries": ENTRIES}"#;
        state.reactions.push(Reaction { to: path, answer: "{}", then_tells: still });
    });
    let agent = acting(&format!("{BRIEF}{}", app.table("app", "")), "http = [\"app\"]", WARMED, "warm = \"auto\"");
    {
        let _daemon = agent.start();
        // How it grows has to be seen before it is cold.
        await_that("runs", || app.asked() > 3);
        app.tell(r#"{"hit_rate": 12, "entries": ENTRIES}"#);
        await_that("the attempt", || app.was_sent("POST") == 1);
        await_that("its end", || {
            proposals(&agent, "warm", "app").iter().any(|one| one["attempts"][0]["verdict"] == "ineffective")
        });
    }
    let checked = agent.check("cache");
    assert_eq!(checked.status_of("http-warm/app"), "warning", "{:#}", checked.json);
    assert!(text(&checked, "http-warm/app").contains("as fast as before it"), "{}", text(&checked, "http-warm/app"));
}

#[test]
fn an_application_that_accepts_and_works_later_is_believed_when_its_entries_have_come() {
    let app = Application::telling(r#"{"hit_rate": 12, "entries": 7}"#);
    let accepts = Reaction {
        to: "POST /api/v1/cache/warm",
        answer: r#"{"status": "accepted"}"#,
        then_tells: r#"{"hit_rate": 12, "entries": 7}"#,
    };
    app.set(|state| state.reactions.push(accepts));
    let agent = acting(&format!("{BRIEF}{}", app.table("app", "")), "http = [\"app\"]", WARMED, "warm = \"auto\"");
    {
        let _daemon = agent.start();
        await_that("the attempt's end", || {
            proposals(&agent, "warm", "app").iter().any(|one| one["attempts"][0]["verdict"] == "ineffective")
        });
        app.tell(r#"{"hit_rate": 12, "entries": 5007}"#);
        let seen = app.asked();
        await_that("more runs", || app.asked() > seen + 2);
    }
    let checked = agent.check("cache");
    assert_eq!(checked.status_of("http-warm/app"), "ok", "{:#}", checked.json);
    assert!(
        text(&checked, "http-warm/app").contains("5007 entries, not at once"),
        "{}",
        text(&checked, "http-warm/app")
    );
    assert_eq!(app.was_sent("POST"), 1);
}
