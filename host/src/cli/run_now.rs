//! `pgreeve run-now JOB`: has the running agent run a job now, as its schedule would.

use std::path::Path;

use serde_json::{Value, json};

use super::{Failure, OutputFormat, UNKNOWN, agent, load, output};
use crate::client::segment;
use crate::report::{Reason, Status};

pub(super) fn main(path: &Path, job: &str, wait: bool, format: OutputFormat) -> Result<u8, Failure> {
    output::quiet_log();
    let general = load::general(path)?;
    let answer = agent::order(&general, async |client| {
        // A run that is waited for may take as long as its job's limits say.
        let (query, within) = if wait { ("?wait=true", None) } else { ("", Some(crate::client::SOON)) };
        client.post(&format!("/v1/jobs/{}/run{query}", segment(job)), None, within).await
    })?;
    let text = |key: &str| answer.get(key).and_then(Value::as_str).unwrap_or_default();
    if format == OutputFormat::Json {
        output::json(&answer)?;
    } else if wait {
        output::line(&human(job, &answer))?;
    } else {
        let run = answer.get("run").filter(|run| !run.is_null()).map_or_else(String::new, |run| format!(", run {run}"));
        output::line(&format!("{job}: {}{run}", text("state")))?;
    }
    if !wait {
        return Ok(0);
    }
    // A run that was skipped on purpose is no problem of anybody's, as `check` says it.
    let skipped = answer.pointer("/outcome/kind").and_then(Value::as_str) == Some("skipped");
    Ok(Status::from_word(text("status")).map_or(if skipped { 0 } else { UNKNOWN }, Status::exit_code))
}

/// The answer of a run that the agent could not be had to make.
pub(super) fn failed(job: &str, why: &str) -> Value {
    json!({ "job": job, "status": Status::Unknown, "outcome": { "kind": "errored", "message": why }, "summary": why })
}

/// The answer as the first line, then what is not ok, worst first.
fn human(job: &str, run: &Value) -> String {
    let text = |value: &Value, key: &str| value.get(key).and_then(Value::as_str).unwrap_or_default().to_owned();
    let status = Status::from_word(&text(run, "status")).unwrap_or(Status::Ok);
    let mut lines = vec![format!("{} {job}: {}", output::headline(status), text(run, "summary"))];
    let none = Vec::new();
    let findings = run.pointer("/report/findings").and_then(Value::as_array).unwrap_or(&none);
    let mut bad: Vec<(Status, &Value)> = findings
        .iter()
        .filter_map(|finding| Some((Status::from_word(&text(finding, "status"))?, finding)))
        .filter(|(status, _)| *status != Status::Ok)
        .collect();
    bad.sort_by_key(|(status, finding)| (std::cmp::Reverse(*status), text(finding, "key")));
    for (status, finding) in bad {
        lines.push(finding_line(
            (status, None),
            &text(finding, "key"),
            &text(finding, "summary"),
            &text(finding, "advice"),
        ));
    }
    lines.join("\n")
}

/// A finding, with its next step.
pub(super) fn finding_line(kind: (Status, Option<Reason>), key: &str, summary: &str, advice: &str) -> String {
    let line = format!("  {} {key:<32} {summary}", output::status(kind.0, kind.1));
    match advice {
        "" => line,
        advice => format!("{line}\n{:11}next  {}", "", advice.replace('\n', &format!("\n{:17}", ""))),
    }
}
