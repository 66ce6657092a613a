//! Redis servers that are healthy, are killed, hang, load, fill up, cannot save, are slow, or are full of clients.

use std::io::{Read as _, Write as _};

use rustix::process::Signal;

use crate::bed::{agent, await_status, await_that, expect, holds, look, proposals, quiet, text};
use crate::server::Redis;

const CACHE: &str = "redis = [\"cache\"]";

/// Not slow on any machine: what is not about slowness must not fail for it.
const PATIENT: &str = "slow_command = \"1h\", latency = \"1h\"";

#[test]
fn a_healthy_server_is_quiet_from_the_second_run_on_idle_and_busy() {
    let redis = Redis::start("save 3600 1\nappendonly yes\nmaxmemory 64mb\nmaxmemory-policy allkeys-lru");
    let agent = agent(&redis.table("cache", ""), CACHE, PATIENT);
    let first = look(&agent);
    for key in [
        "redis-hit/cache",
        "redis-evictions/cache",
        "redis-rejected/cache",
        "redis-errors/cache",
        "redis-slowlog/cache",
    ] {
        holds(&first, key, "unknown", "no-data");
    }
    let gauges = [
        "redis/cache",
        "redis-memory/cache",
        "redis-clients/cache",
        "redis-persistence/cache",
        "redis-fragmentation/cache",
    ];
    gauges.iter().for_each(|key| holds(&first, key, "ok", ""));
    let idle = quiet(&agent, "idle");
    assert!(text(&idle, "redis-hit/cache").contains("idle: no lookup"), "{:#}", idle.json);
    redis.look_up(190, 10);
    let busy = quiet(&agent, "busy");
    holds(&busy, "redis-hit/cache", "ok", "hit rate 95 % of 200 lookups");
    holds(&busy, "redis-cluster/cache", "ok", "not-applicable");
    holds(&busy, "redis-link/cache", "ok", "not-applicable");
    quiet(&agent, "a moment later");
    assert_eq!(proposals(&busy), []);
}

#[test]
fn hit_rates_are_deltas_and_a_reset_is_said_to_be_one() {
    let redis = Redis::start("");
    redis.look_up(5_000, 0);
    let agent = agent(&redis.table("cache", ""), CACHE, PATIENT);
    expect(&agent, "redis-hit/cache", "unknown", "no-data");
    redis.look_up(60, 140);
    expect(&agent, "redis-hit/cache", "warning", "hit rate 30 %, under 70 %");
    expect(&agent, "redis-hit/cache", "warning", "too few since");
    redis.look_up(0, 500);
    expect(&agent, "redis-hit/cache", "critical", "outage");
    redis.look_up(150, 50);
    expect(&agent, "redis-hit/cache", "ok", "below the target of 80 %");
    redis.send(&["CONFIG RESETSTAT"]);
    let reset = expect(&agent, "redis-hit/cache", "unknown", "counters went back");
    holds(&reset, "redis/cache", "ok", "");
    redis.look_up(200, 0);
    expect(&agent, "redis-hit/cache", "ok", "100 %");
}

#[test]
fn a_killed_server_is_critical_and_its_return_is_said_once_and_counted_from_its_start() {
    let mut redis = Redis::start("");
    redis.look_up(300, 0);
    let agent = agent(&redis.table("cache", ""), CACHE, PATIENT);
    look(&agent);
    redis.kill();
    let down = expect(&agent, "redis/cache", "critical", "does not serve");
    assert_eq!(down.exit, 2);
    assert_eq!(down.findings().iter().filter(|finding| finding["key"].as_str().unwrap().contains("cache")).count(), 1);
    redis.start_again("");
    redis.look_up(20, 180);
    let back = expect(&agent, "redis/cache", "warning", "restarted");
    holds(&back, "redis-hit/cache", "warning", "hit rate 10 %");
    holds(&back, "redis-hit/cache", "warning", "began empty");
    expect(&agent, "redis/cache", "ok", "up for");
}

#[test]
fn a_server_that_hangs_is_critical() {
    let redis = Redis::start("");
    let agent = agent(&redis.table("cache", "timeout = \"500ms\"\nconnect_timeout = \"500ms\""), CACHE, PATIENT);
    redis.signal(Signal::STOP);
    expect(&agent, "redis/cache", "critical", "no reply");
    redis.signal(Signal::CONT);
    await_status(&agent, "redis/cache", "ok");
}

#[test]
fn a_server_that_loads_its_data_says_so_and_nothing_else() {
    let mut redis = Redis::start("rdbcompression no");
    redis.send(&["DEBUG POPULATE 20000 key 1000", "SAVE"]);
    redis.kill();
    // A millisecond for each key, with a look at the clients in between; before Redis 7 that is after each 2 MiB.
    let often = if crate::server::version() < 7 { "" } else { "loading-process-events-interval-bytes 1024" };
    redis.start_again(&format!("key-load-delay 1000\n{often}"));
    assert_eq!(redis.info("loading").as_deref(), Some("1"));
    let loading = agent(&redis.table("cache", ""), CACHE, PATIENT);
    let seen = expect(&loading, "redis/cache", "warning", "LOADING");
    assert!(seen.find("redis-memory/cache").is_none());
    let long = agent(&redis.table("cache", ""), CACHE, "loading_allowed = \"0s\"");
    expect(&long, "redis/cache", "critical", "loads");
}

#[test]
fn a_full_server_that_evicts_nothing_is_critical_and_so_is_what_clients_are_told() {
    let redis = Redis::start("maxmemory 8mb\nmaxmemory-policy noeviction");
    let agent = agent(&redis.table("cache", ""), CACHE, PATIENT);
    let before = look(&agent);
    holds(&before, "redis-memory/cache", "ok", "noeviction");
    redis.send(&["DEBUG POPULATE 60000 key 100"]);
    assert!(redis.send(&["SET more 1"])[0].starts_with("-OOM"));
    let full = expect(&agent, "redis-memory/cache", "critical", "writes are refused (OOM)");
    holds(&full, "redis-errors/cache", "critical", "OOM 1 times");
    assert_eq!(proposals(&full), [], "nobody said that its data may be lost");
    // The same keys expire with nothing: volatile-lru evicts none.
    redis.send(&["CONFIG SET maxmemory-policy volatile-lru"]);
    expect(&agent, "redis-memory/cache", "critical", "none does");
    redis.send(&["CONFIG SET maxmemory-policy allkeys-lru", "SET more 1"]);
    let evicting = look(&agent);
    holds(&evicting, "redis-memory/cache", "ok", "as a cache does");
    let evicted =
        evicting.json["metrics"].as_array().unwrap().iter().find(|metric| metric["name"] == "redis_evicted_keys_count");
    assert!(evicted.unwrap()["value"].as_f64().unwrap() > 0.0, "{:#}", evicting.json);
    holds(&evicting, "redis-evictions/cache", "ok", "evicted");
    holds(&evicting, "redis-errors/cache", "ok", "none that is the server's fault");
}

#[test]
fn a_server_without_maxmemory_is_judged_by_the_host_and_one_that_has_too_much_is_warned_of() {
    let redis = Redis::start("");
    let agent = agent(&redis.table("cache", ""), CACHE, PATIENT);
    expect(&agent, "redis-memory/cache", "ok", "no maxmemory");
    redis.send(&["CONFIG SET maxmemory 900000gb"]);
    expect(&agent, "redis-memory/cache", "warning", "more than the");
}

#[test]
fn a_server_without_maxmemory_is_warned_of_at_half_of_what_it_may_have_and_critical_at_three_quarters() {
    let redis = Redis::start("");
    // What it has resident moves by a few MiB while it starts and answers: data of 100 MiB makes that small.
    redis.send(&["DEBUG POPULATE 100000 key 1000"]);
    let resident = || redis.info("used_memory_rss").unwrap().parse::<u64>().unwrap();
    // Redis measures it ten times a second.
    await_that("the data is counted", || resident() > 100 << 20);
    let resident = resident();
    for (tenths, status) in [(30, "ok"), (16, "warning"), (12, "critical")] {
        let memory = format!("servers = {{ cache = {{ memory = \"{}B\" }} }}", resident / 10 * tenths);
        let agent = agent(&redis.table("cache", ""), CACHE, &format!("{PATIENT}, {memory}"));
        expect(&agent, "redis-memory/cache", status, "no maxmemory");
    }
    let strict = "servers = { cache = { memory = \"1GiB\" } }, host_warning_percent = 5, host_critical_percent = 6";
    let agent = agent(&redis.table("cache", ""), CACHE, &format!("{PATIENT}, {strict}"));
    expect(&agent, "redis-memory/cache", "critical", "of the 1 GiB that it may have");
}

#[test]
fn evictions_are_a_warning_where_a_rate_is_set() {
    let redis = Redis::start("maxmemory 8mb\nmaxmemory-policy allkeys-random");
    let agent = agent(&redis.table("cache", ""), CACHE, &format!("{PATIENT}, evictions_per_second = 0.001"));
    look(&agent);
    redis.send(&["DEBUG POPULATE 60000 key 100", "SET more 1"]);
    expect(&agent, "redis-evictions/cache", "warning", "does not fit");
}

#[test]
fn a_snapshot_that_fails_is_critical_and_so_is_misconf() {
    let redis = Redis::start("save 3600 1");
    let agent = agent(&redis.table("cache", ""), CACHE, PATIENT);
    look(&agent);
    std::fs::remove_dir(redis.data()).unwrap();
    redis.send(&["SET a 1", "BGSAVE"]);
    await_that("the failure", || redis.info("rdb_last_bgsave_status").as_deref() == Some("err"));
    assert!(redis.send(&["SET b 1"])[0].starts_with("-MISCONF"));
    let failed = expect(&agent, "redis-persistence/cache", "critical", "the last snapshot failed");
    holds(&failed, "redis-errors/cache", "critical", "MISCONF");
    std::fs::create_dir(redis.data()).unwrap();
    // It still stands in the directory that was removed.
    redis.send(&[&format!("CONFIG SET dir {}", redis.data().display()), "BGSAVE"]);
    await_that("the snapshot", || redis.info("rdb_last_bgsave_status").as_deref() == Some("ok"));
    let mended = expect(&agent, "redis-persistence/cache", "ok", "the last snapshot was made");
    // The agent's own questions are refused nowhere, so they count nowhere.
    holds(&mended, "redis-errors/cache", "ok", "none that is the server's fault");
}

#[test]
fn an_append_only_file_that_cannot_be_written_is_critical() {
    let redis = Redis::start("appendonly yes\nappendfsync everysec");
    let agent = agent(&redis.table("cache", ""), CACHE, PATIENT);
    holds(&look(&agent), "redis-persistence/cache", "ok", "the append-only file is written");
    let pid = redis.info("process_id").unwrap();
    // No file may grow any more, as on a disk that is full.
    let limited = std::process::Command::new("prlimit").args(["--pid", &pid, "--fsize=4096:4096"]).status().unwrap();
    assert!(limited.success());
    let value = "x".repeat(8192);
    redis.send(&[&format!("SET large {value}")]);
    await_that("the failure", || redis.info("aof_last_write_status").as_deref() == Some("err"));
    expect(&agent, "redis-persistence/cache", "critical", "append-only file cannot be written");
}

#[test]
fn clients_near_their_limit_are_critical_and_refused_ones_are_counted() {
    let redis = Redis::start("maxclients 6");
    let agent = agent(&redis.table("cache", ""), CACHE, PATIENT);
    look(&agent);
    let hold = |number: usize| {
        let connect = || {
            let mut connection = redis.connect().unwrap();
            connection.write_all(b"PING\r\n").unwrap();
            let mut reply = [0; 5];
            connection.read_exact(&mut reply).unwrap();
            (connection, reply)
        };
        std::iter::repeat_with(connect).take(number).collect::<Vec<_>>()
    };
    let four = hold(4);
    expect(&agent, "redis-clients/cache", "warning", "5 of 6 clients");
    let more = hold(2);
    expect(&agent, "redis/cache", "critical", "max number of clients");
    drop((four, more));
    await_that("the clients' end", || {
        redis.connect().is_ok() && redis.info("connected_clients").as_deref() == Some("1")
    });
    let after = expect(&agent, "redis-rejected/cache", "critical", "refused");
    holds(&after, "redis-clients/cache", "ok", "");
    expect(&agent, "redis-rejected/cache", "ok", "none in");
}

#[test]
fn a_command_that_kept_others_waiting_is_named_without_its_arguments() {
    let redis = Redis::start("latency-monitor-threshold 50");
    let agent = agent(&redis.table("cache", ""), CACHE, "");
    let first = look(&agent);
    holds(&first, "redis-latency/cache", "ok", "not-applicable");
    redis.send(&["EVAL \"local i = 0 while i < 20000000 do i = i + 1 end return 1\" 0 secret", "DEBUG SLEEP 0.3"]);
    assert!(redis.send(&["SLOWLOG GET 10"]).contains(&"secret".to_owned()));
    let slow = expect(&agent, "redis-slowlog/cache", "warning", "new entr");
    assert!(text(&slow, "redis-slowlog/cache").contains("DEBUG"), "{}", text(&slow, "redis-slowlog/cache"));
    assert!(!slow.json.to_string().contains("secret"));
    holds(&slow, "redis-latency/cache", "warning", "command took");
    let after = look(&agent);
    holds(&after, "redis-slowlog/cache", "ok", "nothing new");
    holds(&after, "redis-latency/cache", "ok", "nothing new");
}

#[test]
fn a_cluster_that_does_not_serve_every_slot_is_critical() {
    let redis = Redis::start("cluster-enabled yes\ncluster-require-full-coverage yes");
    let agent = agent(&redis.table("cache", ""), CACHE, PATIENT);
    expect(&agent, "redis-cluster/cache", "critical", "16384 of 16384 slots belong to no node");
    every_slot(&redis);
    await_that("the cluster", || redis.send(&["CLUSTER INFO"]).contains(&"cluster_state:ok".to_owned()));
    expect(&agent, "redis-cluster/cache", "ok", "all 16384 slots");
    redis.send(&["CLUSTER DELSLOTS 7"]);
    expect(&agent, "redis-cluster/cache", "critical", "1 of 16384 slots belong to no node");
}

/// Gives it all slots, in lines that are not too long; CLUSTER ADDSLOTSRANGE came with Redis 7.
fn every_slot(redis: &Redis) {
    let slots: Vec<String> = (0..16_384).map(|slot| slot.to_string()).collect();
    slots.chunks(4_096).for_each(|some| drop(redis.send(&[&format!("CLUSTER ADDSLOTS {}", some.join(" "))])));
}
