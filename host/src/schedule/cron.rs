//! A crontab line: parsed, checked, and asked for its next due time.

use std::fmt;
use std::sync::Arc;

use croner::parser::{CronParser, Seconds, Year};
use croner::{CronComponent, CronPattern};
use jiff::Timestamp;
use jiff::civil::{DateTime, date};
use jiff::tz::TimeZone;

use super::field::{DAY, Field, HOUR, MINUTE, MONTH, SECOND, WEEKDAY};
use super::{calendar, wall_clock};

/// When a job is due, as crontab(5) writes it: `minute hour day-of-month month day-of-week`.
///
/// | form | meaning |
/// |---|---|
/// | `*`  `5`  `1-5`  `1,3`  `*/15`  `5-59/10` | as in crontab(5) |
/// | `JAN`-`DEC`, `SUN`-`SAT` | names, in ranges and lists too; any case |
/// | `0` and `7` | both Sunday |
/// | six fields | the first is the second, as in croner and Quartz; without it, second 0 |
/// | `@yearly` `@annually` `@monthly` `@weekly` `@daily` `@midnight` `@hourly` | as in crontab(5); `@reboot` is refused |
/// | `L`, `LW`, `15W` as day of month | last day; last working day; working day (Monday to Friday) nearest to the 15th of that month |
/// | `5L`, `5#2` as day of week | last Friday, second Friday of the month |
///
/// A day counts when day of month *or* day of week matches, if both are restricted. If one of them begins with `*`, both
/// must match: that is what cron does with `0 0 */2 * MON`.
///
/// # Daylight saving
///
/// *At fixed times* is a line that leaves hours out and lists its minutes one by one (`30 2 * * *`, `0,30 8-17 * * *`,
/// `0 */6 * * *`). *Repeating* is every other: all 24 hours (`15 * * * *`), or minutes with `*` or a range (`*/5 0-6 * * *`).
///
/// * A skipped hour: what fell into it runs once, when it ends. A line with all 24 hours simply goes on, for no real hour
///   was skipped.
/// * A repeated hour: a line at fixed times runs in the first pass only. A repeating line keeps its real-time cadence and
///   runs in both, so a check every minute is never blind for an hour.
///
/// croner's own rule is another: it takes `0,30 2 * * *` for an interval, loses it in the skipped hour and runs it four
/// times in the repeated one. So croner reads the line and judges days; the search and the zone are ours.
#[derive(Clone)]
pub struct CronLine {
    written: Arc<str>,
    pattern: Arc<CronPattern>,
    at_fixed_times: bool,
    every_hour: bool,
}

/// Why a schedule was refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CronError {
    /// Nothing was written.
    #[error("the schedule is empty; write a crontab line such as \"*/5 * * * *\" or \"@daily\"")]
    Empty,
    /// `@reboot` names no time.
    #[error("schedule \"@reboot\" names no time; write when the job is due, e.g. \"@hourly\"")]
    Reboot,
    /// An `@` word that crontab(5) does not have.
    #[error(
        "schedule \"{written}\" is unknown; use @yearly, @annually, @monthly, @weekly, @daily, @midnight, @hourly or five fields"
    )]
    Nickname {
        /// The schedule as written.
        written: String,
    },
    /// Neither five nor six fields.
    #[error(
        "schedule \"{written}\" has {count} field{}; write five (minute hour day-of-month month day-of-week) or put the second before them",
        if *count == 1 { "" } else { "s" }
    )]
    FieldCount {
        /// The schedule as written.
        written: String,
        /// How many fields it has.
        count: usize,
    },
    /// One field is wrong.
    #[error("schedule \"{written}\": {field} \"{text}\": {problem}")]
    Field {
        /// The schedule as written.
        written: String,
        /// Which field, in words: `day of week`.
        field: &'static str,
        /// That field as written.
        text: String,
        /// What is wrong with it, and what would be right.
        problem: String,
    },
    /// No day is ever like that.
    #[error("schedule \"{written}\" never comes due: no month it names has such a day; change day of month or month")]
    Never {
        /// The schedule as written.
        written: String,
    },
}

impl CronLine {
    /// Reads a line; the type's documentation tells the forms.
    ///
    /// # Errors
    ///
    /// [`CronError`] names the field and what would be right; a line that can never come due is an error as well.
    pub fn parse(line: &str) -> Result<Self, CronError> {
        let written = line.trim();
        let in_full = if written.starts_with('@') { nickname(written)? } else { written };
        let mut fields: Vec<&str> = in_full.split_whitespace().collect();
        match fields.len() {
            0 => return Err(CronError::Empty),
            5 => fields.insert(0, "0"),
            6 => {}
            count => return Err(CronError::FieldCount { written: written.into(), count }),
        }
        let kinds: [&Field; 6] = [&SECOND, &MINUTE, &HOUR, &DAY, &MONTH, &WEEKDAY];
        let mut numbers = Vec::with_capacity(6);
        for (kind, text) in kinds.iter().zip(&fields) {
            numbers.push(kind.in_numbers(text).map_err(|problem| CronError::Field {
                written: written.into(),
                field: kind.name,
                text: (*text).into(),
                problem,
            })?);
        }
        let starred = |at: usize| numbers.get(at).is_some_and(|field| field.starts_with('*'));
        let mut pattern = CronParser::builder()
            .seconds(Seconds::Required)
            .year(Year::Disallowed)
            .dom_and_dow(starred(3) || starred(5))
            .build()
            .parse(&numbers.join(" "))
            // Not to be expected: the fields were checked. If croner knows better, its word is passed on.
            .map_err(|error| CronError::Field {
                written: written.into(),
                field: "line",
                text: numbers.join(" "),
                problem: error.to_string(),
            })?
            .pattern;
        // A table of 5,000 years, all set: nine tenths of what a line would hold.
        pattern.years = CronComponent::default();
        let every_hour = pattern.hours.values().len() == 24;
        let lists_minutes = numbers.get(1).is_some_and(|minute| !minute.contains(['*', '-']));
        let line = Self {
            written: written.into(),
            pattern: Arc::new(pattern),
            at_fixed_times: !every_hour && lists_minutes,
            every_hour,
        };
        match line.next_civil(date(2000, 1, 1).at(0, 0, 0, 0)) {
            Some(_) => Ok(line),
            None => Err(CronError::Never { written: written.into() }),
        }
    }

    /// The first due time strictly after `after`, on the wall clock of `tz`; see the type for daylight saving.
    /// `None` only where the calendar ends (the year 9999).
    pub fn next_after(&self, after: Timestamp, tz: &TimeZone) -> Option<Timestamp> {
        wall_clock::next_after(self, after, tz)
    }

    /// The first matching wall-clock time at or after `from`, in a calendar without zones.
    pub(super) fn next_civil(&self, from: DateTime) -> Option<DateTime> {
        calendar::next(&self.pattern, from)
    }

    /// Whether the line names its times one by one; see [`CronLine`].
    pub(super) fn is_at_fixed_times(&self) -> bool {
        self.at_fixed_times
    }

    /// Whether the line matches in all 24 hours.
    pub(super) fn is_every_hour(&self) -> bool {
        self.every_hour
    }
}

fn nickname(written: &str) -> Result<&'static str, CronError> {
    match written.to_ascii_lowercase().as_str() {
        "@yearly" | "@annually" => Ok("0 0 1 1 *"),
        "@monthly" => Ok("0 0 1 * *"),
        "@weekly" => Ok("0 0 * * 0"),
        "@daily" | "@midnight" => Ok("0 0 * * *"),
        "@hourly" => Ok("0 * * * *"),
        "@reboot" => Err(CronError::Reboot),
        _ => Err(CronError::Nickname { written: written.into() }),
    }
}

/// The line as it was written.
impl fmt::Display for CronLine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.written)
    }
}

impl fmt::Debug for CronLine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "CronLine({:?})", self.written)
    }
}

/// Lines are equal when they are written alike: everything else follows from that.
impl PartialEq for CronLine {
    fn eq(&self, other: &Self) -> bool {
        self.written == other.written
    }
}

impl Eq for CronLine {}
