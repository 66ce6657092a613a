//! The first date and time that a pattern matches, in a calendar without zones. croner says which days and times match;
//! its own search would need a table of 5 kB per line, and 30 ms to find that a line never matches.

use croner::{CronPattern, Direction, TimeComponent, Weekday};
use jiff::civil::{Date, DateTime, Time};

/// No gap between two matches is longer: a 29th of February falls on a given weekday again after 40 years at most.
const LONGEST_GAP_YEARS: i16 = 41;

/// The first match at or after `from`. `None` if there is none, or the calendar ends before it.
pub(super) fn next(pattern: &CronPattern, from: DateTime) -> Option<DateTime> {
    let last_year = from.year().saturating_add(LONGEST_GAP_YEARS);
    let (mut day, mut time) = (from.date(), from.time());
    while day.year() <= last_year {
        if !pattern.month_match(number(day.month())).ok()? {
            day = day.last_of_month().tomorrow().ok()?;
        } else if day_matches(pattern, day)?
            && let Some(time) = time_from(pattern, time)
        {
            return Some(day.to_datetime(time));
        } else {
            day = day.tomorrow().ok()?;
        }
        time = Time::midnight();
    }
    None
}

fn day_matches(pattern: &CronPattern, day: Date) -> Option<bool> {
    let weekday = Weekday::from_days_from_sunday(number(day.weekday().to_sunday_zero_offset()));
    pattern.day_match(i32::from(day.year()), number(day.month()), number(day.day()), weekday).ok()
}

/// The first matching time of day at or after `from`.
fn time_from(pattern: &CronPattern, from: Time) -> Option<Time> {
    let first = |part: TimeComponent, from: i8| -> Option<i8> {
        let found = pattern.find_match_in_component(number(from), part, Direction::Forward).ok()??;
        i8::try_from(found).ok()
    };
    let at = |hour: i8, minute: i8, second: i8| Time::new(hour, minute, second, 0).ok();
    let (hour, minute, second) = (from.hour(), from.minute(), from.second());
    if first(TimeComponent::Hour, hour) == Some(hour) {
        if first(TimeComponent::Minute, minute) == Some(minute)
            && let Some(second) = first(TimeComponent::Second, second)
        {
            return at(hour, minute, second);
        }
        if let Some(minute) = first(TimeComponent::Minute, minute + 1) {
            return at(hour, minute, first(TimeComponent::Second, 0)?);
        }
    }
    at(first(TimeComponent::Hour, hour + 1)?, first(TimeComponent::Minute, 0)?, first(TimeComponent::Second, 0)?)
}

/// A part of a date or time, none of which is negative.
fn number(part: i8) -> u32 {
    u32::from(part.unsigned_abs())
}
