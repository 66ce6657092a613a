//! `pgreeve findings`: what stands and is not ok, all of it, worst first. Of the agent, if one runs; otherwise what it found last.

use std::path::Path;

use serde_json::{Value, json};

use super::agent::{self, Answer};
use super::run_now::finding_line;
use super::status::{counts, kind, word};
use super::{Failure, OutputFormat, load, output};
use crate::client::{Client, ClientError, segment};
use crate::report::Status;
use crate::serve::history::{self, Wanted};
use crate::store::{Store, StoreError};

/// What is not ok, worst first.
const BAD: [Status; 3] = [Status::Critical, Status::Unknown, Status::Warning];

/// What was found.
#[derive(Default)]
struct Found {
    /// How many jobs stand how.
    jobs: Value,
    findings: Vec<Value>,
    /// Jobs whose last run gave no report.
    unanswered: Vec<Value>,
}

pub(super) fn main(
    path: &Path,
    job: Option<&str>,
    status: Option<Status>,
    format: OutputFormat,
) -> Result<u8, Failure> {
    output::quiet_log();
    let general = load::general(path)?;
    let wanted: Vec<Status> = status.map_or(BAD.to_vec(), |status| vec![status]);
    let (found, absent) = match agent::ask(&general, async |client| ask(client, job, &wanted).await)? {
        Answer::Agent(found) => (found, None),
        Answer::Nobody(absent) => {
            let left =
                Store::open_reader(&general.agent.state_dir).and_then(|store| left(&store, &general, job, &wanted));
            let left = left.map_err(|error| format!("{}, and what it left cannot be read: {error}", absent.why))?;
            general.knows(job)?;
            let what = "this is what it found last";
            absent.note(&if absent.runs { what.to_owned() } else { format!("nothing is checked; {what}") });
            (left, Some(absent))
        }
    };
    let Found { jobs, findings, unanswered } = found;
    match format {
        OutputFormat::Json => {
            // Under another key, as with proposals: what was found once is nothing that stands.
            let key = if absent.is_some() { "left" } else { "findings" };
            let document = json!({ "jobs": jobs, key: findings, "unanswered": unanswered });
            output::json(&agent::told(document, absent.as_ref()))?;
        }
        OutputFormat::Human => {
            let was = if absent.is_some() { "was " } else { "" };
            let mut lines = vec![format!("jobs {}", counts(Some(&jobs)))];
            for job in &unanswered {
                let line = finding_line((Status::Unknown, None), &word(job, "job"), &word(job, "summary"), "");
                lines.push(format!("  {was}{}", line.trim_start()));
            }
            for finding in &findings {
                let key = format!("{}: {}", word(finding, "job"), word(finding, "key"));
                let line = finding_line(kind(finding), &key, &word(finding, "summary"), &word(finding, "advice"));
                lines.push(format!("  {was}{}", line.trim_start()));
            }
            if findings.is_empty() && unanswered.is_empty() {
                let words: Vec<&str> = wanted.iter().map(|status| status.word()).collect();
                lines.push(format!(
                    "no finding {}is {}",
                    if absent.is_some() { "that it left " } else { "" },
                    words.join(", ")
                ));
            }
            output::line(&lines.join("\n"))?;
        }
    }
    Ok(0)
}

/// Of the agent.
async fn ask(client: &Client, job: Option<&str>, wanted: &[Status]) -> Result<Found, ClientError> {
    if let Some(job) = job {
        // A name that was mistyped has no findings either.
        client.get::<Value>(&format!("/v1/jobs/{}", segment(job))).await?;
    }
    let mut status: Value = client.get("/v1/status").await?;
    let jobs = status.get_mut("jobs").map(Value::take).unwrap_or_default();
    let mut found = Found { jobs, ..Found::default() };
    for status in wanted {
        let mut query = vec![("status", status.word())];
        query.extend(job.map(|job| ("job", job)));
        let mut listed = client.list("/v1/findings", &query, "findings", usize::MAX).await?;
        found.findings.append(&mut listed.items);
        found.unanswered = take(&mut listed.last, "unanswered");
    }
    Ok(found)
}

/// The same, of the store.
fn left(store: &Store, general: &load::General, job: Option<&str>, wanted: &[Status]) -> Result<Found, StoreError> {
    let mut found = Found { jobs: history::summary(store, &general.jobs)?, ..Found::default() };
    for status in wanted {
        let (jobs, job) = (general.jobs.clone(), job.map(str::to_owned));
        let wanted = Wanted { jobs, job, status: Some(*status), limit: usize::MAX, after: None };
        let mut page = history::findings(store, &wanted)?;
        found.findings.extend(take(&mut page, "findings"));
        found.unanswered = take(&mut page, "unanswered");
    }
    Ok(found)
}

fn take(value: &mut Value, key: &str) -> Vec<Value> {
    value.get_mut(key).and_then(Value::as_array_mut).map(std::mem::take).unwrap_or_default()
}
