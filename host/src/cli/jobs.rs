//! `pgreeve jobs`: every job with its last and next run. Of the agent, if one runs; otherwise of the configuration and the store.

use std::path::Path;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde_json::{Value, json};

use super::{Failure, OutputFormat, agent, load, output};
use crate::serve::view;
use crate::store::Store;

pub(super) fn main(path: &Path, format: OutputFormat) -> Result<u8, Failure> {
    output::quiet_log();
    let general = load::general(path)?;
    let told = agent::ask(&general, async |client| Ok(client.list("/v1/jobs", &[], "jobs", usize::MAX).await?.items))?;
    let jobs = match told {
        Some(jobs) => jobs,
        None => beside(path)?,
    };
    match format {
        OutputFormat::Json => output::json(&json!({ "jobs": jobs }))?,
        OutputFormat::Human => {
            let rows: Vec<_> = jobs.iter().map(|job| row(job, &general.agent.timezone)).collect();
            output::table(&["JOB", "SCHEDULE", "STATUS", "LAST RUN", "NEXT RUN", "LAST ANSWER"], &rows)?;
        }
    }
    Ok(0)
}

/// What the configuration and the store say of the jobs, where no agent runs.
fn beside(path: &Path) -> Result<Vec<Value>, Failure> {
    let config = load::runtime()?.block_on(load::load(path, load::StateDir::AsItIs))?.config;
    let last = match Store::open_reader(&config.agent.state_dir).and_then(|store| store.last_runs()) {
        Ok(last) => last,
        Err(error) => {
            tracing::warn!("no runs to show: {error}");
            Vec::new()
        }
    };
    let now = Timestamp::now();
    let jobs = config.jobs.values().map(|job| {
        let mut line = view::last(last.iter().find(|runs| runs.job == job.name));
        if let Some(line) = line.as_object_mut() {
            line.insert("job".to_owned(), job.name.as_str().into());
            line.insert("plugin".to_owned(), job.plugin_name.as_str().into());
            line.insert("schedule".to_owned(), job.plan.cron.to_string().into());
            line.insert("state".to_owned(), "no-agent".into());
            line.insert("paused_until".to_owned(), Value::Null);
            line.insert("next_run".to_owned(), json!(job.plan.next_after(now).map(|planned| planned.start)));
        }
        line
    });
    Ok(jobs.collect())
}

fn row(job: &Value, zone: &TimeZone) -> Vec<String> {
    let text = |key: &str| job.get(key).and_then(Value::as_str).unwrap_or_default().to_owned();
    let or = |text: String, absent: &str| if text.is_empty() { absent.to_owned() } else { text };
    let next = match job.get("paused_until") {
        Some(Value::String(until)) => format!("pauses until {}", output::time_text(until, zone)),
        _ => or(output::time_text(&text("next_run"), zone), "-"),
    };
    let last = or(output::time_text(&text("last_run"), zone), "never");
    vec![text("job"), text("schedule"), or(text("status"), "-"), last, next, text("summary")]
}
