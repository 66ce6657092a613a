//! What replication slots answer, physical and logical.

use super::*;

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
    let scarce = |second: i64, active: bool| {
        slot(second, |slot| (slot.active, slot.safe_wal_size, slot.retained) = (active, Some(100), Some(900)))
    };
    let limited = |second: i64, safe: i64| slot(second, |slot| (slot.active, slot.safe_wal_size) = (false, Some(safe)));
    let cases: [(&str, &str, Vec<Seen>, Status); 17] = [
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
            "a burst after a calm quarter of an hour, with room for many such",
            "slot-time-to-lost/s1",
            (0..16).map(|minute| limited(minute * 60, if minute == 15 { 900_000 } else { 1_000_000 })).collect(),
            Status::Ok,
        ),
        (
            "a burst after a calm quarter of an hour, with room for one more such",
            "slot-time-to-lost/s1",
            (0..16).map(|minute| limited(minute * 60, if minute == 15 { 500_000 } else { 1_000_000 })).collect(),
            Status::Critical,
        ),
        (
            "its limit was raised: what shrank before is no rate",
            "slot-time-to-lost/s1",
            vec![limited(0, 16_000), limited(60, 15_000), limited(120, 1_000_000)],
            Status::Ok,
        ),
        (
            "idle now, and a tenth of its room left",
            "slot-time-to-lost/s1",
            vec![scarce(0, false), scarce(60, false)],
            Status::Warning,
        ),
        (
            "in use and idle, and a tenth of its room left",
            "slot-time-to-lost/s1",
            vec![scarce(0, true), scarce(60, true)],
            Status::Ok,
        ),
        (
            "unused for ten minutes, though 17 forgot it at a restart",
            "slot-inactive/s1",
            vec![idle(0), slot(600, |slot| (slot.active, slot.inactive_for) = (false, Some(1.0)))],
            Status::Warning,
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
fn the_answers_about_a_logical_slots_consumer() {
    let logical = |second: i64, confirmed: u64, unconfirmed: i64| {
        slot(second, |slot| {
            slot.slot_type = "logical".into();
            (slot.confirmed_lsn, slot.unconfirmed) = (Some(confirmed), Some(unconfirmed));
        })
    };
    let cases: [(&str, Vec<Seen>, Status); 6] = [
        ("nothing to confirm for an hour", vec![logical(0, 900, 0), logical(3600, 900, 0)], Status::Ok),
        ("behind and moving", vec![logical(0, 500, 400), logical(600, 900, 400)], Status::Ok),
        ("the first record after an idle hour", vec![logical(0, 900, 0), logical(3600, 900, 10)], Status::Ok),
        ("stands for ten minutes", vec![logical(0, 900, 10), logical(600, 900, 5000)], Status::Warning),
        (
            "stands for an hour",
            vec![logical(0, 900, 10), logical(600, 900, 5000), logical(3600, 900, 9000)],
            Status::Critical,
        ),
        (
            "moved once meanwhile",
            vec![logical(0, 900, 10), logical(3500, 950, 5000), logical(3600, 950, 9000)],
            Status::Ok,
        ),
    ];
    for (claim, runs, expected) in cases {
        assert_eq!(status(&runs, "subscriber/s1"), expected, "{claim}");
    }
    let physical = answer(&[slot(0, |_| ())], "subscriber");
    assert_eq!((physical.0, physical.1), (Status::Ok, Some(Reason::NotApplicable)));
}

#[test]
fn of_many_slots_those_in_order_are_counted_and_the_others_shown() {
    let many = |count: usize| {
        let mut seen = slot(0, |slot| slot.wal_status = Some("lost".into()));
        let slots = seen.slots.as_mut().unwrap();
        for number in 1..count {
            let well =
                Slot { slot_name: format!("well{number}"), wal_status: Some("reserved".into()), ..slots[0].clone() };
            slots.push(well);
        }
        judged(&[seen], &Settings::default())
    };
    let has = |findings: &[Finding], key: &str| findings.iter().any(|finding| finding.key == key);
    let (few, lots) = (many(50), many(300));
    assert!(has(&few, "slot-status/well1") && !has(&few, "slot-status"));
    assert!(has(&lots, "slot-status/s1") && has(&lots, "slot-status") && !has(&lots, "slot-status/well1"));
    assert!(lots.len() < 50, "{}", lots.len());
}
