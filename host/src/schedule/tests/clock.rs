//! A clock that jumps: set back by NTP, put forward by a suspended host.

use jiff::SignedDuration;

use super::super::{CORRECTION, LATE, LONGEST_SLEEP, Schedule, SkipReason};
use super::queue::{fresh, skip, slots};
use super::*;

#[test]
fn a_clock_set_back_runs_no_due_time_twice() {
    for back in [1, 59, 60, 600, 3600] {
        let mut schedule = fresh(4, vec![job("lag", "* * * * *"), job("dump", "30 1 * * *")], "2026-01-01T01:29:30Z");
        let noon = at("2026-01-01T01:30:00Z");
        assert_eq!(schedule.take_due(noon).len(), 2);
        schedule.finished("lag");
        schedule.finished("dump");
        let mut now = noon - SignedDuration::from_secs(back);
        while now <= noon {
            assert_eq!(schedule.take_due(now), [], "set back {back} s, at {now}");
            now += SignedDuration::from_secs(10);
        }
        let next = "2026-01-01T01:31:00Z";
        assert_eq!(schedule.take_due(at(next)), [start("lag", next)], "set back {back} s");
    }
}

#[test]
fn a_clock_that_was_wrong_blinds_no_check() {
    // Started a year ahead; then NTP came.
    let mut schedule = fresh(4, vec![job("lag", "* * * * *")], "2027-01-01T00:00:30Z");
    assert_eq!(schedule.take_due(at("2027-01-01T00:01:00Z")), [start("lag", "2027-01-01T00:01:00Z")]);
    schedule.finished("lag");
    assert_eq!(schedule.take_due(at("2026-01-01T12:00:20Z")), []);
    assert_eq!(schedule.next_wake(), Some(at("2026-01-01T12:01:00Z")));
    assert_eq!(schedule.take_due(at("2026-01-01T12:01:00Z")), [start("lag", "2026-01-01T12:01:00Z")]);
}

#[test]
fn many_small_steps_back_blind_no_check_for_longer_than_one_correction() {
    let mut schedule = fresh(4, vec![job("lag", "* * * * *")], "2026-01-01T12:00:30Z");
    let mut now = at("2026-01-01T12:00:30Z");
    for _ in 0..2 {
        now -= SignedDuration::from_mins(40);
        assert_eq!(schedule.take_due(now), []);
    }
    assert_eq!(schedule.next_wake(), Some(at("2026-01-01T10:41:00Z")));
}

#[test]
fn a_correction_keeps_the_runs_under_way_and_those_that_wait() {
    let jobs = vec![job("a", "0 12 * * *"), job("b", "0 12 * * *")];
    let mut schedule = fresh(1, jobs, "2026-06-01T11:00:00Z");
    schedule.take_due(at("2026-06-01T12:00:00Z"));
    assert_eq!(schedule.take_due(at("2026-01-01T00:00:00Z")), []);
    assert_eq!((schedule.running(), schedule.waiting()), (1, 1));
    assert_eq!(schedule.finished("a"), [start("b", "2026-06-01T12:00:00Z")]);
}

#[test]
fn a_due_time_stored_by_a_wrong_clock_silences_no_job() {
    let now = at("2026-01-01T12:00:30Z");
    let cases = [("2026-01-01T12:30:00Z", "2026-01-01T12:31:00Z"), ("2031-01-01T00:00:00Z", "2026-01-01T12:01:00Z")];
    for (stored, expected) in cases {
        let schedule = Schedule::new(slots(1), vec![job("lag", "* * * * *")], |_| Some(at(stored)), now);
        assert_eq!(schedule.next_wake(), Some(at(expected)), "{stored}");
    }
}

#[test]
fn a_suspended_host_gives_one_run_and_not_a_burst() {
    let mut schedule = fresh(4, vec![job("lag", "* * * * *")], "2026-01-01T00:00:30Z");
    let woken = at("2026-01-01T06:00:10Z");
    let expected = Event::Start {
        job: "lag".into(),
        due: at("2026-01-01T06:00:00Z"),
        missed_since: Some(at("2026-01-01T00:01:00Z")),
    };
    assert_eq!(schedule.take_due(woken), [expected]);
    assert_eq!(schedule.finished("lag"), []);
    assert_eq!(schedule.take_due(woken), []);
    assert_eq!(schedule.next_wake(), Some(at("2026-01-01T06:01:00Z")));
}

#[test]
fn a_tick_at_the_very_next_due_time_gives_one_run_for_both() {
    let mut schedule = fresh(4, vec![job("lag", "* * * * *")], "2026-01-01T00:00:30Z");
    let due = at("2026-01-01T00:02:00Z");
    let expected = Event::Start { job: "lag".into(), due, missed_since: Some(at("2026-01-01T00:01:00Z")) };
    assert_eq!(schedule.take_due(due), [expected]);
    assert_eq!(schedule.next_wake(), Some(at("2026-01-01T00:03:00Z")));
}

#[test]
fn a_job_changed_while_the_clock_is_set_back_runs_no_due_time_twice() {
    let mut schedule = fresh(4, vec![job("lag", "* * * * *")], "2026-01-01T12:00:30Z");
    schedule.take_due(at("2026-01-01T12:01:00Z"));
    schedule.finished("lag");
    let changed = JobPlan { catch_up: CatchUp::Never, ..job("lag", "* * * * *") };
    schedule.reload(slots(4), vec![changed], at("2026-01-01T11:50:00Z"));
    assert_eq!(schedule.next_wake(), Some(at("2026-01-01T12:02:00Z")));
}

#[test]
fn a_job_that_never_catches_up_skips_what_a_suspended_host_missed() {
    let plan = JobPlan { catch_up: CatchUp::Never, ..job("vacuum", "0 3 * * *") };
    let mut schedule = fresh(4, vec![plan], "2026-01-01T00:00:30Z");
    let due = "2026-01-01T03:00:00Z";
    assert_eq!(
        schedule.take_due(at("2026-01-01T08:00:00Z")),
        [skip("vacuum", due, SkipReason::Missed { since: at(due) })]
    );
    let tomorrow = "2026-01-02T03:00:00Z";
    assert_eq!(schedule.take_due(at(tomorrow)), [start("vacuum", tomorrow)]);
}

#[test]
fn a_run_suspended_with_its_host_is_one_skip() {
    let mut schedule = fresh(4, vec![job("lag", "* * * * *")], "2026-01-01T00:00:30Z");
    schedule.take_due(at("2026-01-01T00:01:00Z"));
    assert_eq!(
        schedule.take_due(at("2026-01-01T06:00:10Z")),
        [skip("lag", "2026-01-01T06:00:00Z", SkipReason::StillRunning)]
    );
}

#[test]
fn a_start_up_to_a_minute_late_is_on_time() {
    let cases = [(SignedDuration::ZERO, true), (LATE, true), (LATE + SignedDuration::from_nanos(1), false)];
    for (late, runs) in cases {
        let plan = JobPlan { catch_up: CatchUp::Never, ..job("vacuum", "0 3 * * *") };
        let mut schedule = fresh(4, vec![plan], "2026-01-01T00:00:30Z");
        let events = schedule.take_due(at("2026-01-01T03:00:00Z") + late);
        assert_eq!(matches!(events[..], [Event::Start { .. }]), runs, "{late:?}: {events:?}");
    }
}

#[test]
fn the_daemon_looks_at_the_clock_before_a_start_is_late_or_a_correction_hurts() {
    let sleep = SignedDuration::try_from(LONGEST_SLEEP).unwrap();
    assert!(sleep < LATE && LATE < CORRECTION);
}
