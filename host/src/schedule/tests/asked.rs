//! Runs that somebody asks for, between those of the schedule.

use std::num::NonZeroUsize;

use super::{Event, at, job, start};
use crate::schedule::{NotNow, Schedule, SkipReason};

const NOW: &str = "2026-01-05T12:00:30Z";

fn schedule(slots: usize, names: &[&str]) -> Schedule {
    let plans = names.iter().map(|name| job(name, "*/5 * * * *")).collect();
    Schedule::new(NonZeroUsize::new(slots).unwrap(), plans, |_| None, at(NOW))
}

fn asked(job: &str) -> Vec<Event> {
    vec![Event::StartAsked { job: job.into() }]
}

#[test]
fn a_run_that_is_asked_for_starts_at_once_and_the_next_due_one_after_it() {
    let mut schedule = schedule(2, &["a", "b"]);
    assert_eq!(schedule.ask("a", at(NOW)), Ok(asked("a")));
    assert_eq!(schedule.ask("a", at(NOW)), Err(NotNow::Running));
    assert_eq!(schedule.ask("c", at(NOW)), Err(NotNow::Unknown));
    assert_eq!(schedule.finished("a"), []);
    let due = "2026-01-05T12:05:00Z";
    assert_eq!(schedule.take_due(at(due)), [start("a", due), start("b", due)]);
}

#[test]
fn without_a_slot_it_waits_behind_what_came_due_before_it() {
    let mut schedule = schedule(1, &["a", "b", "c"]);
    let due = "2026-01-05T12:05:00Z";
    assert_eq!(schedule.take_due(at(due)), [start("a", due)]);
    assert_eq!(schedule.ask("b", at("2026-01-05T12:05:01Z")), Err(NotNow::Waiting));
    assert_eq!(schedule.finished("a"), [start("b", due)]);
    assert_eq!(schedule.ask("a", at("2026-01-05T12:05:02Z")), Ok(Vec::new()));
    assert_eq!(schedule.ask("a", at("2026-01-05T12:05:03Z")), Err(NotNow::Waiting));
    let waiting: Vec<&str> = schedule.waiting_jobs().map(|(job, _)| job).collect();
    assert_eq!(waiting, ["c", "a"]);
    assert_eq!(schedule.finished("b"), [start("c", due)]);
    assert_eq!(schedule.finished("c"), asked("a"));
}

#[test]
fn a_due_time_that_meets_a_wish_says_so_and_names_no_due_run() {
    let mut schedule = schedule(1, &["a", "b"]);
    assert_eq!(schedule.ask("a", at(NOW)), Ok(asked("a")));
    assert_eq!(schedule.ask("b", at(NOW)), Ok(Vec::new()));
    let due = "2026-01-05T12:05:00Z";
    let events = schedule.take_due(at(due));
    let skip = |job: &str, reason| Event::Skip { job: job.into(), due: at(due), reason };
    assert_eq!(events, [skip("a", SkipReason::StillRunning), skip("b", SkipReason::AskedWaits)]);
    assert!(SkipReason::AskedWaits.to_string().contains("somebody asked for"));
}

#[test]
fn a_reload_that_drops_the_job_drops_the_wish() {
    let mut schedule = schedule(1, &["a", "b"]);
    assert_eq!(schedule.ask("a", at(NOW)), Ok(asked("a")));
    assert_eq!(schedule.ask("b", at(NOW)), Ok(Vec::new()));
    let plans = vec![job("a", "*/5 * * * *")];
    assert_eq!(schedule.reload(NonZeroUsize::MIN, plans, at(NOW)), []);
    assert_eq!(schedule.finished("a"), []);
}
