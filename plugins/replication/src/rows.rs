//! What the queries in `sql/` return, a struct per query. An `Option` is a value that PostgreSQL leaves NULL: because the role may not see
//! it, or because there is none; the checks tell these two apart. Times are microseconds since 1970 by the server's own clock, ages are
//! seconds, LSNs are byte positions.

use serde::Deserialize;

/// `identity.sql`.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
pub struct Identity {
    pub at: i64,
    pub standby: bool,
    pub timeline: Option<i64>,
    /// The end of WAL here: written on a primary, received or replayed on a standby.
    pub lsn: Option<u64>,
}

/// `look.sql`: a standby's receiver and replay.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
pub struct Look {
    pub at: i64,
    /// The walreceiver's process id; every role may see that.
    pub receiver: Option<i64>,
    pub status: Option<String>,
    pub contact_age: Option<f64>,
    /// Whether any WAL was ever received by streaming.
    pub received: bool,
    /// The newest WAL that this standby knows of.
    pub end_lsn: Option<u64>,
    pub replay_lsn: Option<u64>,
    /// Age of the last commit replayed, by the primary's clock.
    pub commit_age: Option<f64>,
    pub pause: Option<String>,
    /// The timeline that is being received.
    pub timeline: Option<i64>,
    pub slot_name: Option<String>,
    pub sender_host: Option<String>,
    pub sender_port: Option<i64>,
}

impl Look {
    /// Bytes known of and not yet replayed.
    pub fn bytes(&self) -> Option<u64> {
        Some(self.end_lsn?.saturating_sub(self.replay_lsn?))
    }

    /// Whether there is a receiver of which the role may see nothing but that it is there.
    pub fn is_hidden(&self) -> bool {
        self.receiver.is_some() && self.status.is_none()
    }

    /// Whether a walreceiver is connected and receives. `waiting` is not: it never ends by itself.
    pub fn is_streaming(&self) -> bool {
        self.receiver.is_some() && self.status.as_deref() == Some("streaming")
    }

    /// Whether replay is paused, or about to be.
    pub fn is_paused(&self) -> bool {
        self.pause.as_deref().is_some_and(|pause| pause != "not paused")
    }
}

/// `receiver_settings.sql`.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
pub struct ReceiverSettings {
    pub timeout_ms: Option<i64>,
    pub retry_ms: Option<i64>,
    pub delay_ms: Option<i64>,
    /// Whether `primary_conninfo` is set; NULL without pg_read_all_settings.
    pub streams: Option<bool>,
    /// Whether `restore_command` is set.
    pub ships: Option<bool>,
    pub slot: Option<String>,
}

/// `startup.sql`: what replay waits for.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
pub struct Startup {
    pub wait_event_type: Option<String>,
    pub wait_event: Option<String>,
}

/// `wal_written.sql`.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
pub struct WalWritten {
    pub age: Option<f64>,
}

/// `senders.sql`: a walsender of physical WAL.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
pub struct Sender {
    pub at: i64,
    pub pid: i64,
    pub application_name: Option<String>,
    pub slot_name: Option<String>,
    pub client_addr: Option<String>,
    pub state: Option<String>,
    pub sync_state: Option<String>,
    pub sent_lsn: Option<u64>,
    pub flush_lsn: Option<u64>,
    pub replay_lsn: Option<u64>,
    pub replay_lag: Option<f64>,
    /// By the standby's clock, so its age shows the difference of the clocks too.
    pub reply_time: Option<i64>,
    pub reply_age: Option<f64>,
    /// The end of WAL here, at the same moment.
    pub lsn: Option<u64>,
}

impl Sender {
    /// Whether the role may see no more than that the walsender is there.
    pub fn is_hidden(&self) -> bool {
        self.state.is_none()
    }

    /// Whether a standby is at the other end: `pg_basebackup` and `pg_receivewal` replay nothing.
    pub fn is_standby(&self) -> bool {
        match self.state.as_deref() {
            Some("startup") => true,
            Some("backup") | None => false,
            Some(_) => self.replay_lsn.is_some(),
        }
    }

    /// Its application_name, or its process id.
    pub fn name(&self) -> String {
        self.application_name.clone().filter(|name| !name.is_empty()).unwrap_or_else(|| format!("pid {}", self.pid))
    }

    /// Bytes that it has not confirmed as replayed.
    pub fn bytes(&self) -> Option<u64> {
        Some(self.lsn?.saturating_sub(self.replay_lsn?))
    }
}

/// `slots.sql`.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
pub struct Slot {
    pub at: i64,
    pub slot_name: String,
    pub slot_type: String,
    pub database: Option<String>,
    pub active: bool,
    pub temporary: bool,
    /// NULL for a slot that never reserved WAL.
    pub wal_status: Option<String>,
    /// Bytes of WAL until it may be lost; negative while `unreserved`; NULL without a limit.
    pub safe_wal_size: Option<i64>,
    pub restart_lsn: Option<u64>,
    pub retained: Option<i64>,
    pub conflicting: Option<bool>,
    pub invalidation_reason: Option<String>,
    pub inactive_for: Option<f64>,
    pub synced: bool,
}

impl Slot {
    /// `wal_status` is the only sign of it in every version: restart_lsn is kept by some and comes back in some.
    pub fn is_lost(&self) -> bool {
        self.wal_status.as_deref() == Some("lost")
    }
}

/// `archiver.sql`.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
pub struct Archiver {
    pub mode: Option<String>,
    pub command: Option<bool>,
    /// NULL before 15.
    pub library: Option<bool>,
    pub archived_count: i64,
    pub failed_count: i64,
    pub last_archived_wal: Option<String>,
    pub last_failed_wal: Option<String>,
    pub failing: bool,
    pub archived_age: Option<f64>,
    pub failed_age: Option<f64>,
}

/// `ready.sql`.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
pub struct Ready {
    pub waiting: i64,
    pub oldest_age: Option<f64>,
}

/// `xmin.sql`: one who holds back the xmin horizon.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
pub struct Holder {
    pub kind: String,
    pub who: String,
    /// In transactions.
    pub age: i64,
    pub more: Option<String>,
}

/// `sync.sql`: a walsender, with the settings in each row; one row of settings alone where there is none.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
pub struct Sync {
    pub names: String,
    pub level: String,
    pub application_name: Option<String>,
    pub state: Option<String>,
    pub sync_state: Option<String>,
}

/// `waiters.sql`: a commit that waits for a synchronous standby.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
pub struct Waiter {
    pub statement: Option<String>,
    pub age: Option<f64>,
}

/// `limits.sql`.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
pub struct Limits {
    pub wal_level: String,
    pub max_wal_senders: i64,
    pub senders: i64,
    pub segment_bytes: Option<i64>,
    pub sender_timeout_ms: Option<i64>,
    pub slot_limit: String,
}

/// `primary.sql`, asked of the scope that the setting `primary` names. NULL on a standby.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
pub struct PrimaryEnd {
    pub at: i64,
    pub lsn: Option<u64>,
    pub timeline: Option<i64>,
}

/// `pause.sql`.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
pub struct Waited {
    pub waited: bool,
}
