//! The cache plugin: is what is asked for again and again answered from memory? It observes PostgreSQL's buffer cache, Redis or
//! Valkey servers, and the caches of applications over HTTP, whichever are granted.
//!
//! One folder per kind, and the same files in each: `observe` asks, `memory` keeps what the next run needs, `checks` judges.
//! `window` makes rates of counters, `settings` has the thresholds, `actions` what may be proposed.

mod actions;
mod answer;
mod app;
mod buffers;
mod redis;
mod settings;
mod table;
mod thresholds;
mod trust;
mod window;

use pgreeve_sdk::{
    Capability, Error, Failure, Finding, Level, Manifest, Plugin, Problem, Report, Right, Run, log, manifest, need,
};

use settings::Settings;

struct Cache;

/// All that a run looks at.
#[derive(Debug)]
struct Observed {
    buffers: Vec<buffers::Observed>,
    servers: Vec<redis::Observed>,
    caches: Vec<app::Observed>,
}

impl Plugin for Cache {
    type Settings = Settings;
    type Observed = Observed;

    fn manifest() -> Manifest {
        let role = need(Right::Member("pg_monitor".into()), "pg_buffercache, where it is installed, is open to it");
        let manifest = manifest(
            "cache",
            env!("CARGO_PKG_VERSION"),
            "Hit rates of PostgreSQL's buffer cache, health of Redis or Valkey, caches of applications over HTTP",
        )
        .want(Capability::Postgres, false, "the buffer cache's counters, by database and table")
        .want(Capability::Redis, false, "INFO, SLOWLOG GET, LATENCY LATEST, CLUSTER INFO, CLUSTER NODES, DBSIZE")
        .want(Capability::Http, false, "where applications tell of their caches, and how long they take to")
        .need(pgreeve_sdk::Need { required: false, ..role });
        actions::declare(manifest.checks(&table::CHECKS))
    }

    fn check_settings(settings: &Settings) -> Vec<Problem> {
        settings.problems()
    }

    fn observe(run: &Run<Settings>) -> Result<Observed, Failure> {
        let granted = |capability: &str| run.granted(capability).iter();
        let observed = Observed {
            buffers: granted("postgres").map(|scope| buffers::observe(scope, &run.settings)).collect(),
            servers: granted("redis").map(|server| redis::observe(server, run)).collect(),
            caches: app::observe(run),
        };
        if observed.buffers.is_empty() && observed.servers.is_empty() && observed.caches.is_empty() {
            return Err(Failure {
                message: "nothing is granted: no database scope, no Redis server, no HTTP endpoint".to_owned(),
                advice: Some("grant the job what it is to look at, as in grant = { redis = [\"cache\"] }".to_owned()),
            });
        }
        Ok(observed)
    }

    fn judge(run: &Run<Settings>, observed: &Observed) -> Report {
        let mut report = Report { findings: Vec::new(), metrics: Vec::new(), proposals: Vec::new() };
        for (none, check, what) in [
            (observed.buffers.is_empty(), "buffer", "no database scope is granted"),
            (observed.servers.is_empty(), "redis", "no Redis server is granted"),
            (observed.caches.is_empty(), "http", "no HTTP endpoint is granted"),
        ] {
            report.findings.extend(none.then(|| Finding::not_applicable(check, "", what)));
        }
        for scope in &observed.buffers {
            let (findings, metrics) = buffers::judge(scope, &run.settings);
            report.findings.extend(findings);
            report.metrics.extend(metrics);
        }
        for server in &observed.servers {
            add(&mut report, redis::judge(server, run));
        }
        for cache in &observed.caches {
            add(&mut report, app::judge(cache, &observed.servers, run));
        }
        report
    }
}

fn add(report: &mut Report, more: Report) {
    report.findings.extend(more.findings);
    report.metrics.extend(more.metrics);
    report.proposals.extend(more.proposals);
}

/// What was recalled; a run without memory knows less and says so.
fn remembered<T>(key: &str, recalled: Result<Option<T>, Error>) -> Option<T> {
    recalled.unwrap_or_else(|error| {
        log(Level::Warn, &format!("{key}: nothing is recalled of earlier runs: {}", error.line()));
        None
    })
}

/// Says where nothing could be kept for the next run.
fn keep(key: &str, kept: Result<(), Error>) {
    if let Err(error) = kept {
        log(Level::Warn, &format!("{key}: nothing is remembered for the next run: {}", error.line()));
    }
}

pgreeve_sdk::export!(Cache);
