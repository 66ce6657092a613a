//! `http-warm`: would warming help, and did it? A hit rate moves with traffic alone, so it cannot prove within seconds that a cache
//! was warmed. This finding can: it is ok again when the entries, or the hit rate, rose after the call, and `http-hit` stays
//! what it is until traffic changes it.

use pgreeve_sdk::{Finding, Report, Run, Seconds, Status, finding};

use super::observe::Observed;
use super::reading::Stats;
use crate::actions;
use crate::settings::Settings;
use crate::thresholds;

const ID: &str = "http-warm";

/// Judges, and proposes to warm a cold cache that was not warmed lately.
pub(super) fn check(observed: &Observed, stats: &Stats, hit: &Finding, run: &Run<Settings>, report: &mut Report) {
    let name = &observed.name;
    let Some((path, call)) = observed.cache.warm.as_deref().and_then(|path| Some((path, actions::warm_call(path)?)))
    else {
        return report.findings.push(Finding::not_applicable(ID, name, "no path that warms it is set"));
    };
    let empty = stats.entries == Some(0);
    if !empty && !thresholds::is_low(hit.status) {
        return report.findings.push(Finding::not_applicable(ID, name, "its hit rate is not known to be low"));
    }
    let cold = if empty { "it is empty".to_owned() } else { hit.summary.clone() };
    let holds = run.settings.warm_holds.0;
    let ago = |at: i64| Seconds((run.now() - at).max(0) as f64 / 1e6);
    let lately = observed.memory.warmed.as_ref().filter(|warmed| ago(warmed.at).0 < holds);
    match lately {
        Some(warmed) if warmed.moved && !empty => {
            let summary =
                format!("warmed {} ago: {}; the hit rate follows with the traffic", ago(warmed.at), warmed.words);
            report.findings.push(finding(ID, name, Status::Ok, summary));
        }
        Some(warmed) if !warmed.moved => {
            let summary = format!("warming {} ago had no effect: {}", ago(warmed.at), warmed.words);
            report.findings.push(finding(ID, name, Status::Warning, summary).explain(cold).advise(format!(
                "POST {path} does not do what it should: read the application's log of that moment. It is not proposed again within \
                 {}; the cache fills by traffic, so watch the database's load",
                Seconds(holds)
            )));
        }
        _ => {
            let finding = finding(ID, name, Status::Warning, format!("cold: {cold}")).advise(format!(
                "POST {path} warms it (the action {}); it costs the database the queries whose answers are cached, so not in the \
                 middle of an overload",
                call.action("warm")
            ));
            report.proposals.push(call.propose("warm", observed.cache.endpoint(name), &finding.key, cold));
            report.findings.push(finding);
        }
    }
}
