//! `pgreeve runs`: what was run, how it ended, what it cost; and what could not be recorded. Of the agent, if one runs; otherwise of the store.

use std::path::Path;

use jiff::tz::TimeZone;
use serde_json::{Value, json};

use super::agent::{self, Answer};
use super::{Failure, OutputFormat, load, output};
use crate::serve::history;
use crate::store::Store;

pub(super) fn main(path: &Path, job: Option<&str>, limit: usize, format: OutputFormat) -> Result<u8, Failure> {
    output::quiet_log();
    let general = load::general(path)?;
    let query: Vec<(&str, &str)> = job.map(|job| ("job", job)).into_iter().collect();
    let told = agent::ask(&general, async |client| {
        let listed = client.list("/v1/runs", &query, "runs", limit.max(1)).await?;
        Ok((listed.items, listed.last))
    })?;
    let ((runs, mut rest), absent) = match told {
        Answer::Agent(told) => (told, None),
        Answer::Nobody(absent) => {
            let store = Store::open_reader(&general.agent.state_dir);
            let store = store.map_err(|error| format!("{}, and what it left cannot be read: {error}", absent.why))?;
            absent.note("this is the history that it left");
            let mut rest =
                history::runs(&store, job.map(str::to_owned), None, u32::try_from(limit).unwrap_or(u32::MAX))?;
            let runs = rest.get_mut("runs").and_then(Value::as_array_mut).map(std::mem::take);
            ((runs.unwrap_or_default(), rest), Some(absent))
        }
    };
    if runs.is_empty() {
        general.knows(job)?;
    }
    let gaps = rest.get_mut("gaps").and_then(Value::as_array_mut).map(std::mem::take).unwrap_or_default();
    match format {
        OutputFormat::Json => output::json(&agent::told(json!({ "runs": runs, "gaps": gaps }), absent.as_ref()))?,
        OutputFormat::Human => {
            let zone = &general.agent.timezone;
            let rows: Vec<Vec<String>> = runs.iter().map(|run| row(run, zone, absent.is_none())).collect();
            output::table(&["ID", "STARTED", "JOB", "CAUSE", "STATUS", "TOOK", "ANSWER"], &rows)?;
            for gap in gaps {
                let text = |key: &str| gap.get(key).and_then(Value::as_str).unwrap_or_default();
                let (since, until) = (output::time_text(text("since"), zone), output::time_text(text("until"), zone));
                let runs = gap.get("runs").and_then(Value::as_u64).unwrap_or_default();
                output::line(&format!("{runs} runs from {since} to {until} were not recorded: {}", text("error")))?;
            }
        }
    }
    Ok(0)
}

/// A run; without an agent, one without an end is not under way: it was cut off, or nobody knows.
fn row(run: &Value, zone: &TimeZone, asked: bool) -> Vec<String> {
    let text = |key: &str| run.get(key).and_then(Value::as_str).unwrap_or_default().to_owned();
    let kind = run.pointer("/outcome/kind").and_then(Value::as_str);
    let status = run
        .get("status")
        .and_then(Value::as_str)
        .or(kind)
        .unwrap_or(if asked { "under way" } else { "no end" })
        .to_owned();
    let took =
        run.get("duration").and_then(Value::as_f64).and_then(|took| std::time::Duration::try_from_secs_f64(took).ok());
    let took = took.map_or_else(String::new, |took| format!("{took:.0?}"));
    let id = run.get("id").map(Value::to_string).unwrap_or_default();
    vec![id, output::time_text(&text("started"), zone), text("job"), text("cause"), status, took, text("summary")]
}
