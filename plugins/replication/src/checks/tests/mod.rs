//! The checks as tables: what was seen, what is remembered, and the answer that this has to give.

mod slots;
mod standby;
mod upstream;

use pgreeve_sdk::{Error, Finding, Reason, RemoteError, Role, Server, Status};

use super::{all, settle_expected};
use crate::memory::Memory;
use crate::observe::{Primary, Seen};
use crate::rows::{
    Archiver, Holder, Identity, Limits, Look, PrimaryEnd, Ready, ReceiverSettings, Sender, Slot, Startup, Subscription,
    SubscriptionErrors, Sync, Waiter, WalWritten,
};
use crate::settings::Settings;
use crate::view::View;

const SECOND: i64 = 1_000_000;

fn server(role: Role) -> Server {
    Server {
        version: 180_004,
        role,
        system_identifier: 7,
        database: "postgres".into(),
        user: "observer".into(),
        extensions: Vec::new(),
    }
}

/// A standby that streams and has replayed all, at a second.
fn standby(second: i64) -> Seen {
    let look = Look {
        at: second * SECOND,
        receiver: Some(42),
        status: Some("streaming".into()),
        contact_age: Some(0.1),
        received: true,
        end_lsn: Some(1000),
        replay_lsn: Some(1000),
        commit_age: Some(3600.0),
        pause: Some("not paused".into()),
        timeline: Some(1),
        ..Look::default()
    };
    let settings = ReceiverSettings {
        timeout_ms: Some(60_000),
        retry_ms: Some(5_000),
        delay_ms: Some(0),
        streams: Some(true),
        ships: Some(false),
        slot: Some("s1".into()),
        target: None,
    };
    Seen {
        server: server(Role::Standby),
        identity: Ok(Identity { at: second * SECOND, standby: true, timeline: Some(1), lsn: Some(1000) }),
        looks: Some(Ok(vec![look])),
        receiver_settings: Some(Ok(settings)),
        startup: Some(Ok(vec![Startup {
            wait_event_type: Some("Activity".into()),
            wait_event: Some("RecoveryWalStream".into()),
        }])),
        wal_written: None,
        ..primary(second)
    }
}

/// A primary with nothing but itself, at a second.
fn primary(second: i64) -> Seen {
    let limits = Limits {
        wal_level: "replica".into(),
        max_wal_senders: 10,
        segment_bytes: Some(16 << 20),
        sender_timeout_ms: Some(60_000),
        slot_limit: "-1".into(),
        ..Limits::default()
    };
    Seen {
        server: server(Role::Primary),
        identity: Ok(Identity { at: second * SECOND, standby: false, timeline: Some(1), lsn: Some(1000) }),
        looks: None,
        receiver_settings: None,
        startup: None,
        wal_written: None,
        senders: vec![Ok(Vec::new())],
        slots: Ok(Vec::new()),
        subscriptions: Ok(Vec::new()),
        subscription_errors: Ok(Vec::new()),
        archiver: Ok(Archiver { mode: Some("off".into()), ..Archiver::default() }),
        ready: Ok(Ready::default()),
        xmin: Ok(Vec::new()),
        sync: Ok(vec![Sync { level: "on".into(), ..Sync::default() }]),
        waiters: Ok(Vec::new()),
        limits: Ok(limits),
        primary: None,
    }
}

fn look(seen: &mut Seen) -> &mut Look {
    seen.looks.as_mut().unwrap().as_mut().unwrap().last_mut().unwrap()
}

/// The answers of the last of several runs.
fn judged(runs: &[Seen], settings: &Settings) -> Vec<Finding> {
    let mut memory = None;
    for seen in runs {
        memory = Some(Memory::advance(memory, seen));
    }
    let (seen, memory) = (runs.last().unwrap(), memory.unwrap());
    all(&View { settings, scope: "main", several: false, seen, memory: &memory }).0
}

fn answer(runs: &[Seen], key: &str) -> (Status, Option<Reason>, String) {
    let findings = judged(runs, &Settings::default());
    let finding =
        findings.iter().find(|finding| finding.key == key).unwrap_or_else(|| panic!("no {key} in {findings:#?}"));
    (finding.status, finding.reason, finding.summary.clone())
}

fn status(runs: &[Seen], key: &str) -> Status {
    answer(runs, key).0
}

fn changed(mut seen: Seen, change: impl FnOnce(&mut Look)) -> Seen {
    change(look(&mut seen));
    seen
}

fn without_receiver(second: i64, written: Option<f64>) -> Seen {
    let mut seen = changed(standby(second), |look| {
        (look.receiver, look.status, look.contact_age, look.timeline) = (None, None, None, None);
    });
    seen.wal_written = Some(Ok(WalWritten { age: written }));
    seen
}
