//! `pgreeve runs`: what was run, how it ended, what it cost; and what could not be recorded.

use std::path::Path;

use serde_json::json;

use super::{Failure, OutputFormat, check, load, output};
use crate::store::{Run, RunFilter, Store};

pub(super) fn main(path: &Path, job: Option<String>, limit: usize, format: OutputFormat) -> Result<u8, Failure> {
    output::quiet_log();
    let agent = load::agent(path)?;
    let store = Store::open_reader(&agent.state_dir)?;
    let limit = u32::try_from(limit).unwrap_or(u32::MAX);
    let runs = store.runs(&RunFilter { job, limit, ..RunFilter::default() })?;
    // A list that the limit cut tells of its own time alone.
    let cut = runs.len() == limit as usize;
    let gaps = store.gaps(runs.last().filter(|_| cut).map(|run| run.start.started))?;
    match format {
        OutputFormat::Json => {
            let gaps: Vec<_> = gaps
                .iter()
                .map(|gap| json!({ "since": gap.since, "until": gap.until, "runs": gap.runs, "error": gap.error }))
                .collect();
            output::json(&json!({ "runs": runs.iter().map(value).collect::<Vec<_>>(), "gaps": gaps }))?;
        }
        OutputFormat::Human => {
            let rows: Vec<Vec<String>> = runs.iter().map(|run| row(run, &agent.timezone)).collect();
            output::table(&["ID", "STARTED", "JOB", "CAUSE", "STATUS", "TOOK", "ANSWER"], &rows)?;
            for gap in gaps {
                let (since, until) =
                    (output::time(gap.since, &agent.timezone), output::time(gap.until, &agent.timezone));
                output::line(&format!("{} runs from {since} to {until} were not recorded: {}", gap.runs, gap.error))?;
            }
        }
    }
    Ok(0)
}

fn row(run: &Run, zone: &jiff::tz::TimeZone) -> Vec<String> {
    let cause = format!("{:?}", run.start.cause).to_lowercase();
    let (status, took, said) = match &run.end {
        None => ("under way".to_owned(), String::new(), String::new()),
        Some(end) => {
            let status = end.outcome.status().map_or(end.outcome.word(), crate::report::Status::word);
            (status.to_owned(), format!("{:.0?}", end.took), check::verdict(&end.outcome).1)
        }
    };
    vec![run.id.to_string(), output::time(run.start.started, zone), run.start.job.clone(), cause, status, took, said]
}

fn value(run: &Run) -> serde_json::Value {
    let end = run.end.as_ref();
    json!({
        "id": run.id,
        "job": run.start.job,
        "plugin": run.start.plugin,
        "plugin_sha256": run.start.plugin_digest,
        "cause": run.start.cause,
        "due": run.start.due,
        "started": run.start.started,
        "finished": end.map(|end| end.finished),
        "duration": end.map(|end| end.took.as_secs_f64()),
        "outcome": end.map(|end| &end.outcome),
        "status": end.and_then(|end| end.outcome.status()),
        "summary": end.map(|end| check::verdict(&end.outcome).1),
        "cost": end.map(|end| end.cost),
        "calls": end.map(|end| &end.trail.calls),
        "denied": end.map(|end| &end.trail.denied),
    })
}
