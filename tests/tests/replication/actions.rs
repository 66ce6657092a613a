//! What the plugin proposes and the agent does about it, on real servers: found, proposed, done, seen to have helped.

use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use pgreeve_tests::agent::Agent;
use pgreeve_tests::testbed::{Server, StandbyOptions, Stop};
use serde_json::Value;

use crate::bed::{pair, primary, some, standby};

/// A login that can do what the actions need, and no more.
const ACTOR: &str = "CREATE ROLE actor LOGIN REPLICATION;
     GRANT EXECUTE ON FUNCTION pg_catalog.pg_wal_replay_resume(), pg_catalog.pg_reload_conf() TO actor";

/// An agent that looks each second and acts by itself.
fn acting(server: &Server, settings: &str, actions: &str, more: &str) -> Agent {
    let (observer, actor) = (server.dsn("observer", "postgres"), server.dsn("actor", "postgres"));
    let grant = if more.is_empty() { "" } else { ", http = [\"app\"]" };
    Agent::new(&format!(
        "[agent]\nstate_dir = \"STATE\"\n[postgres.main]\ndsn = {observer:?}\nact_dsn = {actor:?}\n{more}\n\
         [plugin.replication]\npath = \"PLUGINS/replication.wasm\"\n\
         [job.replication]\nplugin = \"replication\"\nschedule = \"* * * * * *\"\ngrant = {{ postgres = [\"main\"]{grant} }}\n\
         settings = {{ {settings} }}\nactions = {{ {actions} }}\n"
    ))
}

/// Waits until the action was carried out and seen to have helped; its proposal.
fn await_verified(agent: &Agent, action: &str) -> Value {
    let began = Instant::now();
    loop {
        let output = agent.run(&["proposals", "--all", "--format", "json"]);
        let json: Value = serde_json::from_slice(&output.stdout).unwrap_or_default();
        let all = json["proposals"].as_array().cloned().unwrap_or_default();
        if let Some(done) = all.iter().find(|one| one["action"] == action && one["state"] == "verified") {
            return done.clone();
        }
        assert!(began.elapsed() < Duration::from_secs(90), "{action} was not verified: {json:#}");
        std::thread::sleep(Duration::from_millis(200));
    }
}

#[test]
fn a_lost_slot_is_dropped_and_no_other() {
    for major in some() {
        let primary =
            primary(major, &[("max_slot_wal_keep_size", "1MB"), ("wal_keep_size", "0"), ("max_wal_size", "32MB")]);
        primary.exec(ACTOR);
        primary.exec("SELECT pg_create_physical_replication_slot('gone', true), pg_create_physical_replication_slot('fresh', false)");
        primary.wait_until("the slot is lost", || {
            primary.write_wal(20);
            primary.exec("SELECT pg_switch_wal()");
            primary.exec("CHECKPOINT");
            primary.holds("SELECT wal_status = 'lost' FROM pg_replication_slots WHERE slot_name = 'gone'")
        });
        let agent = acting(&primary, "", "drop-lost-slot = \"auto\"", "");
        let _daemon = agent.start();
        let done = await_verified(&agent, "drop-lost-slot");
        assert_eq!(done["clears"][0], "slot-status/gone");
        let left = primary.value("SELECT string_agg(slot_name, ',') FROM pg_replication_slots");
        assert_eq!(left.as_deref(), Some("fresh"), "{major:?}");
    }
}

#[test]
fn an_unused_slot_that_fills_the_disk_is_dropped_where_risk_is_allowed() {
    let primary = primary(some()[0], &[]);
    primary.exec(ACTOR);
    primary.exec("SELECT pg_create_physical_replication_slot('left', true)");
    primary.write_wal(3);
    let settings =
        "slot_retention_warning = \"1MiB\", slot_retention_critical = \"2MiB\", slot_inactive_warning = \"1s\"";
    let agent = acting(&primary, settings, "drop-inactive-slot = { policy = \"auto\", high_risk = true }", "");
    let _daemon = agent.start();
    await_verified(&agent, "drop-inactive-slot");
    assert!(primary.holds("SELECT count(*) = 0 FROM pg_replication_slots"));
}

#[test]
fn a_pause_that_lasts_longer_than_allowed_is_ended() {
    for major in some() {
        let primary = primary(major, &[]);
        primary.exec(ACTOR);
        let s1 = standby(&primary, "s1", &[]);
        s1.pause_replay();
        primary.write_wal(1);
        let actions = "resume-replay = { policy = \"auto\", high_risk = true, when = \"standby\" }";
        let agent = acting(&s1, "pause_allowed = \"2s\"", actions, "");
        let _daemon = agent.start();
        await_verified(&agent, "resume-replay");
        assert!(s1.holds("SELECT pg_get_wal_replay_pause_state() = 'not paused' AND pg_is_in_recovery()"), "{major:?}");
    }
}

#[test]
fn a_receiver_that_lacks_what_its_configuration_now_says_starts_after_a_reload() {
    let primary = primary(some()[0], &[]);
    primary.exec(ACTOR);
    let s1 = primary.standby("s1", &StandbyOptions { slot: Some("s1"), ..StandbyOptions::default() });
    s1.wait_until_streaming();
    s1.catch_up_with(&primary);
    let wrong = format!("host=127.0.0.1 port={} user=nosuch application_name=s1", primary.port());
    s1.set(&[("primary_conninfo", wrong.as_str())]);
    s1.wait_until("the walreceiver is gone", || s1.holds("SELECT count(*) = 0 FROM pg_stat_wal_receiver"));
    // Corrected, and not read yet.
    s1.exec("ALTER SYSTEM RESET primary_conninfo");
    let settings = "reconnect_within = \"1s\", lag_critical = \"5s\"";
    let agent = acting(&s1, settings, "reload-for-receiver = { policy = \"auto\", cooldown = \"20s\" }", "");
    let _daemon = agent.start();
    await_verified(&agent, "reload-for-receiver");
    s1.wait_until_streaming();
}

#[test]
fn reads_are_sent_to_the_primary_while_the_standby_lags_and_back_when_it_has_caught_up() {
    let (primary, mut s1) = pair(some()[0]);
    primary.exec(ACTOR);
    s1.catch_up_with(&primary);
    let route = Arc::new(Mutex::new("standby".to_owned()));
    let port = application(Arc::clone(&route));
    let more = format!(
        "[http.app]\norigin = \"http://127.0.0.1:{port}\"\nallow = [\"GET /reads\", \"POST /reads/primary\", \"POST /reads/standby\"]\n"
    );
    let settings = "reads = \"app\", lag_healthy = \"100ms\", lag_warning = \"300ms\", lag_critical = \"1s\"";
    let actions = "route-reads-to-primary = \"auto\", route-reads-to-standby = \"auto\"";
    let agent = acting(&s1, settings, actions, &more);
    s1.hang("startup");
    primary.write_wal(2);
    let daemon = agent.start();
    await_verified(&agent, "route-reads-to-primary");
    assert_eq!(*route.lock().unwrap(), "primary");
    s1.thaw();
    await_verified(&agent, "route-reads-to-standby");
    assert_eq!(*route.lock().unwrap(), "standby");
    drop(daemon);
    s1.stop(Stop::Fast);
}

/// An application that says where it reads from, and lets itself be told; its port.
fn application(route: Arc<Mutex<String>>) -> u16 {
    let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let port = listener.local_addr().unwrap().port();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let mut request = Vec::new();
            let mut buffer = [0; 4096];
            // Requests are small: head and body come within a read or two.
            let whole = |request: &[u8]| {
                request.ends_with(b"}") || request.starts_with(b"GET") && request.ends_with(b"\r\n\r\n")
            };
            while !whole(&request) {
                match stream.read(&mut buffer) {
                    Ok(0) | Err(_) => break,
                    Ok(count) => request.extend_from_slice(&buffer[..count]),
                }
            }
            let text = String::from_utf8_lossy(&request).into_owned();
            let mut route = route.lock().unwrap();
            for target in ["primary", "standby"] {
                if text.starts_with(&format!("POST /reads/{target} ")) {
                    target.clone_into(&mut route);
                }
            }
            let body = format!("{{\"route\": \"{route}\"}}");
            let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}", body.len());
            // Who asked may have gone.
            let _ = stream.write_all(head.as_bytes());
        }
    });
    port
}
