//! Moments in UTC: microseconds since 1970 for judging, text for people, and the stamps in backups' names.

/// Microseconds in a second.
pub(crate) const SECOND: i64 = 1_000_000;

const DAY: i64 = 86_400;

/// A moment as people read it: `2026-11-20 18:08:02Z`.
pub(crate) fn text(at: i64) -> String {
    let seconds = at.div_euclid(SECOND);
    let (days, of_day) = (seconds.div_euclid(DAY), seconds.rem_euclid(DAY));
    let (year, month, day) = date(days);
    format!("{year:04}-{month:02}-{day:02} {:02}:{:02}:{:02}Z", of_day / 3600, of_day / 60 % 60, of_day % 60)
}

/// The moment of a stamp such as `20261120T180802Z`, in microseconds; none for anything else.
pub(crate) fn of_stamp(stamp: &str) -> Option<i64> {
    let (date, time) = stamp.strip_suffix('Z')?.split_once('T')?;
    if date.len() != 8 || time.len() != 6 || !date.bytes().chain(time.bytes()).all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let part = |text: &str, from: usize, to: usize| text.get(from..to)?.parse::<i64>().ok();
    let (year, month, day) = (part(date, 0, 4)?, part(date, 4, 6)?, part(date, 6, 8)?);
    let (hour, minute, second) = (part(time, 0, 2)?, part(time, 2, 4)?, part(time, 4, 6)?);
    let fits = (1..=12).contains(&month) && (1..=31).contains(&day) && hour < 24 && minute < 60 && second <= 60;
    fits.then(|| (days(year, month, day) * DAY + hour * 3600 + minute * 60 + second) * SECOND)
}

/// Days since 1970-01-01 of a date of the Gregorian calendar. A year is counted from March, so that its leap day is its last.
fn days(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    year * 365 + year.div_euclid(4) - year.div_euclid(100) + year.div_euclid(400) + of_year - 719_468
}

/// The date of a day since 1970-01-01.
fn date(day: i64) -> (i64, i64, i64) {
    // The year is at most one too late here: 366 days are never too few for a year.
    let mut year = 1970 + day.div_euclid(366);
    while days(year + 1, 1, 1) <= day {
        year += 1;
    }
    let month = (1..=12).rev().find(|month| days(year, *month, 1) <= day).unwrap_or(1);
    (year, month, day - days(year, month, 1) + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stamps_and_texts_agree_with_the_calendar() {
        // date -u -d … +%s
        for (stamp, seconds, read) in [
            ("19700101T000000Z", 0, "1970-01-01 00:00:00Z"),
            ("20000229T235959Z", 951_868_799, "2000-02-29 23:59:59Z"),
            ("20261120T180802Z", 1_795_198_082, "2026-11-20 18:08:02Z"),
            ("20241231T000000Z", 1_735_603_200, "2024-12-31 00:00:00Z"),
            ("21000301T000000Z", 4_107_542_400, "2100-03-01 00:00:00Z"),
        ] {
            assert_eq!(of_stamp(stamp), Some(seconds * SECOND), "{stamp}");
            assert_eq!(text(seconds * SECOND), read);
        }
        assert_eq!(text(-SECOND), "1969-12-31 23:59:59Z");
    }

    #[test]
    fn what_is_no_stamp_has_no_moment() {
        for text in
            ["", "Z", "20261320T000000Z", "20261120T250000Z", "2026112T1180802Z", "20261120T18080+Z", "20261120T180802"]
        {
            assert_eq!(of_stamp(text), None, "{text}");
        }
    }
}
