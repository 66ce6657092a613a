//! Text forms of timestamptz (DateStyle ISO) and interval (IntervalStyle iso_8601). Pure; what does not parse is
//! `None`.

use serde::{Deserialize, Serialize};

/// PostgreSQL's interval.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Interval {
    /// Years are twelve.
    pub months: i32,
    /// Weeks are seven.
    pub days: i32,
    /// Hours, minutes and seconds.
    pub microseconds: i64,
}

const SECOND: i64 = 1_000_000;
const DAY: i64 = 86_400 * SECOND;

/// `2026-01-31 12:00:00.5+00`, `0044-03-15 00:00:00+00 BC` → microseconds since 1970-01-01 UTC. Infinities are `None`.
pub(super) fn timestamptz(text: &str) -> Option<i64> {
    let (text, bc) = text.strip_suffix(" BC").map_or((text, false), |text| (text, true));
    let (date, time) = text.split_once(' ')?;
    let (year, month, day) = three(date, '-')?;
    let year: i64 = number(year)?;
    let days = days_from_civil(if bc { 1 - year } else { year }, number(month)?, number(day)?)?;
    let at = time.rfind(['+', '-'])?;
    let (clock, zone) = time.split_at_checked(at)?;
    let sign = if zone.starts_with('-') { -1 } else { 1 };
    let mut zone = zone.get(1..)?.split(':');
    let mut offset = 0;
    for unit in [3600, 60, 1] {
        offset += unit * zone.next().map_or(Some(0), number)?;
    }
    let (hours, minutes, seconds) = three(clock, ':')?;
    let clock = (number(hours)? * 3600 + number(minutes)? * 60) * SECOND + microseconds(seconds)?;
    days.checked_mul(DAY)?.checked_add(clock)?.checked_sub(sign * offset * SECOND)
}

/// The text form of a timestamptz parameter.
pub(super) fn timestamptz_text(microseconds: i64) -> String {
    let (days, clock) = (microseconds.div_euclid(DAY), microseconds.rem_euclid(DAY));
    let (year, month, day) = civil_from_days(days);
    let (year, era) = if year > 0 { (year, "") } else { (1 - year, " BC") };
    let (hours, minutes, seconds) = (clock / SECOND / 3600, clock / SECOND / 60 % 60, clock / SECOND % 60);
    let micros = clock % SECOND;
    format!("{year:04}-{month:02}-{day:02} {hours:02}:{minutes:02}:{seconds:02}.{micros:06}+00{era}")
}

/// `P1Y2M-3DT4H5M-6.5S` → its parts.
pub(super) fn interval(text: &str) -> Option<Interval> {
    let text = text.strip_prefix('P')?;
    let (date, time) = text.split_once('T').unwrap_or((text, ""));
    let (mut months, mut days, mut micros) = (0_i64, 0_i64, 0_i64);
    for (amount, unit) in parts(date)? {
        let amount: i64 = amount.parse().ok()?;
        match unit {
            'Y' => months = months.checked_add(amount.checked_mul(12)?)?,
            'M' => months = months.checked_add(amount)?,
            'D' => days = days.checked_add(amount)?,
            _ => return None,
        }
    }
    for (amount, unit) in parts(time)? {
        let part = match unit {
            'H' => amount.parse::<i64>().ok()?.checked_mul(3600 * SECOND)?,
            'M' => amount.parse::<i64>().ok()?.checked_mul(60 * SECOND)?,
            'S' => match amount.strip_prefix('-') {
                Some(positive) => -microseconds(positive)?,
                None => microseconds(amount)?,
            },
            _ => return None,
        };
        micros = micros.checked_add(part)?;
    }
    Some(Interval { months: months.try_into().ok()?, days: days.try_into().ok()?, microseconds: micros })
}

/// The text form of an interval parameter, in PostgreSQL's own style, which is read exactly.
pub(super) fn interval_text(interval: Interval) -> String {
    let Interval { months, days, microseconds } = interval;
    let (sign, all) = (if microseconds < 0 { "-" } else { "" }, microseconds.unsigned_abs());
    let (seconds, micros) = (all / 1_000_000, all % 1_000_000);
    format!(
        "{months} mons {days} days {sign}{:02}:{:02}:{:02}.{micros:06}",
        seconds / 3600,
        seconds / 60 % 60,
        seconds % 60
    )
}

/// `1Y2M` → its amounts and units.
fn parts(text: &str) -> Option<Vec<(&str, char)>> {
    let mut parts = Vec::new();
    let mut rest = text;
    while !rest.is_empty() {
        let at = rest.find(|character: char| character.is_ascii_alphabetic())?;
        let (amount, unit) = rest.split_at_checked(at)?;
        let mut unit = unit.chars();
        parts.push((amount, unit.next()?));
        rest = unit.as_str();
    }
    Some(parts)
}

fn three(text: &str, separator: char) -> Option<(&str, &str, &str)> {
    let mut parts = text.splitn(3, separator);
    Some((parts.next()?, parts.next()?, parts.next()?))
}

/// Digits alone: no sign, no space.
fn number(text: &str) -> Option<i64> {
    text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse().ok())?
}

/// `6.5` → 6 500 000.
fn microseconds(seconds: &str) -> Option<i64> {
    let (whole, fraction) = seconds.split_once('.').unwrap_or((seconds, "0"));
    if fraction.len() > 6 {
        return None;
    }
    let scale = 10_i64.pow(6 - fraction.len() as u32);
    number(whole)?.checked_mul(SECOND)?.checked_add(number(fraction)? * scale)
}

/// Days since 1970-01-01 in the proleptic Gregorian calendar; year 0 is 1 BC.
/// Howard Hinnant, "chrono-Compatible Low-Level Date Algorithms".
fn days_from_civil(year: i64, month: i64, day: i64) -> Option<i64> {
    if !(1..=12).contains(&month) || !(1..=31).contains(&day) || year.abs() > 1_000_000 {
        return None;
    }
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let of_era = year.rem_euclid(400);
    let of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    Some(era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468)
}

/// The inverse: year, month, day.
fn civil_from_days(days: i64) -> (i64, i64, i64) {
    let days = days + 719_468;
    let (era, of_era) = (days.div_euclid(146_097), days.rem_euclid(146_097));
    let year = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year + year / 4 - year / 100);
    let shifted = (5 * of_year + 2) / 153;
    let day = of_year - (153 * shifted + 2) / 5 + 1;
    let month = if shifted < 10 { shifted + 3 } else { shifted - 9 };
    (era * 400 + year + i64::from(month <= 2), month, day)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn timestamps_count_from_1970_in_utc() {
        // Expected by `date -u -d … +%s`.
        for (text, expected) in [
            ("1970-01-01 00:00:00+00", Some(0)),
            ("2026-11-20 11:40:59.25+00", Some(1_795_174_859_250_000)),
            ("2026-11-20 12:40:59.25+01", Some(1_795_174_859_250_000)),
            ("2026-11-20 06:10:59.25-05:30", Some(1_795_174_859_250_000)),
            ("1969-12-31 23:59:59.999999+00", Some(-1)),
            ("infinity", None),
            ("-infinity", None),
            ("", None),
            ("2026-13-01 00:00:00+00", None),
            ("2026-11-20 11:40:59.25", None),
            ("2026-11-20 11:40:-9+00", None),
            ("294276-12-31 23:59:59.999999+00", None), // past i64 when counted from 1970
        ] {
            assert_eq!(timestamptz(text), expected, "{text}");
        }
    }

    #[test]
    fn a_written_timestamp_reads_back() {
        for micros in [0, -1, 1, 1_795_174_859_250_000, -62_135_596_800_000_001, -210_866_803_200_000_000, i64::MAX / 2]
        {
            assert_eq!(timestamptz(&timestamptz_text(micros)), Some(micros), "{}", timestamptz_text(micros));
        }
    }

    #[test]
    fn intervals_keep_their_three_parts() {
        let of = |months, days, microseconds| Some(Interval { months, days, microseconds });
        for (text, expected) in [
            ("PT0S", of(0, 0, 0)),
            ("P1Y2M3DT4H5M6.5S", of(14, 3, 14_706_500_000)),
            ("P-1Y-2M3DT-4H-5M-6.5S", of(-14, 3, -14_706_500_000)),
            ("PT-0.000001S", of(0, 0, -1)),
            ("P178956970Y7M", of(i32::MAX, 0, 0)),
            ("infinity", None),
            ("P1W", None),
            ("P1", None),
            ("P99999999999999999999Y", None),
        ] {
            assert_eq!(interval(text), expected, "{text}");
        }
    }
}
