//! What the schedule knows of a job: when it is due, by how much its starts are spread, and what becomes of a missed one.

use std::time::Duration;

use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};

use super::CronLine;

/// What happens to due times that passed while the agent was down or the host asleep.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum CatchUp {
    /// One run as soon as possible, however many were missed. For backups and checks.
    #[default]
    Once,
    /// No run until the next due time; what was missed is recorded. For work that belongs into its hour.
    Never,
}

/// One job as the schedule sees it. Two plans are equal when nothing about their timing differs.
#[derive(Clone, Debug, PartialEq)]
pub struct JobPlan {
    /// Unique among the jobs of a schedule.
    pub name: String,
    /// When it is due.
    pub cron: CronLine,
    /// Whose wall clock `cron` speaks of.
    pub tz: TimeZone,
    /// A start comes this much after its due time at most, to the millisecond; zero starts on the dot. How much is
    /// computed from name and due time alone, so a fleet with differing job names spreads out and each start can be foretold.
    /// A start comes in the first nine tenths of the time until the following due time, so that a loop which wakes a
    /// little late does not run into that.
    pub jitter: Duration,
    /// What happens after downtime.
    pub catch_up: CatchUp,
}

/// A due time and the instant at which its run starts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Planned {
    /// The time that the crontab line names: what a run is known by.
    pub due: Timestamp,
    /// `due` plus jitter.
    pub start: Timestamp,
}

impl JobPlan {
    /// The first due time strictly after `after`, with its start. `None` where the calendar ends.
    pub fn next_after(&self, after: Timestamp) -> Option<Planned> {
        let due = self.cron.next_after(after, &self.tz)?;
        Some(Planned { due, start: self.start(due) })
    }

    /// The latest due time that is not after `now`, given an earlier one. Halves the span between them, so that a week
    /// of downtime costs a job of every second some twenty steps.
    pub(super) fn latest_due(&self, known: Timestamp, now: Timestamp) -> Timestamp {
        let (mut latest, mut until) = (known, now);
        while let Some(next) = self.cron.next_after(latest, &self.tz).filter(|next| *next <= until) {
            latest = next;
            let half = until.duration_since(latest) / 2;
            let middle = latest.checked_add(half).unwrap_or(latest);
            match self.cron.next_after(middle, &self.tz).filter(|next| *next <= until) {
                Some(later) => latest = later,
                None => until = middle,
            }
        }
        latest
    }

    pub(super) fn start(&self, due: Timestamp) -> Timestamp {
        due.checked_add(self.delay(due)).unwrap_or(due)
    }

    fn delay(&self, due: Timestamp) -> SignedDuration {
        if self.jitter.is_zero() {
            return SignedDuration::ZERO;
        }
        let bound = SignedDuration::try_from(self.jitter).unwrap_or(SignedDuration::MAX);
        let before_next =
            self.cron.next_after(due, &self.tz).map_or(bound, |next| next.duration_since(due).saturating_mul(9) / 10);
        let room = u64::try_from(bound.min(before_next).as_millis()).unwrap_or(0);
        let delay = spread(&self.name, due).checked_rem(room).unwrap_or(0);
        SignedDuration::from_millis(i64::try_from(delay).unwrap_or(0))
    }
}

/// An even 64-bit number from name and due time: FNV-1a, then MurmurHash3's finalizer, for FNV alone mixes its low bits
/// poorly. Written out because the standard library's hasher may change with any release, and every start with it.
fn spread(name: &str, due: Timestamp) -> u64 {
    let seconds = due.as_second().to_le_bytes();
    let fnv = name
        .bytes()
        .chain(seconds)
        .fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3));
    let mixed = (fnv ^ (fnv >> 33)).wrapping_mul(0xff51_afd7_ed55_8ccd);
    let mixed = (mixed ^ (mixed >> 33)).wrapping_mul(0xc4ce_b9fe_1a85_ec53);
    mixed ^ (mixed >> 33)
}
