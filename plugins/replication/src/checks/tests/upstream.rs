//! What a primary, or any server that others follow, answers.

use super::*;

fn sender(state: &str, replayed: Option<u64>) -> Sender {
    Sender {
        pid: 9,
        application_name: Some("s1".into()),
        state: Some(state.into()),
        replay_lsn: replayed,
        flush_lsn: replayed,
        reply_time: Some(1),
        reply_age: Some(0.5),
        lsn: Some(1000),
        ..Sender::default()
    }
}

fn with_sender(second: i64, sender: Sender) -> Seen {
    Seen { senders: vec![Ok(vec![Sender { at: second * SECOND, ..sender }])], ..primary(second) }
}

#[test]
fn the_answers_about_connected_standbys() {
    let replied = |second: i64, sender: Sender| with_sender(second, Sender { reply_time: Some(second), ..sender });
    let cases: [(&str, Vec<Seen>, Status); 7] = [
        (
            "caught up and idle: the lags are NULL, which is not 0 and no failure",
            vec![with_sender(0, sender("streaming", Some(1000)))],
            Status::Ok,
        ),
        (
            "two clocks that differ are no silence",
            vec![with_sender(0, Sender { reply_age: Some(500.0), ..sender("streaming", Some(1000)) })],
            Status::Ok,
        ),
        (
            "the same reply for a minute is",
            vec![with_sender(0, sender("streaming", Some(1000))), with_sender(60, sender("streaming", Some(1000)))],
            Status::Critical,
        ),
        (
            "WAL of a minute ago not replayed",
            vec![replied(0, sender("streaming", Some(500))), replied(60, sender("streaming", Some(500)))],
            Status::Critical,
        ),
        (
            "a stale replay_lag of nothing hides nothing: trap 8",
            vec![
                replied(0, sender("streaming", Some(500))),
                replied(60, Sender { replay_lag: Some(0.0003), ..sender("streaming", Some(500)) }),
            ],
            Status::Critical,
        ),
        ("startup for a moment", vec![with_sender(0, sender("startup", None))], Status::Warning),
        (
            "startup for a minute",
            vec![with_sender(0, sender("startup", None)), with_sender(60, sender("startup", None))],
            Status::Critical,
        ),
    ];
    for (claim, runs, expected) in cases {
        assert_eq!(status(&runs, "standby/s1"), expected, "{claim}");
    }
}

#[test]
fn a_backup_and_pg_receivewal_are_no_standbys() {
    for seen in [with_sender(0, sender("backup", None)), with_sender(0, sender("streaming", None))] {
        assert_eq!(answer(std::slice::from_ref(&seen), "standby").1, Some(Reason::NotApplicable));
        let settings = Settings { expect: vec!["s1".into()], ..Settings::default() };
        let expected = judged(&[seen], &settings).into_iter().find(|finding| finding.key == "expected/s1").unwrap();
        assert_eq!(expected.status, Status::Critical, "{}", expected.summary);
    }
}

fn slot(second: i64, change: impl FnOnce(&mut Slot)) -> Seen {
    let mut slot = Slot {
        at: second * SECOND,
        slot_name: "s1".into(),
        slot_type: "physical".into(),
        active: true,
        wal_status: Some("reserved".into()),
        restart_lsn: Some(900),
        retained: Some(100),
        ..Slot::default()
    };
    change(&mut slot);
    Seen { slots: Ok(vec![slot]), ..primary(second) }
}

#[test]
fn the_answers_about_slots() {
    let idle = |second: i64| slot(second, |slot| slot.active = false);
    let limited = |second: i64, safe: i64| slot(second, |slot| (slot.active, slot.safe_wal_size) = (false, Some(safe)));
    let cases: [(&str, &str, Vec<Seen>, Status); 11] = [
        (
            "lost, and restart_lsn is kept",
            "slot-status/s1",
            vec![slot(0, |slot| slot.wal_status = Some("lost".into()))],
            Status::Critical,
        ),
        (
            "extended is harmless",
            "slot-status/s1",
            vec![slot(0, |slot| slot.wal_status = Some("extended".into()))],
            Status::Ok,
        ),
        (
            "never reserved, with a negative safe_wal_size: trap 6",
            "slot-time-to-lost/s1",
            vec![slot(0, |slot| (slot.wal_status, slot.safe_wal_size) = (None, Some(-1_217_400)))],
            Status::Ok,
        ),
        ("2 GiB kept", "slot-retention/s1", vec![slot(0, |slot| slot.retained = Some(2 << 30))], Status::Warning),
        ("20 GiB kept", "slot-retention/s1", vec![slot(0, |slot| slot.retained = Some(20 << 30))], Status::Critical),
        ("unused before 17, seen once", "slot-inactive/s1", vec![idle(0)], Status::Ok),
        ("unused before 17, seen for ten minutes", "slot-inactive/s1", vec![idle(0), idle(600)], Status::Warning),
        (
            "unused for two days by 17's own word",
            "slot-inactive/s1",
            vec![slot(0, |slot| (slot.active, slot.inactive_for) = (false, Some(172_800.0)))],
            Status::Critical,
        ),
        (
            "synchronised and unused",
            "slot-inactive/s1",
            vec![slot(0, |slot| (slot.active, slot.synced, slot.inactive_for) = (false, true, Some(1e6)))],
            Status::Ok,
        ),
        (
            "lost in a quarter of an hour",
            "slot-time-to-lost/s1",
            vec![limited(0, 16_000), limited(60, 15_000)],
            Status::Critical,
        ),
        (
            "lost in two weeks",
            "slot-time-to-lost/s1",
            vec![limited(0, 20_001_000), limited(60, 20_000_000)],
            Status::Ok,
        ),
    ];
    for (claim, key, runs, expected) in cases {
        assert_eq!(status(&runs, key), expected, "{claim}");
    }
}

#[test]
fn the_answers_about_the_archiver() {
    let archiver = |waiting: i64, age: Option<f64>, change: fn(&mut Archiver)| {
        let mut archiver =
            Archiver { mode: Some("on".into()), command: Some(true), library: Some(false), ..Archiver::default() };
        change(&mut archiver);
        Seen { archiver: Ok(archiver), ready: Ok(Ready { waiting, oldest_age: age }), ..primary(0) }
    };
    let cases = [
        ("nothing to archive yet", archiver(0, None, |_| ()), Status::Ok),
        (
            "never archived, always failing",
            archiver(1, Some(0.1), |archiver| archiver.failing = true),
            Status::Critical,
        ),
        ("an old failure is no outage", archiver(0, None, |archiver| archiver.failed_count = 9), Status::Ok),
        ("hangs for two minutes", archiver(1, Some(120.0), |_| ()), Status::Warning),
        ("hangs for an hour", archiver(1, Some(3600.0), |_| ()), Status::Critical),
        ("configured to nothing", archiver(0, None, |archiver| archiver.command = Some(false)), Status::Critical),
        (
            "a library instead of a command",
            archiver(0, None, |archiver| (archiver.command, archiver.library) = (Some(false), Some(true))),
            Status::Ok,
        ),
        ("off", archiver(9, Some(9e9), |archiver| archiver.mode = Some("off".into())), Status::Ok),
    ];
    for (claim, seen, expected) in cases {
        assert_eq!(status(&[seen], "archiver"), expected, "{claim}");
    }
}

#[test]
fn a_query_that_fails_costs_its_own_answer_and_says_why() {
    let refused = Error::Remote(RemoteError {
        code: "42501".into(),
        message: "permission denied".into(),
        detail: None,
        hint: None,
    });
    let archiver = Archiver { mode: Some("on".into()), command: Some(true), ..Archiver::default() };
    let seen = Seen { archiver: Ok(archiver), ready: Err(refused), ..primary(0) };
    let findings = judged(&[seen], &Settings::default());
    let bad: Vec<&Finding> = findings.iter().filter(|finding| finding.status != Status::Ok).collect();
    assert_eq!(bad.len(), 2, "{bad:#?}");
    for finding in bad {
        assert_eq!(finding.reason, Some(Reason::NoPrivilege));
        assert!(finding.advice.as_deref().unwrap().contains("GRANT pg_monitor TO observer;"), "{finding:#?}");
    }
}

#[test]
fn the_xmin_horizon_names_its_holder_though_it_has_no_database() {
    let holder = Holder { kind: "slot".into(), who: "gone".into(), age: 20_000_000, more: None };
    let (status, _, summary) = answer(&[Seen { xmin: Ok(vec![holder]), ..primary(0) }], "xmin");
    assert!(status == Status::Warning && summary.contains("slot gone"), "{summary}");
}
