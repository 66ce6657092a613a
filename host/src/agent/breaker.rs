//! The circuit breaker: a job whose plugin faults again and again (breaks a limit, traps, answers out of contract) is run less and less
//! often, so that a broken or hostile plugin costs the host next to nothing. A report, or a failure that the plugin itself declares, closes it.

use std::time::Duration;

use jiff::Timestamp;

use crate::report::Outcome;

/// The first pause, after as many faults in a row as `agent.faults_before_pause` says; each further fault doubles it.
const FIRST: Duration = Duration::from_secs(60);
/// The longest pause.
const LONGEST: Duration = Duration::from_secs(3600);

/// One job's breaker.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Breaker {
    faults: u32,
    until: Option<Timestamp>,
}

impl Breaker {
    /// Takes a run's outcome into account; whether the job pauses now, and until when.
    pub(super) fn after(&mut self, outcome: &Outcome, limit: u32, now: Timestamp) -> Option<Timestamp> {
        match outcome {
            Outcome::Faulted { .. } => {
                self.faults = self.faults.saturating_add(1);
                let over = self.faults.checked_sub(limit.max(1))?;
                let pause = FIRST.saturating_mul(1_u32.checked_shl(over).unwrap_or(u32::MAX)).min(LONGEST);
                self.until = now.checked_add(pause).ok();
                self.until
            }
            Outcome::Reported { .. } | Outcome::Failed { .. } => {
                *self = Self::default();
                None
            }
            Outcome::Errored { .. } | Outcome::Skipped { .. } | Outcome::Interrupted => None,
        }
    }

    /// Until when the job pauses, if it does.
    pub(super) fn pausing(&self, now: Timestamp) -> Option<Timestamp> {
        self.until.filter(|until| *until > now)
    }

    /// Faults in a row.
    pub(super) fn faults(&self) -> u32 {
        self.faults
    }
}

#[cfg(test)]
mod tests {
    use jiff::ToSpan as _;

    use super::*;
    use crate::report::Report;

    #[test]
    fn pauses_grow_from_a_minute_to_an_hour_and_a_report_ends_them() {
        let fault = Outcome::Faulted { limit: None, message: "trapped".into() };
        let mut now = Timestamp::UNIX_EPOCH;
        let mut breaker = Breaker::default();
        let mut pauses = Vec::new();
        for _ in 0..11 {
            pauses.push(breaker.after(&fault, 3, now).map(|until| until.duration_since(now).as_secs() / 60));
            now += 2.hours();
            assert_eq!(breaker.pausing(now), None);
        }
        let minutes = [1, 2, 4, 8, 16, 32, 60, 60, 60].map(Some);
        assert_eq!(pauses.split_at(2), (&[None, None][..], &minutes[..]));
        // Neither tells anything of the plugin.
        breaker.after(&Outcome::Interrupted, 3, now);
        assert_eq!(breaker.faults(), 11);
        breaker.after(&Outcome::Reported { report: Report::default() }, 3, now);
        assert_eq!(breaker.after(&fault, 3, now), None);
    }
}
