//! `pgreeve reload`: sends SIGHUP to the agent that holds the state directory, and says what became of it.

use std::path::Path;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use rustix::process::{Pid, Signal, kill_process};

use super::{FAILED, Failure, load, output};
use crate::agent::RELOAD_NOTE;
use crate::config::Draft;
use crate::store::{AgentLock, LockError, Store};

/// Compiling a new plugin takes its time.
const PATIENCE: Duration = Duration::from_secs(150);

pub(super) fn main(path: &Path) -> Result<u8, Failure> {
    output::quiet_log();
    let text = load::text(path)?;
    let state_dir = Draft::read(path, &text).agent.state_dir;
    let pid = agent(&state_dir)?;
    let store = Store::open_reader(&state_dir)?;
    let asked = Timestamp::now();
    kill_process(pid, Signal::HUP)
        .map_err(|error| format!("cannot signal the agent (pid {}): {error}", pid.as_raw_nonzero()))?;
    let began = Instant::now();
    while began.elapsed() < PATIENCE {
        if let Some(note) = store.note(RELOAD_NOTE)?.filter(|note| note.at >= asked) {
            output::line(&note.value)?;
            return Ok(if note.value.starts_with("ok") { 0 } else { FAILED });
        }
        std::thread::sleep(Duration::from_millis(50));
    }
    Err(format!(
        "the agent (pid {}) has not answered within {} s; its log says more",
        pid.as_raw_nonzero(),
        PATIENCE.as_secs()
    )
    .into())
}

/// The process that holds the state directory.
fn agent(state_dir: &Path) -> Result<Pid, Failure> {
    if !state_dir.is_dir() {
        return Err(format!("no agent runs on {}: there is no such directory", state_dir.display()).into());
    }
    match AgentLock::take(state_dir) {
        Ok(_) => Err(format!("no agent runs on {}", state_dir.display()).into()),
        Err(LockError::Held { holder, .. }) => {
            let pid = holder.strip_prefix("pid ").and_then(|pid| pid.parse().ok()).and_then(Pid::from_raw);
            pid.ok_or_else(|| {
                format!("an agent runs on {}, but its pid is not known yet: try again", state_dir.display()).into()
            })
        }
        Err(error) => Err(error.into()),
    }
}
