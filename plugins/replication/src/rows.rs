//! What the queries in `sql/` return, a struct per query. An `Option` is a value that PostgreSQL leaves NULL: because
//! the role may not see it, or because there is none; the checks tell these two apart. Times are microseconds since
//! 1970 by the server's own clock, ages are seconds, LSNs are byte positions.

use serde::Deserialize;

/// `identity.sql`.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
pub(crate) struct Identity {
    pub(crate) at: i64,
    pub(crate) standby: bool,
    pub(crate) timeline: Option<i64>,
    /// The end of WAL here: written on a primary, received or replayed on a standby.
    pub(crate) lsn: Option<u64>,
}

/// `look.sql`: a standby's receiver and replay.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
pub(crate) struct Look {
    pub(crate) at: i64,
    /// The walreceiver's process id; every role may see that.
    pub(crate) receiver: Option<i64>,
    pub(crate) status: Option<String>,
    pub(crate) contact_age: Option<f64>,
    /// Whether any WAL was ever received by streaming.
    pub(crate) received: bool,
    /// The newest WAL that this standby knows of.
    pub(crate) end_lsn: Option<u64>,
    pub(crate) replay_lsn: Option<u64>,
    /// Age of the last commit replayed, by the primary's clock.
    pub(crate) commit_age: Option<f64>,
    pub(crate) pause: Option<String>,
    /// The timeline that is being received.
    pub(crate) timeline: Option<i64>,
    pub(crate) slot_name: Option<String>,
    pub(crate) sender_host: Option<String>,
    pub(crate) sender_port: Option<i64>,
}

impl Look {
    /// Bytes known of and not yet replayed.
    pub(crate) fn bytes(&self) -> Option<u64> {
        Some(self.end_lsn?.saturating_sub(self.replay_lsn?))
    }

    /// Whether there is a receiver of which the role may see nothing but that it is there.
    pub(crate) fn is_hidden(&self) -> bool {
        self.receiver.is_some() && self.status.is_none()
    }

    /// Whether a walreceiver is connected and receives. `waiting` is not: it never ends by itself.
    pub(crate) fn is_streaming(&self) -> bool {
        self.receiver.is_some() && self.status.as_deref() == Some("streaming")
    }

    /// Whether replay is paused, or about to be.
    pub(crate) fn is_paused(&self) -> bool {
        self.pause.as_deref().is_some_and(|pause| pause != "not paused")
    }
}

/// `receiver_settings.sql`.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
pub(crate) struct ReceiverSettings {
    pub(crate) timeout_ms: Option<i64>,
    pub(crate) retry_ms: Option<i64>,
    pub(crate) delay_ms: Option<i64>,
    /// Whether `primary_conninfo` is set; NULL without pg_read_all_settings.
    pub(crate) streams: Option<bool>,
    /// Whether `restore_command` is set.
    pub(crate) ships: Option<bool>,
    pub(crate) slot: Option<String>,
    /// The recovery targets that are set, by name: a standby paused at one is promoted by pg_wal_replay_resume().
    pub(crate) target: Option<String>,
}

/// `startup.sql`: what replay waits for.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
pub(crate) struct Startup {
    pub(crate) wait_event_type: Option<String>,
    pub(crate) wait_event: Option<String>,
}

/// `wal_written.sql`.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
pub(crate) struct WalWritten {
    pub(crate) age: Option<f64>,
}

/// `senders.sql`: a walsender of physical WAL.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
pub(crate) struct Sender {
    pub(crate) at: i64,
    pub(crate) pid: i64,
    pub(crate) application_name: Option<String>,
    pub(crate) slot_name: Option<String>,
    pub(crate) client_addr: Option<String>,
    pub(crate) state: Option<String>,
    pub(crate) sync_state: Option<String>,
    pub(crate) sent_lsn: Option<u64>,
    pub(crate) flush_lsn: Option<u64>,
    pub(crate) replay_lsn: Option<u64>,
    pub(crate) replay_lag: Option<f64>,
    /// By the standby's clock, so its age shows the difference of the clocks too.
    pub(crate) reply_time: Option<i64>,
    pub(crate) reply_age: Option<f64>,
    /// The end of WAL here, at the same moment.
    pub(crate) lsn: Option<u64>,
}

impl Sender {
    /// Whether the role may see no more than that the walsender is there.
    pub(crate) fn is_hidden(&self) -> bool {
        self.state.is_none()
    }

    /// Whether a standby is at the other end: `pg_basebackup` and `pg_receivewal` replay nothing.
    pub(crate) fn is_standby(&self) -> bool {
        match self.state.as_deref() {
            Some("startup") => true,
            Some("backup") | None => false,
            Some(_) => self.replay_lsn.is_some(),
        }
    }

    /// Whether nobody can say yet what is at the other end: WAL goes there, and no reply has come. A standby, too, has
    /// no position here until its first reply.
    pub(crate) fn is_unknown(&self) -> bool {
        !matches!(self.state.as_deref(), Some("startup" | "backup") | None) && self.reply_time.is_none()
    }

    /// Its application_name, or its process id.
    pub(crate) fn name(&self) -> String {
        self.application_name.clone().filter(|name| !name.is_empty()).unwrap_or_else(|| format!("pid {}", self.pid))
    }

    /// Bytes that it has not confirmed as replayed.
    pub(crate) fn bytes(&self) -> Option<u64> {
        Some(self.lsn?.saturating_sub(self.replay_lsn?))
    }
}

/// `slots.sql`.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
pub(crate) struct Slot {
    pub(crate) at: i64,
    pub(crate) slot_name: String,
    pub(crate) slot_type: String,
    pub(crate) database: Option<String>,
    pub(crate) active: bool,
    pub(crate) temporary: bool,
    /// NULL for a slot that never reserved WAL.
    pub(crate) wal_status: Option<String>,
    /// Bytes of WAL until it may be lost; negative while `unreserved`; NULL without a limit.
    pub(crate) safe_wal_size: Option<i64>,
    pub(crate) restart_lsn: Option<u64>,
    pub(crate) retained: Option<i64>,
    /// What a logical slot's consumer has not confirmed, in bytes, and up to where it has; NULL for a physical slot.
    pub(crate) unconfirmed: Option<i64>,
    pub(crate) confirmed_lsn: Option<u64>,
    pub(crate) conflicting: Option<bool>,
    pub(crate) invalidation_reason: Option<String>,
    pub(crate) inactive_for: Option<f64>,
    pub(crate) synced: bool,
}

impl Slot {
    /// `wal_status` is the only sign of it in every version: restart_lsn is kept by some and comes back in some.
    pub(crate) fn is_lost(&self) -> bool {
        self.wal_status.as_deref() == Some("lost")
    }
}

/// `subscriptions.sql`.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
pub(crate) struct Subscription {
    pub(crate) at: i64,
    pub(crate) name: String,
    pub(crate) database: String,
    pub(crate) enabled: bool,
    /// The process id of its apply worker.
    pub(crate) worker: Option<i64>,
    pub(crate) contact_age: Option<f64>,
    pub(crate) wait_event_type: Option<String>,
}

impl Subscription {
    /// Two databases may have subscriptions of one name.
    pub(crate) fn key(&self) -> String {
        format!("{}.{}", self.database, self.name)
    }
}

/// `subscription_errors.sql`.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
pub(crate) struct SubscriptionErrors {
    pub(crate) name: String,
    pub(crate) database: String,
    /// Failures of its workers since the statistics were reset.
    pub(crate) errors: i64,
}

/// `archiver.sql`.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
pub(crate) struct Archiver {
    pub(crate) mode: Option<String>,
    pub(crate) command: Option<bool>,
    /// NULL before 15.
    pub(crate) library: Option<bool>,
    pub(crate) archived_count: i64,
    pub(crate) failed_count: i64,
    pub(crate) last_archived_wal: Option<String>,
    pub(crate) last_failed_wal: Option<String>,
    pub(crate) failing: bool,
    pub(crate) archived_age: Option<f64>,
    pub(crate) failed_age: Option<f64>,
}

/// `ready.sql`.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
pub(crate) struct Ready {
    pub(crate) waiting: i64,
    pub(crate) oldest_age: Option<f64>,
}

/// `xmin.sql`: one who holds back the xmin horizon.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
pub(crate) struct Holder {
    pub(crate) kind: String,
    pub(crate) who: String,
    /// In transactions.
    pub(crate) age: i64,
    pub(crate) more: Option<String>,
}

/// `sync.sql`: a walsender, with the settings in each row; one row of settings alone where there is none.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
pub(crate) struct Sync {
    pub(crate) names: String,
    pub(crate) level: String,
    pub(crate) application_name: Option<String>,
    pub(crate) state: Option<String>,
    pub(crate) sync_state: Option<String>,
}

/// `waiters.sql`: a commit that waits for a synchronous standby.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
pub(crate) struct Waiter {
    pub(crate) statement: Option<String>,
    pub(crate) age: Option<f64>,
}

/// `limits.sql`.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
pub(crate) struct Limits {
    pub(crate) wal_level: String,
    pub(crate) max_wal_senders: i64,
    pub(crate) senders: i64,
    pub(crate) segment_bytes: Option<i64>,
    pub(crate) sender_timeout_ms: Option<i64>,
    pub(crate) slot_limit: String,
}

/// `primary.sql`, asked of the scope that the setting `primary` names. NULL on a standby.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
pub(crate) struct PrimaryEnd {
    pub(crate) at: i64,
    pub(crate) lsn: Option<u64>,
    pub(crate) timeline: Option<i64>,
}

/// `pause.sql`.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
pub(crate) struct Waited {
    pub(crate) waited: bool,
}
