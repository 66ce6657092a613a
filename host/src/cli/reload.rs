//! `pgreeve reload`: sends SIGHUP to the agent that holds the state directory, and says what became of it.

use std::path::Path;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use rustix::process::{Pid, Signal, kill_process};

use super::{FAILED, Failure, load, output};
use crate::agent::RELOAD_NOTE;
use crate::store::{AgentLock, Store};

/// Compiling a new plugin takes its time.
const PATIENCE: Duration = Duration::from_secs(150);

pub(super) fn main(path: &Path) -> Result<u8, Failure> {
    output::quiet_log();
    let state_dir = load::agent(path)?.state_dir;
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
    let holder = AgentLock::holder(state_dir)
        .map_err(|error| format!("cannot tell which agent runs on {}: {error}", state_dir.display()))?;
    let pid = holder.and_then(|pid| Pid::from_raw(pid.cast_signed()));
    pid.ok_or_else(|| format!("no agent runs on {}", state_dir.display()).into())
}
