//! What one scope's run leaves for the next: the positions, contacts and changes from which the next run tells time
//! lag, absence and rates. It is void when the server is another one, has another role or timeline, or its clock went
//! back.

use std::collections::BTreeMap;

use pgreeve_sdk::Role;
use serde::{Deserialize, Serialize};

use crate::observe::Seen;
use crate::room::Room;
use crate::rows::{Look, Sender, Slot, Subscription, SubscriptionErrors};
use crate::samples::Samples;

/// Slots and standbys remembered; more than any server has (max_replication_slots and max_wal_senders are in the tens).
const MOST: usize = 300;

/// What is remembered of one scope.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Memory {
    /// Time of the last run, by the server's clock, in microseconds.
    pub(crate) at: i64,
    system_identifier: u64,
    standby: bool,
    /// Whether the last run saw this server in the other role.
    pub(crate) changed_role: bool,
    timeline: Option<i64>,
    /// The end of WAL: written on a primary, known of on a standby.
    pub(crate) ends: Samples,
    /// The end of WAL of the scope that the setting `primary` names.
    pub(crate) primary_ends: Samples,
    pub(crate) receiver: Receiver,
    /// By name.
    pub(crate) slots: BTreeMap<String, SlotMemory>,
    /// By database and name.
    pub(crate) subscriptions: BTreeMap<String, SubscriptionMemory>,
    /// By connection.
    pub(crate) standbys: BTreeMap<String, StandbyMemory>,
    /// When the last replayed commit was made, by the primary's clock.
    pub(crate) commit_at: Option<i64>,
    /// Since when a commit is found to wait for a synchronous standby, by its statement.
    pub(crate) waits: BTreeMap<String, i64>,
    /// Since when replay is found paused.
    pub(crate) paused_since: Option<i64>,
    /// The segment that could not be archived at the last attempt that is known of; a reset of the statistics forgets
    /// it, this does not.
    pub(crate) failed_wal: Option<String>,
}

/// The walreceiver.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Receiver {
    /// The last message from the upstream while streaming.
    pub(crate) contact_at: Option<i64>,
    /// Since when it is found absent or not streaming.
    pub(crate) down_since: Option<i64>,
    /// Runs in a row that found another process without any WAL having come in between.
    pub(crate) restarts: u32,
    /// The newest WAL known of, also after a restart, which forgets what was received.
    pub(crate) known_end: Option<u64>,
    pid: Option<i64>,
    replayed: Option<u64>,
    /// Whether anything was replayed since the run before.
    pub(crate) advances: bool,
}

/// A slot, and where it was at an earlier run.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct SlotMemory {
    restart_lsn: Option<u64>,
    /// Since when nobody has been found to use it or to move it.
    pub(crate) unused_since: Option<i64>,
    safe: Option<i64>,
    confirmed_lsn: Option<u64>,
    /// Since when its consumer is found to confirm nothing though there is something to confirm.
    pub(crate) stalled_since: Option<i64>,
    /// Its safe_wal_size over the last runs.
    pub(crate) room: Room,
}

/// A subscription of this server.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct SubscriptionMemory {
    /// Failures counted so far; none where they are not counted.
    pub(crate) errors: Option<i64>,
    /// Runs in a row that found more failures than the run before.
    pub(crate) failing: u32,
    /// Since when it is found enabled and without an apply worker.
    pub(crate) down_since: Option<i64>,
}

/// A connected standby.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct StandbyMemory {
    reply_time: Option<i64>,
    /// Since when its reply is the same one, by this server's clock.
    pub(crate) silent_since: i64,
    /// Since when it is in the state `startup`.
    pub(crate) startup_since: Option<i64>,
}

/// A connection's key in memory: two standbys may have one name, and a new connection is another one.
pub(crate) fn standby_key(sender: &Sender) -> String {
    format!("{} {}", sender.pid, sender.name())
}

impl Memory {
    /// What to remember after this run.
    pub(crate) fn advance(before: Option<Self>, seen: &Seen) -> Self {
        let Ok(identity) = &seen.identity else { return before.unwrap_or_default() };
        let standby = seen.server.role == Role::Standby;
        let same = |before: &Self| before.system_identifier == seen.server.system_identifier;
        let changed_role = before.as_ref().is_some_and(|before| same(before) && before.standby != standby);
        let fresh = Self {
            system_identifier: seen.server.system_identifier,
            standby,
            timeline: identity.timeline,
            ..Self::default()
        };
        let mut memory =
            before.filter(|before| before.is_of(&fresh) && before.at <= identity.at).unwrap_or_else(|| fresh.clone());
        for look in seen.looks() {
            memory.take_look(look);
        }
        if seen.server.role == Role::Primary {
            let here = seen.senders.iter().flatten().flatten().filter_map(|sender| Some((sender.at, sender.lsn?)));
            here.chain(identity.lsn.map(|lsn| (identity.at, lsn))).for_each(|(at, lsn)| memory.ends.push(at, lsn));
        } else if let (true, Some(lsn)) = (seen.looks().is_empty(), identity.lsn) {
            memory.ends.push(identity.at, lsn);
        }
        if let Some(Ok(primary)) = &seen.primary
            && let Some(lsn) = primary.end.lsn
        {
            memory.primary_ends.push(primary.end.at, lsn);
        }
        if let Ok(slots) = &seen.slots {
            let before = std::mem::take(&mut memory.slots);
            let kept = slots.iter().filter(|slot| !slot.temporary).take(MOST);
            memory.slots = kept
                .map(|slot| (slot.slot_name.clone(), SlotMemory::advance(before.get(&slot.slot_name), slot)))
                .collect();
        }
        if let Ok(subscriptions) = &seen.subscriptions {
            let errors = seen.subscription_errors.as_deref().unwrap_or_default();
            let before = std::mem::take(&mut memory.subscriptions);
            memory.subscriptions = subscriptions
                .iter()
                .take(MOST)
                .map(|row| (row.key(), SubscriptionMemory::advance(before.get(&row.key()), row, errors)))
                .collect();
        }
        if let Some(Ok(senders)) = seen.senders.last() {
            let before = std::mem::take(&mut memory.standbys);
            let kept = senders.iter().filter(|sender| sender.is_standby()).take(MOST);
            memory.standbys = kept
                .map(|sender| {
                    let key = standby_key(sender);
                    let now = StandbyMemory::advance(before.get(&key), sender);
                    (key, now)
                })
                .collect();
        }
        if let Ok(waiters) = &seen.waiters {
            let before = std::mem::take(&mut memory.waits);
            // Without the time of its statement one wait of a backend is not told from its next.
            let told = waiters.iter().filter_map(|waiter| waiter.statement.clone()).filter(|told| told.contains('@'));
            memory.waits =
                told.take(MOST).map(|told| (told.clone(), *before.get(&told).unwrap_or(&identity.at))).collect();
        }
        if let (Ok(archiver), Ok(ready)) = (&seen.archiver, &seen.ready) {
            memory.failed_wal = match archiver.last_failed_wal.clone().filter(|_| archiver.failing) {
                None if archiver.archived_age.is_none() && ready.waiting > 0 => memory.failed_wal.take(),
                failed => failed,
            };
        }
        memory.changed_role = changed_role;
        memory.at = identity.at;
        memory
    }

    fn is_of(&self, other: &Self) -> bool {
        (self.system_identifier, self.standby, self.timeline)
            == (other.system_identifier, other.standby, other.timeline)
    }

    fn take_look(&mut self, look: &Look) {
        if let Some(lsn) = look.end_lsn {
            self.ends.push(look.at, lsn);
        }
        if let Some(age) = look.commit_age {
            self.commit_at = Some(look.at - (age * 1e6) as i64);
        }
        self.paused_since = look.is_paused().then(|| self.paused_since.unwrap_or(look.at));
        let receiver = &mut self.receiver;
        receiver.advances = receiver.replayed.is_some_and(|before| look.replay_lsn.is_some_and(|now| now > before));
        receiver.known_end = if look.is_streaming() { look.end_lsn } else { receiver.known_end.max(look.end_lsn) };
        if look.is_streaming() {
            if receiver.pid.is_some_and(|pid| Some(pid) != look.receiver) && !receiver.advances {
                receiver.restarts = receiver.restarts.saturating_add(1);
            } else {
                receiver.restarts = 0;
            }
            receiver.pid = look.receiver;
            receiver.contact_at = look.contact_age.map(|age| look.at - (age * 1e6) as i64).or(receiver.contact_at);
            receiver.down_since = None;
        } else if !look.is_hidden() {
            receiver.down_since = Some(receiver.down_since.unwrap_or(look.at));
        }
        receiver.replayed = look.replay_lsn.or(receiver.replayed);
    }
}

impl SlotMemory {
    fn advance(before: Option<&Self>, slot: &Slot) -> Self {
        let moved = before.is_some_and(|before| before.restart_lsn != slot.restart_lsn);
        let unused_since = match before {
            _ if slot.active => None,
            // Patroni moves the slots of its other members forward without connecting to them.
            Some(before) if !moved => before.unused_since.or(Some(slot.at)),
            _ => Some(slot.at),
        };
        // What shrank before is no sign of what comes: it was moved by hand, made anew by the same name, or its limit
        // was raised.
        let other = before.is_none_or(|before| {
            moved && !slot.active || slot.restart_lsn < before.restart_lsn || !moved && slot.safe_wal_size > before.safe
        });
        let mut room = before.filter(|_| !other).map(|before| before.room.clone()).unwrap_or_default();
        if let Some(safe) = slot.safe_wal_size {
            room.push(slot.at, safe);
        }
        let stalls = slot.unconfirmed.is_some_and(|bytes| bytes > 0);
        let stalled_before =
            before.filter(|before| before.confirmed_lsn == slot.confirmed_lsn).and_then(|before| before.stalled_since);
        Self {
            restart_lsn: slot.restart_lsn,
            unused_since,
            safe: slot.safe_wal_size,
            confirmed_lsn: slot.confirmed_lsn,
            stalled_since: stalls.then(|| stalled_before.unwrap_or(slot.at)),
            room,
        }
    }
}

impl SubscriptionMemory {
    fn advance(before: Option<&Self>, row: &Subscription, errors: &[SubscriptionErrors]) -> Self {
        let of = |counted: &&SubscriptionErrors| counted.name == row.name && counted.database == row.database;
        let errors = errors.iter().find(of).map(|counted| counted.errors);
        let known = before.and_then(|before| before.errors);
        let failing = match (known, errors) {
            (Some(known), Some(now)) if now > known => before.map_or(0, |before| before.failing).saturating_add(1),
            _ => 0,
        };
        let down = row.enabled && row.worker.is_none();
        let down_since = down.then(|| before.and_then(|before| before.down_since).unwrap_or(row.at));
        Self { errors, failing, down_since }
    }
}

impl StandbyMemory {
    fn advance(before: Option<&Self>, sender: &Sender) -> Self {
        let silent_since = before
            .filter(|before| before.reply_time == sender.reply_time)
            .map_or(sender.at, |before| before.silent_since);
        let in_startup = sender.state.as_deref() == Some("startup");
        let startup_since = in_startup.then(|| before.and_then(|before| before.startup_since).unwrap_or(sender.at));
        Self { reply_time: sender.reply_time, silent_since, startup_since }
    }
}
