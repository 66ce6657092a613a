//! `pgreeve check JOB`: one run now, its answer as the first line, the exit status of a monitoring check.

use std::path::{Path, PathBuf};
use std::time::Duration;

use jiff::Timestamp;
use serde_json::json;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;

use super::{Failure, OutputFormat, load, output};
use crate::config::{Config, Job};
use crate::grants::kept::Kept;
use crate::grants::transcript::Mode;
use crate::perform::{Call, perform};
use crate::report::verdict::{NOT_APPLICABLE, verdict};
use crate::report::{Cause, Finding, Outcome, Report, Status};
use crate::run::Finished;
use crate::run::recording::{Header, Recording};
use crate::store::{RunStart, StoreHandle};

/// What `check` was asked besides the job.
pub(super) struct Options {
    pub(super) verbose: bool,
    pub(super) record: Option<PathBuf>,
    pub(super) redact: Vec<String>,
    pub(super) format: OutputFormat,
}

pub(super) fn main(path: &Path, name: &str, options: &Options) -> Result<u8, Failure> {
    let format = options.format;
    output::quiet_log();
    load::runtime()?.block_on(async {
        let loaded = load::load(path, load::StateDir::Make).await?;
        let job = job(&loaded.config, name)?;
        let history = match load::store(&loaded.config.agent.state_dir) {
            Ok(store) => Some(StoreHandle::start(store)?),
            Err(why) => {
                tracing::warn!("checking without history, so rates are unknown: {why}");
                None
            }
        };
        let started = Timestamp::now();
        let mode = if options.record.is_some() { Mode::Recording(Kept::default()) } else { Mode::Live };
        let call = Call { now: started, mode, ..Call::new(Cause::Manual, interrupted()?) };
        let finished = perform(job, call, history.as_ref()).await;
        if let Some(file) = &options.record {
            let header = Header::new(&job.plugin, &job.granted, &job.settings, Cause::Manual, started);
            Recording::of(header, &finished)?.redacted(&job.plugin, &options.redact).await?.write(file)?;
        }
        let (status, summary) = verdict(&finished.outcome);
        match format {
            OutputFormat::Human => output::line(&human(job, &finished, status, &summary, options.verbose))?,
            OutputFormat::Json => output::json(&as_json(job, &finished, status, &summary))?,
        }
        if let Some(history) = history {
            record(&history, job, started, finished).await;
            history.close().await;
        }
        Ok(status.exit_code())
    })
}

/// The job of that name.
pub(super) fn job<'c>(config: &'c Config, name: &str) -> Result<&'c Job, Failure> {
    let found = config.jobs.get(name).map(|job| &**job);
    found.ok_or_else(|| load::no_job(&config.path, name, config.jobs.keys()))
}

/// The answer of a check that could not be made at all.
pub(super) fn failed(job: &str, why: &str) -> serde_json::Value {
    json!({
        "job": job, "plugin": null, "outcome": "errored", "status": Status::Unknown, "summary": why,
        "findings": [], "metrics": [], "proposals": [], "duration": 0.0,
    })
}

/// Becomes true at SIGINT or SIGTERM: the run then ends at once, and what it does in databases is cancelled.
pub(super) fn interrupted() -> std::io::Result<watch::Receiver<bool>> {
    let (stop, stopped) = watch::channel(false);
    let (mut interrupt, mut terminate) = (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?);
    tokio::spawn(async move {
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
        stop.send_replace(true);
    });
    Ok(stopped)
}

async fn record(history: &StoreHandle, job: &Job, started: Timestamp, finished: Finished) {
    let start = RunStart {
        job: job.name.clone(),
        plugin: job.plugin_name.clone(),
        plugin_digest: Some(job.plugin.digest.to_string()),
        cause: Cause::Manual,
        due: None,
        started,
    };
    let (end, memory) = finished.into_end(Timestamp::now());
    if let Err(error) = history.record_run(start, end, memory).await {
        tracing::warn!(%error, "the run is not recorded");
    }
}

fn human(job: &Job, finished: &Finished, status: Status, summary: &str, verbose: bool) -> String {
    let mut lines = vec![format!("{} {}: {summary}", output::headline(status), job.name)];
    if let Outcome::Reported { report } = &finished.outcome {
        // What does not apply is named in one line, unless somebody wants to see everything.
        let (apart, mut findings): (Vec<&Finding>, Vec<&Finding>) =
            report.findings.iter().partition(|finding| finding.reason == NOT_APPLICABLE && !verbose);
        // Worst first; what does not apply comes last.
        findings.sort_by_key(|finding| {
            (std::cmp::Reverse(finding.status), finding.reason == NOT_APPLICABLE, finding.key.clone())
        });
        for finding in findings {
            lines.push(format!(
                "  {} {:<32} {}",
                output::status(finding.status, finding.reason),
                finding.key,
                finding.summary
            ));
            let advice = finding.advice.iter().filter(|_| finding.status != Status::Ok).map(|text| ("next", text));
            let detail = finding.detail.iter().filter(|_| verbose).map(|text| ("", text));
            for (label, text) in advice.chain(detail) {
                let indented = text.lines().collect::<Vec<_>>().join(&format!("\n{:17}", ""));
                lines.push(format!("{:11}{label:<5} {indented}", ""));
            }
            for fact in finding.evidence.iter().filter(|_| verbose) {
                lines.push(format!("{:17}{} = {}", "", fact.name, fact.value));
            }
        }
        if !apart.is_empty() {
            let keys: Vec<&str> = apart.iter().map(|finding| finding.key.as_str()).collect();
            lines.push(format!("  {} {}", output::status(Status::Ok, NOT_APPLICABLE), keys.join(", ")));
        }
        for metric in report.metrics.iter().filter(|_| verbose) {
            let labels: Vec<String> =
                metric.labels.iter().map(|label| format!("{}={}", label.name, label.value)).collect();
            lines.push(
                format!("  metric   {} {} {} {}", metric.name, metric.value, metric.unit, labels.join(" "))
                    .trim_end()
                    .to_owned(),
            );
        }
        for proposal in &report.proposals {
            lines.push(format!("  proposes {} on {}: {}", proposal.action, proposal.target, proposal.reason));
        }
    }
    for text in &finished.trail.denied {
        lines.push(format!("  denied   {text}"));
    }
    for call in finished.trail.calls.iter().filter(|_| verbose) {
        let fingerprint = call.fingerprint.as_ref().map_or_else(String::new, |fingerprint| format!(" #{fingerprint}"));
        let errors = if call.errors > 0 { format!(", {} errors", call.errors) } else { String::new() };
        let took = Duration::from_micros(call.elapsed_us);
        lines.push(format!(
            "  asked    {:<20} {}{fingerprint} {}x, {} rows, {} bytes, {took:.1?}{errors}",
            call.call, call.grant, call.count, call.rows, call.bytes
        ));
    }
    lines.join("\n")
}

fn as_json(job: &Job, finished: &Finished, status: Status, summary: &str) -> serde_json::Value {
    let empty = Report::default();
    let report = if let Outcome::Reported { report } = &finished.outcome { report } else { &empty };
    json!({
        "job": job.name,
        "plugin": job.plugin.manifest.told.name,
        "plugin_version": job.plugin.manifest.told.version,
        "plugin_sha256": job.plugin.digest.to_string(),
        "outcome": finished.outcome.word(),
        "status": status,
        "summary": summary,
        "findings": report.findings,
        "metrics": report.metrics,
        "proposals": report.proposals,
        "duration": finished.took.as_secs_f64(),
        "cost": finished.cost,
        "calls": finished.trail.calls,
        "denied": finished.trail.denied,
    })
}
