//! `http` and `http-hit`: does the application tell of its cache, and is it of use? The rest is in `warm` and `bypass`.

use pgreeve_sdk::{Error, Finding, Reason, Report, Run, Seconds, Status, finding, metric};

use super::observe::{Observed, Seen};
use super::reading::{Stats, Told};
use super::{bypass, warm};
use crate::answer::{during, rate_or_answer};
use crate::redis;
use crate::settings::Settings;
use crate::thresholds;
use crate::trust::mistrusted;

const ANSWER: &str = "http";
const HIT: &str = "http-hit";

/// All answers about one cache. Where it tells nothing, that is the one answer.
pub(crate) fn judge(observed: &Observed, servers: &[redis::Observed], run: &Run<Settings>) -> Report {
    let mut report = Report { findings: Vec::new(), metrics: Vec::new(), proposals: Vec::new() };
    report.findings.push(answer(observed, &run.settings));
    if let Ok(Seen { took, stats }) = &observed.seen {
        report.metrics.push(metric("cache_stats_answer_seconds", *took, "seconds", &[("cache", &observed.name)]));
        if let Ok(stats) = stats {
            let hit = hit(observed, stats, run, &mut report);
            warm::check(observed, stats, &hit, run, &mut report);
            report.findings.push(hit);
        }
    }
    bypass::check(observed, servers, &mut report);
    report
}

fn answer(observed: &Observed, settings: &Settings) -> Finding {
    let name = &observed.name;
    let section = format!("http.{}", observed.cache.endpoint(name));
    let mistrusted = observed.seen.as_ref().err().and_then(|error| mistrusted(ANSWER, name, &section, error));
    let finding = mistrusted.unwrap_or_else(|| told(observed, settings));
    finding.fact("endpoint", observed.cache.endpoint(name)).fact("path", observed.cache.path())
}

fn told(observed: &Observed, settings: &Settings) -> Finding {
    let name = &observed.name;
    match &observed.seen {
        Err(error @ (Error::Unreachable(_) | Error::TimedOut(_))) => {
            finding(ANSWER, name, Status::Critical, format!("does not answer: {}", error.line())).advise(
                "look whether the application runs and what it waits for; the same request by curl from this host says more",
            )
        }
        Err(error @ Error::LimitExceeded(_)) => {
            let endpoint = observed.cache.endpoint(name);
            let summary = "could not look: the answer is larger than max_body, or than what the run may receive";
            Finding { summary: summary.into(), ..Finding::unanswered(ANSWER, name, error) }.advise(format!(
                "look at the answer (curl): statistics have some kilobytes. If it is really so long, raise max_body under [http.{endpoint}] in \
                 agent.toml"
            ))
        }
        Err(error) => Finding::unanswered(ANSWER, name, error),
        Ok(Seen { stats: Err(trouble), .. }) => {
            Finding { reason: trouble.reason, ..finding(ANSWER, name, trouble.status, &trouble.summary) }.advise(&trouble.advice)
        }
        Ok(Seen { took, .. }) => {
            let slow = *took >= settings.slow_answer.0;
            let summary = format!("answers in {}", Seconds(*took));
            if slow {
                finding(ANSWER, name, Status::Warning, format!("{summary}, {} or longer", settings.slow_answer)).advise(
                    "its statistics are a matter of milliseconds: look at the load of its host, its workers, and what its requests wait \
                     for (SELECT pid, state, wait_event, query FROM pg_stat_activity WHERE state <> 'idle';)",
                )
            } else {
                finding(ANSWER, name, Status::Ok, summary)
            }
        }
    }
}

fn hit(observed: &Observed, stats: &Stats, run: &Run<Settings>, report: &mut Report) -> Finding {
    let name = &observed.name;
    let (ratio, of, held) = match (&observed.memory.verdict, stats.rate) {
        (Some(verdict), _) => match rate_or_answer(HIT, name, verdict, "lookup") {
            Ok((rate, held)) => {
                (rate.ratio(), format!(" of {} lookups {}", rate.lookups(), during(&rate, held, run.now())), held)
            }
            Err(finding) => return *finding,
        },
        (None, Some(Told::Ratio(ratio))) => (ratio, " as the application tells it".to_owned(), false),
        (None, Some(Told::Unused)) => {
            return Finding::not_applicable(HIT, name, "idle: it tells no hits and no misses");
        }
        (None, _) => {
            return Finding::unknown(
                HIT,
                name,
                Reason::NoData,
                "the application tells no hit rate (null): nobody looked anything up, or it does not count",
            )
            .advise(
                "look again when the cache is in use; if it is, correct the pointer in caches.NAME of the settings",
            );
        }
    };
    if !held {
        report.metrics.push(metric("cache_hit_ratio", ratio, "ratio", &[("cache", name)]));
    }
    let (status, words) = thresholds::judge(ratio, &run.settings);
    let finding = finding(HIT, name, status, format!("{words}{of}"))
        .fact("hit_ratio", format!("{ratio:.4}"))
        .fact_or_none("entries", stats.entries);
    if !thresholds::is_low(status) {
        return finding;
    }
    finding.advise(
        "after a start, a deployment or a flush warm the cache (see http-warm). Otherwise look at its Redis (evictions, memory, restarts) \
         and at what changed in the application; meanwhile the database answers what the cache does not: watch its load",
    )
}
