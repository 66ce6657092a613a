//! `pgreeve actions`: the effective policy of every action of every job. What the agent has in force, if one runs; otherwise what agent.toml says.

use std::path::Path;

use serde_json::{Value, json};

use super::agent::{self, Answer};
use super::{Failure, OutputFormat, load, output};
use crate::serve::view::policies;
use crate::store::{Store, StoreError};

pub(super) fn main(path: &Path, format: OutputFormat) -> Result<u8, Failure> {
    output::quiet_log();
    let general = load::general(path)?;
    let (mut policies, absent) = match agent::ask(&general, async |client| client.get("/v1/actions").await)? {
        Answer::Agent(told) => (told, None),
        Answer::Nobody(absent) => (of_the_file(path)?, Some(absent)),
    };
    let changed = match &absent {
        None => {
            let config = policies.get("config").cloned().unwrap_or_default();
            agent::changed(&general, &config, "the agent's policies are shown")
        }
        Some(absent) => {
            let means = "this is what agent.toml says, for the agent's next start";
            absent.note(if absent.runs { means } else { "nothing is carried out; this is what agent.toml says" });
            false
        }
    };
    match format {
        OutputFormat::Json => {
            if let Some(object) = policies.as_object_mut() {
                object.insert("file_changed".to_owned(), json!(changed));
            }
            output::json(&agent::told(policies, absent.as_ref()))?;
        }
        OutputFormat::Human => output::line(&human(&policies))?,
    }
    Ok(0)
}

/// The policies of the file, and the pause that the store knows of.
fn of_the_file(path: &Path) -> Result<Value, Failure> {
    let config = load::runtime()?.block_on(load::load(path, load::StateDir::AsItIs))?.config;
    let paused = match Store::open_reader(&config.agent.state_dir).and_then(|store| paused(&store)) {
        Ok(paused) => paused,
        // Nobody ever paused what never ran.
        Err(StoreError::Absent { .. }) => None,
        Err(error) => Some(format!("whether all actions are paused is not known, {error}")),
    };
    Ok(policies(&config, paused.as_deref()))
}

/// Why no action would begin now, if all are paused.
pub(super) fn paused(store: &Store) -> Result<Option<String>, StoreError> {
    let note = store.note(crate::agent::PAUSE_NOTE)?;
    Ok(note.and_then(|note| crate::agent::paused_by(&note.value, jiff::Timestamp::now())))
}

fn human(policies: &Value) -> String {
    let mut lines = Vec::new();
    if policies.get("enabled") == Some(&json!(false)) {
        lines.push("[actions] enabled is false: nothing is carried out".to_owned());
    }
    if let Some(paused) = policies.get("paused").and_then(Value::as_str) {
        lines.push(format!("{paused}: nothing is carried out"));
    }
    let rows = policies.get("actions").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    if rows.is_empty() {
        lines.push("no job's plugin has an action".to_owned());
    }
    for row in rows {
        let [job, action, policy, risk] =
            ["job", "action", "policy", "risk"].map(|key| row.get(key).and_then(Value::as_str).unwrap_or_default());
        let limits = row.get("limits").and_then(Value::as_array).into_iter().flatten();
        let limits: Vec<&str> = limits.filter_map(Value::as_str).collect();
        let line = format!("{job:<20} {action:<28} {policy:<8} risk {risk:<7} {}", limits.join(", "));
        lines.push(line.trim_end().to_owned());
    }
    lines.join("\n")
}
