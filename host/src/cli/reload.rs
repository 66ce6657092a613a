//! `pgreeve reload`: makes the running agent take the changed configuration, and says what became of it.

use std::path::Path;
use std::time::Duration;

use serde_json::Value;

use super::{FAILED, Failure, agent, load, output};
use crate::client::ClientError;

/// Compiling a new plugin takes its time.
const PATIENCE: Duration = Duration::from_secs(150);

pub(super) fn main(path: &Path) -> Result<u8, Failure> {
    output::quiet_log();
    // What is wrong with the rest of the file, the agent says.
    let general = load::general(path)?;
    let answer = agent::order(&general, async |client| match client.post("/v1/reload", None, Some(PATIENCE)).await {
        Err(ClientError::Refused { status: 422, detail, .. }) => Ok(Err(detail)),
        other => other.map(Ok),
    })?;
    match answer {
        Ok(taken) => {
            let sha256 = taken.pointer("/config/sha256").and_then(Value::as_str).unwrap_or_default();
            let jobs = taken.pointer("/config/jobs").and_then(Value::as_u64).unwrap_or_default();
            let word = if jobs == 1 { "job" } else { "jobs" };
            output::line(&format!("ok: configuration {sha256} with {jobs} {word}"))?;
            Ok(0)
        }
        Err(mistakes) => {
            output::line(&format!("refused: {mistakes}"))?;
            Ok(FAILED)
        }
    }
}
