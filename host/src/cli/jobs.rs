//! `pgreeve jobs`: every job with its last and next run.

use std::path::Path;

use jiff::Timestamp;
use serde_json::json;

use super::{Failure, OutputFormat, check, load, output};
use crate::store::{JobRuns, Store};

pub(super) fn main(path: &Path, format: OutputFormat) -> Result<u8, Failure> {
    output::quiet_log();
    let config = load::runtime()?.block_on(load::load(path, load::StateDir::AsItIs))?.config;
    let state_dir = &config.agent.state_dir;
    let last = match Store::open_reader(state_dir).and_then(|store| store.last_runs()) {
        Ok(last) => last,
        Err(error) => {
            tracing::warn!("no runs to show: {error}");
            Vec::new()
        }
    };
    let (now, zone) = (Timestamp::now(), &config.agent.timezone);
    let mut rows = Vec::new();
    let mut values = Vec::new();
    for job in config.jobs.values() {
        let next = job.plan.next_after(now).map(|planned| planned.start);
        let runs = last.iter().find(|runs| runs.job == job.name);
        let (status, said) = said(runs);
        rows.push(vec![
            job.name.clone(),
            job.plan.cron.to_string(),
            status.unwrap_or("-").to_owned(),
            runs.map_or_else(|| "never".to_owned(), |runs| output::time(runs.newest.start.started, zone)),
            next.map_or_else(|| "-".to_owned(), |next| output::time(next, zone)),
            said.clone(),
        ]);
        values.push(json!({
            "job": job.name,
            "plugin": job.plugin_name,
            "schedule": job.plan.cron.to_string(),
            "status": status,
            "summary": said,
            "last_run": runs.map(|runs| runs.newest.start.started),
            "last_outcome": runs.and_then(|runs| runs.newest.end.as_ref()).map(|end| end.outcome.word()),
            "next_run": next,
        }));
    }
    match format {
        OutputFormat::Json => output::json(&json!({ "jobs": values }))?,
        OutputFormat::Human => {
            output::table(&["JOB", "SCHEDULE", "STATUS", "LAST RUN", "NEXT RUN", "LAST ANSWER"], &rows)?;
        }
    }
    Ok(0)
}

/// The status that the last judging run gave, and its line; a run since then that was skipped is said too.
fn said(runs: Option<&JobRuns>) -> (Option<&'static str>, String) {
    let Some(runs) = runs else { return (None, String::new()) };
    let judged = runs.judged.as_ref().and_then(|run| run.end.as_ref()).map(|end| check::verdict(&end.outcome));
    let newest = match &runs.newest.end {
        None => " (a run is under way)".to_owned(),
        Some(end) if end.outcome.status().is_none() => format!(" ({})", check::verdict(&end.outcome).1),
        Some(_) => String::new(),
    };
    let (status, line) = judged.map_or((None, String::new()), |(status, line)| (Some(status.word()), line));
    (status, format!("{line}{newest}").trim_start().to_owned())
}
