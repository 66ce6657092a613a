//! `http-bypass`: does the application do without a cache that is down, and use it again when it is back?

use pgreeve_sdk::{Finding, Proposal, Reason, Report, Status, finding};

use super::observe::Observed;
use crate::actions::{self, Call};
use crate::redis;

const ID: &str = "http-bypass";

/// Judges, and proposes the switch that is due.
pub(super) fn check(observed: &Observed, servers: &[redis::Observed], report: &mut Report) {
    let (finding, proposal) = judge(observed, servers);
    report.findings.push(finding);
    report.proposals.extend(proposal);
}

fn judge(observed: &Observed, servers: &[redis::Observed]) -> (Finding, Option<Proposal>) {
    let name = &observed.name;
    let cache = &observed.cache;
    let configured = cache.bypass.as_deref().and_then(actions::bypass_call).zip(cache.redis.as_deref());
    let Some((call, redis)) = configured else {
        return (Finding::not_applicable(ID, name, "no path that bypasses it is set"), None);
    };
    let unknown =
        |reason, summary: String, advice: String| (Finding::unknown(ID, name, reason, summary).advise(advice), None);
    let Some(server) = servers.iter().find(|server| server.name == redis) else {
        let summary = format!("the Redis server {redis} of this cache is not granted to the job");
        return unknown(Reason::NoPrivilege, summary, format!("grant it: redis = [{redis:?}]"));
    };
    let Some(down) = is_down(server) else {
        let summary = format!("not known whether the Redis server {redis} serves");
        return unknown(Reason::NoData, summary, format!("see redis/{redis}"));
    };
    let told = observed.seen.as_ref().ok().and_then(|seen| seen.stats.as_ref().ok()?.bypassed);
    let ok = |summary: String| (finding(ID, name, Status::Ok, summary), None);
    match (down, told) {
        (true, Some(true)) => ok(format!("bypassed while {redis} is down")),
        (false, Some(false)) => ok(format!("uses {redis}, which serves")),
        (true, told) => switch_off(observed, &call, redis, told.is_some()),
        (false, Some(true)) => switch_on(observed, &call, redis),
        (false, None) => {
            let summary = "the application does not tell whether it bypasses its cache".to_owned();
            unknown(Reason::NoData, summary, format!("see http/{name}"))
        }
    }
}

/// Whether a server does not serve; none if that is not known.
fn is_down(server: &redis::Observed) -> Option<bool> {
    match &server.seen {
        Ok(seen) => Some(seen.info.flag("loading") == Some(true)),
        Err(error) => redis::is_down(error).then_some(true),
    }
}

fn switch_off(observed: &Observed, call: &Call, redis: &str, told: bool) -> (Finding, Option<Proposal>) {
    let so = if told { "does not bypass it" } else { "does not tell whether it bypasses it" };
    let summary = format!("the Redis server {redis} is down, and the application {so}");
    let finding = finding(ID, &observed.name, Status::Critical, summary).advise(
        "POST to the bypass (proposed) so that requests do not wait for it; the database then answers all: watch its load and its \
         connections",
    );
    let endpoint = observed.cache.endpoint(&observed.name);
    let proposal = call.propose("bypass", endpoint, &finding.key, format!("{redis} is down"));
    (finding, Some(proposal))
}

fn switch_on(observed: &Observed, call: &Call, redis: &str) -> (Finding, Option<Proposal>) {
    let summary = format!("the application still bypasses the cache, and {redis} serves again");
    let finding = finding(ID, &observed.name, Status::Warning, summary)
        .advise("DELETE at the bypass (proposed) uses it again; then warm it: it may be empty");
    let endpoint = observed.cache.endpoint(&observed.name);
    let proposal = call.propose("resume", endpoint, &finding.key, format!("{redis} serves again"));
    (finding, Some(proposal))
}
