//! Redis servers that are not what they were, that answer and never end, or that pretend.

use std::io::{Read as _, Write as _};
use std::os::unix::net::UnixListener;

use rustix::process::Signal;

use crate::bed::{agent, await_status, await_that, expect, holds, look, quiet, text};
use crate::server::Redis;

const CACHE: &str = "redis = [\"cache\"]";
const PATIENT: &str = "slow_command = \"1h\", latency = \"1h\"";

/// Ten seconds for each key that is saved. The child of a server that is killed goes on until then.
const SLOW_SAVE: &str = "rdb-key-save-delay 10000000";

/// An agent that looks at this socket.
fn at(path: &std::path::Path, more: &str, settings: &str) -> pgreeve_tests::agent::Agent {
    agent(&format!("[redis.cache]\nurl = \"unix://{}\"\n{more}\n", path.display()), CACHE, settings)
}

#[test]
fn another_server_at_the_same_address_is_no_restart_and_its_past_is_not_counted() {
    let conf = "maxmemory 8mb\nmaxmemory-policy allkeys-random\nmaxclients 3";
    let (one, other) = (Redis::start(conf), Redis::start(conf));
    // A past that would be an outage of now.
    other.send(&["DEBUG POPULATE 60000 key 100", "SET more 1"]);
    other.look_up(0, 5_000);
    {
        let held: Vec<_> = (0..3).map(|_| other.connect().unwrap()).collect();
        await_that("a refusal", || {
            let mut said = String::new();
            other.connect().unwrap().read_to_string(&mut said).is_ok() && said.contains("max number of clients")
        });
        drop(held);
    }
    await_that("room for one more", || {
        let (mut client, mut reply) = (other.connect().unwrap(), [0; 5]);
        // A server that is full closes without reading.
        client.write_all(b"PING\r\n").and_then(|()| client.read_exact(&mut reply)).is_ok() && &reply == b"+PONG"
    });
    await_that("the clients' end", || other.info("connected_clients").as_deref() == Some("1"));
    let up = |redis: &Redis| redis.info("uptime_in_seconds").and_then(|up| up.parse::<u32>().ok()).unwrap_or(0);
    await_that("the other server to be older than the first run", || up(&other) >= 5);
    let place = tempfile::tempdir().unwrap();
    let address = place.path().join("socket");
    std::os::unix::fs::symlink(one.socket(), &address).unwrap();
    let agent = at(&address, "", &format!("{PATIENT}, evictions_per_second = 100"));
    look(&agent);
    std::fs::remove_file(&address).unwrap();
    std::os::unix::fs::symlink(other.socket(), &address).unwrap();
    let seen = expect(&agent, "redis/cache", "warning", "not the server that answered the last run");
    for key in ["redis-hit/cache", "redis-evictions/cache", "redis-rejected/cache", "redis-errors/cache"] {
        holds(&seen, key, "unknown", "another server");
    }
    expect(&agent, "redis/cache", "ok", "up for");
    quiet(&agent, "the same server again");
}

#[test]
fn a_server_that_is_killed_while_it_is_asked_is_critical() {
    let mut redis = Redis::start("");
    let agent = agent(&redis.table("cache", ""), CACHE, PATIENT);
    look(&agent);
    redis.signal(Signal::STOP);
    let socket = redis.socket().display().to_string();
    let connections = || std::fs::read_to_string("/proc/net/unix").unwrap().matches(&socket).count();
    let before = connections();
    std::thread::scope(|scope| {
        let asked = scope.spawn(|| look(&agent));
        await_that("the agent's connection", || connections() > before);
        redis.kill();
        holds(&asked.join().unwrap(), "redis/cache", "critical", "does not serve");
    });
}

#[test]
fn a_full_copy_that_does_not_end_is_critical() {
    let primary = Redis::start(SLOW_SAVE);
    primary.send(&["SET a 1", "SET b 1", "SET c 1"]);
    let replica = Redis::start(&format!("replicaof 127.0.0.1 {}", primary.port));
    await_that("the copy", || replica.info("master_sync_in_progress").as_deref() == Some("1"));
    let patient = agent(&replica.table("cache", ""), CACHE, PATIENT);
    expect(&patient, "redis-link/cache", "warning", "takes a full copy");
    let strict = agent(&replica.table("cache", ""), CACHE, &format!("{PATIENT}, copy_allowed = \"0s\""));
    expect(&strict, "redis-link/cache", "critical", "takes a full copy");
    let above = agent(&primary.table("cache", ""), CACHE, PATIENT);
    expect(&above, "redis-link/cache", "warning", "0 replicas of 1 connected in sync");
}

#[test]
fn a_snapshot_that_does_not_end_is_a_warning_and_one_that_cannot_be_written_is_critical() {
    let redis = Redis::start(&format!("{SLOW_SAVE}\nsave 3600 1"));
    redis.send(&["SET a 1", "SET b 1", "SET c 1"]);
    // The child inherits this connection, so nobody waits for its end.
    let mut client = redis.connect().unwrap();
    client.write_all(b"BGSAVE\r\n").unwrap();
    let strict = agent(&redis.table("cache", ""), CACHE, &format!("{PATIENT}, save_allowed = \"1s\""));
    let hangs = await_status(&strict, "redis-persistence/cache", "warning");
    holds(&hangs, "redis-persistence/cache", "warning", "a snapshot is under way for");
    let patient = agent(&redis.table("cache", ""), CACHE, PATIENT);
    expect(&patient, "redis-persistence/cache", "ok", "");
    // A disk that is full: files may not grow.
    let full = Redis::start("save 3600 1\nrdbcompression no");
    full.send(&["DEBUG POPULATE 1000 key 1000"]);
    let pid = full.info("process_id").unwrap();
    let limited = std::process::Command::new("prlimit").args(["--pid", &pid, "--fsize=4096:4096"]).status().unwrap();
    assert!(limited.success());
    full.send(&["BGSAVE"]);
    await_that("the failure", || full.info("rdb_last_bgsave_status").as_deref() == Some("err"));
    let agent = agent(&full.table("cache", ""), CACHE, PATIENT);
    expect(&agent, "redis-persistence/cache", "critical", "the last snapshot failed");
}

#[test]
fn only_few_keys_that_can_be_evicted_are_a_warning_before_writes_are_refused() {
    let redis = Redis::start("maxmemory 16mb\nmaxmemory-policy volatile-lru");
    redis.send(&["DEBUG POPULATE 60000 key 100", "SET a 1 EX 9000"]);
    let agent = agent(&redis.table("cache", ""), CACHE, &format!("{PATIENT}, memory_warning_percent = 30"));
    expect(&agent, "redis-memory/cache", "warning", "1 of 60001 do");
}

#[test]
fn where_a_lookup_that_finds_nothing_is_no_failure_no_hit_rate_is_judged() {
    let redis = Redis::start("");
    let agent =
        agent(&redis.table("cache", ""), CACHE, &format!("{PATIENT}, servers = {{ cache = {{ cache = false }} }}"));
    look(&agent);
    redis.look_up(0, 500);
    holds(&quiet(&agent, "locks"), "redis-hit/cache", "ok", "no cache");
}

/// Something that answers each request with the same words, again and again where they are to be endless.
fn pretender(path: &std::path::Path, words: &'static [u8], endless: bool) {
    let listener = UnixListener::bind(path).unwrap();
    std::thread::spawn(move || {
        for mut connection in listener.incoming().flatten() {
            std::thread::spawn(move || {
                // Each of the agent's commands comes in one piece.
                while connection.read(&mut [0; 1024]).is_ok_and(|read| read > 0) {
                    while connection.write_all(words).is_ok() && endless {}
                }
            });
        }
    });
}

#[test]
fn what_pretends_to_be_a_server_is_never_ok() {
    let info = |lines: &str| {
        let text = format!("redis_version:7.0.0\r\nrun_id:a\r\n{lines}\r\n");
        format!("${}\r\n{text}\r\n", text.len()).into_bytes().leak() as &'static [u8]
    };
    let large = format!("{}used_memory:1", "x:y\r\n".repeat(1 << 20));
    for (words, endless, status, said) in [
        (&b"+PONG\r\n"[..], false, "unknown", "not that of a Redis"),
        (b":1\r\n", false, "unknown", "not that of a Redis"),
        (b"*-1\r\n", false, "unknown", "not that of a Redis"),
        (info("role:master\r\nused_memory:many"), false, "unknown", "not that of a Redis"),
        (info(&large), false, "unknown", "max_reply"),
        (b"+x", true, "unknown", "max_reply"),
        (b"-ERR unknown command 'INFO'\r\n", false, "unknown", "unsupported"),
    ] {
        let place = tempfile::tempdir().unwrap();
        let path = place.path().join("socket");
        pretender(&path, words, endless);
        let checked = expect(&at(&path, "timeout = \"20s\"", ""), "redis/cache", status, said);
        assert_eq!(checked.exit, 3, "{said}");
    }
    let place = tempfile::tempdir().unwrap();
    let path = place.path().join("socket");
    // It says that it is one, and little else: what is missing is missing, and nothing is well that nobody told.
    pretender(&path, info("role:banana\r\nused_memory:5"), false);
    let vague = look(&at(&path, "", ""));
    holds(&vague, "redis-role/cache", "unknown", "banana");
    for key in [
        "redis-memory/cache",
        "redis-clients/cache",
        "redis-persistence/cache",
        "redis-hit/cache",
        "redis-cluster/cache",
    ] {
        assert_eq!(vague.status_of(key), "unknown", "{}", text(&vague, key));
    }
}
