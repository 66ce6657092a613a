//! How fast the WAL that a slot may still keep shrinks. One interval between two runs is a checkpoint, a bulk load or a
//! lull; so the rate comes from a quarter of an hour of them.

use serde::{Deserialize, Serialize};

/// How far back the rate is told from. Microseconds.
const OVER: i64 = 900 * 1_000_000;
/// Samples kept of that time; of more, every second one of the older half goes.
const MOST: usize = 30;

/// A slot's `safe_wal_size` over time, oldest first.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Room(Vec<(i64, i64)>);

/// Bytes per second; negative where room is gained.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Rate {
    /// Over all that is remembered: the slope of the least squares' line, as Prometheus' predict_linear() takes it.
    pub(crate) steady: f64,
    /// Between the last two runs.
    pub(crate) last: f64,
    /// Seconds between the last two runs.
    pub(crate) interval: f64,
}

impl Room {
    /// Adds what was just seen: microseconds and bytes. A clock that went back makes all earlier samples void.
    pub(crate) fn push(&mut self, at: i64, safe: i64) {
        self.0.retain(|(then, _)| *then < at && at - then <= OVER);
        self.0.push((at, safe));
        if self.0.len() > MOST {
            let mut index = 0;
            self.0.retain(|_| {
                index += 1;
                index > MOST / 2 || index % 2 == 1
            });
        }
    }

    /// How fast it shrinks; none before there are two samples.
    pub(crate) fn shrinks(&self) -> Option<Rate> {
        let [.., (earlier, before), (now, left)] = self.0.as_slice() else { return None };
        let interval = (now - earlier) as f64 / 1e6;
        // Seconds and bytes relative to the newest, so that the squares stay small.
        let points = self.0.iter().map(|(at, safe)| ((at - now) as f64 / 1e6, (safe - left) as f64));
        let count = self.0.len() as f64;
        let (times, sizes) =
            points.clone().fold((0.0, 0.0), |(times, sizes), (time, size)| (times + time, sizes + size));
        let (mean_time, mean_size) = (times / count, sizes / count);
        let (product, square) = points.fold((0.0, 0.0), |(product, square), (time, size)| {
            (product + (time - mean_time) * (size - mean_size), square + (time - mean_time).powi(2))
        });
        Some(Rate { steady: -product / square, last: (before - left) as f64 / interval, interval })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn room(of: &[(i64, i64)]) -> Room {
        let mut room = Room::default();
        of.iter().for_each(|(second, safe)| room.push(second * 1_000_000, *safe));
        room
    }

    fn steady(of: &[(i64, i64)]) -> f64 {
        (room(of).shrinks().unwrap().steady * 1000.0).round() / 1000.0
    }

    #[test]
    fn two_samples_give_their_interval_and_one_gives_nothing() {
        assert_eq!(room(&[(0, 100)]).shrinks(), None);
        assert_eq!(room(&[(0, 700), (60, 100)]).shrinks(), Some(Rate { steady: 10.0, last: 10.0, interval: 60.0 }));
    }

    #[test]
    fn a_steady_loss_is_told_exactly_and_one_burst_or_lull_among_many_intervals_changes_little() {
        let line: Vec<(i64, i64)> = (0..15).map(|minute| (minute * 60, 1_000_000 - minute * 6_000)).collect();
        assert_eq!(steady(&line), 100.0);
        let mut burst = line.clone();
        burst.push((900, 1_000_000 - 15 * 6_000 - 60_000)); // Eleven times the usual in the last minute.
        let rate = room(&burst).shrinks().unwrap();
        assert!(rate.last == 1100.0 && rate.steady > 100.0 && rate.steady < 250.0, "{rate:?}");
        let mut lull = line;
        lull.push((900, 1_000_000 - 14 * 6_000)); // Nothing in the last minute.
        let rate = room(&lull).shrinks().unwrap();
        assert!(rate.last == 0.0 && rate.steady > 90.0, "{rate:?}");
    }

    #[test]
    fn what_is_older_than_a_quarter_of_an_hour_counts_no_more_and_memory_stays_bounded() {
        assert_eq!(steady(&[(0, 1_000_000), (1000, 500), (1060, 440)]), 1.0);
        let many: Vec<(i64, i64)> = (0..10_000).map(|second| (second, 100_000 - second * 7)).collect();
        assert_eq!(steady(&many), 7.0);
        assert!(room(&many).0.len() <= MOST);
    }

    #[test]
    fn a_clock_that_went_back_starts_afresh() {
        assert_eq!(room(&[(60, 100), (0, 50)]).shrinks(), None);
    }
}
