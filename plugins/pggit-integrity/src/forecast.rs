//! When a series of samples passes a threshold. The method: samples are thinned to medians of equal spans of time; one or two
//! changes that stand out (a load, a purge) are taken out as steps that will not come again, three or more are how the series
//! grows; the slope is the median of the slopes between all pairs (Theil and Sen), with its 90 % interval by Kendall's
//! statistic. Extrapolated is no further than four times as long as was looked at.

/// So many medians at the most.
const POINTS: usize = 100;
/// As many points, and as long in days, as a forecast needs at least.
const FEWEST: usize = 4;
const SHORTEST: f64 = 3.0;
/// What a change must be, in robust standard deviations of all changes, to stand out.
const OUTSTANDING: f64 = 6.0;
/// So many changes that stand out are steps; more are a pattern.
const STEPS: usize = 2;
/// The 95th percentile of the normal distribution: 5 % on either side.
const NORMAL_95: f64 = 1.645;
/// Of the standard deviation to the median of absolute deviations, for the normal distribution.
const MAD: f64 = 1.4826;
/// Times the span that was looked at.
const REACH: f64 = 4.0;

/// A value at a time in days.
pub(crate) type Point = (f64, f64);

/// How a series goes on.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Forecast {
    /// The last time that was looked at, in days.
    at: f64,
    /// The value that the line has then.
    level: f64,
    /// Change per day: as it is most likely, and the ends of its 90 % interval.
    pub(crate) slope: f64,
    pub(crate) least: f64,
    pub(crate) most: f64,
    /// Days that were looked at.
    pub(crate) span: f64,
    pub(crate) confidence: Confidence,
}

/// How much a forecast is worth.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Confidence {
    /// The interval holds no growth at all, or less than a week was looked at.
    Low,
    /// A week or more, and it grows for certain.
    Medium,
    /// Two weeks or more, ten points or more, and the interval is within a fifth of the slope.
    High,
}

/// When a threshold is passed, in days.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Crossing {
    pub(crate) at: f64,
    pub(crate) earliest: f64,
    /// None where it may be never.
    pub(crate) latest: Option<f64>,
}

impl Forecast {
    /// From samples, oldest first; none where they are too few or too short.
    pub(crate) fn of(samples: &[Point]) -> Option<Self> {
        let points = without_steps(&thin(samples));
        let ((first, _), (last, _)) = (*points.first()?, *points.last()?);
        let span = last - first;
        if points.len() < FEWEST || span < SHORTEST {
            return None;
        }
        let (slope, least, most) = slopes(&points)?;
        let bases = points.iter().map(|(at, value)| value - slope * (at - last)).collect();
        let width = (most - least) / 2.0;
        let confidence = if span >= 14.0 && points.len() >= 10 && width <= 0.2 * slope.abs() {
            Confidence::High
        } else if span >= 7.0 && least > 0.0 {
            Confidence::Medium
        } else {
            Confidence::Low
        };
        Some(Self { at: last, level: median(bases)?, slope, least, most, span, confidence })
    }

    /// The value at a time.
    pub(crate) fn value(&self, at: f64) -> f64 {
        self.level + self.slope * (at - self.at)
    }

    /// When it rises to a threshold; none where it does not, or not so soon that it could be said.
    pub(crate) fn passes(&self, threshold: f64) -> Option<Crossing> {
        let left = threshold - self.level;
        let days = |slope: f64| (slope > 0.0).then(|| (left / slope).max(0.0));
        let after = days(self.slope).filter(|after| *after <= REACH * self.span)?;
        Some(Crossing {
            at: self.at + after,
            earliest: self.at + days(self.most).unwrap_or(after),
            latest: days(self.least).map(|after| self.at + after),
        })
    }
}

fn median(mut values: Vec<f64>) -> Option<f64> {
    values.sort_by(f64::total_cmp);
    let middle = values.len() / 2;
    let upper = *values.get(middle)?;
    if values.len() % 2 == 1 { Some(upper) } else { Some((values.get(middle - 1)? + upper) / 2.0) }
}

/// Medians of equal spans of time.
fn thin(samples: &[Point]) -> Vec<Point> {
    let (Some((first, _)), Some((last, _))) = (samples.first(), samples.last()) else { return Vec::new() };
    if samples.len() <= POINTS || last <= first {
        return samples.to_vec();
    }
    let place = |at: f64| (((at - first) / (last - first)) * (POINTS as f64 - 1.0)) as usize;
    let part = |group: &[Point]| {
        let at = median(group.iter().map(|(at, _)| *at).collect());
        Some((at?, median(group.iter().map(|(_, value)| *value).collect())?))
    };
    samples.chunk_by(|one, other| place(one.0) == place(other.0)).filter_map(part).collect()
}

/// With one or two changes that stand out taken back to what a change usually is.
fn without_steps(points: &[Point]) -> Vec<Point> {
    let changes: Vec<f64> = points.iter().zip(points.iter().skip(1)).map(|(one, next)| next.1 - one.1).collect();
    let Some(usual) = median(changes.clone()) else { return points.to_vec() };
    let spread = median(changes.iter().map(|change| (change - usual).abs()).collect()).unwrap_or(0.0);
    let size = median(points.iter().map(|(_, value)| value.abs()).collect()).unwrap_or(0.0);
    let bound = (OUTSTANDING * MAD * spread).max(3.0 * usual.abs()).max(0.01 * size);
    let outstanding = |change: f64| (change - usual).abs() > bound;
    if changes.iter().filter(|change| outstanding(**change)).count() > STEPS {
        return points.to_vec();
    }
    // What is now is right: so what was before the step is moved.
    let mut moved = points.to_vec();
    for (index, change) in changes.iter().enumerate().filter(|(_, change)| outstanding(**change)) {
        for (_, value) in moved.iter_mut().take(index + 1) {
            *value += change - usual;
        }
    }
    moved
}

/// The median of all slopes, and its interval.
fn slopes(points: &[Point]) -> Option<(f64, f64, f64)> {
    let mut all: Vec<f64> = Vec::new();
    for (index, one) in points.iter().enumerate() {
        let later = points.iter().skip(index + 1).filter(|other| other.0 > one.0);
        all.extend(later.map(|other| (other.1 - one.1) / (other.0 - one.0)));
    }
    all.sort_by(f64::total_cmp);
    let (number, pairs) = (points.len() as f64, all.len() as f64);
    let half = NORMAL_95 * (number * (number - 1.0) * (2.0 * number + 5.0) / 18.0).sqrt() / 2.0;
    let lower = (pairs / 2.0 - half).floor().max(0.0) as usize;
    let upper = ((pairs / 2.0 + half).ceil() as usize).min(all.len().saturating_sub(1));
    Some((median(all.clone())?, *all.get(lower)?, *all.get(upper)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A day's value for so many days.
    fn days(number: u32, value: impl Fn(f64) -> f64) -> Vec<Point> {
        (0..number).map(|day| (f64::from(day), value(f64::from(day)))).collect()
    }

    /// The same every time, between -1 and 1.
    fn noise(day: f64) -> f64 {
        (day * 12.9898).sin()
    }

    fn near(value: f64, wanted: f64, by: f64) -> bool {
        (value - wanted).abs() <= by
    }

    #[test]
    fn a_steady_series_passes_on_its_day_with_high_confidence() {
        let forecast = Forecast::of(&days(30, |day| 1000.0 + 10.0 * day)).unwrap();
        assert_eq!(forecast.confidence, Confidence::High);
        let crossing = forecast.passes(1500.0).unwrap();
        assert!(near(crossing.at, 50.0, 0.01) && near(crossing.earliest, 50.0, 0.01), "{crossing:?}");
        assert!(near(crossing.latest.unwrap(), 50.0, 0.01));
        assert_eq!(forecast.passes(100_000.0), None, "too far away to be said");
        assert_eq!(forecast.passes(500.0).unwrap().at, 29.0, "already passed");
    }

    #[test]
    fn a_step_is_no_growth_and_what_came_after_it_counts() {
        let stepped = days(30, |day| 1000.0 + 10.0 * day + if day >= 15.0 { 5000.0 } else { 0.0 });
        let forecast = Forecast::of(&stepped).unwrap();
        assert!(near(forecast.slope, 10.0, 0.5), "{forecast:?}");
        assert!(near(forecast.passes(6500.0).unwrap().at, 50.0, 1.0));
    }

    #[test]
    fn a_purge_does_not_hide_that_it_grows() {
        let pruned = days(30, |day| 5000.0 + 10.0 * day - if day >= 20.0 { 4000.0 } else { 0.0 });
        let forecast = Forecast::of(&pruned).unwrap();
        assert!(near(forecast.slope, 10.0, 0.5), "{forecast:?}");
        assert!(near(forecast.value(29.0), 1290.0, 5.0));
    }

    #[test]
    fn steps_that_come_every_week_are_how_it_grows() {
        let weekly = days(56, |day| 1000.0 + 700.0 * (day / 7.0).floor());
        let forecast = Forecast::of(&weekly).unwrap();
        assert!(near(forecast.slope, 100.0, 10.0), "{forecast:?}");
    }

    #[test]
    fn noise_widens_the_interval_and_lowers_the_confidence() {
        let quiet = Forecast::of(&days(20, |day| 1000.0 + 10.0 * day + 3.0 * noise(day))).unwrap();
        let noisy = Forecast::of(&days(20, |day| 1000.0 + 10.0 * day + 150.0 * noise(day))).unwrap();
        assert!(near(quiet.slope, 10.0, 1.0) && quiet.confidence == Confidence::High, "{quiet:?}");
        assert!(noisy.most - noisy.least > 3.0 * (quiet.most - quiet.least), "{noisy:?}");
        assert!(noisy.confidence < Confidence::High);
        let nothing = Forecast::of(&days(20, |day| 1000.0 + 150.0 * noise(day))).unwrap();
        assert_eq!(nothing.confidence, Confidence::Low, "{nothing:?}");
    }

    #[test]
    fn too_few_or_too_short_is_no_forecast() {
        assert_eq!(Forecast::of(&[]), None);
        assert_eq!(Forecast::of(&days(3, |day| day)), None);
        let minutes: Vec<Point> = (0..200).map(|minute| (f64::from(minute) / 1440.0, f64::from(minute))).collect();
        assert_eq!(Forecast::of(&minutes), None);
    }

    #[test]
    fn what_falls_or_stands_still_passes_nothing() {
        assert_eq!(Forecast::of(&days(30, |day| 1000.0 - 10.0 * day)).unwrap().passes(2000.0), None);
        assert_eq!(Forecast::of(&days(30, |_| 1000.0)).unwrap().passes(2000.0), None);
    }

    #[test]
    fn many_samples_are_thinned_and_say_the_same() {
        let often: Vec<Point> = (0..5000)
            .map(|number| f64::from(number) / 96.0)
            .map(|day| (day, 1000.0 + 10.0 * day + noise(day * 96.0)))
            .collect();
        let forecast = Forecast::of(&often).unwrap();
        assert!(near(forecast.slope, 10.0, 0.2) && forecast.confidence == Confidence::High, "{forecast:?}");
    }
}
