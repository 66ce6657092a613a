//! Runs, findings and jobs as JSON: one way for the API and for the command line where no agent runs.

use serde_json::{Value, json};

use super::ask::InForce;
use crate::actions::policy::pace;
use crate::config::{Config, Job, Mode, When};
use crate::grants::transcript::Trail;
use crate::plugin::manifest::Action;
use crate::plugin::manifest::risk;
use crate::report::verdict::verdict;
use crate::report::{Finding, Outcome, PAUSED, Status};
use crate::store::{Attempt, Gap, JobRuns, Run, RunEnd, RunId, RunStart, Standing, StandingFinding};

/// How much of a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Line {
    /// Without its report.
    Short,
    /// All of it.
    Whole,
}

/// A run; without an end it is under way.
pub fn run(id: Option<RunId>, start: &RunStart, end: Option<&RunEnd>, how: Line) -> Value {
    let empty = Trail::default();
    let trail = end.map_or(&empty, |end| &end.trail);
    let mut value = json!({
        "id": id,
        "job": start.job,
        "plugin": start.plugin,
        "plugin_sha256": start.plugin_digest,
        "cause": start.cause,
        "due": start.due,
        "started": start.started,
        "finished": end.map(|end| end.finished),
        "duration": end.map(|end| end.took.as_secs_f64()),
        "outcome": end.map(|end| outcome(&end.outcome)),
        "status": end.and_then(|end| end.outcome.status()),
        "summary": end.map(|end| verdict(&end.outcome).1),
        "cost": end.map(|end| end.cost),
        "calls": trail.calls,
        "denied": trail.denied,
    });
    if let (Line::Whole, Some(object)) = (how, value.as_object_mut()) {
        let report = end.and_then(|end| match &end.outcome {
            Outcome::Reported { report } => Some(json!(report)),
            _ => None,
        });
        object.insert("report".to_owned(), report.into());
    }
    value
}

/// How a run ended, without its report.
fn outcome(outcome: &Outcome) -> Value {
    let (limit, message, advice) = match outcome {
        Outcome::Reported { .. } | Outcome::Interrupted => (None, None, None),
        Outcome::Failed { message, advice } => (None, Some(message), advice.as_ref()),
        Outcome::Faulted { limit, message } => (limit.as_ref(), Some(message), None),
        Outcome::Errored { message } | Outcome::Skipped { message } => (None, Some(message), None),
    };
    json!({ "kind": outcome.word(), "limit": limit, "message": message, "advice": advice })
}

/// Runs that could not be recorded.
pub fn gap(gap: &Gap) -> Value {
    json!({ "since": gap.since, "until": gap.until, "runs": gap.runs, "error": gap.error })
}

/// A standing finding, with its text where the run that said so last is still there. One of the agent's own is in no report.
pub fn finding(job: &str, standing: &StandingFinding, run: Option<&Run>) -> Value {
    let report = run.and_then(|run| match &run.end.as_ref()?.outcome {
        Outcome::Reported { report } => Some(report),
        _ => None,
    });
    let told: Option<&Finding> = report.and_then(|report| report.findings.iter().find(|told| told.key == standing.key));
    let paused = told.is_none() && standing.key == PAUSED;
    let summary = match told {
        Some(told) => Some(told.summary.clone()),
        None => paused.then(|| "the job pauses, for its plugin faulted again and again".to_owned()),
    };
    let advice = match told {
        Some(told) => told.advice.clone(),
        None => paused.then(|| {
            format!(
                "pgreeve check {job} shows the fault; replace the plugin or raise the limit that it names, and reload"
            )
        }),
    };
    json!({
        "job": job,
        "key": standing.key,
        "status": standing.status,
        "since": standing.since,
        "seen": standing.seen,
        "run": standing.run,
        "check": told.map(|told| &told.check),
        "reason": told.and_then(|told| told.reason),
        "subject": told.and_then(|told| told.subject.as_ref()),
        "summary": summary,
        "detail": told.and_then(|told| told.detail.as_ref()),
        "advice": advice,
        "evidence": told.map(|told| told.evidence.as_slice()).unwrap_or_default(),
    })
}

/// A job whose last judging run gave no report: nobody looked since, whatever stands of it. One that was only ever skipped is none.
pub fn unanswered(runs: &JobRuns) -> Option<Value> {
    let end = runs.judged.as_ref()?.end.as_ref()?;
    let reported = matches!(end.outcome, Outcome::Reported { .. });
    let summary = verdict(&end.outcome).1;
    (!reported)
        .then(|| json!({ "job": runs.job, "outcome": end.outcome.word(), "summary": summary, "at": end.finished }))
}

/// The status that the last judging run of a job gave, and its line; a run since then that says nothing is said too.
pub fn said(runs: Option<&JobRuns>) -> (Option<Status>, String) {
    let Some(runs) = runs else { return (None, String::new()) };
    let judged = runs.judged.as_ref().and_then(|run| run.end.as_ref()).map(|end| verdict(&end.outcome));
    let newest = match &runs.newest.end {
        None => " (a run is under way)".to_owned(),
        Some(end) if end.outcome.status().is_none() => format!(" ({})", verdict(&end.outcome).1),
        Some(_) => String::new(),
    };
    let (status, line) = judged.map_or((None, String::new()), |(status, line)| (Some(status), line));
    (status, format!("{line}{newest}").trim_start().to_owned())
}

/// What history knows of a job, for its line in a list.
pub fn last(runs: Option<&JobRuns>) -> Value {
    let (status, summary) = said(runs);
    json!({
        "status": status,
        "summary": summary,
        "last_run": runs.map(|runs| runs.newest.start.started),
        "last_outcome": runs.and_then(|runs| runs.newest.end.as_ref()).map(|end| end.outcome.word()),
    })
}

/// A proposal with what was tried.
pub fn proposal(standing: &Standing, attempts: &[Attempt]) -> Value {
    json!({
        "id": standing.id,
        "job": standing.job,
        "action": standing.told.action,
        "target": standing.told.target,
        "arguments": standing.told.arguments,
        "clears": standing.told.clears,
        "reason": standing.told.reason,
        "lines": standing.lines,
        "address": standing.address,
        "risk": standing.risk,
        "repeatable": standing.repeatable,
        "state": standing.state,
        "why": standing.why,
        "who": standing.who,
        "until": standing.until,
        "first": standing.first,
        "seen": standing.seen,
        "changed": standing.changed,
        "failures": standing.failures,
        "plugin_sha256": standing.plugin_sha256,
        "attempts": attempts,
    })
}

/// The policies of a configuration, and why no action begins, if all are paused.
pub fn policies(config: &Config, paused: Option<&str>) -> Value {
    let actions = |job| {
        let job: &Job = job;
        job.plugin.manifest.told.actions.iter().map(|action| policy(config, job, action))
    };
    let actions: Vec<Value> = config.jobs.values().flat_map(|job| actions(job)).collect();
    json!({ "config": InForce::of(config), "enabled": config.actions.enabled, "paused": paused, "actions": actions })
}

/// The effective policy of an action of a job.
fn policy(config: &Config, job: &Job, action: &Action) -> Value {
    let rule = job.rules.get(&action.id);
    let mode = rule.map_or(Mode::default(), |rule| rule.mode);
    let pace = pace(&config.actions, rule);
    let mut limits = Vec::new();
    if matches!(mode, Mode::Approve | Mode::Auto) {
        limits.push(format!("at most {} per hour", pace.max_per_hour));
        if !pace.cooldown.is_zero() {
            limits.push(format!("{} apart", humantime::format_duration(pace.cooldown)));
        }
        limits.extend(rule.and_then(|rule| rule.only_during.as_ref()).map(|line| format!("only during {line}")));
        limits.extend(rule.and_then(|rule| rule.when).map(|when| match when {
            When::Any => "on any server".to_owned(),
            When::Primary => "on a primary".to_owned(),
            When::Standby => "on a standby".to_owned(),
        }));
    }
    json!({
        "job": job.name, "action": action.id, "title": action.title, "policy": mode.word(), "risk": risk(action.risk),
        "repeatable": action.repeatable, "undone_by": action.undone_by, "limits": limits,
        "max_per_hour": pace.max_per_hour, "cooldown_seconds": pace.cooldown.as_secs(),
    })
}
