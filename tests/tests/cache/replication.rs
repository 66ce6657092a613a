//! Replicas that lose their primary, primaries that lose their replicas, and roles that change.

use pgreeve_tests::agent::Agent;

use crate::bed::{agent, await_status, await_that, expect, holds, look};
use crate::server::Redis;

/// A primary and a replica that follows it, and an agent that watches both.
fn pair(settings: &str) -> (Redis, Redis, Agent) {
    let primary = Redis::start("");
    let replica = Redis::start(&format!("replicaof 127.0.0.1 {}", primary.port));
    await_that("the link", || replica.info("master_link_status").as_deref() == Some("up"));
    await_that("the replica", || primary.info("slave0").is_some_and(|line| line.contains("state=online")));
    let tables = format!("{}{}", primary.table("first", ""), replica.table("second", ""));
    let settings = format!("slow_command = \"1h\", latency = \"1h\", {settings}");
    let agent = agent(&tables, "redis = [\"first\", \"second\"]", &settings);
    (primary, replica, agent)
}

#[test]
fn a_replica_that_loses_its_primary_is_critical_and_well_again_when_it_is_back() {
    let (mut primary, _replica, agent) =
        pair("servers = { first = { role = \"primary\", replicas = 1 }, second = { role = \"replica\" } }");
    let seen = look(&agent);
    holds(&seen, "redis-link/first", "ok", "1 replica in sync");
    holds(&seen, "redis-link/second", "ok", "follows");
    holds(&seen, "redis-role/second", "ok", "is replica");
    primary.kill();
    let lost = await_status(&agent, "redis-link/second", "critical");
    holds(&lost, "redis-link/second", "critical", "is down");
    holds(&lost, "redis/first", "critical", "does not serve");
    primary.start_again("");
    await_status(&agent, "redis-link/second", "ok");
    await_status(&agent, "redis-link/first", "ok");
}

#[test]
fn a_primary_without_its_replica_and_a_changed_role_are_noticed() {
    let (_primary, mut replica, agent) = pair("servers = { first = { replicas = 1 } }");
    look(&agent);
    replica.send(&["REPLICAOF NO ONE"]);
    let changed = await_status(&agent, "redis-link/first", "critical");
    holds(&changed, "redis-link/first", "critical", "0 replicas of 1 expected");
    replica.kill();
    expect(&agent, "redis-link/first", "critical", "of 1 expected");
}

#[test]
fn a_change_of_role_is_said_once_and_a_wrong_role_until_it_is_right() {
    let (_primary, replica, agent) = pair("servers = { first = { role = \"replica\" } }");
    expect(&agent, "redis-role/first", "critical", "is primary, and should be replica");
    replica.send(&["REPLICAOF NO ONE"]);
    expect(&agent, "redis-role/second", "warning", "was replica");
    let seen = expect(&agent, "redis-role/second", "ok", "is primary");
    holds(&seen, "redis-role/first", "critical", "should be replica");
}

#[test]
fn a_replica_that_may_not_serve_what_is_old_tells_clients_and_is_noticed() {
    let (mut primary, replica, agent) = pair("");
    replica.send(&["CONFIG SET replica-serve-stale-data no"]);
    look(&agent);
    primary.kill();
    await_that("the loss", || replica.info("master_link_status").as_deref() == Some("down"));
    assert!(replica.send(&["GET a"])[0].starts_with("-MASTERDOWN"));
    let seen = look(&agent);
    holds(&seen, "redis-errors/second", "critical", "MASTERDOWN");
    holds(&seen, "redis-link/second", "critical", "is down");
    // Nobody asks any more but the agent, which is refused nowhere.
    expect(&agent, "redis-errors/second", "ok", "none that is the server's fault");
}

#[test]
fn a_replica_with_a_password_that_is_not_its_primarys_is_critical_and_is_told_where_to_look() {
    let primary = Redis::start("requirepass right");
    let replica = Redis::start(&format!("replicaof 127.0.0.1 {}\nmasterauth wrong", primary.port));
    let agent = agent(&replica.table("second", ""), "redis = [\"second\"]", "slow_command = \"1h\", latency = \"1h\"");
    let seen = await_status(&agent, "redis-link/second", "critical");
    holds(&seen, "redis-link/second", "critical", "was never up");
    holds(&seen, "redis-link/second", "critical", "masterauth");
    replica.send(&["CONFIG SET masterauth right"]);
    await_status(&agent, "redis-link/second", "ok");
}

#[test]
fn writes_to_a_replica_are_noticed() {
    let (_primary, replica, agent) = pair("");
    look(&agent);
    assert!(replica.send(&["SET a 1"])[0].starts_with("-READONLY"));
    expect(&agent, "redis-errors/second", "warning", "READONLY");
}
