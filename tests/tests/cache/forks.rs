//! Servers that may start no more processes: what cannot fork cannot save, rewrite its append-only file or copy itself to a replica.

use crate::bed::{agent, await_status, await_that, expect, holds, look, quiet};
use crate::server::Redis;

const CACHE: &str = "redis = [\"cache\"]";
const PATIENT: &str = "slow_command = \"1h\", latency = \"1h\"";

#[test]
fn a_snapshot_whose_fork_is_refused_is_critical_at_every_run_until_one_is_made() {
    let redis = Redis::start_unprivileged("save 3600 1");
    let agent = agent(&redis.table("cache", ""), CACHE, PATIENT);
    look(&agent);
    quiet(&agent, "before");
    redis.refuse_forks(true);
    assert!(redis.send(&["SET a 1", "BGSAVE"])[1].starts_with("-ERR"));
    let failed = expect(&agent, "redis-persistence/cache", "critical", "the last snapshot failed");
    holds(&failed, "redis-persistence/cache", "critical", "Resource temporarily unavailable");
    // The next run finds it so, though nothing was tried in between, and clients have felt it.
    assert!(redis.send(&["SET b 1"])[0].starts_with("-MISCONF"));
    let still = expect(&agent, "redis-persistence/cache", "critical", "the last snapshot failed");
    holds(&still, "redis-errors/cache", "critical", "MISCONF 1 times");
    expect(&agent, "redis-persistence/cache", "critical", "the last snapshot failed");
    redis.refuse_forks(false);
    redis.send(&["BGSAVE"]);
    await_that("the snapshot", || redis.info("rdb_last_bgsave_status").as_deref() == Some("ok"));
    quiet(&agent, "mended");
}

#[test]
fn a_rewrite_whose_fork_is_refused_is_a_warning() {
    let redis = Redis::start_unprivileged("appendonly yes");
    let agent = agent(&redis.table("cache", ""), CACHE, PATIENT);
    holds(&look(&agent), "redis-persistence/cache", "ok", "the append-only file is written");
    redis.refuse_forks(true);
    assert!(redis.send(&["BGREWRITEAOF"])[0].starts_with("-ERR"));
    for _ in 0..2 {
        expect(&agent, "redis-persistence/cache", "warning", "could not be rewritten, and grows");
    }
    assert_eq!(redis.send(&["SET a 1"])[0], "+OK", "it goes on");
}

#[test]
fn a_replica_that_cannot_be_copied_to_is_seen_from_both_ends() {
    let primary = Redis::start_unprivileged("");
    primary.refuse_forks(true);
    let replica = Redis::start(&format!("replicaof 127.0.0.1 {}", primary.port));
    await_that("an attempt", || primary.info("sync_full").is_some_and(|number| number != "0"));
    let tables = format!("{}{}", primary.table("first", ""), replica.table("second", ""));
    let settings = format!("{PATIENT}, servers = {{ first = {{ replicas = 1 }} }}");
    let agent = agent(&tables, "redis = [\"first\", \"second\"]", &settings);
    let seen = await_status(&agent, "redis-link/second", "critical");
    holds(&seen, "redis-link/second", "critical", "was never up");
    holds(&seen, "redis-link/first", "critical", "0 replicas of 1 expected");
    primary.refuse_forks(false);
    await_status(&agent, "redis-link/second", "ok");
    await_status(&agent, "redis-link/first", "ok");
}
