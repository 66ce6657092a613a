//! The buffer cache as tables: what two runs saw, and the answer that this has to give.

use std::collections::BTreeMap;

use pgreeve_sdk::{Finding, Role, Server, Status};

use super::judge;
use super::memory::Memory;
use super::observe::Observed;
use super::rows::{Base, Life, Pool, Table};
use super::seen::{Buffercache, Seen};
use crate::settings::Settings;

const MINUTE: i64 = 60_000_000;

/// A server at a minute, whose database `app` has these counters.
fn seen(minute: i64, hits: i64, reads: i64) -> Seen {
    let server = Server {
        version: 180_004,
        role: Role::Primary,
        system_identifier: 7,
        database: "app".into(),
        user: "observer".into(),
        extensions: Vec::new(),
    };
    let life = Life {
        at: minute * MINUTE,
        started: 1,
        kept_since: Some(2),
        standby: false,
        counted: true,
        shared_buffers: 128 << 20,
    };
    let base = Base { oid: 5, datname: "app".into(), blks_hit: hits, blks_read: reads, stats_reset: Some(5) };
    Seen { server, life, databases: Ok(vec![base]), tables: Some(Ok(Vec::new())), pool: Buffercache::Absent }
}

fn table(id: i64, hits: i64, reads: i64) -> Table {
    Table { id, schemaname: "s".into(), relname: format!("t{id}"), hits, reads }
}

/// The answers of the last of several runs.
fn judged(runs: Vec<Seen>, settings: &Settings) -> BTreeMap<String, Finding> {
    let mut memory = None;
    for seen in &runs {
        let mut next = Memory::advance(memory, seen, settings);
        if next.wants_tables(seen) {
            next.take_tables(seen);
        }
        memory = Some(next);
    }
    let observed =
        Observed { scope: "main".into(), seen: Ok(runs.into_iter().last().unwrap()), memory: memory.unwrap() };
    judge(&observed, settings).0.into_iter().map(|finding| (finding.key.clone(), finding)).collect()
}

#[track_caller]
fn answers(runs: Vec<Seen>, status: Status, words: &str) {
    let findings = judged(runs, &Settings::default());
    let finding = &findings["buffer-hit/main:app"];
    assert_eq!(finding.status, status, "{finding:?}");
    assert!(finding.summary.contains(words), "{words}: {finding:?}");
    assert!(status == Status::Ok || finding.advice.is_some(), "{finding:?}");
}

#[test]
fn what_makes_counters_incomparable_is_named() {
    let then = || seen(0, 1_000_000, 0);
    let changed = |change: fn(&mut Seen)| {
        let mut now = seen(5, 1_000_100, 90_000);
        change(&mut now);
        vec![then(), now]
    };
    answers(changed(|_| ()), Status::Warning, "0.1 % of 90100 blocks");
    for (change, words) in [
        ((|now| now.life.started = 9) as fn(&mut Seen), "restarted"),
        (|now| now.life.kept_since = Some(9), "crashed"),
        (|now| now.life.standby = true, "is a standby"),
        (|now| now.server.system_identifier = 8, "another server"),
        (|now| now.server.database = "other".into(), "another server or database"),
        (|now| now.databases.as_mut().unwrap()[0].stats_reset = Some(6), "were reset"),
        (|now| now.databases.as_mut().unwrap()[0].blks_hit = 999_999, "went back"),
        (|now| now.life.at = -1, "clock"),
        // Dropped and made again, by the same name.
        (|now| now.databases.as_mut().unwrap()[0].oid = 6, "seen for the first time"),
    ] {
        answers(changed(change), Status::Unknown, words);
    }
    answers(vec![then()], Status::Unknown, "first run");
    // A run that could not ask in between does not begin anew.
    let failed = Seen { databases: Err(pgreeve_sdk::Error::TimedOut("late".into())), ..seen(2, 0, 0) };
    answers(vec![then(), failed, seen(5, 1_000_100, 90_000)], Status::Warning, "in 5 min");
}

#[test]
fn thresholds_and_quiet_databases() {
    let after = |hits, reads| vec![seen(0, 0, 0), seen(5, hits, reads)];
    answers(after(95_000, 5_000), Status::Ok, "95 %");
    answers(after(94_990, 5_010), Status::Warning, "94.9 % of 100000 blocks found in the cache in 5 min, under 95 %");
    answers(after(10, 9_900), Status::Unknown, "too few to judge: 9910 blocks");
    answers(after(0, 0), Status::Ok, "idle");
    answers(vec![seen(0, 0, 0), seen(20, 10, 100)], Status::Ok, "too few to judge");
    let strict = Settings { buffer_critical_percent: Some(50.0), ..Settings::default() };
    let finding = &judged(after(10_000, 90_000), &strict)["buffer-hit/main:app"];
    assert_eq!(finding.status, Status::Critical);
    let mut blind = seen(5, 95_000, 0);
    blind.life.counted = false;
    let findings = judged(vec![seen(0, 0, 0), blind], &Settings::default());
    assert_eq!((findings.len(), findings["buffer/main"].status), (1, Status::Unknown));
}

#[test]
fn tables_are_told_by_what_they_read_since_the_window_opened() {
    let with = |minute, reads, tables| Seen { tables: Some(Ok(tables)), ..seen(minute, 0, reads) };
    let runs = |now: Vec<Table>| vec![with(0, 0, vec![table(1, 0, 900_000), table(2, 5, 10)]), with(5, 20_000, now)];
    let told = |now| judged(runs(now), &Settings::default())["buffer-tables/main:app"].clone();
    // What read most ever has read nothing since; the third is new; the second was reset by itself.
    let finding = told(vec![table(1, 7, 900_000), table(2, 0, 4_000), table(3, 16_000, 16_000)]);
    assert!(finding.summary.starts_with("s.t3 read most: 16000 blocks, 80 %"), "{finding:?}");
    assert_eq!(
        finding.detail.as_deref(),
        Some("s.t3: 16000 blocks read, 50 % found in the cache\ns.t2: 4000 blocks read, 0 % found in the cache")
    );
    // Where not all tables were remembered, one that was not may have read long ago.
    let many: Vec<Table> = (1..=200).map(|id| table(id, 0, 1_000)).collect();
    let runs = vec![with(0, 0, many), with(5, 20_000, vec![table(1, 0, 1_200), table(999, 0, 70_000)])];
    let finding = &judged(runs, &Settings::default())["buffer-tables/main:app"];
    assert!(finding.summary.starts_with("s.t1 read most: 200 blocks"), "{finding:?}");
}

#[test]
fn the_size_is_a_warning_only_where_it_is_full_and_the_hit_rate_low() {
    let pool = |unused| Pool { used: 1_000 - unused, unused, dirty: 0, usage: Some(2.0) };
    let size = |hits, reads, unused| {
        let now = Seen { pool: Buffercache::Asked(Ok(pool(unused))), ..seen(5, hits, reads) };
        judged(vec![seen(0, 0, 0), now], &Settings::default())["buffer-size/main"].status
    };
    assert_eq!(size(10_000, 90_000, 0), Status::Warning);
    assert_eq!(size(10_000, 90_000, 100), Status::Ok);
    assert_eq!(size(99_000, 1_000, 0), Status::Ok);
    assert_eq!(size(0, 0, 0), Status::Ok);
}
