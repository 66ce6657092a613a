//! A scratch server over an unpacked base backup: it listens on a Unix socket of its own, archives nothing, replicates from nobody, runs no job
//! of the old server's, and ends with this process.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};
use std::thread;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};

use super::Request;
use super::database::LOGIN_TRIGGERS;
use crate::answer::{Failure, Kind as Why, Outcome, cannot, one_line};
use crate::archive::Archive;
use crate::connection::Connection;
use crate::manifest::{Content, Manifest};
use crate::moment::Moment;
use crate::program::{self, Tools};
use crate::session::Session;

const PORT: u16 = 5432;
const POLL: Duration = Duration::from_millis(100);
/// What a server in recovery needs at least as large as the old one had it, as pg_controldata calls it.
const AT_LEAST: [(&str, &str); 5] = [
    ("max_connections", "max_connections setting:"),
    ("max_worker_processes", "max_worker_processes setting:"),
    ("max_wal_senders", "max_wal_senders setting:"),
    ("max_prepared_transactions", "max_prepared_xacts setting:"),
    ("max_locks_per_transaction", "max_locks_per_xact setting:"),
];

/// How far WAL is replayed.
#[derive(Debug)]
pub(super) struct Recovery {
    archive: Option<Archive>,
    to: Option<Moment>,
}

/// The server.
pub(super) struct Cluster {
    data: PathBuf,
    log: PathBuf,
    socket: PathBuf,
    user: String,
    psql: PathBuf,
    command: Option<std::process::Command>,
    child: Option<Child>,
}

impl Recovery {
    /// Nothing to replay.
    pub(super) fn none() -> Self {
        Self { archive: None, to: None }
    }

    pub(super) fn of(request: &Request, manifest: &Manifest, content: &Content) -> Outcome<Self> {
        let archive = request.wal_archive.as_ref().map(|path| Archive::of(path, manifest, content)).transpose()?;
        Ok(Self { archive, to: request.to })
    }

    /// With the end of the archive as target: what speaks against that replay went that far. Recovery ends without an error at a segment that is
    /// missing, or that it cannot read.
    pub(super) fn against(&self, manifest: &Manifest, replayed: Option<&str>) -> Vec<String> {
        let (Some(archive), None) = (&self.archive, self.to) else { return Vec::new() };
        // What was replayed was whole, wherever it came from.
        let run = archive.beyond(manifest.start_segment.as_deref().unwrap_or_default(), replayed);
        if let Some(gap) = run.gap.as_ref().filter(|_| !run.under_way) {
            let what = run.wrong.map_or("is missing".to_owned(), |wrong| format!("is damaged: {wrong}"));
            return vec![format!("segment {gap} {what}; what was archived after it cannot be replayed")];
        }
        let (Some(last), Some(replayed)) = (run.names.last(), replayed) else { return Vec::new() };
        if archive.reaches_end(&run, replayed) {
            return Vec::new();
        }
        vec![format!(
            "replay ended at {replayed} and WAL goes on to segment {last}: the segment after that position is damaged"
        )]
    }

    /// `target` of the proof.
    pub(super) fn target(&self) -> String {
        match (&self.archive, self.to) {
            (None, _) => "immediate".to_owned(),
            (Some(_), None) => "latest".to_owned(),
            (Some(_), Some(to)) => to.text(),
        }
    }

    pub(super) fn describe(&self) -> String {
        match &self.archive {
            None => "replayed to the end of the backup".to_owned(),
            Some(archive) => format!("replayed WAL of {} to {}", archive.path().display(), self.target()),
        }
    }

    fn settings(&self) -> Vec<(&'static str, String)> {
        let Some(archive) = &self.archive else { return Vec::new() };
        let mut settings =
            vec![("restore_command", archive.proof_command()), ("recovery_target_action", "promote".to_owned())];
        settings.extend(self.to.map(|to| ("recovery_target_time", to.setting())));
        settings
    }
}

impl Cluster {
    /// Gives the unpacked data directory settings of our own in place of the old server's.
    pub(super) fn configure(
        tools: &Tools,
        data: &Path,
        socket: &Path,
        user: &str,
        recovery: &Recovery,
    ) -> Outcome<Self> {
        let mut control = tools.command("pg_controldata")?;
        control.arg("--pgdata").arg(data);
        let control = program::run(control, "pg_controldata")?.good()?.stdout;
        let mut settings = vec![
            ("listen_addresses", String::new()),
            ("unix_socket_directories", socket.display().to_string()),
            ("unix_socket_permissions", "0700".to_owned()),
            ("port", PORT.to_string()),
            ("hba_file", data.join("scratch_hba.conf").display().to_string()),
            ("cluster_name", "pgreeve-prove".to_owned()),
            ("shared_buffers", "128MB".to_owned()),
            ("fsync", "off".to_owned()),
            ("archive_mode", "off".to_owned()),
            // Nothing of the old server's may run here: no job of an extension, no subscription.
            ("shared_preload_libraries", String::new()),
            ("max_logical_replication_workers", "0".to_owned()),
            ("autovacuum", "off".to_owned()),
            ("ssl", "off".to_owned()),
            ("logging_collector", "off".to_owned()),
            ("log_destination", "stderr".to_owned()),
            ("lc_messages", "C".to_owned()),
            ("hot_standby", "on".to_owned()),
        ];
        if tools.major >= LOGIN_TRIGGERS {
            settings.push(("event_triggers", "off".to_owned()));
        }
        for (name, label) in AT_LEAST {
            let value = control.lines().find_map(|line| line.strip_prefix(label)).map(str::trim).map(str::to_owned);
            settings.extend(value.map(|value| (name, value)));
        }
        settings.extend(recovery.settings());
        let text: String =
            settings.iter().map(|(name, value)| format!("{name} = '{}'\n", value.replace('\'', "''"))).collect();
        let write = |name: &str, text: &str| {
            fs::write(data.join(name), text).map_err(cannot(format_args!("write {name} of the scratch server")))
        };
        write("postgresql.conf", &text)?;
        write("postgresql.auto.conf", "")?;
        write("scratch_hba.conf", "local all all trust\n")?;
        for file in ["standby.signal", "recovery.signal", "postmaster.pid"] {
            crate::directory::remove(&data.join(file)).map_err(cannot(format_args!("remove {file}")))?;
        }
        if recovery.archive.is_some() {
            write("recovery.signal", "")?;
        }
        let log = data.with_extension("log");
        let mut command = program::command_ended_by(&tools.find("postgres")?, "QUIT");
        command.arg("-D").arg(data).current_dir("/");
        let (data, socket, user, psql) = (data.to_owned(), socket.to_owned(), user.to_owned(), tools.find("psql")?);
        Ok(Self { data, log, socket, user, psql, command: Some(command), child: None })
    }

    /// Starts it and waits until it has recovered; the inner error is what its log says if it does not.
    pub(super) fn start(&mut self) -> Outcome<Result<(), String>> {
        let log = fs::File::create(&self.log).map_err(cannot(format_args!("write {}", self.log.display())))?;
        let Some(mut command) = self.command.take() else {
            return Err(Failure::new(Why::Failed, "the scratch server was started before"));
        };
        command.stdout(Stdio::null()).stderr(log);
        self.child = Some(command.spawn().map_err(cannot("start postgres"))?);
        loop {
            let ended = self.child.as_mut().and_then(|child| child.try_wait().ok().flatten());
            if ended.is_some() {
                self.child = None;
                return Ok(Err(self.complaint()));
            }
            let recovered = Session::connect(&self.psql, &self.connection("template1"))
                .and_then(|mut session| session.value("pg_catalog.pg_is_in_recovery()"));
            match recovered {
                Ok(Some(value)) if value == "false" => return Ok(Ok(())),
                Err(failure) if failure.message.contains("role \"") || failure.message.contains("does not exist") => {
                    return Ok(Err(failure.message));
                }
                _ => thread::sleep(POLL),
            }
        }
    }

    /// Connects to one of its databases.
    pub(super) fn connection(&self, database: &str) -> Connection {
        Connection::to_socket(&self.socket.display().to_string(), PORT, &self.user, database)
    }

    /// Stops it at once: nothing of it is kept.
    pub(super) fn stop(&mut self) {
        if let Some(mut child) = self.child.take() {
            // Not yet waited for, so the id is still this child's.
            let _ = kill_process(Pid::from_child(&child), Signal::QUIT);
            let _ = child.wait();
        }
    }

    fn complaint(&self) -> String {
        let text = fs::read(&self.log).unwrap_or_default();
        let text = String::from_utf8_lossy(&text);
        let said: Vec<&str> =
            text.lines().filter(|line| ["FATAL:", "PANIC:", "ERROR:"].iter().any(|word| line.contains(word))).collect();
        let said = if said.is_empty() { text.lines().rev().take(3).collect() } else { said };
        format!("the scratch server in {} did not come up: {}", self.data.display(), one_line(&said.join("\n")))
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        self.stop();
    }
}
