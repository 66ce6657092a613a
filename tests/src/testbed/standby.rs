//! Makes standbys, of a primary or of another standby, by a low-level base backup: the one way that needs no program
//! which some majors' packages lack (pg_basebackup), and that leaves the upstream running.

use std::fs::{self, File};
use std::path::Path;

use super::copy::Take;
use super::{Major, Server, account, copy};

/// How a standby is connected to its upstream.
#[derive(Debug, Clone, Copy)]
pub struct StandbyOptions<'a> {
    /// Physical slot on the upstream to stream from, created there if it is not there yet. Default: none.
    pub slot: Option<&'a str>,
    /// `application_name` of its walreceiver. Default: the standby's name.
    pub application_name: Option<&'a str>,
    /// Settings that overrule those which the upstream was started with.
    pub settings: &'a [(&'a str, &'a str)],
    /// Whether it has a `primary_conninfo`. Default true; without, give it a `restore_command`.
    pub streaming: bool,
    /// Seconds by which its host's clock is ahead of the upstream's; negative: behind. Default 0.
    pub clock_shift: i64,
}

impl Default for StandbyOptions<'_> {
    fn default() -> Self {
        StandbyOptions { slot: None, application_name: None, settings: &[], streaming: true, clock_shift: 0 }
    }
}

impl Server {
    /// Makes a standby of this server, which may be a standby itself, and returns when it accepts connections. What was
    /// set here by ALTER SYSTEM is not carried over.
    pub fn standby(&self, name: &str, options: &StandbyOptions<'_>) -> Server {
        let mut standby = Server::in_new_directory(self.major, name);
        standby.clock_shift = options.clock_shift;
        standby.settings.clone_from(&self.settings);
        standby.settings.retain(|(setting, _)| setting != "primary_slot_name");
        if let Some(slot) = options.slot {
            self.exec(&format!(
                "SELECT pg_create_physical_replication_slot('{slot}', true)
                 WHERE NOT EXISTS (SELECT FROM pg_replication_slots WHERE slot_name = '{slot}')"
            ));
            standby.settings.push(("primary_slot_name".into(), slot.into()));
        }
        let application_name = options.application_name.unwrap_or(name);
        let conninfo = match options.streaming {
            true => format!("host=127.0.0.1 port={} user=postgres application_name={application_name}", self.port),
            false => String::new(),
        };
        standby.settings.push(("primary_conninfo".into(), conninfo));
        standby.settings.extend(options.settings.iter().map(|&(k, v)| (k.into(), v.into())));
        self.back_up_to(&standby.data_dir());
        standby.write_settings();
        let signal = standby.data_dir().join("standby.signal");
        File::create(&signal).and_then(|_| account::give(&signal)).expect("standby.signal can be written");
        standby.start_again();
        standby
    }

    /// A base backup with the WAL that it needs. pg_control is copied last, as the documentation asks for when the
    /// upstream is in recovery; the WAL after the backup's end, so that it holds all of it.
    fn back_up_to(&self, to: &Path) {
        let (start, stop) = match self.major {
            Major(..15) => ("pg_start_backup('testbed', true, false)", "pg_stop_backup(false, false)"),
            _ => ("pg_backup_start('testbed', true)", "pg_backup_stop(false)"),
        };
        let data = self.data_dir();
        let session = self.session("postgres");
        session.sql(&format!("SELECT {start}"));
        copy::tree(&data, to, &in_backup);
        let control = Path::new("global/pg_control");
        copy::file(&data.join(control), &to.join(control)).expect("pg_control can be copied");
        let label = session.sql(&format!("SELECT labelfile FROM {stop}")).remove(0).remove(0);
        let label_file = to.join("backup_label");
        fs::write(&label_file, label.expect("a backup has a label")).expect("backup_label can be written");
        account::give(&label_file).expect("backup_label can be given to the server's user");
        copy::tree(&data.join("pg_wal"), &to.join("pg_wal"), &|path| match path.parent() {
            Some(parent) if parent == Path::new("") => Take::All,
            _ => Take::Nothing,
        });
    }

    /// Ends recovery and returns when the server is a primary.
    pub fn promote(&self) {
        assert!(self.holds("SELECT pg_promote(true, 30)"), "{} was not promoted; {}", self.name, self.log_tail());
    }

    /// Pauses replay and returns when the startup process has paused.
    pub fn pause_replay(&self) {
        self.exec("SELECT pg_wal_replay_pause()");
        self.wait_until("replay is paused", || self.holds("SELECT pg_get_wal_replay_pause_state() = 'paused'"));
    }

    /// Ends `pause_replay`.
    pub fn resume_replay(&self) {
        self.exec("SELECT pg_wal_replay_resume()");
    }

    /// Waits until this standby has replayed what `upstream` has flushed (a primary) or replayed (a standby).
    pub fn catch_up_with(&self, upstream: &Server) {
        let target = upstream.value(
            "SELECT CASE WHEN pg_is_in_recovery() THEN pg_last_wal_replay_lsn() ELSE pg_current_wal_flush_lsn() END",
        );
        let target = target.expect("a running server has a position in the WAL");
        let replayed = format!("SELECT pg_last_wal_replay_lsn() >= '{target}'");
        self.wait_until(&format!("{} has replayed {target}", self.name), || self.holds(&replayed));
    }
}

/// What a base backup takes: not what belongs to the running server, nor what recovery makes anew.
/// Compare "Backing Up the Data Directory" in PostgreSQL's chapter on continuous archiving.
fn in_backup(path: &Path) -> Take {
    let Some(name) = path.to_str() else { return Take::All };
    match name {
        "pg_wal" | "pg_replslot" | "pg_dynshmem" | "pg_notify" | "pg_serial" | "pg_snapshots" | "pg_stat_tmp"
        | "pg_stat" | "pg_subtrans" => Take::Empty,
        "postmaster.pid"
        | "postmaster.opts"
        | "testbed.conf"
        | "postgresql.auto.conf"
        | "standby.signal"
        | "recovery.signal"
        | "backup_label"
        | "global/pg_control" => Take::Nothing,
        _ if name.contains("pgsql_tmp") || name.ends_with("pg_internal.init") => Take::Nothing,
        _ => Take::All,
    }
}
