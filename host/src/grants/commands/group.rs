//! A running command: its process group, which never outlives this handle.
//!
//! The leader is not reaped before its group was killed: as long as it is a zombie the kernel gives its number to no other process, so a
//! signal cannot reach a stranger. `waitid` with `WNOWAIT` is how one looks without reaping.

use std::{io, process::ExitStatus, time::Duration};

use rustix::{
    io::Errno,
    process::{Pid, Signal, WaitId, WaitIdOptions, kill_process_group, waitid},
};
use tokio::{
    process::{Child, ChildStderr, ChildStdout, Command},
    signal::unix::{SignalKind, signal},
    time::timeout,
};

/// Between SIGTERM and SIGKILL: `pg_dump` and `psql` use it to cancel their statement on the server.
pub(super) const GRACE: Duration = Duration::from_secs(2);

/// A process group led by a child of the agent.
pub(super) struct Group {
    child: Child,
    leader: Pid,
    reaped: bool,
}

impl Group {
    /// Starts it in a process group of its own. Blocks until the program was loaded. Needs a runtime.
    pub(super) fn start(mut command: Command) -> io::Result<Self> {
        let child = command.process_group(0).spawn()?;
        let leader = child.id().and_then(|id| Pid::from_raw(id.try_into().ok()?));
        let leader = leader.ok_or_else(|| io::Error::other("the new process has no id"))?;
        Ok(Self { child, leader, reaped: false })
    }

    /// The reading ends of its stdout and stderr; there once.
    pub(super) fn pipes(&mut self) -> io::Result<(ChildStdout, ChildStderr)> {
        let pipes = self.child.stdout.take().zip(self.child.stderr.take());
        pipes.ok_or_else(|| io::Error::other("the new process has no pipes"))
    }

    /// Waits for the end of the leader and does not reap it.
    pub(super) async fn ended(&self) -> io::Result<()> {
        // Listening begins before looking, so no end falls between the two.
        let mut children = signal(SignalKind::child())?;
        let look = WaitIdOptions::EXITED | WaitIdOptions::NOWAIT | WaitIdOptions::NOHANG;
        loop {
            match waitid(WaitId::Pid(self.leader), look) {
                Ok(Some(_)) => return Ok(()),
                Ok(None) => match children.recv().await {
                    Some(()) => {}
                    None => return Err(io::Error::other("the runtime is ending")),
                },
                Err(Errno::INTR) => {}
                Err(why) => return Err(why.into()),
            }
        }
    }

    /// Kills what is left of the group after the leader ended, and reaps the leader.
    pub(super) async fn finish(mut self) -> io::Result<ExitStatus> {
        self.signal(Signal::KILL);
        let status = self.child.wait().await?;
        self.reaped = true;
        Ok(status)
    }

    /// Ends the group: SIGTERM, [`GRACE`], SIGKILL. False if the leader is still there a grace later, because it runs as another user or
    /// hangs in the kernel.
    pub(super) async fn stop(self) -> bool {
        self.signal(Signal::TERM);
        let _ = timeout(GRACE, self.ended()).await;
        self.signal(Signal::KILL);
        match timeout(GRACE, self.ended()).await {
            Ok(Ok(())) => self.finish().await.is_ok(),
            _ => false,
        }
    }

    /// Signals every process of the group. That nobody is left, or that it may not be signalled, shows in whether it ends.
    fn signal(&self, signal: Signal) {
        if !self.reaped {
            let _ = kill_process_group(self.leader, signal);
        }
    }
}

/// Whoever lets go of a running command kills it; the runtime reaps the leader.
impl Drop for Group {
    fn drop(&mut self) {
        self.signal(Signal::KILL);
    }
}
