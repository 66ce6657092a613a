//! Starts, stops, reloads and configures a server, and waits for what it should become.

use std::fs::File;
use std::process::{Command, Stdio};
use std::sync::LazyLock;
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

use super::runtime::wait;
use super::server::quote;
use super::{Server, account, clock};

/// Longer than anything takes that works, even on a busy machine.
const PATIENCE: Duration = Duration::from_secs(30);
const POLL: Duration = Duration::from_millis(10);

/// How a server is stopped, as in `pg_ctl stop --mode`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stop {
    /// Wait until clients have left.
    Smart,
    /// Disconnect clients, write a shutdown checkpoint, wait until standbys have it.
    Fast,
    /// As after a crash.
    Immediate,
}

impl Server {
    /// Starts a stopped server and returns when it accepts connections.
    pub fn start_again(&mut self) {
        assert!(self.process.is_none(), "{} runs already", self.name);
        let log = File::options().create(true).append(true).open(self.log_file()).expect("the log is writable");
        let mut command = postmaster(&self.major.program("postgres"));
        command.arg("-D").arg(self.data_dir()).current_dir("/").env("LC_ALL", "C");
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(log);
        if self.clock_shift != 0 {
            clock::shift(&mut command, self.clock_shift);
        }
        account::run_as_server_user(&mut command);
        // The runtime's thread becomes the parent: see runtime::wait.
        self.process = Some(wait(async move { command.spawn() }).expect("postgres can be started"));
        let deadline = Instant::now() + PATIENCE;
        while let Err(error) = self.try_sql("SELECT 1") {
            let ended = self.process.as_mut().and_then(|child| child.try_wait().ok().flatten());
            if ended.is_some() {
                self.process = None;
            }
            assert!(ended.is_none(), "{} did not start ({ended:?}); {}", self.name, self.log_tail());
            assert!(Instant::now() < deadline, "{} refuses connections: {error}; {}", self.name, self.log_tail());
            thread::sleep(POLL);
        }
    }

    /// Stops the server and returns when it is gone. Does nothing to a stopped one.
    pub fn stop(&mut self, how: Stop) {
        let signal = match how {
            Stop::Smart => Signal::TERM,
            Stop::Fast => Signal::INT,
            Stop::Immediate => Signal::QUIT,
        };
        let ended = self.end(signal);
        assert!(ended, "{} did not stop; {}", self.name, self.log_tail());
    }

    /// Stops (fast) and starts the server.
    pub fn restart(&mut self) {
        self.stop(Stop::Fast);
        self.start_again();
    }

    /// Makes the server read its configuration again, and returns when it has.
    pub fn reload(&self) {
        let loaded = "SELECT pg_conf_load_time()";
        let before = self.value(loaded);
        self.exec("SELECT pg_reload_conf()");
        // New sessions inherit the postmaster's load time.
        self.wait_until("the configuration is loaded", || self.value(loaded) != before);
    }

    /// ALTER SYSTEM SET for each setting, then a reload.
    pub fn set(&self, settings: &[(&str, &str)]) {
        for (name, value) in settings {
            self.exec(&format!("ALTER SYSTEM SET {name} = {}", quote(value)));
        }
        self.reload();
    }

    /// ALTER SYSTEM RESET for each setting, then a reload.
    pub fn reset(&self, names: &[&str]) {
        for name in names {
            self.exec(&format!("ALTER SYSTEM RESET {name}"));
        }
        self.reload();
    }

    /// Waits until `condition` holds. Panics after 30 s with `what` was awaited and the end of the log.
    #[track_caller]
    pub fn wait_until(&self, what: &str, condition: impl FnMut() -> bool) {
        self.wait_for(what, PATIENCE, condition);
    }

    /// `wait_until` with a time limit of its own.
    #[track_caller]
    pub fn wait_for(&self, what: &str, limit: Duration, mut condition: impl FnMut() -> bool) {
        let deadline = Instant::now() + limit;
        while !condition() {
            assert!(Instant::now() < deadline, "waited {limit:?} in vain until {what}; {}", self.log_tail());
            thread::sleep(POLL);
        }
    }

    pub(super) fn pid(&self) -> Option<Pid> {
        self.process.as_ref().map(Pid::from_child)
    }

    /// Signals the postmaster and waits; false when it is still there after `PATIENCE`.
    fn end(&mut self, signal: Signal) -> bool {
        self.thaw();
        let Some(mut child) = self.process.take() else { return true };
        // One that was waited for successfully never stays in `self.process`, so the id is still this child's.
        let _ = kill_process(Pid::from_child(&child), signal);
        let deadline = Instant::now() + PATIENCE;
        while Instant::now() < deadline {
            if !matches!(child.try_wait(), Ok(None)) {
                return true;
            }
            thread::sleep(POLL);
        }
        self.process = Some(child);
        false
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if !self.end(Signal::QUIT)
            && let Some(mut child) = self.process.take()
        {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

/// The command that becomes the postmaster. With util-linux' setpriv the kernel shuts it down when this process dies;
/// elsewhere only a `Server`'s drop does.
fn postmaster(program: &std::path::Path) -> Command {
    static SETPRIV: LazyLock<bool> = LazyLock::new(|| {
        let try_it = Command::new("setpriv").args(["--pdeathsig", "QUIT", "true"]).stderr(Stdio::null()).status();
        try_it.is_ok_and(|status| status.success())
    });
    if !*SETPRIV {
        return Command::new(program);
    }
    let mut command = Command::new("setpriv");
    command.args(["--pdeathsig", "QUIT"]).arg(program);
    command
}
