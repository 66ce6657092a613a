//! Where the end of WAL was, and when: turns "so many bytes behind" into "so many seconds behind" without comparing two
//! servers' clocks and without taking an idle primary for a standby that lags.

use serde::{Deserialize, Serialize};

/// As many as are kept. Beyond it every second one of the older half goes, so old lag is known less exactly, not less
/// long.
const MOST: usize = 200;

/// Ends of WAL over time, oldest first; both never fall.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Samples(Vec<Sample>);

/// The end of WAL at a time.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Sample {
    /// Microseconds since 1970 by the server's clock.
    pub(crate) at: i64,
    /// Byte position.
    pub(crate) lsn: u64,
}

/// What is certain of a lag: at least, and at most where anything bounds it. Seconds.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Bounds {
    /// WAL that existed so long ago is not replayed yet.
    pub(crate) least: f64,
    /// All WAL that existed before is replayed.
    pub(crate) most: Option<f64>,
}

impl Samples {
    /// Adds what was just seen. A clock or an end of WAL that went back makes all earlier ones void.
    pub(crate) fn push(&mut self, at: i64, lsn: u64) {
        if self.0.last().is_some_and(|last| at < last.at || lsn < last.lsn) {
            self.0.clear();
        }
        // Of an idle time its beginning and its end are enough.
        let idle = matches!(self.0.as_slice(), [.., one, two] if one.lsn == lsn && two.lsn == lsn);
        if idle {
            self.0.pop();
        }
        self.0.push(Sample { at, lsn });
        if self.0.len() > MOST {
            let mut index = 0;
            self.0.retain(|_| {
                index += 1;
                index > MOST / 2 || index % 2 == 1
            });
        }
    }

    /// How long ago the WAL that is replayed up to `replayed` was the newest.
    pub(crate) fn bounds(&self, at: i64, replayed: u64) -> Bounds {
        let age = |sample: &Sample| (at - sample.at).max(0) as f64 / 1e6;
        let least = self.0.iter().find(|sample| sample.lsn > replayed).map_or(0.0, age);
        Bounds { least, most: self.0.iter().rev().find(|sample| sample.lsn <= replayed).map(age) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: i64 = 1_000_000;

    fn samples(of: &[(i64, u64)]) -> Samples {
        let mut samples = Samples::default();
        of.iter().for_each(|(second, lsn)| samples.push(second * SECOND, *lsn));
        samples
    }

    #[test]
    fn lag_is_the_age_of_the_oldest_wal_that_is_not_replayed() {
        let samples = samples(&[(0, 100), (60, 200), (120, 300)]);
        for (replayed, least, most) in [
            (300, 0.0, Some(3.0)),
            (250, 3.0, Some(63.0)),
            (200, 3.0, Some(63.0)),
            (150, 63.0, Some(123.0)),
            (50, 123.0, None),
        ] {
            assert_eq!(samples.bounds(123 * SECOND, replayed), Bounds { least, most }, "replayed to {replayed}");
        }
    }

    #[test]
    fn an_idle_hour_counts_as_no_lag_when_the_next_record_comes() {
        let mut idle = Samples::default();
        (0..3600).for_each(|second| idle.push(second * SECOND, 100));
        idle.push(3600 * SECOND, 101);
        assert_eq!(idle.bounds(3600 * SECOND, 100), Bounds { least: 0.0, most: Some(1.0) });
    }

    #[test]
    fn an_end_or_a_clock_that_goes_back_starts_afresh() {
        assert_eq!(samples(&[(0, 100), (60, 50)]).bounds(60 * SECOND, 40), Bounds { least: 0.0, most: None });
        assert_eq!(samples(&[(60, 100), (0, 200)]).bounds(SECOND, 150), Bounds { least: 1.0, most: None });
    }

    #[test]
    fn memory_stays_bounded_and_an_old_lag_stays_known() {
        let mut samples = Samples::default();
        (0..100_000).for_each(|minute| samples.push(minute * 60 * SECOND, minute as u64));
        assert!(samples.0.len() <= MOST);
        assert_eq!(samples.bounds(100_000 * 60 * SECOND, 0).most, Some(100_000.0 * 60.0));
    }
}
