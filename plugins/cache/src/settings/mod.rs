//! The job's settings: thresholds with their defaults and where these come from. The doc comments are the schema's
//! descriptions.

mod app;
mod redis;

use std::collections::BTreeMap;

use pgreeve_sdk::{Bytes, Problem, Seconds};
use schemars::JsonSchema;
use serde::Deserialize;

pub(crate) use app::{Cache, Unit};
pub(crate) use redis::{Role, Server};

/// Settings of a cache job. All have defaults; none is required.
#[derive(Clone, Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Settings {
    /// PostgreSQL: hit rate of the buffer cache, in percent, below which it is a warning (operations guide: over 95).
    /// Default 95.
    pub(crate) buffer_percent: f64,
    /// PostgreSQL: hit rate in percent below which it is critical. Default: none, for slow is not down.
    pub(crate) buffer_critical_percent: Option<f64>,
    /// PostgreSQL: blocks that a database has to ask for before its hit rate is judged. Default 10000 (78 MiB).
    pub(crate) buffer_least_blocks: u64,
    /// PostgreSQL: tables named, of those with the most blocks read. Default 5, at most 50.
    pub(crate) buffer_tables: u32,
    /// PostgreSQL 14 and 15: largest shared_buffers of which pg_buffercache, which there walks through every buffer, is
    /// asked. Default "8GiB".
    pub(crate) buffercache_scan: Bytes,
    /// Redis and applications: hit rate in percent that is the target (operations guide: 80). Below it and not below
    /// `hit_alert_percent` the answer is ok and says so. Default 80.
    pub(crate) hit_target_percent: f64,
    /// Redis and applications: hit rate in percent below which it is a warning (operations guide: 70). Default 70.
    pub(crate) hit_alert_percent: f64,
    /// Redis and applications: hit rate in percent down to which it is critical (operations guide: 0 is an outage).
    /// Default 0.
    pub(crate) hit_critical_percent: f64,
    /// Redis and applications: lookups that there have to be before a hit rate is judged. Default 100.
    pub(crate) hit_least_lookups: u64,
    /// Redis: memory, in percent of maxmemory where nothing can be evicted, from which on it is a warning. Default 80.
    pub(crate) memory_warning_percent: f64,
    /// Redis: the same for critical. Default 95.
    pub(crate) memory_critical_percent: f64,
    /// Redis: resident memory of a server without maxmemory, in percent of what its host has, or of `servers.NAME.memory`, from which on
    /// it is a warning. Default 50: while it saves, a server can need twice its memory (Redis' own guide for administrators).
    pub(crate) host_warning_percent: f64,
    /// Redis: the same for critical. Default 75: a quarter is what a service that runs nothing else reserves beside the data (the default
    /// of ElastiCache's reserved-memory-percent).
    pub(crate) host_critical_percent: f64,
    /// Redis: keys evicted per second from which on it is a warning. Default: none, a full cache evicts.
    pub(crate) evictions_per_second: Option<f64>,
    /// Redis: resident memory divided by used memory from which on it is a warning. Default 1.5.
    pub(crate) fragmentation: f64,
    /// Redis: bytes that fragmentation, or swap, has to cost before it is judged. Default "256MiB": ratios of small
    /// servers mean nothing.
    pub(crate) fragmentation_least: Bytes,
    /// Redis: clients in percent of maxclients from which on it is a warning. Default 80.
    pub(crate) clients_warning_percent: f64,
    /// Redis: clients in percent of maxclients from which on it is critical. Default 95.
    pub(crate) clients_critical_percent: f64,
    /// Redis: how long it may load its data after a start before that is critical. Default "1m".
    pub(crate) loading_allowed: Seconds,
    /// Redis: silence of a replication link, either way, from which on it is a warning. Default "30s": repl-ping-replica-period
    /// is 10 s.
    pub(crate) link_silence: Seconds,
    /// Redis: how long a replica may be without what its primary has now while it takes a full copy, before that is critical.
    /// Default "10m": a copy that takes longer, or begins again and again, is no matter of waiting.
    pub(crate) copy_allowed: Seconds,
    /// Redis: how long a snapshot, or a rewrite of the append-only file, may be under way before that is a warning. Default "1h".
    pub(crate) save_allowed: Seconds,
    /// Redis: a command in the slow log that took so long is a warning. Default "100ms": for so long nobody else was
    /// answered.
    pub(crate) slow_command: Seconds,
    /// Redis: an event of the latency monitor that took so long is a warning. Default "100ms".
    pub(crate) latency: Seconds,
    /// Applications: an answer that took so long is a warning. Default "1s".
    pub(crate) slow_answer: Seconds,
    /// Applications: how long a cache that was warmed, with or without effect, is not warmed again. Default "30m".
    pub(crate) warm_holds: Seconds,
    /// Redis servers of which more is known, by the name of their grant. Default: none.
    pub(crate) servers: BTreeMap<String, Server>,
    /// Caches of applications, by a name of your own, or by that of their endpoint's grant. Default: each endpoint granted, as the operations
    /// guide has it (`/api/v1/cache/stats`, `/hit_rate` in percent).
    pub(crate) caches: BTreeMap<String, Cache>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            buffer_percent: 95.0,
            buffer_critical_percent: None,
            buffer_least_blocks: 10_000,
            buffer_tables: 5,
            buffercache_scan: Bytes(8 << 30),
            hit_target_percent: 80.0,
            hit_alert_percent: 70.0,
            hit_critical_percent: 0.0,
            hit_least_lookups: 100,
            memory_warning_percent: 80.0,
            memory_critical_percent: 95.0,
            host_warning_percent: 50.0,
            host_critical_percent: 75.0,
            evictions_per_second: None,
            fragmentation: 1.5,
            fragmentation_least: Bytes(256 << 20),
            clients_warning_percent: 80.0,
            clients_critical_percent: 95.0,
            loading_allowed: Seconds(60.0),
            link_silence: Seconds(30.0),
            copy_allowed: Seconds(600.0),
            save_allowed: Seconds(3600.0),
            slow_command: Seconds(0.1),
            latency: Seconds(0.1),
            slow_answer: Seconds(1.0),
            warm_holds: Seconds(1800.0),
            servers: BTreeMap::new(),
            caches: BTreeMap::new(),
        }
    }
}

impl Settings {
    /// What contradicts itself.
    pub(crate) fn problems(&self) -> Vec<Problem> {
        let mut problems = Vec::new();
        let critical = self.buffer_critical_percent.unwrap_or(0.0);
        for (name, value) in [
            ("buffer_percent", self.buffer_percent),
            ("buffer_critical_percent", critical),
            ("hit_target_percent", self.hit_target_percent),
            ("hit_alert_percent", self.hit_alert_percent),
            ("hit_critical_percent", self.hit_critical_percent),
            ("memory_warning_percent", self.memory_warning_percent),
            ("memory_critical_percent", self.memory_critical_percent),
            ("host_warning_percent", self.host_warning_percent),
            ("host_critical_percent", self.host_critical_percent),
            ("clients_warning_percent", self.clients_warning_percent),
            ("clients_critical_percent", self.clients_critical_percent),
        ] {
            if !(0.0..=100.0).contains(&value) {
                problems.push(Problem::at(&format!("/{name}"), format!("{value} is no percentage: 0 to 100")));
            } else if value > 0.0 && value < 1.0 {
                let message = format!("{value} is less than one percent: write {} if a share was meant", value * 100.0);
                problems.push(Problem::at(&format!("/{name}"), message));
            }
        }
        for (low, lower, high, higher) in [
            ("buffer_critical_percent", critical, "buffer_percent", self.buffer_percent),
            ("hit_alert_percent", self.hit_alert_percent, "hit_target_percent", self.hit_target_percent),
            ("hit_critical_percent", self.hit_critical_percent, "hit_alert_percent", self.hit_alert_percent),
            (
                "memory_warning_percent",
                self.memory_warning_percent,
                "memory_critical_percent",
                self.memory_critical_percent,
            ),
            ("host_warning_percent", self.host_warning_percent, "host_critical_percent", self.host_critical_percent),
            (
                "clients_warning_percent",
                self.clients_warning_percent,
                "clients_critical_percent",
                self.clients_critical_percent,
            ),
        ] {
            if lower > higher {
                problems.push(Problem::at(&format!("/{low}"), format!("{lower} is above {high}, which is {higher}")));
            }
        }
        if !(1..=50).contains(&self.buffer_tables) {
            problems.push(Problem::at("/buffer_tables", "1 to 50"));
        }
        if self.fragmentation.is_nan() || self.fragmentation < 1.0 {
            problems.push(Problem::at("/fragmentation", "at least 1: resident memory divided by used memory"));
        }
        if self.evictions_per_second.is_some_and(|rate| rate.is_nan() || rate <= 0.0) {
            problems.push(Problem::at("/evictions_per_second", "more than 0, or leave it out"));
        }
        for (name, cache) in &self.caches {
            problems.extend(cache.problems(&format!("/caches/{name}")));
        }
        problems
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pointers(text: &str) -> Vec<String> {
        let settings: Settings = serde_json::from_str(text).unwrap();
        settings.problems().into_iter().map(|problem| problem.pointer).collect()
    }

    #[test]
    fn contradictions_are_pointed_at_and_defaults_have_none() {
        for (text, wrong) in [
            ("{}", &[][..]),
            (r#"{"hit_alert_percent": 90}"#, &["/hit_alert_percent"]),
            (r#"{"hit_alert_percent": 0.7}"#, &["/hit_alert_percent"]),
            (r#"{"buffer_percent": 950}"#, &["/buffer_percent"]),
            (r#"{"buffer_critical_percent": 96}"#, &["/buffer_critical_percent"]),
            (r#"{"host_warning_percent": 80}"#, &["/host_warning_percent"]),
            (r#"{"buffer_tables": 0, "fragmentation": 0.5}"#, &["/buffer_tables", "/fragmentation"]),
            (r#"{"caches": {"a": {}}}"#, &[]),
            (r#"{"caches": {"a": {"hit_rate": "/cache/hits"}}}"#, &["/caches/a/unit"]),
            (r#"{"caches": {"a": {"path": "/metrics/json"}}}"#, &["/caches/a/hit_rate"]),
            (r#"{"caches": {"a": {"hit_rate": "cache", "unit": "fraction"}}}"#, &["/caches/a/hit_rate"]),
            (r#"{"caches": {"a": {"path": "stats", "hits": "/h", "misses": "/m"}}}"#, &["/caches/a/path"]),
            (r#"{"caches": {"a": {"hits": "/h"}}}"#, &["/caches/a/misses"]),
            (r#"{"caches": {"a": {"warm": "/x/y"}}}"#, &["/caches/a/warm"]),
            (r#"{"caches": {"a": {"warm": "/x/warm"}}}"#, &[]),
            (r#"{"caches": {"a": {"warm": "/x?a=b/warm"}}}"#, &["/caches/a/warm"]),
            (r#"{"caches": {"a": {"bypass": "/cache/bypass"}}}"#, &["/caches/a/bypass"]),
            (r#"{"caches": {"a": {"bypass": "/cache/bypass", "bypassed": "/b", "redis": "r"}}}"#, &[]),
        ] {
            assert_eq!(pointers(text), wrong, "{text}");
        }
    }
}
