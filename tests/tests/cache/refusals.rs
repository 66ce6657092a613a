//! Servers that let the agent in and not everywhere, or not at all: said as that, with the line that helps.

use crate::bed::{agent, await_that, expect, holds, look};
use crate::server::Redis;

const CACHE: &str = "redis = [\"cache\"]";

/// The user `watch` with these rights, and the agent that logs in as it.
fn as_user(redis: &Redis, rights: &str) -> pgreeve_tests::agent::Agent {
    redis.send(&[&format!("ACL SETUSER watch reset on >word {rights}")]);
    let password = redis.directory.path().join("password");
    std::fs::write(&password, "word").unwrap();
    std::fs::set_permissions(&password, std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
    let login = format!("user = \"watch\"\npassword_file = {:?}\ntimeout = \"20s\"", password.display().to_string());
    agent(&redis.table("cache", &login), CACHE, "slow_command = \"1h\", latency = \"1h\"")
}

#[test]
fn what_an_acl_denies_is_no_privilege_with_its_line_and_costs_nothing_else() {
    let redis = Redis::start("");
    let agent = as_user(&redis, "+info +ping");
    look(&agent);
    let seen = look(&agent);
    holds(&seen, "redis-slowlog/cache", "unknown", "no-privilege");
    holds(&seen, "redis-slowlog/cache", "unknown", "ACL SETUSER watch +slowlog|get");
    holds(&seen, "redis-latency/cache", "unknown", "ACL SETUSER watch +latency|latest");
    for key in ["redis/cache", "redis-memory/cache", "redis-hit/cache", "redis-errors/cache"] {
        holds(&seen, key, "ok", "");
    }
}

#[test]
fn without_info_or_with_a_wrong_password_nothing_is_known_and_nobody_is_called_down() {
    let redis = Redis::start("");
    let agent = as_user(&redis, "+ping");
    expect(&agent, "redis/cache", "unknown", "ACL SETUSER watch +info");
    redis.send(&["ACL SETUSER watch >other <word"]);
    expect(&agent, "redis/cache", "unknown", "no-privilege");
    redis.send(&["CONFIG SET requirepass needed"]);
    let without = crate::bed::agent(&redis.table("cache", ""), CACHE, "");
    expect(&without, "redis/cache", "unknown", "password");
}

#[test]
fn a_command_under_another_name_is_unsupported() {
    let redis = Redis::start("rename-command SLOWLOG \"\"\nrename-command LATENCY hidden");
    let agent = agent(&redis.table("cache", ""), CACHE, "");
    let seen = look(&agent);
    holds(&seen, "redis-slowlog/cache", "unknown", "unsupported");
    holds(&seen, "redis-latency/cache", "unknown", "unsupported");
    holds(&seen, "redis/cache", "ok", "");
}

#[test]
fn a_server_that_a_script_keeps_busy_is_critical() {
    let redis = Redis::start("lua-time-limit 1");
    let mut client = redis.connect().unwrap();
    std::io::Write::write_all(&mut client, b"EVAL \"while true do end\" 0\r\n").unwrap();
    await_that("the script to be too long", || redis.send(&["PING"])[0].starts_with("-BUSY"));
    let agent = agent(&redis.table("cache", ""), CACHE, "");
    expect(&agent, "redis/cache", "critical", "SCRIPT KILL");
    redis.send(&["SCRIPT KILL"]);
    expect(&agent, "redis/cache", "ok", "");
}

#[test]
fn something_else_that_listens_there_is_no_redis() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("socket");
    let listener = std::os::unix::net::UnixListener::bind(&path).unwrap();
    std::thread::spawn(move || {
        for mut connection in listener.incoming().flatten() {
            // It reads, as web servers do, before it answers.
            let asked = std::io::Read::read(&mut connection, &mut [0; 1024]);
            let _ = asked.and_then(|_| std::io::Write::write_all(&mut connection, b"HTTP/1.1 400 Bad Request\r\n\r\n"));
        }
    });
    let table = format!("[redis.cache]\nurl = \"unix://{}\"\n", path.display());
    expect(&agent(&table, CACHE, ""), "redis/cache", "critical", "does not speak the Redis protocol");
}

#[test]
fn a_user_who_may_not_select_the_database_is_told_the_rule_and_one_that_is_not_there_is_said() {
    let redis = Redis::start("databases 4");
    redis.send(&["ACL SETUSER watch reset on >word +info +slowlog|get +latency|latest"]);
    let password = redis.directory.path().join("password");
    std::fs::write(&password, "word").unwrap();
    std::fs::set_permissions(&password, std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
    let login = format!("user = \"watch\"\npassword_file = {:?}\ntimeout = \"20s\"", password.display().to_string());
    let table = redis.table("cache", &login).replace("/socket\"", "/socket?db=3\"");
    expect(&agent(&table, CACHE, ""), "redis/cache", "unknown", "ACL SETUSER watch +select");
    let beyond = redis.table("cache", "").replace("/socket\"", "/socket?db=9\"");
    expect(&agent(&beyond, CACHE, ""), "redis/cache", "unknown", "out of range");
}

#[test]
fn a_server_that_pauses_its_clients_is_critical_only_where_it_answers_nobody() {
    let redis = Redis::start("");
    let agent = agent(&redis.table("cache", "timeout = \"500ms\"\nconnect_timeout = \"20s\""), CACHE, "");
    redis.send(&["CLIENT PAUSE 60000 WRITE"]);
    expect(&agent, "redis/cache", "ok", "");
    // What is sent after it is paused, too.
    let mut client = redis.connect().unwrap();
    std::io::Write::write_all(&mut client, b"CLIENT PAUSE 60000 ALL\r\n").unwrap();
    let mut reply = [0; 5];
    std::io::Read::read_exact(&mut client, &mut reply).unwrap();
    expect(&agent, "redis/cache", "critical", "no reply");
}
