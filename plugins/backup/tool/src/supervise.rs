//! `pgreeve-backup supervise PROGRAM …`: runs a program that must not outlive the tool, nor may its children. pg_basebackup alone, orphaned, would keep
//! its WAL stream and its replication slot for ever.
//!
//! The tool holds the other end of this process' stdin. It closes when the tool ends, however it ends; then the program's whole process group is
//! ended. Both are in groups of their own, so that whoever kills the tool's group leaves this process its time to clean up.

use std::io::{self, Read};
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::process::{Command, ExitCode, Stdio};
use std::thread;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process_group};

/// The word on the command line.
pub(crate) const WORD: &str = "supervise";
/// Between SIGTERM, at which pg_dump and pg_restore cancel their statements on the server, and SIGKILL.
const GRACE: Duration = Duration::from_secs(2);
/// What the shell answers for a program that cannot be started.
const NOT_STARTED: u8 = 127;
/// Added to the signal by which a program ended, as the shell does.
const BY_SIGNAL: i32 = 128;

/// Runs the program to its end, or to the tool's.
pub(crate) fn main(mut arguments: impl Iterator<Item = std::ffi::OsString>) -> ExitCode {
    let Some(program) = arguments.next() else { return ExitCode::from(NOT_STARTED) };
    let mut command = Command::new(&program);
    let started = command.args(arguments).stdin(Stdio::null()).process_group(0).spawn();
    let mut child = match started {
        Ok(child) => child,
        Err(why) => {
            let _ = io::Write::write_fmt(
                &mut io::stderr(),
                format_args!("error: cannot start {}: {why}\n", program.display()),
            );
            return ExitCode::from(NOT_STARTED);
        }
    };
    let leader = Pid::from_child(&child);
    thread::spawn(move || {
        // Nothing is ever written to it: this returns when the tool has ended.
        let _ = io::stdin().read(&mut [0]);
        let _ = kill_process_group(leader, Signal::TERM);
        thread::sleep(GRACE);
        let _ = kill_process_group(leader, Signal::KILL);
    });
    let Ok(status) = child.wait() else { return ExitCode::from(NOT_STARTED) };
    // Whoever of its children is still there has lost its leader.
    let _ = kill_process_group(leader, Signal::KILL);
    let code = status.code().or_else(|| status.signal().map(|signal| BY_SIGNAL + signal));
    ExitCode::from(code.and_then(|code| u8::try_from(code).ok()).unwrap_or(NOT_STARTED))
}
