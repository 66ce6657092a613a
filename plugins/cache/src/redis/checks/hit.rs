//! `redis-hit`: of what was looked up, how much was there? Of the whole server: it does not count by database.

use pgreeve_sdk::Report;

use super::super::memory::Life;
use super::View;
use crate::answer::{during, rate_or_answer};
use crate::settings::Settings;
use crate::thresholds;

const ID: &str = "redis-hit";

/// Judges the lookups between two runs.
pub(super) fn check(view: &View<'_>, report: &mut Report) {
    if view.own.cache == Some(false) {
        report.findings.push(view.not_applicable(ID, "the settings say that it is no cache"));
        return;
    }
    let Some(verdict) = &view.since.hit else {
        report.findings.push(view.untold(ID, "hits and misses"));
        return;
    };
    let (rate, held) = match rate_or_answer(ID, view.name, verdict, "lookup") {
        Ok(told) => told,
        Err(finding) => return report.findings.push(*finding),
    };
    if !held {
        report.metrics.push(view.metric("redis_hit_ratio", rate.ratio(), "ratio"));
    }
    let settings: &Settings = view.settings;
    let when = during(&rate, held, view.now);
    let fresh =
        if view.since.life == Life::Restarted { "; restarted since the last run, so it began empty" } else { "" };
    let (status, words) = thresholds::judge(rate.ratio(), settings);
    let finding = view
        .finding(ID, status, format!("{words} of {} lookups {when}{fresh}", rate.lookups()))
        .fact("keyspace_hits", rate.hits)
        .fact("keyspace_misses", rate.misses);
    report.findings.push(if thresholds::is_low(status) {
        finding.advise(
            "after a restart or a flush warm the application's cache. Otherwise look at redis-evictions (it is too small), at how long \
             keys live, and at what the application looks up that nobody stores",
        )
    } else {
        finding
    });
}
