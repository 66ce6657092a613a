//! `redis-link`: does a replica have its primary, and a primary its replicas?

use pgreeve_sdk::{Finding, Status};

use super::super::info::Info;
use super::View;
use crate::answer::{count, percent, seconds};

const ID: &str = "redis-link";

/// Judges the side that the server is on; of a replica that is to have replicas of its own, both.
pub(super) fn check(view: &View<'_>) -> Finding {
    if view.info.text("role") != Some("slave") {
        return primary(view);
    }
    let link = replica(view);
    if link.status != Status::Ok || view.own.replicas.is_none() {
        return link;
    }
    let below = primary(view);
    if below.status == Status::Ok { link } else { below }
}

fn replica(view: &View<'_>) -> Finding {
    let info = view.info;
    let host = info.text("master_host").unwrap_or("?");
    let port = info.text("master_port").unwrap_or("?");
    let silent = info.float("master_last_io_seconds_ago").filter(|silent| *silent >= 0.0);
    let facts = |finding: Finding| {
        finding
            .fact("primary", format!("{host}:{port}"))
            .fact_or_none("last_io_s", silent)
            .fact_or_none("offset", info.text("slave_repl_offset"))
    };
    let finding = match info.text("master_link_status") {
        None => view.untold(ID, "the link to the primary"),
        Some("up") => match silent {
            Some(silent) if silent >= view.settings.link_silence.0 => view
                .finding(
                    ID,
                    Status::Warning,
                    format!("up, but the primary {host}:{port} has been silent for {}", seconds(silent)),
                )
                .advise("look at the primary, and at the network between; repl-timeout (60 s) ends the link"),
            _ => view.ok(ID, format!("follows {host}:{port}")),
        },
        Some(_) if info.flag("master_sync_in_progress") == Some(true) => copying(view, &format!("{host}:{port}")),
        Some(_) => {
            let since = match info.float("master_link_down_since_seconds").filter(|down| *down >= 0.0) {
                Some(down) => format!("for {}", seconds(down)),
                None => "and was never up since it started".to_owned(),
            };
            view.finding(ID, Status::Critical, format!("the link to the primary {host}:{port} is down {since}; what it serves is old"))
                .advise(
                    "look whether the primary runs and can be reached from the replica's host; the replica's log says why it cannot \
                     (masterauth, bind, protected mode). If the primary is gone: promote one replica (REPLICAOF NO ONE) and point \
                     the application at it",
                )
        }
    };
    facts(finding)
}

/// A full copy. While one follows another the link counts as down since the last one that ended.
fn copying(view: &View<'_>, primary: &str) -> Finding {
    let told = |key| view.info.float(key).filter(|seconds: &f64| *seconds >= 0.0);
    let since = told("master_link_down_since_seconds").or_else(|| told("uptime_in_seconds")).unwrap_or(0.0);
    let share = told("master_sync_perc").map_or(String::new(), |share| format!(", {} so far", percent(share / 100.0)));
    let summary = format!("takes a full copy from {primary}{share}; what it serves is {} old", seconds(since));
    if since < view.settings.copy_allowed.0 {
        return view.finding(ID, Status::Warning, summary).advise(
            "wait; if it starts anew each time, raise repl-backlog-size and the primary's client-output-buffer-limit for replicas",
        );
    }
    view.finding(ID, Status::Critical, summary).advise(
        "look into both logs whether one copy takes so long or copies fail and begin again: the primary closes a replica that is too slow \
         (client-output-buffer-limit replica), or its repl-backlog-size is too small for what is written during a copy, or the replica's disk \
         is full. Raise both by CONFIG SET on the primary; until it is in sync no failover to it",
    )
}

fn primary(view: &View<'_>) -> Finding {
    // With Valkey 8 a replica that is copied to by a channel of its own has two lines.
    let channel = |value: &&str| Info::fields(value, "type") == Some("rdb-channel");
    let told: Vec<&str> = view.info.numbered("slave").map(|(_, value)| value).filter(|value| !channel(value)).collect();
    let lag = |value: &&str| Info::fields(value, "lag").and_then(|lag| lag.parse::<f64>().ok()).unwrap_or(0.0);
    let online = |value: &&str| Info::fields(value, "state") == Some("online");
    let silent = |value: &&str| lag(value) >= view.settings.link_silence.0;
    let good = told.iter().filter(|value| online(value) && !silent(value)).count();
    let names: Vec<String> = told
        .iter()
        .map(|value| {
            let part = |name| Info::fields(value, name).unwrap_or("?");
            format!("{}:{} {}, last heard of {} s ago", part("ip"), part("port"), part("state"), part("lag"))
        })
        .collect();
    let expected = view.own.replicas.unwrap_or(0) as usize;
    let fine = count(good as u64, "replica");
    let finding = if good < expected {
        let status = if good == 0 { Status::Critical } else { Status::Warning };
        view.finding(ID, status, format!("{fine} of {expected} expected in sync")).advise(
            "look at the replicas that are missing: their log says why they do not follow; without any a crash of this server \
             loses the cache and all else in it",
        )
    } else if told.is_empty() {
        view.not_applicable(ID, "a primary without replicas, and none are expected")
    } else if good < told.len() {
        view.finding(ID, Status::Warning, format!("{fine} of {} connected in sync", told.len()))
            .advise("look at the log of those that are not; one that is being copied to comes by itself")
    } else {
        view.ok(ID, format!("{fine} in sync"))
    };
    let copies = view.since.counters.get("sync_full").filter(|_| view.since.incomparable.is_none());
    let finding = finding.fact("replicas", told.len()).fact_or_none("full_copies_since", copies);
    if names.is_empty() { finding } else { finding.explain(names.join("\n")) }
}
