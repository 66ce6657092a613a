//! Breaks a server the ways that servers break: the walreceiver gone, a process or all of them hanging.

use std::fs;
use std::process::Command;

use rustix::process::{Pid, Signal, kill_process};

use super::{Server, Session, Stop, account};

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

    /// Waits until the walreceiver streams and its upstream has had its first reply: some time passes between the two.
    pub fn wait_until_streaming(&self) {
        let receiver = "SELECT sender_port, substring(conninfo FROM 'application_name=(\\S+)') FROM pg_stat_wal_receiver \
                        WHERE status = 'streaming'";
        self.wait_until("the walreceiver streams and has replied", || {
            let seen = self.sql(receiver).pop().unwrap_or_default();
            let [Some(port), Some(name)] = seen.as_slice() else { return false };
            let upstream = Session::connect(&format!("host=127.0.0.1 port={port} user=postgres dbname=postgres"));
            let replied = format!(
                "SELECT 1 FROM pg_stat_replication \
                 WHERE application_name = '{name}' AND state = 'streaming' AND reply_time IS NOT NULL"
            );
            upstream.is_ok_and(|upstream| !upstream.sql(&replied).is_empty())
        });
    }

    /// Lets roles other than `postgres` log in only as these lines of pg_hba.conf say.
    pub fn allow_only(&self, lines: &[&str]) {
        let trusted = ["local all postgres trust", "host all,replication postgres 127.0.0.1/32 trust"];
        let text = [&trusted[..], lines].concat().join("\n") + "\n";
        fs::write(self.data_dir().join("pg_hba.conf"), text).expect("pg_hba.conf is writable");
        self.reload();
    }

    /// Stops the server and moves its WAL on to a segment, by name. False if this major's pg_resetwal is not installed.
    pub fn move_wal_to(&mut self, segment: &str) -> bool {
        let Some(program) = self.major.optional_program("pg_resetwal") else { return false };
        self.stop(Stop::Fast);
        let mut command = Command::new(program);
        command.args(["-l", segment, "-D"]).arg(self.data_dir()).current_dir("/");
        let output = account::run_as_server_user(&mut command).output().expect("pg_resetwal can be started");
        assert!(output.status.success(), "pg_resetwal failed: {}", String::from_utf8_lossy(&output.stderr));
        self.start_again();
        true
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
