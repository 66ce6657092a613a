//! `pgreeve jobs`: every job with its last and next run. Of the agent, if one runs; otherwise of the configuration and the store.

use std::path::Path;

use jiff::tz::TimeZone;
use serde_json::{Value, json};

use super::agent::{self, Answer};
use super::{Failure, OutputFormat, load, output};
use crate::serve::view;
use crate::store::{Store, StoreError};

pub(super) fn main(path: &Path, format: OutputFormat) -> Result<u8, Failure> {
    output::quiet_log();
    let general = load::general(path)?;
    let told = agent::ask(&general, async |client| Ok(client.list("/v1/jobs", &[], "jobs", usize::MAX).await?.items))?;
    let (jobs, absent) = match told {
        Answer::Agent(jobs) => (jobs, None),
        Answer::Nobody(absent) => {
            let jobs = beside(path, &absent.why)?;
            absent.note(if absent.runs {
                "this is what it left in its history"
            } else {
                "nothing is checked; this is what it left"
            });
            (jobs, Some(absent))
        }
    };
    match format {
        OutputFormat::Json => output::json(&agent::told(json!({ "jobs": jobs }), absent.as_ref()))?,
        OutputFormat::Human => {
            let rows: Vec<_> = jobs.iter().map(|job| row(job, &general.agent.timezone, absent.is_none())).collect();
            output::table(&["JOB", "SCHEDULE", "STATUS", "LAST RUN", "NEXT RUN", "LAST ANSWER"], &rows)?;
        }
    }
    Ok(0)
}

/// What the configuration and the store say of the jobs, where no agent answers, which is `why`.
fn beside(path: &Path, why: &str) -> Result<Vec<Value>, Failure> {
    let config = load::runtime()?.block_on(load::load(path, load::StateDir::AsItIs))?.config;
    let last = match Store::open_reader(&config.agent.state_dir).and_then(|store| store.last_runs()) {
        Ok(last) => last,
        // Then no job has run, and is said so.
        Err(StoreError::Absent { .. }) => Vec::new(),
        Err(error) => return Err(format!("{why}, and what it left cannot be read: {error}").into()),
    };
    let jobs = config.jobs.values().map(|job| {
        let mut line = view::last(last.iter().find(|runs| runs.job == job.name));
        if let Some(line) = line.as_object_mut() {
            line.insert("job".to_owned(), job.name.as_str().into());
            line.insert("plugin".to_owned(), job.plugin_name.as_str().into());
            line.insert("schedule".to_owned(), job.plan.cron.to_string().into());
            line.insert("state".to_owned(), "no-agent".into());
            line.insert("paused_until".to_owned(), Value::Null);
            // Nobody would start it.
            line.insert("next_run".to_owned(), Value::Null);
        }
        line
    });
    Ok(jobs.collect())
}

/// A job; without an agent, its status is one that it had, and nothing comes next.
fn row(job: &Value, zone: &TimeZone, asked: bool) -> Vec<String> {
    let text = |key: &str| job.get(key).and_then(Value::as_str).unwrap_or_default().to_owned();
    let or = |text: String, absent: &str| if text.is_empty() { absent.to_owned() } else { text };
    let next = match job.get("paused_until") {
        Some(Value::String(until)) => format!("pauses until {}", output::time_text(until, zone)),
        _ => or(output::time_text(&text("next_run"), zone), "-"),
    };
    let last = or(output::time_text(&text("last_run"), zone), "never");
    let status = match text("status") {
        status if !status.is_empty() && !asked => format!("was {status}"),
        status => or(status, "-"),
    };
    vec![text("job"), text("schedule"), status, last, next, text("summary")]
}
