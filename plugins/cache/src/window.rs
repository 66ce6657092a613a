//! Hit rates as deltas: two readings of a pair of counters, far enough apart to mean something. A window stays open
//! until it has seen enough lookups, so a run a moment after another one neither judges a handful of lookups nor
//! forgets what was judged before.

use serde::{Deserialize, Serialize};

/// How long a judgement stands while too few lookups come to make a new one. Microseconds.
const HOLD: i64 = 3_600_000_000;

/// From this age on a window with too few lookups is a quiet cache, and no longer one that was watched too briefly.
/// Microseconds.
const SETTLE: i64 = 900_000_000;

/// A reading of two counters that only grow.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Counts {
    /// When they were read, in microseconds since 1970.
    pub(crate) at: i64,
    pub(crate) hits: u64,
    pub(crate) misses: u64,
}

/// What two readings tell.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Rate {
    pub(crate) hits: u64,
    pub(crate) misses: u64,
    /// When the window opened and closed, in microseconds since 1970.
    pub(crate) from: i64,
    pub(crate) to: i64,
}

/// What is remembered of one cache.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Window {
    opened: Counts,
    latest: Counts,
    judged: Option<Rate>,
}

/// What this run can say.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Verdict {
    /// There is nothing to compare with, and why.
    NoBaseline(String),
    /// Enough lookups since the window opened.
    Told(Rate),
    /// Too few since, and what was judged before is recent enough to stand.
    Held(Rate),
    /// None since the window opened.
    Idle { seconds: f64 },
    /// Some, but too few to judge. `quiet`: for so long that this is how much the cache is used.
    Few { lookups: u64, seconds: f64, quiet: bool },
}

impl Rate {
    /// Hits among lookups, 0 to 1. A window that is judged has lookups.
    pub(crate) fn ratio(&self) -> f64 {
        self.hits as f64 / (self.hits as f64 + self.misses as f64).max(1.0)
    }

    /// Hits and misses. An application can tell any number.
    pub(crate) fn lookups(&self) -> u64 {
        self.hits.saturating_add(self.misses)
    }

    /// Its length.
    pub(crate) fn seconds(&self) -> f64 {
        (self.to - self.from) as f64 / 1e6
    }
}

impl Window {
    /// A window that opened at a moment when both counters were 0.
    pub(crate) fn since_zero(at: i64) -> Self {
        let zero = Counts { at, hits: 0, misses: 0 };
        Self { opened: zero, latest: zero, judged: None }
    }

    /// The window after this reading, and what it says. `before` is what is remembered, or why that is not comparable.
    pub(crate) fn advance(before: Result<&Self, &str>, now: Counts, least: u64) -> (Self, Verdict) {
        let fresh = |why: &str| (Self { opened: now, latest: now, judged: None }, Verdict::NoBaseline(why.to_owned()));
        let before = match before {
            Ok(before) => before,
            Err(why) => return fresh(why),
        };
        let (opened, latest) = (before.opened, before.latest);
        if now.hits < latest.hits || now.misses < latest.misses {
            return fresh("its counters went back: they were reset since the last run");
        }
        if now.at < latest.at {
            return fresh("the clock went back since the last run");
        }
        let rate =
            Rate { hits: now.hits - opened.hits, misses: now.misses - opened.misses, from: opened.at, to: now.at };
        let lookups = rate.lookups();
        if lookups >= least.max(1) {
            return (Self { opened: now, latest: now, judged: Some(rate) }, Verdict::Told(rate));
        }
        let judged = before.judged.filter(|judged| now.at - judged.to <= HOLD);
        let verdict = match judged {
            Some(judged) => Verdict::Held(judged),
            None if lookups == 0 => Verdict::Idle { seconds: rate.seconds() },
            None => Verdict::Few { lookups, seconds: rate.seconds(), quiet: now.at - opened.at >= SETTLE },
        };
        (Self { opened, latest: now, judged }, verdict)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MINUTE: i64 = 60_000_000;

    fn at(minute: i64, hits: u64, misses: u64) -> Counts {
        Counts { at: minute * MINUTE, hits, misses }
    }

    /// The verdict on the last of several readings.
    fn verdict(readings: &[Counts]) -> Verdict {
        let mut window = None;
        let mut last = Verdict::Idle { seconds: -1.0 };
        for now in readings {
            let (next, verdict) = Window::advance(window.as_ref().ok_or("the first run"), *now, 100);
            (window, last) = (Some(next), verdict);
        }
        last
    }

    #[test]
    fn one_reading_tells_nothing_however_much_history_it_has() {
        assert_eq!(verdict(&[at(0, 1 << 40, 3)]), Verdict::NoBaseline("the first run".into()));
    }

    #[test]
    fn months_of_hits_do_not_hide_todays_misses() {
        let Verdict::Told(rate) = verdict(&[at(0, 1 << 40, 3), at(5, (1 << 40) + 50, 153)]) else { panic!() };
        assert!((rate.ratio() - 0.25).abs() < 1e-9, "{rate:?}");
        assert!((rate.seconds() - 300.0).abs() < 1e-9);
    }

    #[test]
    fn a_counter_that_goes_back_was_reset_even_if_the_sum_grew() {
        assert!(
            matches!(verdict(&[at(0, 1000, 500), at(5, 9000, 10)]), Verdict::NoBaseline(why) if why.contains("reset"))
        );
        // Reset and grown again past where the window opened: the latest reading tells.
        assert!(matches!(
            verdict(&[at(0, 10, 0), at(1, 90, 0), at(2, 50, 0)]),
            Verdict::NoBaseline(why) if why.contains("reset")
        ));
        assert!(matches!(verdict(&[at(5, 1, 1), at(0, 999, 1)]), Verdict::NoBaseline(why) if why.contains("clock")));
    }

    #[test]
    fn no_number_is_too_large() {
        let Verdict::Told(rate) = verdict(&[at(0, 0, 0), at(5, u64::MAX, u64::MAX)]) else { panic!() };
        assert!((rate.ratio() - 0.5).abs() < 1e-9, "{rate:?}");
        assert_eq!(rate.lookups(), u64::MAX);
    }

    #[test]
    fn a_bad_judgement_stands_while_too_few_lookups_come_and_ends_with_new_ones() {
        let bad = [at(0, 0, 0), at(5, 10, 190)];
        let Verdict::Told(judged) = verdict(&bad) else { panic!() };
        let then = |more: &[Counts]| verdict(&[&bad[..], more].concat());
        assert_eq!(then(&[at(6, 10, 190)]), Verdict::Held(judged));
        assert_eq!(then(&[at(6, 60, 190), at(7, 70, 190)]), Verdict::Held(judged));
        assert!(matches!(then(&[at(6, 60, 190), at(7, 110, 190)]), Verdict::Told(rate) if rate.ratio() > 0.99));
        assert!(matches!(then(&[at(66, 10, 190)]), Verdict::Idle { .. }), "an hour later it is history");
    }

    #[test]
    fn few_lookups_are_no_data_at_first_and_a_quiet_cache_later() {
        assert!(matches!(verdict(&[at(0, 0, 0), at(1, 0, 0)]), Verdict::Idle { .. }));
        assert!(matches!(verdict(&[at(0, 0, 0), at(1, 5, 5)]), Verdict::Few { lookups: 10, quiet: false, .. }));
        assert!(matches!(verdict(&[at(0, 0, 0), at(20, 5, 5)]), Verdict::Few { quiet: true, .. }));
        // Few in each run, but enough together.
        assert!(matches!(verdict(&[at(0, 0, 0), at(1, 60, 0), at(2, 60, 60)]), Verdict::Told(_)));
    }
}
