//! `pgreeve approve`, `reject`, `pause`, `resume`: what a person decides, said to the running agent and written down by it.

use std::path::Path;
use std::time::Duration;

use jiff::Timestamp;
use serde_json::{Value, json};

use super::{Failure, agent, load, output};
use crate::client::{SOON, segment};

/// Approves or rejects a proposal.
pub(super) fn proposal(path: &Path, id: &str, decision: &str, why: Option<&str>) -> Result<u8, Failure> {
    let answer = order(path, &format!("/v1/proposals/{}/{decision}", segment(id)), &json!({ "why": why }))?;
    let text = |key: &str| answer.get(key).and_then(Value::as_str).unwrap_or_default();
    let zone = load::general(path)?.agent.timezone;
    let until = answer.get("until").and_then(Value::as_str);
    let until = until.map_or_else(String::new, |until| format!(", until {}", output::time_text(until, &zone)));
    output::line(&format!("{}: {} on {} is {}{until}", text("job"), text("action"), text("target"), text("state")))?;
    Ok(0)
}

/// Lets no action begin for some time, or until they are resumed.
pub(super) fn pause(path: &Path, time: Option<Duration>, why: &str) -> Result<u8, Failure> {
    let until = time.map(|time| Timestamp::now().checked_add(time)).transpose()?;
    let answer = order(path, "/v1/actions/pause", &json!({ "until": until, "why": why }))?;
    let paused = answer.get("paused").and_then(Value::as_str);
    output::line(paused.ok_or("the agent took the pause, and another decision ended it at once")?)?;
    Ok(0)
}

/// Lets actions begin again.
pub(super) fn resume(path: &Path, why: &str) -> Result<u8, Failure> {
    order(path, "/v1/actions/resume", &json!({ "why": why }))?;
    output::line("actions may begin again")?;
    Ok(0)
}

fn order(path: &Path, to: &str, body: &Value) -> Result<Value, Failure> {
    output::quiet_log();
    agent::order(&load::general(path)?, async |client| client.post(to, Some(body), Some(SOON)).await)
}
