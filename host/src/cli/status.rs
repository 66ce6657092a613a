//! `pgreeve status`: one screen: the agent, its configuration, what runs, and what is not ok. Without an agent it says so, and shows what was found last.

use std::path::Path;

use jiff::tz::TimeZone;
use serde::Deserialize as _;
use serde_json::{Value, json};

use super::agent::{self, Answer};
use super::run_now::finding_line;
use super::{FAILED, Failure, OutputFormat, load, output};
use crate::agent::RELOAD_NOTE;
use crate::report::{Reason, Status};
use crate::serve::history::{self, Wanted};
use crate::store::Store;

/// So many findings fit on the screen.
const MOST: usize = 10;

pub(super) fn main(path: &Path, format: OutputFormat) -> Result<u8, Failure> {
    output::quiet_log();
    let general = load::general(path)?;
    let told = agent::ask(&general, async |client| {
        let mut status = client.get("/v1/status").await?;
        for word in [Status::Critical, Status::Unknown, Status::Warning] {
            let found = client.get(&format!("/v1/findings?status={}&limit={MOST}", word.word())).await?;
            add(&mut status, found);
        }
        Ok(status)
    })?;
    let mut nobody = String::new();
    let (code, status) = match told {
        Answer::Agent(mut status) => {
            let changed = status.pointer("/config/sha256").and_then(Value::as_str) != Some(&general.sha256);
            insert(&mut status, "file_changed", json!(changed));
            (0, agent::told(status, None))
        }
        Answer::Nobody(absent) => {
            let what = if absent.runs { "" } else { ": nothing is checked" };
            nobody = format!("{}{what}", absent.why);
            (FAILED, agent::told(beside(&general), Some(&absent)))
        }
    };
    match format {
        OutputFormat::Json => output::json(&status)?,
        OutputFormat::Human => output::line(&human(&status, &nobody, &general.agent.timezone))?,
    }
    Ok(code)
}

fn insert(status: &mut Value, key: &str, value: Value) {
    if let Some(object) = status.as_object_mut() {
        object.insert(key.to_owned(), value);
    }
}

/// Adds findings to those that are there.
fn add(status: &mut Value, mut found: Value) {
    let mut take = |key: &str| found.get_mut(key).and_then(Value::as_array_mut).map(std::mem::take).unwrap_or_default();
    let (more, unanswered) = (take("findings"), take("unanswered"));
    let mut findings = status.get_mut("findings").and_then(Value::as_array_mut).map(std::mem::take).unwrap_or_default();
    findings.extend(more);
    let more = findings.len() > MOST || found.get("next").is_some_and(|next| !next.is_null());
    let more = more || status.get("more") == Some(&json!(true));
    insert(status, "findings", findings.into());
    insert(status, "unanswered", unanswered.into());
    insert(status, "more", json!(more));
}

/// What the store says, where no agent runs.
fn beside(general: &load::General) -> Value {
    let mut status = json!({ "findings": [], "unanswered": [] });
    let store = match Store::open_reader(&general.agent.state_dir) {
        Ok(store) => store,
        Err(error) => {
            insert(&mut status, "history", json!(error.to_string()));
            return status;
        }
    };
    let last = store.runs_as(&crate::store::RunFilter { limit: 1, ..Default::default() }, |run| run.start.started);
    insert(&mut status, "last_run", json!(last.ok().and_then(|runs| runs.into_iter().next())));
    insert(&mut status, "jobs", history::summary(&store, &general.jobs).unwrap_or(Value::Null));
    insert(&mut status, "last_reload", json!(store.note(RELOAD_NOTE).ok().flatten().map(|note| note.value)));
    for word in [Status::Critical, Status::Unknown, Status::Warning] {
        let jobs = general.jobs.clone();
        let wanted = Wanted { jobs, status: Some(word), limit: MOST, ..Wanted::default() };
        match history::findings(&store, &wanted) {
            Ok(found) => add(&mut status, found),
            Err(error) => insert(&mut status, "history", json!(error.to_string())),
        }
    }
    status
}

/// One screen; `nobody` says why there is no agent, where there is none.
fn human(status: &Value, nobody: &str, zone: &TimeZone) -> String {
    let text = |pointer: &str| status.pointer(pointer).and_then(Value::as_str).unwrap_or_default().to_owned();
    let time = |pointer: &str| output::time_text(&text(pointer), zone);
    let list = |key: &str| status.get(key).and_then(Value::as_array).cloned().unwrap_or_default();
    let mut lines = Vec::new();
    if nobody.is_empty() {
        let pid = status.get("pid").map(Value::to_string).unwrap_or_default();
        lines.push(format!("pgreeve {} runs since {} (pid {pid})", text("/version"), time("/since")));
        let digest: String = text("/config/sha256").chars().take(12).collect();
        lines.push(format!("config      {} ({digest})", text("/config/path")));
        if status.get("file_changed") == Some(&json!(true)) {
            lines.push("            agent.toml is another by now: `pgreeve reload` takes it".to_owned());
        }
        if status.pointer("/last_reload/taken") == Some(&json!(false)) {
            let first = text("/last_reload/message").lines().next().unwrap_or_default().to_owned();
            lines.push(format!("            not reloaded at {}: {first}", time("/last_reload/at")));
        }
    } else {
        lines.push(nobody.to_owned());
        let last = time("/last_run");
        lines.push(format!("last run    {}", if last.is_empty() { "none is recorded".to_owned() } else { last }));
    }
    lines.push(format!("jobs        {}", counts(status.get("jobs"))));
    for run in list("running") {
        lines.push(format!(
            "running     {} since {}",
            word(&run, "job"),
            output::time_text(&word(&run, "since"), zone)
        ));
    }
    for run in list("waiting") {
        lines.push(format!(
            "waiting     {} for a slot, due {}",
            word(&run, "job"),
            output::time_text(&word(&run, "due"), zone)
        ));
    }
    for job in list("paused") {
        let until = output::time_text(&word(&job, "until"), zone);
        lines.push(format!("paused      {} until {until}: its plugin faulted again and again", word(&job, "job")));
    }
    if let Some(Value::String(why)) = status.get("actions_paused") {
        lines.push(format!("actions     {why}"));
    }
    if status.get("losing").is_some_and(Value::is_object) {
        lines.push(format!("history     is being lost since {}: {}", time("/losing/since"), text("/losing/error")));
    }
    if let Some(Value::String(why)) = status.get("history") {
        lines.push(format!("history     cannot be read: {why}"));
    }
    for job in list("unanswered") {
        lines.push(finding_line((Status::Unknown, None), &word(&job, "job"), &word(&job, "summary"), ""));
    }
    for finding in list("findings").iter().take(MOST) {
        let key = format!("{}: {}", word(finding, "job"), word(finding, "key"));
        lines.push(finding_line(kind(finding), &key, &word(finding, "summary"), &word(finding, "advice")));
    }
    if status.get("more") == Some(&json!(true)) {
        lines.push("  more        `pgreeve findings` shows all".to_owned());
    }
    lines.join("\n")
}

pub(super) fn word(value: &Value, key: &str) -> String {
    value.get(key).and_then(Value::as_str).unwrap_or_default().to_owned()
}

/// A finding's status, and the reason that it has for it.
pub(super) fn kind(finding: &Value) -> (Status, Option<Reason>) {
    let reason = finding.get("reason").and_then(|reason| Reason::deserialize(reason).ok());
    (Status::from_word(&word(finding, "status")).unwrap_or(Status::Unknown), reason)
}

/// The jobs by their status, what is worst first.
pub(super) fn counts(jobs: Option<&Value>) -> String {
    let Some(jobs) = jobs.filter(|jobs| jobs.is_object()) else {
        return "not known: history cannot be read".to_owned();
    };
    let count = |key: &str, shown: &str| {
        let count = jobs.get(key).and_then(Value::as_u64).filter(|count| *count > 0)?;
        Some(format!("{count} {shown}"))
    };
    let all = [
        ("critical", "critical"),
        ("unknown", "unknown"),
        ("warning", "warning"),
        ("ok", "ok"),
        ("never_judged", "not judged yet"),
    ];
    let counts: Vec<String> = all.into_iter().filter_map(|(key, shown)| count(key, shown)).collect();
    if counts.is_empty() { "none".to_owned() } else { counts.join(", ") }
}
