//! Breaks a server the ways that servers break: the walreceiver gone, a process or all of them hanging.

use std::fs;

use rustix::process::{Pid, Signal, kill_process};

use super::Server;

impl Server {
    /// Points `primary_conninfo` at nothing, and returns when the walreceiver is gone.
    pub fn stop_wal_receiver(&self) {
        self.set(&[("primary_conninfo", "")]);
        self.wait_until("the walreceiver is gone", || self.holds("SELECT count(*) = 0 FROM pg_stat_wal_receiver"));
    }

    /// Ends `stop_wal_receiver`, and returns when the standby streams again.
    pub fn start_wal_receiver(&self) {
        self.reset(&["primary_conninfo"]);
        self.wait_until_streaming();
    }

    /// Waits until the walreceiver streams.
    pub fn wait_until_streaming(&self) {
        let streams = "SELECT count(*) = 1 FROM pg_stat_wal_receiver WHERE status = 'streaming'";
        self.wait_until("the walreceiver streams", || self.holds(streams));
    }

    /// Makes the processes of a `backend_type` (e.g. `walsender`, `walreceiver`, `archiver`) hang, as under a stalled
    /// network or disk, while the server goes on. `thaw` ends it. Panics when there is none.
    pub fn hang(&self, backend_type: &str) {
        let sql = format!("SELECT pid FROM pg_stat_activity WHERE backend_type = '{backend_type}'");
        let pids: Vec<Pid> = self.sql(&sql).iter().filter_map(|row| pid(row[0].as_deref()?)).collect();
        assert!(!pids.is_empty(), "{} has no {backend_type} to hang", self.name);
        for pid in pids {
            kill_process(pid, Signal::STOP).expect("a server's process can be stopped");
        }
    }

    /// Makes the whole server hang: connections stay open and nothing answers. `thaw` ends it.
    pub fn freeze(&self) {
        self.signal_all(Signal::STOP);
    }

    /// Ends `freeze` and `hang`.
    pub fn thaw(&self) {
        self.signal_all(Signal::CONT);
    }

    /// Signals the postmaster first, so that it starts no more children, then these.
    fn signal_all(&self, signal: Signal) {
        let Some(postmaster) = self.pid() else { return };
        let children = format!("/proc/{0}/task/{0}/children", postmaster.as_raw_nonzero());
        // One that has ended in between needs no signal; the postmaster is this process' child and cannot be another's.
        let _ = kill_process(postmaster, signal);
        let children = fs::read_to_string(children).unwrap_or_default();
        for child in children.split_whitespace().filter_map(pid) {
            let _ = kill_process(child, signal);
        }
    }
}

fn pid(text: &str) -> Option<Pid> {
    Pid::from_raw(text.parse().ok()?)
}
