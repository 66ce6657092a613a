//! The replication plugin: is this server's WAL where it has to be? It observes one or more servers, primaries and
//! standbys, and judges receivers, lag, slots, archiving, the xmin horizon and synchronous standbys. It changes
//! nothing: what it would have changed, it proposes.
//!
//! `observe` asks (SQL in `sql/`, rows in `rows`), `memory` and `samples` keep what the next run needs, `checks/`
//! judges, `actions` proposes, `settings` has the thresholds.

mod actions;
mod checks;
mod memory;
mod observe;
mod reads;
mod room;
mod rows;
mod samples;
mod settings;
mod view;

use pgreeve_sdk::{
    Answer, Capability, Failure, Level, Manifest, Plugin, Problem, Report, Right, Run, log, manifest, need, recall,
    remember,
};

use memory::Memory;
use observe::Observed;
use reads::Route;
use settings::Settings;
use view::View;

struct Replication;

/// The check's id, its title, and what its answers mean.
const CHECKS: [(&str, &str, &str); 21] = [
    ("server", "Server", "Which server was seen. `unknown`: it could not be asked, and nothing else is judged."),
    (
        "receiver",
        "WAL receiver",
        "Whether a standby is fed: the walreceiver's state and the age of the last contact. `critical`: absent, \
            silent or not streaming. Read the end of the standby's log.",
    ),
    (
        "lag",
        "Replay lag",
        "How far a standby's replay is behind what its upstream sent, in bytes and seconds. Ok means caught up with \
            the upstream, not with the primary. `unknown`: out of contact.",
    ),
    (
        "reads",
        "Reads",
        "With `reads`: whether the application reads from a standby that is too far behind, or from the primary though the \
            standby is well.",
    ),
    ("replay", "Replay", "Whether replay is paused, delayed on purpose, or blocked by a session on the standby."),
    (
        "primary-lag",
        "Lag behind the primary",
        "A standby's position against that of the scope that the setting `primary` names; finds divergence, another \
            cluster and two primaries.",
    ),
    (
        "commit-age",
        "Age of the last commit",
        "With `expect_commit_within`: whether commits still reach this standby, through whatever cascade.",
    ),
    ("standby", "Connected standbys", "Each connected standby as its upstream sees it: state, lag, silence."),
    ("expected", "Expected standbys", "Whether the standbys of the setting `expect` are connected."),
    ("slot-status", "Slot status", "By wal_status: `lost` and `unreserved` are critical."),
    ("slot-retention", "Slot retention", "WAL that a slot keeps back."),
    ("slot-inactive", "Unused slots", "How long nobody has used a slot."),
    (
        "slot-time-to-lost",
        "Time until a slot is lost",
        "With max_slot_wal_keep_size: when the slot is lost at the present WAL rate.",
    ),
    (
        "subscriber",
        "Logical subscribers",
        "Whether what reads a logical slot confirms what it reads: connected, it may still wait or fail in a loop.",
    ),
    (
        "subscription",
        "Subscriptions",
        "Whether the apply worker of each subscription here runs, and whether it fails (counted from 15 on).",
    ),
    ("archiver", "Archiver", "Whether archiving fails, hangs, or is configured to nothing."),
    ("archive-backlog", "Archive backlog", "Segments that wait to be archived."),
    ("xmin", "xmin horizon", "The age of the oldest transaction that VACUUM keeps rows for, and who holds it."),
    ("wal-level", "wal_level", "Whether this server writes the WAL that a standby needs."),
    ("wal-senders", "Walsender headroom", "Whether one more standby or backup could connect."),
    ("sync", "Synchronous standbys", "Whether as many synchronous standbys are there as commits wait for."),
];

impl Plugin for Replication {
    type Settings = Settings;
    /// The scopes, and where the application reads from.
    type Observed = (Vec<(Observed, Memory)>, Option<Answer<Route>>);

    fn manifest() -> Manifest {
        let manifest = manifest(
            "replication",
            env!("CARGO_PKG_VERSION"),
            "Receivers, lag, slots, archiving, xmin horizon and synchronous standbys of a primary or standby",
        )
        .want(Capability::Postgres, true, "the replication views of the servers to watch; the role needs pg_monitor")
        .want(Capability::Http, false, "where the application reads from, with the setting `reads`")
        .need(need(Right::Member("pg_monitor".into()), "walsenders, slots and sessions show their state to it alone"));
        actions::all().into_iter().fold(manifest.checks(&CHECKS), Manifest::action)
    }

    fn check_settings(settings: &Settings) -> Vec<Problem> {
        settings.problems()
    }

    fn observe(run: &Run<Settings>) -> Result<Self::Observed, Failure> {
        let primary = run.settings.primary.as_deref();
        let scopes = run.granted("postgres");
        if scopes.is_empty() {
            return Err(Failure {
                message: "no database scope is granted".to_owned(),
                advice: Some("grant a scope to the job in agent.toml".to_owned()),
            });
        }
        // A primary is not compared with itself.
        let compared = |scope: &str| primary.filter(|primary| *primary != scope);
        let seen = scopes.iter().map(|scope| remembered(observe::observe(scope, compared(scope)))).collect();
        Ok((seen, run.settings.reads.as_deref().map(reads::ask)))
    }

    fn judge(run: &Run<Settings>, (observed, route): &Self::Observed) -> Report {
        let several = observed.len() > 1;
        let mut report = Report { findings: Vec::new(), metrics: Vec::new(), proposals: Vec::new() };
        for (observed, memory) in observed {
            match &observed.seen {
                Err(error) => report.findings.push(checks::unreachable(&observed.scope, several, error)),
                Ok(seen) => {
                    let view = View { settings: &run.settings, scope: &observed.scope, several, seen, memory };
                    let (mut findings, metrics) = checks::all(&view);
                    report.proposals.extend(actions::propose(&view, &findings));
                    let endpoint = run.settings.reads.as_deref();
                    let (reads, proposal) = reads::check(&view, endpoint, route.as_ref(), &findings);
                    findings.push(reads);
                    report.proposals.extend(proposal);
                    report.findings.extend(findings);
                    report.metrics.extend(metrics);
                }
            }
        }
        if several {
            let all_seen = observed.iter().all(|(observed, _)| observed.seen.is_ok());
            checks::settle_expected(&mut report.findings, all_seen);
        }
        report
    }
}

/// What was seen, with what is known of earlier runs; and remembers both for the next. A run without memory knows less
/// and says so.
fn remembered(observed: Observed) -> (Observed, Memory) {
    let key = format!("scope/{}", observed.scope);
    let before: Option<Memory> = recall(&key).unwrap_or_else(|error| {
        log(Level::Warn, &format!("{key}: nothing is recalled of earlier runs: {}", error.line()));
        None
    });
    let Ok(seen) = &observed.seen else { return (observed, before.unwrap_or_default()) };
    let memory = Memory::advance(before, seen);
    if let Err(error) = remember(&key, &memory) {
        log(Level::Warn, &format!("{key}: nothing is remembered for the next run: {}", error.line()));
    }
    (observed, memory)
}

pgreeve_sdk::export!(Replication);
