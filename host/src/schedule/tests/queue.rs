//! Overlap, the limit on runs under way, catch-up and reload.

use std::num::NonZeroUsize;
use std::time::Duration;

use super::super::{Schedule, SkipReason};
use super::*;

pub(super) fn slots(count: usize) -> NonZeroUsize {
    NonZeroUsize::new(count).unwrap()
}

/// An agent that starts at `now` with an empty store.
pub(super) fn fresh(max_running: usize, jobs: Vec<JobPlan>, now: &str) -> Schedule {
    Schedule::new(slots(max_running), jobs, |_| None, at(now))
}

pub(super) fn skip(job: &str, due: &str, reason: SkipReason) -> Event {
    Event::Skip { job: job.into(), due: at(due), reason }
}

#[test]
fn a_job_starts_when_it_is_due_and_not_before() {
    let mut schedule = fresh(4, vec![job("lag", "* * * * *")], "2026-01-01T00:00:00Z");
    assert_eq!(schedule.next_wake(), Some(at("2026-01-01T00:01:00Z")));
    assert_eq!(schedule.take_due(at("2026-01-01T00:00:59.999Z")), []);
    assert_eq!(schedule.take_due(at("2026-01-01T00:01:00Z")), [start("lag", "2026-01-01T00:01:00Z")]);
    assert_eq!(schedule.take_due(at("2026-01-01T00:01:00Z")), []);
    assert_eq!(schedule.next_wake(), Some(at("2026-01-01T00:02:00Z")));
}

#[test]
fn jitter_delays_the_start_and_keeps_the_due_time() {
    let plan = JobPlan { jitter: Duration::from_secs(1800), ..job("dump", "@daily") };
    let mut schedule = fresh(1, vec![plan], "2026-01-01T12:00:00Z");
    let planned = schedule.upcoming("dump").unwrap();
    assert_eq!(planned.due, at("2026-01-02T00:00:00Z"));
    assert!(planned.start > planned.due);
    assert_eq!(schedule.next_wake(), Some(planned.start));
    assert_eq!(schedule.take_due(planned.due), []);
    assert_eq!(schedule.take_due(planned.start), [start("dump", "2026-01-02T00:00:00Z")]);
}

#[test]
fn a_run_that_is_still_going_is_not_started_twice() {
    let mut schedule = fresh(4, vec![job("lag", "* * * * *")], "2026-01-01T00:00:00Z");
    schedule.take_due(at("2026-01-01T00:01:00Z"));
    for due in ["2026-01-01T00:02:00Z", "2026-01-01T00:03:00Z"] {
        assert_eq!(schedule.take_due(at(due)), [skip("lag", due, SkipReason::StillRunning)]);
    }
    assert_eq!(schedule.finished("lag"), []);
    assert_eq!(schedule.take_due(at("2026-01-01T00:04:00Z")), [start("lag", "2026-01-01T00:04:00Z")]);
}

#[test]
fn runs_over_the_limit_wait_in_order_of_due_time() {
    let jobs = vec![job("c", "3 0 * * *"), job("b", "2 0 * * *"), job("a", "1 0 * * *"), job("d", "3 0 * * *")];
    let mut schedule = fresh(1, jobs, "2026-01-01T00:00:00Z");
    assert_eq!(schedule.take_due(at("2026-01-01T00:01:00Z")), [start("a", "2026-01-01T00:01:00Z")]);
    assert_eq!(schedule.take_due(at("2026-01-01T00:03:00Z")), []);
    assert_eq!((schedule.running(), schedule.waiting()), (1, 3));
    assert_eq!(schedule.finished("a"), [start("b", "2026-01-01T00:02:00Z")]);
    // Due at the same time: in the order of the configuration.
    assert_eq!(schedule.finished("b"), [start("c", "2026-01-01T00:03:00Z")]);
    assert_eq!(schedule.finished("c"), [start("d", "2026-01-01T00:03:00Z")]);
    assert_eq!(schedule.finished("d"), []);
    assert_eq!((schedule.running(), schedule.waiting()), (0, 0));
}

#[test]
fn a_waiting_run_that_comes_due_again_is_not_queued_twice() {
    let mut schedule = fresh(1, vec![job("dump", "1 0 * * *"), job("lag", "* * * * *")], "2026-01-01T00:00:00Z");
    assert_eq!(schedule.take_due(at("2026-01-01T00:01:00Z")), [start("dump", "2026-01-01T00:01:00Z")]);
    for due in ["2026-01-01T00:02:00Z", "2026-01-01T00:03:00Z"] {
        assert_eq!(schedule.take_due(at(due)), [skip("lag", due, SkipReason::WaitingForSlot)]);
    }
    assert_eq!(schedule.finished("dump"), [start("lag", "2026-01-01T00:01:00Z")]);
    assert_eq!(schedule.finished("lag"), []);
    assert_eq!(schedule.take_due(at("2026-01-01T00:04:00Z")), [start("lag", "2026-01-01T00:04:00Z")]);
}

#[test]
fn a_run_that_waited_for_a_slot_is_not_late() {
    let patient = JobPlan { catch_up: CatchUp::Never, ..job("patient", "2 0 * * *") };
    let mut schedule = fresh(1, vec![job("dump", "1 0 * * *"), patient], "2026-01-01T00:00:00Z");
    schedule.take_due(at("2026-01-01T00:01:00Z"));
    assert_eq!(schedule.take_due(at("2026-01-01T00:02:00Z")), []);
    assert_eq!(schedule.take_due(at("2026-01-01T05:00:00Z")), []);
    assert_eq!(schedule.finished("dump"), [start("patient", "2026-01-01T00:02:00Z")]);
}

#[test]
fn the_end_of_a_run_that_was_not_under_way_frees_no_slot() {
    let mut schedule = fresh(1, vec![job("a", "1 0 * * *"), job("b", "1 0 * * *")], "2026-01-01T00:00:00Z");
    schedule.take_due(at("2026-01-01T00:01:00Z"));
    assert_eq!(schedule.finished("b"), []);
    assert_eq!(schedule.finished("unknown"), []);
    assert_eq!((schedule.running(), schedule.waiting()), (1, 1));
}

#[test]
fn downtime_is_made_up_by_one_run_or_none() {
    let (down, up) = ("2026-01-01T03:00:00Z", "2026-01-05T10:00:00Z");
    let caught_up = |due: &str, since: Option<&str>| {
        vec![Event::Start { job: "job".into(), due: at(due), missed_since: since.map(at) }]
    };
    let missed = |due: &str, since: &str| vec![skip("job", due, SkipReason::Missed { since: at(since) })];
    let cases = [
        // Four nights missed, the last one due at 3 today.
        ("0 3 * * *", CatchUp::Once, caught_up("2026-01-05T03:00:00Z", Some("2026-01-02T03:00:00Z"))),
        ("0 3 * * *", CatchUp::Never, missed("2026-01-05T03:00:00Z", "2026-01-02T03:00:00Z")),
        // One missed.
        ("0 3 4 * *", CatchUp::Once, caught_up("2026-01-04T03:00:00Z", None)),
        ("0 3 4 * *", CatchUp::Never, missed("2026-01-04T03:00:00Z", "2026-01-04T03:00:00Z")),
        // Nothing missed.
        ("0 3 1 * *", CatchUp::Once, vec![]),
        ("0 3 1 * *", CatchUp::Never, vec![]),
        // Due this very minute: on time, whatever passed before.
        ("* * * * *", CatchUp::Once, caught_up(up, Some("2026-01-01T03:01:00Z"))),
        ("* * * * *", CatchUp::Never, caught_up(up, Some("2026-01-01T03:01:00Z"))),
    ];
    for (schedule, catch_up, expected) in cases {
        let jobs = vec![JobPlan { catch_up, ..job("job", schedule) }];
        let mut agent = Schedule::new(slots(4), jobs, |_| Some(at(down)), at(up));
        assert_eq!(agent.take_due(at(up)), expected, "{schedule} {catch_up:?}");
        assert!(agent.next_wake().unwrap() > at(up), "{schedule} {catch_up:?}");
        assert_eq!(agent.take_due(at("2026-01-05T10:00:59Z")), [], "{schedule} {catch_up:?}");
    }
}

#[test]
fn a_job_that_the_store_does_not_know_has_missed_nothing() {
    let mut schedule = fresh(4, vec![job("new", "* * * * *")], "2026-01-05T10:00:30Z");
    assert_eq!(schedule.take_due(at("2026-01-05T10:00:30Z")), []);
}

#[test]
fn what_was_handled_before_a_restart_is_not_run_again() {
    let mut before = fresh(4, vec![job("lag", "* * * * *")], "2026-01-01T00:00:00Z");
    assert_eq!(before.take_due(at("2026-01-01T00:01:00Z")), [start("lag", "2026-01-01T00:01:00Z")]);
    let last = at("2026-01-01T00:01:00Z");
    let now = at("2026-01-01T00:01:00Z");
    let mut after = Schedule::new(slots(4), vec![job("lag", "* * * * *")], |_| Some(last), now);
    assert_eq!(after.take_due(now), []);
    assert_eq!(after.next_wake(), Some(at("2026-01-01T00:02:00Z")));
}

#[test]
fn catching_up_keeps_to_the_limit_in_order_of_due_time() {
    let jobs = vec![job("late", "0 4 * * *"), job("early", "0 2 * * *"), job("middle", "0 3 * * *")];
    let now = at("2026-01-05T10:00:00Z");
    let mut schedule = Schedule::new(slots(1), jobs, |_| Some(at("2026-01-04T12:00:00Z")), now);
    assert_eq!(schedule.take_due(now), [start("early", "2026-01-05T02:00:00Z")]);
    assert_eq!(schedule.finished("early"), [start("middle", "2026-01-05T03:00:00Z")]);
    assert_eq!(schedule.finished("middle"), [start("late", "2026-01-05T04:00:00Z")]);
}

#[test]
fn a_missed_job_whose_jitter_has_not_passed_waits_for_its_planned_start() {
    for catch_up in [CatchUp::Once, CatchUp::Never] {
        let plan = JobPlan { catch_up, jitter: Duration::from_secs(3000), ..job("check", "@hourly") };
        let due = at("2026-01-05T10:00:00Z");
        let planned = plan.next_after(at("2026-01-05T09:59:00Z")).unwrap();
        assert!(planned.start > due);
        let mut schedule = Schedule::new(slots(1), vec![plan], |_| Some(at("2026-01-05T07:00:00Z")), due);
        assert_eq!(schedule.take_due(due), []);
        let expected = Event::Start { job: "check".into(), due, missed_since: Some(at("2026-01-05T08:00:00Z")) };
        assert_eq!(schedule.take_due(planned.start), [expected]);
    }
}

#[test]
fn two_downtimes_in_a_row_are_one_for_a_job_that_could_not_start_between() {
    let plan = JobPlan { jitter: Duration::from_secs(3000), ..job("check", "@hourly") };
    let due = at("2026-01-05T10:00:00Z");
    let mut schedule = Schedule::new(slots(1), vec![plan], |_| Some(at("2026-01-05T07:00:00Z")), due);
    assert_eq!(schedule.take_due(due), []);
    let events = schedule.take_due(at("2026-01-05T14:59:59Z"));
    let expected = Event::Start {
        job: "check".into(),
        due: at("2026-01-05T14:00:00Z"),
        missed_since: Some(at("2026-01-05T08:00:00Z")),
    };
    assert_eq!(events, [expected]);
}

#[test]
fn a_reload_keeps_what_did_not_change() {
    let jobs = || vec![job("running", "1 0 * * *"), job("waiting", "2 0 * * *"), job("later", "0 5 * * *")];
    let mut schedule = fresh(1, jobs(), "2026-01-01T00:00:00Z");
    schedule.take_due(at("2026-01-01T00:01:00Z"));
    schedule.take_due(at("2026-01-01T00:02:00Z"));
    let before = schedule.upcoming("later");
    let mut reordered = jobs();
    reordered.reverse();
    assert_eq!(schedule.reload(slots(1), reordered, at("2026-01-01T00:03:00Z")), []);
    assert_eq!((schedule.running(), schedule.waiting()), (1, 1));
    assert_eq!(schedule.upcoming("later"), before);
    assert_eq!(schedule.finished("running"), [start("waiting", "2026-01-01T00:02:00Z")]);
    assert_eq!(schedule.take_due(at("2026-01-01T05:00:00Z")), []);
    assert_eq!(schedule.finished("waiting"), [start("later", "2026-01-01T05:00:00Z")]);
}

#[test]
fn a_reload_between_due_time_and_tick_loses_no_run() {
    let jobs = || vec![job("lag", "* * * * *")];
    let mut schedule = fresh(1, jobs(), "2026-01-01T00:00:30Z");
    assert_eq!(schedule.reload(slots(1), jobs(), at("2026-01-01T00:01:00.2Z")), []);
    assert_eq!(schedule.take_due(at("2026-01-01T00:01:00.3Z")), [start("lag", "2026-01-01T00:01:00Z")]);
}

#[test]
fn a_new_or_changed_job_comes_due_after_the_reload() {
    let mut schedule = fresh(4, vec![job("changed", "0 5 * * *")], "2026-01-01T00:00:00Z");
    let jobs = vec![job("changed", "30 * * * *"), job("new", "45 * * * *")];
    assert_eq!(schedule.reload(slots(4), jobs, at("2026-01-01T04:40:00Z")), []);
    assert_eq!(schedule.upcoming("changed").unwrap().due, at("2026-01-01T05:30:00Z"));
    assert_eq!(schedule.upcoming("new").unwrap().due, at("2026-01-01T04:45:00Z"));
    assert_eq!(schedule.take_due(at("2026-01-01T05:00:00Z")), [start("new", "2026-01-01T04:45:00Z")]);
}

#[test]
fn every_change_of_a_plan_counts_as_a_change() {
    let plan = job("job", "0 5 * * *");
    let changes = [
        JobPlan { name: "other".into(), ..plan.clone() },
        JobPlan { cron: line("1 5 * * *"), ..plan.clone() },
        JobPlan { tz: zone("Europe/Berlin"), ..plan.clone() },
        JobPlan { jitter: Duration::from_secs(1), ..plan.clone() },
        JobPlan { catch_up: CatchUp::Never, ..plan.clone() },
    ];
    assert_eq!(plan, job("job", "0 5 * * *"));
    for change in changes {
        assert_ne!(plan, change);
    }
}

#[test]
fn the_run_of_a_dropped_job_keeps_its_slot_until_it_ends() {
    let mut schedule = fresh(1, vec![job("dropped", "1 0 * * *")], "2026-01-01T00:00:00Z");
    schedule.take_due(at("2026-01-01T00:01:00Z"));
    schedule.reload(slots(1), vec![job("kept", "2 0 * * *")], at("2026-01-01T00:01:30Z"));
    assert_eq!(schedule.upcoming("dropped"), None);
    assert_eq!(schedule.take_due(at("2026-01-01T00:02:00Z")), []);
    assert_eq!(schedule.finished("dropped"), [start("kept", "2026-01-01T00:02:00Z")]);
}

#[test]
fn a_job_dropped_and_brought_back_while_running_is_still_running() {
    let jobs = || vec![job("lag", "* * * * *")];
    let mut schedule = fresh(2, jobs(), "2026-01-01T00:00:00Z");
    schedule.take_due(at("2026-01-01T00:01:00Z"));
    schedule.reload(slots(2), vec![], at("2026-01-01T00:01:10Z"));
    assert_eq!(schedule.next_wake(), None);
    schedule.reload(slots(2), jobs(), at("2026-01-01T00:01:20Z"));
    let due = "2026-01-01T00:02:00Z";
    assert_eq!(schedule.take_due(at(due)), [skip("lag", due, SkipReason::StillRunning)]);
}

#[test]
fn a_dropped_job_waits_no_longer() {
    let mut schedule = fresh(1, vec![job("a", "1 0 * * *"), job("b", "1 0 * * *")], "2026-01-01T00:00:00Z");
    schedule.take_due(at("2026-01-01T00:01:00Z"));
    schedule.reload(slots(1), vec![job("a", "1 0 * * *")], at("2026-01-01T00:01:30Z"));
    assert_eq!(schedule.finished("a"), []);
}

#[test]
fn a_raised_limit_lets_waiting_runs_start_and_a_lowered_one_stops_none() {
    let jobs = || vec![job("a", "1 0 * * *"), job("b", "1 0 * * *"), job("c", "1 0 * * *")];
    let mut schedule = fresh(1, jobs(), "2026-01-01T00:00:00Z");
    let due = "2026-01-01T00:01:00Z";
    assert_eq!(schedule.take_due(at(due)), [start("a", due)]);
    assert_eq!(schedule.reload(slots(2), jobs(), at("2026-01-01T00:01:10Z")), [start("b", due)]);
    assert_eq!(schedule.reload(slots(1), jobs(), at("2026-01-01T00:01:20Z")), []);
    assert_eq!(schedule.running(), 2);
    assert_eq!(schedule.finished("a"), []);
    assert_eq!(schedule.finished("b"), [start("c", due)]);
}

#[test]
fn suspects_leave_one_slot_to_the_others() {
    let jobs = ["a", "b", "c", "good"].map(|name| job(name, "* * * * *")).to_vec();
    let due = "2026-01-01T00:01:00Z";
    let started = |max_running, suspects: &[&str]| {
        let mut schedule = fresh(max_running, jobs.clone(), "2026-01-01T00:00:30Z");
        suspects.iter().for_each(|job| schedule.suspect(job, true));
        (schedule.take_due(at(due)), schedule)
    };
    assert_eq!(started(2, &[]).0, [start("a", due), start("b", due)]);
    let (events, mut schedule) = started(2, &["a", "b", "c"]);
    assert_eq!(events, [start("a", due), start("good", due)]);
    // The slot of one that is no suspect stays free for the next such.
    assert_eq!(schedule.finished("good"), []);
    assert_eq!(schedule.finished("a"), [start("b", due)]);
    schedule.suspect("c", false);
    assert_eq!(schedule.finished("nobody"), [start("c", due)]);
    // With one slot there is none to leave.
    assert_eq!(started(1, &["a", "b", "c"]).0, [start("a", due)]);
}
