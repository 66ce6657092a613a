//! What is due when: crontab lines, time zones, jitter, catch-up after downtime, overlap and the limit on runs under way.
//! Nothing here reads a clock, sleeps or starts anything: each answer is a function of the `now` that the caller gives.
//!
//! The daemon's loop around it:
//!
//! 1. [`Schedule::new`] with what the store knows of each job's last due time,
//! 2. sleep until [`Schedule::next_wake`], but never longer than [`LONGEST_SLEEP`],
//! 3. [`Schedule::take_due`]; start every [`Event::Start`], record every [`Event::Skip`],
//! 4. [`Schedule::finished`] when a run ends, however it ends; what it returns is handled as in step 3.
//!
//! Which server role a job wants (`when = "primary"`) is asked by the run, not here.

mod calendar;
mod cron;
mod field;
mod plan;
mod queue;
mod wall_clock;

#[cfg(test)]
mod tests;

pub use cron::{CronError, CronLine};
pub use plan::{CatchUp, JobPlan, Planned};
pub use queue::{CORRECTION, Event, LATE, LONGEST_SLEEP, NotNow, Schedule, SkipReason};
