//! The checks of a server as tables: INFO of two runs, and the answer that this has to give.

use std::collections::BTreeMap;

use pgreeve_sdk::{Cause, Context, Error, Finding, RemoteError, Run, Status};

use super::info::Info;
use super::judge;
use super::memory::Memory;
use super::nodes::Nodes;
use super::observe::Observed;
use super::seen::{Cluster, Event, Seen, Slow};
use crate::settings::Settings;

/// What a healthy primary tells, with lines that overrule it.
fn info(lines: &str) -> Info {
    let usual = "redis_version:7.0.15\nrun_id:a\nrole:master\nuptime_in_seconds:1000\nused_memory:1000000\nused_memory_rss:1100000\n\
                 maxmemory:0\nmaxmemory_policy:noeviction\ntotal_system_memory:100000000\nconnected_clients:1\nmaxclients:100\nkeyspace_hits:0\n\
                 keyspace_misses:0\nevicted_keys:0\nexpired_keys:0\nrejected_connections:0\ntotal_error_replies:0\n\
                 rdb_last_bgsave_status:ok\nrdb_last_bgsave_time_sec:-1\naof_enabled:0\ncluster_enabled:0\nloading:0\n";
    Info::parse(&format!("{usual}{lines}"))
}

fn seen(lines: &str) -> Seen {
    Seen { info: info(lines), slow: Ok(Vec::new()), latency: Ok(Vec::new()), cluster: None, keys_here: None }
}

/// The answers of the last of several runs, a minute apart.
fn judged(runs: &[Seen], settings: &str) -> BTreeMap<String, Finding> {
    let settings: Settings = serde_json::from_str(settings).unwrap();
    let mut memory: Option<Memory> = None;
    let mut now = 1_000_000_000_000_000;
    for seen in runs {
        now += 60_000_000;
        memory = Some(Memory::advance(memory.as_ref(), seen, now, &settings));
    }
    let observed = Observed { name: "c".into(), seen: Ok(runs.last().unwrap().clone()), memory: memory.unwrap() };
    by_key(judge(&observed, &run(now, settings)).findings)
}

fn run(now: i64, settings: Settings) -> Run<Settings> {
    let context = Context {
        job: "cache".into(),
        now,
        cause: Cause::Scheduled,
        settings: String::new(),
        grants: Vec::new(),
        outcomes: Vec::new(),
    };
    Run { context, settings }
}

fn by_key(findings: Vec<Finding>) -> BTreeMap<String, Finding> {
    findings.into_iter().map(|finding| (finding.check.clone(), finding)).collect()
}

#[track_caller]
fn answers(runs: &[&str], settings: &str, check: &str, status: Status, words: &str) {
    let runs: Vec<Seen> = runs.iter().map(|lines| seen(lines)).collect();
    let findings = judged(&runs, settings);
    let finding = &findings[check];
    assert_eq!(finding.status, status, "{finding:?}");
    assert!(finding.summary.contains(words), "{words}: {finding:?}");
    assert!(status == Status::Ok || finding.advice.is_some(), "{finding:?}");
}

#[test]
fn every_check_answers_on_a_healthy_server_and_the_first_run_claims_no_rate() {
    let first = judged(&[seen("")], "{}");
    for check in ["redis-hit", "redis-evictions", "redis-rejected", "redis-errors", "redis-slowlog"] {
        assert_eq!(first[check].status, Status::Unknown, "{check}");
    }
    let second = judged(&[seen(""), seen("")], "{}");
    let declared = crate::table::CHECKS.iter().filter(|(id, ..)| id.starts_with("redis")).count();
    assert_eq!(second.len(), declared);
    assert!(second.values().all(|finding| finding.status == Status::Ok), "{second:#?}");
}

#[test]
fn memory_is_judged_by_what_can_be_done_when_it_is_full() {
    use Status::{Critical, Ok, Warning};
    for (lines, status, words) in [
        ("", Ok, "1.1 % of the 95.4 MiB that the host has"),
        ("used_memory_rss:49000000", Ok, "no maxmemory"),
        ("used_memory_rss:50000000", Warning, "50 % of the 95.4 MiB that the host has, no maxmemory"),
        ("used_memory_rss:75000000", Critical, "no maxmemory"),
        ("total_system_memory:", Status::Unknown, "does not tell what the host has"),
        ("maxmemory:1200000", Warning, "83.3 %"),
        ("maxmemory:1000000", Critical, "writes are refused"),
        ("maxmemory:1000000\nmem_not_counted_for_evict:500000", Ok, "50 %"),
        ("maxmemory:1000000\nmaxmemory_policy:allkeys-lfu\ndb0:keys=9,expires=0", Ok, "as a cache does"),
        ("maxmemory:1000000\nmaxmemory_policy:allkeys-lfu", Critical, "no key that could be evicted"),
        ("maxmemory:1000000\nmaxmemory_policy:volatile-ttl\ndb0:keys=900,expires=3", Warning, "3 of 900 do"),
        ("maxmemory:1000000\nmaxmemory_policy:volatile-ttl\ndb0:keys=9,expires=0", Critical, "none does"),
        ("maxmemory:1000000\nmaxmemory_policy:volatile-ttl\ndb0:keys=9,expires=3", Ok, "as a cache does"),
        ("role:slave\nmaxmemory:1000000", Warning, "if it is promoted"),
        ("maxmemory:200000000", Warning, "more than the"),
        ("maxmemory:", Status::Unknown, "does not tell"),
    ] {
        answers(&[lines], "{}", "redis-memory", status, words);
    }
}

#[test]
fn what_a_container_allows_is_a_setting_and_bounds_what_the_host_has() {
    let limit = |bytes: u64| format!(r#"{{"servers": {{"c": {{"memory": "{bytes}B"}}}}}}"#);
    for (lines, bytes, status, words) in [
        ("", 1_150_000, Status::Critical, "95.6 % of the"),
        ("", 2_000_000, Status::Warning, "55 % of the 1.9 MiB that it may have"),
        ("", 3_000_000, Status::Ok, "that it may have"),
        ("", 900_000_000, Status::Ok, "that the host has"),
        ("maxmemory:3000000", 2_000_000, Status::Warning, "that it may have"),
    ] {
        answers(&[lines], &limit(bytes), "redis-memory", status, words);
    }
}

#[test]
fn waste_and_swap_are_judged_where_they_cost_something() {
    let big = "used_memory:1000000000\nused_memory_rss:";
    for (resident, status, words) in [
        ("1400000000", Status::Ok, "1.40"),
        ("1600000000", Status::Warning, "1.60"),
        ("500000000", Status::Warning, "swapped out"),
        ("950000000", Status::Ok, "0.95"),
        ("500000000\nrepl_backlog_size:500000000", Status::Ok, "0.50"),
    ] {
        answers(&[&format!("{big}{resident}")], "{}", "redis-fragmentation", status, words);
    }
    answers(&["used_memory_rss:12000000"], "{}", "redis-fragmentation", Status::Ok, "too little data");
}

#[test]
fn a_restart_is_no_reset_and_its_counters_count_from_its_start() {
    let before = "keyspace_hits:5000\nkeyspace_misses:10\nevicted_keys:70\nerrorstat_OOM:count=3";
    let after =
        "run_id:b\nuptime_in_seconds:20\nkeyspace_hits:20\nkeyspace_misses:180\nevicted_keys:90\nerrorstat_OOM:count=2";
    answers(&[before, after], "{}", "redis", Status::Warning, "restarted 20 s ago");
    answers(&[before, after], "{}", "redis-hit", Status::Warning, "hit rate 10 %");
    answers(&[before, after], "{}", "redis-hit", Status::Warning, "in 20 s; restarted");
    answers(&[before, after], "{}", "redis-evictions", Status::Ok, "4.5 keys evicted");
    answers(&[before, after], "{}", "redis-errors", Status::Critical, "OOM 2 times");
    answers(&[before, after, after], "{}", "redis", Status::Ok, "up for");
}

#[test]
fn counters_that_go_back_without_a_restart_were_reset() {
    let before = "keyspace_hits:500\nkeyspace_misses:10\nevicted_keys:70\nerrorstat_ERR:count=9";
    for check in ["redis-hit", "redis-evictions", "redis-rejected", "redis-errors"] {
        answers(&[before, ""], "{}", check, Status::Unknown, "reset");
    }
}

#[test]
fn links_are_judged_from_both_ends() {
    use Status::{Critical, Ok, Warning};
    let replica = "role:slave\nmaster_host:h\nmaster_port:1\nmaster_link_status:";
    for (rest, status, words) in [
        ("up\nmaster_last_io_seconds_ago:3", Ok, "follows h:1"),
        ("up\nmaster_last_io_seconds_ago:31", Warning, "silent"),
        ("down\nmaster_last_io_seconds_ago:-1\nmaster_link_down_since_seconds:90", Critical, "down for 1 min 30 s"),
        ("down\nmaster_link_down_since_seconds:-1", Critical, "never up"),
        ("down\nmaster_sync_in_progress:1\nuptime_in_seconds:30", Warning, "full copy"),
        (
            "down\nmaster_sync_in_progress:1\nmaster_link_down_since_seconds:90\nmaster_sync_perc:12.5",
            Warning,
            "12.5 %",
        ),
        ("down\nmaster_sync_in_progress:1\nmaster_link_down_since_seconds:900", Critical, "15 min old"),
    ] {
        answers(&[&format!("{replica}{rest}")], "{}", "redis-link", status, words);
    }
    let one = "slave0:ip=h,port=1,state=online,offset=9,lag=0";
    let copied = "slave0:ip=h,port=1,state=wait_bgsave,offset=0,lag=0";
    let silent = "slave0:ip=h,port=1,state=online,offset=9,lag=40";
    let channels = "slave0:ip=h,port=1,state=online,offset=9,lag=0,type=replica\nslave1:ip=h,port=1,state=send_bulk,offset=0,lag=0,type=rdb-channel";
    let chained = "role:slave\nmaster_link_status:up";
    let two = r#"{"servers": {"c": {"replicas": 2}}}"#;
    for (lines, settings, status) in [
        ("", "{}", Ok),
        (one, "{}", Ok),
        (copied, "{}", Warning),
        (silent, "{}", Warning),
        (channels, "{}", Ok),
        (chained, "{}", Ok),
        (chained, two, Critical),
        (one, two, Warning),
        ("", two, Critical),
        (silent, two, Critical),
    ] {
        answers(&[lines], settings, "redis-link", status, "");
    }
}

#[test]
fn persistence_clients_and_clusters() {
    use Status::{Critical, Ok, Warning};
    for (lines, check, status, words) in [
        ("rdb_last_bgsave_status:err", "redis-persistence", Critical, "MISCONF"),
        ("aof_enabled:1\naof_last_write_status:err", "redis-persistence", Critical, "cannot be written"),
        ("aof_enabled:1\naof_last_bgrewrite_status:err", "redis-persistence", Warning, "grows"),
        ("aof_enabled:0\naof_last_write_status:err", "redis-persistence", Ok, "no append-only file"),
        ("rdb_bgsave_in_progress:1\nrdb_current_bgsave_time_sec:60", "redis-persistence", Ok, ""),
        (
            "rdb_bgsave_in_progress:1\nrdb_current_bgsave_time_sec:7200",
            "redis-persistence",
            Warning,
            "under way for 2 h",
        ),
        ("aof_rewrite_in_progress:1\naof_current_rewrite_time_sec:3600", "redis-persistence", Warning, "rewrite"),
        ("connected_clients:80", "redis-clients", Warning, "80 of 100"),
        ("connected_clients:95", "redis-clients", Critical, "95 %"),
        ("maxclients:", "redis-clients", Status::Unknown, "maxclients"),
        ("", "redis-cluster", Ok, "no cluster"),
    ] {
        answers(&[lines], "{}", check, status, words);
    }
    let cluster = |told: &str| {
        let nodes = Result::Ok(Nodes::default());
        let seen =
            Seen { cluster: Some(Cluster { info: Result::Ok(Info::parse(told)), nodes }), ..seen("cluster_enabled:1") };
        judged(&[seen], "{}")["redis-cluster"].status
    };
    let all = "cluster_slots_assigned:16384\ncluster_slots_ok:16384\n";
    assert_eq!(cluster(&format!("cluster_state:ok\n{all}")), Ok);
    assert_eq!(cluster(&format!("cluster_state:ok\n{all}cluster_slots_pfail:5")), Warning);
    assert_eq!(cluster(&format!("cluster_state:fail\n{all}cluster_slots_fail:5")), Critical);
    assert_eq!(cluster("cluster_state:ok\ncluster_slots_assigned:16383"), Critical);
    assert_eq!(cluster("nonsense"), Status::Unknown);
}

#[test]
fn slow_commands_and_events_count_once() {
    let with = |id: i64, micros: i64, at: i64| {
        let slow = vec![Slow { id, micros, command: "KEYS".into() }];
        let millis = micros / 1000;
        let latency = vec![Event { name: "fork".into(), at, millis, most: millis }];
        Seen { slow: Ok(slow), latency: Ok(latency), ..seen("") }
    };
    let statuses = |runs: &[Seen]| {
        let findings = judged(runs, "{}");
        ["redis-slowlog", "redis-latency"].map(|check| findings[check].status)
    };
    assert_eq!(statuses(&[with(7, 900_000, 5)]), [Status::Unknown; 2], "it may be of last year");
    assert_eq!(statuses(&[seen(""), with(7, 900_000, 5)]), [Status::Warning; 2]);
    assert_eq!(statuses(&[seen(""), with(7, 90_000, 5)]), [Status::Ok; 2]);
    assert_eq!(statuses(&[with(7, 900_000, 5), with(7, 900_000, 5)]), [Status::Ok; 2]);
    // The log was emptied, and its numbers went on.
    assert_eq!(statuses(&[with(7, 900_000, 5), seen(""), with(8, 900_000, 6)]), [Status::Warning; 2]);
}

#[test]
fn what_does_not_answer_is_down_and_what_refuses_is_not() {
    let remote = |code: &str, message: &str| {
        Error::Remote(RemoteError { code: code.into(), message: message.into(), detail: None, hint: None })
    };
    for (error, status) in [
        (Error::Unreachable("refused".into()), Status::Critical),
        (Error::TimedOut("2 s".into()), Status::Critical),
        (remote("BUSY", "Redis is busy running a script"), Status::Critical),
        (remote("ERR", "max number of clients reached"), Status::Critical),
        (remote("NOPERM", "no"), Status::Unknown),
        (remote("WRONGPASS", "no"), Status::Unknown),
        (remote("ERR", "unknown command 'INFO'"), Status::Unknown),
        (Error::Denied("no grant".into()), Status::Unknown),
        (Error::Invalid("no INFO".into()), Status::Unknown),
        (Error::LimitExceeded(pgreeve_sdk::Limit::Bytes), Status::Unknown),
    ] {
        let observed = Observed { name: "c".into(), seen: Err(error.clone()), memory: Memory::default() };
        let findings = judge(&observed, &run(0, Settings::default())).findings;
        assert_eq!(findings.len(), 1);
        assert_eq!((findings[0].key.as_str(), findings[0].status), ("redis/c", status), "{error:?}");
        assert!(findings[0].advice.is_some(), "{error:?}");
    }
}

#[test]
fn another_server_is_no_restart_and_its_history_is_not_counted() {
    let before = "run_id:a\nkeyspace_hits:5000";
    let other = "run_id:b\nuptime_in_seconds:86400\nkeyspace_hits:9000\nkeyspace_misses:90000\nevicted_keys:90000000\n\
                 rejected_connections:7\nerrorstat_OOM:count=70";
    answers(&[before, other], "{}", "redis", Status::Warning, "not the server that answered the last run");
    for check in ["redis-hit", "redis-evictions", "redis-rejected", "redis-errors", "redis-slowlog"] {
        answers(&[before, other], "{}", check, Status::Unknown, "another server");
    }
    answers(&[before, other, other], "{}", "redis", Status::Ok, "up for");
    answers(&[before, other, other], "{}", "redis-errors", Status::Ok, "none");
}

#[test]
fn a_server_that_is_no_cache_has_no_hit_rate_to_be_judged() {
    let runs = ["", "keyspace_misses:5000"];
    answers(&runs, "{}", "redis-hit", Status::Critical, "outage");
    answers(&runs, r#"{"servers": {"c": {"cache": false}}}"#, "redis-hit", Status::Ok, "no cache");
}

#[test]
fn of_many_codes_those_that_are_the_servers_fault_are_never_lost() {
    let many: String = (0..5000).map(|number| format!("errorstat_A{number:05}:count=1\n")).collect();
    let full = format!("{many}total_error_replies:5001\nerrorstat_OOM:count=1");
    answers(&["total_error_replies:3", &full], "{}", "redis-errors", Status::Critical, "OOM 1 times");
    // It gave up on counting: what is not counted is not well.
    let lost = "total_error_replies:9000\nerrorstat_ERRORSTATS_DISABLED:count=1";
    answers(&[&full, lost], "{}", "redis-errors", Status::Unknown, "no longer");
    answers(&[&full, lost], "{}", "redis-rejected", Status::Ok, "none");
    answers(&[&full, lost, "total_error_replies:2"], "{}", "redis-errors", Status::Unknown, "reset");
}

#[test]
fn what_could_not_be_asked_once_is_neither_forgotten_nor_taken_for_new() {
    let refused = || Error::Denied("no".into());
    let with = |id: i64| {
        let slow = vec![Slow { id, micros: 900_000, command: "KEYS".into() }];
        let latency = vec![Event { name: "fork".into(), at: id, millis: 900, most: 900 }];
        Seen { slow: Ok(slow), latency: Ok(latency), ..seen("") }
    };
    let without = || Seen { slow: Err(refused()), latency: Err(refused()), ..seen("") };
    let statuses = |runs: &[Seen]| {
        let findings = judged(runs, "{}");
        ["redis-slowlog", "redis-latency"].map(|check| findings[check].status)
    };
    assert_eq!(statuses(&[without(), with(7)]), [Status::Unknown; 2], "it may be of last year");
    assert_eq!(statuses(&[with(7), without(), with(7)]), [Status::Ok; 2]);
    assert_eq!(statuses(&[with(7), without(), with(8)]), [Status::Warning; 2]);
}

#[test]
fn an_event_that_a_shorter_one_hides_is_seen_by_the_longest_so_far() {
    let with = |at: i64, millis: i64, most: i64| {
        let latency = vec![Event { name: "fork".into(), at, millis, most }];
        judged(
            &[
                Seen { latency: Ok(vec![Event { name: "fork".into(), at: 5, millis: 60, most: 200 }]), ..seen("") },
                Seen { latency: Ok(latency), ..seen("") },
            ],
            "{}",
        )["redis-latency"]
            .clone()
    };
    assert_eq!(with(9, 60, 200).status, Status::Ok);
    let hidden = with(9, 60, 950);
    assert_eq!(hidden.status, Status::Warning);
    assert!(hidden.summary.contains("950 ms"), "{hidden:?}");
}

#[test]
fn more_slow_commands_than_are_looked_at_are_counted_by_their_numbers() {
    let slow = |ids: std::ops::Range<i64>| {
        let slow = ids.map(|id| Slow { id, micros: 20_000, command: "GET".into() }).collect();
        Seen { slow: Ok(slow), ..seen("") }
    };
    let finding = &judged(&[slow(0..5), slow(936..1000)], "{}")["redis-slowlog"];
    assert!(finding.summary.starts_with("995 new entries (the newest 64 looked at)"), "{finding:?}");
}

#[test]
fn nodes_that_failed_and_slots_that_were_left_on_their_way_are_warned_of() {
    let well = Info::parse("cluster_state:ok\ncluster_slots_assigned:16384\ncluster_slots_ok:16384\ncluster_size:3");
    let with = |nodes: Result<Nodes, Error>| Seen {
        cluster: Some(Cluster { info: Ok(well.clone()), nodes }),
        ..seen("cluster_enabled:1")
    };
    let judged = |runs: &[Seen]| judged(runs, "{}")["redis-cluster"].clone();
    let failed = judged(&[with(Ok(Nodes { failed: vec!["h:1 (replica)".into()], ..Nodes::default() }))]);
    assert_eq!(failed.status, Status::Warning);
    assert!(failed.summary.contains("1 node has failed: h:1 (replica)") && failed.advice.is_some(), "{failed:?}");
    let moving = || with(Ok(Nodes { moving: vec!["slot 7 to abc".into()], ..Nodes::default() }));
    // Runs are a minute apart.
    assert_eq!(judged(&vec![moving(); 15]).status, Status::Ok);
    let left = judged(&vec![moving(); 16]);
    assert_eq!(left.status, Status::Warning);
    assert!(left.summary.contains("slot 7 to abc on its way for 15 min"), "{left:?}");
    let refused = judged(&[with(Err(Error::Denied("not to you".into())))]);
    assert!(refused.status == Status::Ok && refused.summary.contains("not looked at (not to you)"), "{refused:?}");
}

#[test]
fn a_role_that_is_none_is_not_taken_for_one() {
    answers(&["role:banana"], "{}", "redis-role", Status::Unknown, "banana");
}
