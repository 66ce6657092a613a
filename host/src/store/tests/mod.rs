//! Tests on real SQLite files and, where the claim is about processes, in real processes: such a test runs its own
//! executable again and plays the other part there.

mod acting;
mod full_disk;
mod memory;
mod opening;
mod processes;
mod recording;
mod retention;
mod series;

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::Duration;

use jiff::Timestamp;

use super::*;
use crate::grants::transcript::{Line, Trail};
use crate::report::{Cause, Finding, Metric, Outcome, Pair, Report, Status};

/// Seconds into the tests' own time, which begins in 2027.
fn at(seconds: i64) -> Timestamp {
    Timestamp::from_second(1_798_761_600 + seconds).unwrap()
}

fn start(job: &str, seconds: i64) -> RunStart {
    RunStart {
        job: job.to_owned(),
        plugin: "replication".to_owned(),
        plugin_digest: Some("ab12".to_owned()),
        cause: Cause::Scheduled,
        due: None,
        started: at(seconds),
    }
}

fn end(seconds: i64, outcome: Outcome) -> RunEnd {
    RunEnd {
        finished: at(seconds),
        took: Duration::from_micros(1_234_567),
        outcome,
        cost: Cost { queries: 7, rows: 42, bytes: 4711, database_us: 99 },
        trail: Trail {
            calls: vec![Line { call: "postgres.query".to_owned(), count: 7, rows: 42, ..Line::default() }],
            denied: Vec::new(),
        },
    }
}

fn reported(findings: Vec<Finding>) -> Outcome {
    Outcome::Reported { report: Report { findings, ..Report::default() } }
}

fn finding(key: &str, status: Status) -> Finding {
    Finding {
        key: key.to_owned(),
        check: "lag".to_owned(),
        status,
        reason: None,
        subject: Some("standby1".to_owned()),
        summary: "replay is 3.2 s behind".to_owned(),
        detail: Some("line one\nline \"two\"".to_owned()),
        advice: None,
        evidence: vec![pair("replay_lag", "3.2 s")],
    }
}

fn metric(name: &str, value: f64, labels: &[(&str, &str)]) -> Metric {
    let labels = labels.iter().map(|(name, value)| pair(name, value)).collect();
    Metric { name: name.to_owned(), value, unit: "bytes".to_owned(), labels }
}

fn pair(name: &str, value: &str) -> Pair {
    Pair { name: name.to_owned(), value: value.to_owned() }
}

fn keep(key: &str, value: &[u8]) -> MemoryChange {
    MemoryChange { key: key.to_owned(), value: Some(value.to_vec()) }
}

fn everything() -> RunFilter {
    RunFilter { limit: u32::MAX, ..RunFilter::default() }
}

fn assert_sound(store: &Store) {
    let check: String = store.connection.query_row("PRAGMA integrity_check", [], |row| row.get(0)).unwrap();
    assert_eq!(check, "ok");
}

/// The variable that tells a test that it is to play the other part, and on which state directory.
const STATE_DIR: &str = "PGREEVE_TEST_STATE_DIR";

/// The directory to play the other part on; `None` in the test proper.
fn other_part() -> Option<PathBuf> {
    std::env::var_os(STATE_DIR).map(PathBuf::from)
}

/// This executable once more, to play the other part of the test `name` in `module`.
fn other_process(module: &str, name: &str, state_dir: &Path) -> Command {
    let (_crate, module) = module.split_once("::").unwrap();
    // A shell in between lets writes beyond the file size limit fail rather than end the process.
    let mut command = Command::new("/bin/sh");
    command.args(["-c", r#"trap "" XFSZ; exec "$0" "$@""#]).arg(std::env::current_exe().unwrap());
    command.args(["--exact", &format!("{module}::{name}"), "--nocapture", "--test-threads=1"]);
    command.env(STATE_DIR, state_dir).stdin(Stdio::piped()).stdout(Stdio::piped());
    command
}

/// A process that is gone, killed with SIGKILL, when the test ends.
struct Other {
    child: Child,
    lines: std::io::Lines<BufReader<ChildStdout>>,
}

impl Other {
    fn spawn(mut command: Command) -> Self {
        let mut child = command.spawn().unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        Self { child, lines }
    }

    /// The number in the next line that begins with `word`; `None` when the process has ended.
    fn next(&mut self, word: &str) -> Option<i64> {
        self.lines.find_map(|line| line.unwrap().strip_prefix(word)?.trim().parse().ok())
    }

    fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

impl Drop for Other {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
