//! Did a cache fill because it was warmed, or by the traffic that fills it anyway? What it gained has to be more than what it gained
//! before the call, in the same time.

use serde::{Deserialize, Serialize};

/// By how much a hit rate, 0 to 1, has to rise to have moved: less is what the next few lookups do to it.
const MOVED: f64 = 0.001;

/// How many times what traffic adds a warming has to add.
const MORE: f64 = 2.0;

/// By how much the time between two readings may be wrong, in seconds: a run's time is that of its beginning, not of its question.
const SLACK: f64 = 5.0;

/// Of what the application says that it warmed, this share has to be seen: some entries were there already, or end at once.
const SEEN: f64 = 0.1;

/// From how long ago on an earlier reading is given up for a newer one, in microseconds: ten minutes of traffic are a trend.
pub(super) const TREND: i64 = 600_000_000;

/// What warming may move.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Sample {
    /// When, in microseconds since 1970.
    pub(crate) at: i64,
    /// 0 to 1, as told.
    pub(crate) rate: Option<f64>,
    pub(crate) entries: Option<u64>,
}

/// What traffic does, per second; never less than 0.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Drift {
    rate: f64,
    entries: f64,
}

/// What a warming is held against.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Basis {
    pub(crate) before: Sample,
    pub(crate) drift: Drift,
}

impl Drift {
    /// Between two readings; none where they are of the same moment.
    pub(crate) fn between(earlier: Sample, later: Sample) -> Self {
        let seconds = (later.at - earlier.at) as f64 / 1e6;
        let per_second = |rise: f64| if seconds > 0.0 { (rise / seconds).max(0.0) } else { 0.0 };
        Self {
            rate: later.rate.zip(earlier.rate).map_or(0.0, |(is, was)| per_second(is - was)),
            entries: later.entries.zip(earlier.entries).map_or(0.0, |(is, was)| per_second(is as f64 - was as f64)),
        }
    }
}

impl Basis {
    /// What moved, or why nothing counts. `told` is what the application says that it warmed.
    pub(crate) fn moved(&self, now: Sample, told: Option<f64>) -> Result<String, String> {
        let seconds = ((now.at - self.before.at) as f64 / 1e6).max(0.0) + SLACK;
        if let Some((was, is)) = self.before.entries.zip(now.entries)
            && is > was
        {
            let rise = (is - was) as f64;
            let words = format!("from {was} to {is} entries");
            if rise <= self.drift.entries * seconds * MORE {
                return Err(format!("{words}, as fast as before it"));
            }
            return match told {
                Some(told) if rise < told * SEEN => Err(format!("{words}, and it says that it warmed {told}")),
                _ => Ok(words),
            };
        }
        match self.before.rate.zip(now.rate) {
            Some((was, is)) if is >= was + MOVED + self.drift.rate * seconds * MORE => {
                Ok(format!("hit rate from {} to {}", crate::answer::percent(was), crate::answer::percent(is)))
            }
            _ => Err("neither entries nor hit rate rose".to_owned()),
        }
    }

    /// The same some minutes later, when traffic had more time: then it has to be entries, a tenth more and ten at least.
    pub(crate) fn moved_much(&self, now: Sample) -> Option<String> {
        let (was, is) = self.before.entries.zip(now.entries)?;
        let least = was / 10 + 10;
        self.moved(now, None).ok().filter(|_| is >= was.saturating_add(least))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample(seconds: i64, entries: u64) -> Sample {
        Sample { at: seconds * 1_000_000, rate: None, entries: Some(entries) }
    }

    #[test]
    fn what_traffic_adds_anyway_is_no_effect() {
        let basis = |earlier: u64| {
            let before = sample(300, 700);
            Basis { before, drift: Drift::between(sample(0, earlier), before) }
        };
        // Entries five minutes before the call, seconds after it, entries then: whether they moved.
        for (earlier, seconds, entries, moved) in [
            (700, 10, 701, true),
            (700, 10, 700, false),
            (400, 10, 710, false),
            (400, 10, 720, false),
            (400, 10, 730, false),
            (400, 10, 731, true),
            (400, 600, 1_800, false),
            (900, 10, 701, true),
        ] {
            let seen = basis(earlier).moved(sample(300 + seconds, entries), None);
            assert_eq!(seen.is_ok(), moved, "{earlier} {seconds} {entries}: {seen:?}");
        }
        assert!(basis(700).moved(sample(310, 703), Some(5000.0)).is_err());
        assert!(basis(700).moved(sample(310, 1_300), Some(5000.0)).is_ok());
        let much = |entries| basis(700).moved_much(sample(900, entries)).is_some();
        assert_eq!((much(700), much(779), much(780)), (false, false, true));
    }

    #[test]
    fn a_hit_rate_that_rises_by_itself_is_no_effect_either() {
        let at = |seconds: i64, rate: f64| Sample { at: seconds * 1_000_000, rate: Some(rate), entries: None };
        let before = at(100, 0.20);
        let rising = Basis { before, drift: Drift::between(at(0, 0.10), before) };
        assert!(rising.moved(at(110, 0.22), None).is_err());
        assert!(rising.moved(at(110, 0.40), None).is_ok());
        let still = Basis { before, drift: Drift::default() };
        assert!(still.moved(at(110, 0.2005), None).is_err());
        assert!(still.moved(at(110, 0.21), None).is_ok());
    }
}
