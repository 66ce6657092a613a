//! The job's settings: thresholds with their defaults and where these come from. The doc comments are the schema's
//! descriptions.

use std::collections::BTreeMap;

use pgreeve_sdk::{Bytes, Problem, Seconds};
use schemars::JsonSchema;
use serde::Deserialize;

/// Settings of a replication job. All have defaults; none is required.
#[derive(Clone, Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Settings {
    /// Replay lag up to which a standby is healthy (operations guide: 2 s). Above it and below `lag_warning` the answer
    /// is ok and says so. Default "2s".
    pub(crate) lag_healthy: Seconds,
    /// Replay lag from which on it is a warning (operations guide: 5 s). Default "5s".
    pub(crate) lag_warning: Seconds,
    /// Replay lag from which on it is critical (operations guide: 30 s, route reads to the primary). Default "30s".
    pub(crate) lag_critical: Seconds,
    /// Replay lag in bytes from which on it is a warning. Default: none, time alone counts.
    pub(crate) lag_warning_bytes: Option<Bytes>,
    /// Replay lag in bytes from which on it is critical. Default: none.
    pub(crate) lag_critical_bytes: Option<Bytes>,
    /// Standbys that have to be connected to this server, by application_name or by the name of their slot. Default:
    /// none.
    pub(crate) expect: Vec<String>,
    /// How old the last commit replayed may be: for databases in which something, such as a heartbeat row, commits at
    /// least that often. Finds a standby whose upstream is itself cut off, which nothing else on that standby shows.
    /// Default: not judged.
    pub(crate) expect_commit_within: Option<Seconds>,
    /// Another granted scope that is the primary. Its WAL position is compared with the standby's, which gives the lag
    /// behind the primary itself and finds divergence. Default: none.
    pub(crate) primary: Option<String>,
    /// Standbys that replay late on purpose (recovery_min_apply_delay), by application_name, and by how much. Only a
    /// primary needs this: a delayed standby knows its own delay. Default: none.
    pub(crate) delayed: BTreeMap<String, Seconds>,
    /// Silence of the upstream that is allowed beyond wal_receiver_timeout / 2, when an idle upstream is asked for a
    /// sign of life. Default "5s".
    pub(crate) contact_slack: Seconds,
    /// How long a walreceiver may be absent or not streaming before it is no longer taken for a reconnect; at least
    /// three times wal_retrieve_retry_interval (5 s by default). Default "15s".
    pub(crate) reconnect_within: Seconds,
    /// How long replay may stand paused before it is a warning. Default "0s": at once, when WAL waits for it.
    pub(crate) pause_allowed: Seconds,
    /// A granted HTTP endpoint that tells where the application reads from: `GET /reads` answers `{"route": "standby"}` or
    /// `{"route": "primary"}`. Default: none.
    pub(crate) reads: Option<String>,
    /// WAL that one slot may keep back before it is a warning. Default "1GiB", the default of max_wal_size.
    pub(crate) slot_retention_warning: Bytes,
    /// WAL that one slot may keep back before it is critical. Default "10GiB".
    pub(crate) slot_retention_critical: Bytes,
    /// How long a slot may be unused before it is a warning. Default "5m": longer than a restart.
    pub(crate) slot_inactive_warning: Seconds,
    /// How long a slot may be unused before it is critical. Default "1d"; what it costs until then is judged by its
    /// bytes.
    pub(crate) slot_inactive_critical: Seconds,
    /// How long the consumer of a logical slot may confirm nothing, while WAL is written, before it is a warning. Default
    /// "5m": longer than a restart and than most transactions take to be applied.
    pub(crate) subscriber_stalled_warning: Seconds,
    /// How long it may do so before it is critical. Default "1h".
    pub(crate) subscriber_stalled_critical: Seconds,
    /// Time until a slot is lost at the present WAL rate, below which it is a warning. Default "4h".
    pub(crate) slot_time_to_lost_warning: Seconds,
    /// Time until a slot is lost at the present WAL rate, below which it is critical. Default "1h".
    pub(crate) slot_time_to_lost_critical: Seconds,
    /// Age of the oldest segment waiting for the archiver from which on it is a warning. Default "1m".
    pub(crate) archive_age_warning: Seconds,
    /// Age of the oldest segment waiting for the archiver from which on it is critical. Default "5m": what a crash of
    /// the host could then lose.
    pub(crate) archive_age_critical: Seconds,
    /// Segments waiting for the archiver from which on it is a warning. Default 64: 1 GiB of 16 MiB segments.
    pub(crate) archive_backlog_warning: u32,
    /// Segments waiting for the archiver from which on it is critical. Default 640.
    pub(crate) archive_backlog_critical: u32,
    /// Age of the xmin horizon, in transactions, from which on it is a warning. Default 10 million.
    pub(crate) xmin_age_warning: u32,
    /// Age of the xmin horizon, in transactions, from which on it is critical. Default 100 million: half of
    /// autovacuum_freeze_max_age.
    pub(crate) xmin_age_critical: u32,
    /// Free walsenders (max_wal_senders less those in use) below which it is a warning; none free is critical. Default
    /// 2: one pg_basebackup takes two.
    pub(crate) sender_headroom: u32,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            lag_healthy: Seconds(2.0),
            lag_warning: Seconds(5.0),
            lag_critical: Seconds(30.0),
            lag_warning_bytes: None,
            lag_critical_bytes: None,
            expect: Vec::new(),
            expect_commit_within: None,
            primary: None,
            delayed: BTreeMap::new(),
            contact_slack: Seconds(5.0),
            reconnect_within: Seconds(15.0),
            pause_allowed: Seconds(0.0),
            reads: None,
            slot_retention_warning: Bytes(1 << 30),
            slot_retention_critical: Bytes(10 << 30),
            slot_inactive_warning: Seconds(300.0),
            slot_inactive_critical: Seconds(86_400.0),
            subscriber_stalled_warning: Seconds(300.0),
            subscriber_stalled_critical: Seconds(3_600.0),
            slot_time_to_lost_warning: Seconds(14_400.0),
            slot_time_to_lost_critical: Seconds(3_600.0),
            archive_age_warning: Seconds(60.0),
            archive_age_critical: Seconds(300.0),
            archive_backlog_warning: 64,
            archive_backlog_critical: 640,
            xmin_age_warning: 10_000_000,
            xmin_age_critical: 100_000_000,
            sender_headroom: 2,
        }
    }
}

impl Settings {
    /// Contradictions between settings that each fit the schema.
    pub(crate) fn problems(&self) -> Vec<Problem> {
        let mut problems = Vec::new();
        let mut rising = |low: &str, low_value: f64, high: &str, high_value: f64| {
            if low_value > high_value {
                problems
                    .push(Problem::at(&format!("/{low}"), format!("is above {high}: it has to be at most as large")));
            }
        };
        let bytes = |value: Option<Bytes>, none: f64| value.map_or(none, |value| value.0 as f64);
        rising("lag_healthy", self.lag_healthy.0, "lag_warning", self.lag_warning.0);
        rising("lag_warning", self.lag_warning.0, "lag_critical", self.lag_critical.0);
        let (low, high) = (bytes(self.lag_warning_bytes, 0.0), bytes(self.lag_critical_bytes, f64::INFINITY));
        rising("lag_warning_bytes", low, "lag_critical_bytes", high);
        let (low, high) = (self.slot_retention_warning.0 as f64, self.slot_retention_critical.0 as f64);
        rising("slot_retention_warning", low, "slot_retention_critical", high);
        rising(
            "slot_inactive_warning",
            self.slot_inactive_warning.0,
            "slot_inactive_critical",
            self.slot_inactive_critical.0,
        );
        rising(
            "subscriber_stalled_warning",
            self.subscriber_stalled_warning.0,
            "subscriber_stalled_critical",
            self.subscriber_stalled_critical.0,
        );
        let (low, high) = (self.slot_time_to_lost_critical.0, self.slot_time_to_lost_warning.0);
        rising("slot_time_to_lost_critical", low, "slot_time_to_lost_warning", high);
        rising("archive_age_warning", self.archive_age_warning.0, "archive_age_critical", self.archive_age_critical.0);
        let (low, high) = (self.archive_backlog_warning.into(), self.archive_backlog_critical.into());
        rising("archive_backlog_warning", low, "archive_backlog_critical", high);
        rising("xmin_age_warning", self.xmin_age_warning.into(), "xmin_age_critical", self.xmin_age_critical.into());
        for (index, name) in self.expect.iter().enumerate() {
            if name.trim().is_empty() {
                problems.push(Problem::at(
                    &format!("/expect/{index}"),
                    "is empty: an application_name or a slot's name is meant",
                ));
            } else if self.expect.iter().take(index).any(|other| other == name) {
                problems.push(Problem::at(
                    &format!("/expect/{index}"),
                    format!("{name:?} stands in the list twice: leave one"),
                ));
            }
        }
        problems
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pointers(change: impl FnOnce(&mut Settings)) -> Vec<String> {
        let mut settings = Settings::default();
        change(&mut settings);
        settings.problems().into_iter().map(|problem| problem.pointer).collect()
    }

    #[test]
    fn the_defaults_contradict_each_other_nowhere() {
        assert!(pointers(|_| ()).is_empty());
    }

    #[test]
    fn a_warning_above_its_critical_is_a_problem_and_is_pointed_at() {
        assert_eq!(pointers(|settings| settings.lag_warning = Seconds(31.0)), ["/lag_warning"]);
        assert_eq!(pointers(|settings| settings.lag_healthy = Seconds(6.0)), ["/lag_healthy"]);
        assert_eq!(
            pointers(|settings| settings.slot_time_to_lost_critical = Seconds(1e6)),
            ["/slot_time_to_lost_critical"]
        );
        assert_eq!(
            pointers(|settings| settings.expect = vec!["a".into(), "a".into(), " ".into()]),
            ["/expect/1", "/expect/2"]
        );
    }
}
