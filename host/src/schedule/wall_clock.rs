//! From wall-clock times to instants: where the clock is put forward or back, a line's due times are placed as
//! [`CronLine`] documents it.

use jiff::civil::DateTime;
use jiff::tz::{Offset, TimeZone};
use jiff::{SignedDuration, Timestamp};

use super::CronLine;

const SECOND: SignedDuration = SignedDuration::from_secs(1);
const NANOSECOND: SignedDuration = SignedDuration::from_nanos(1);

/// The first due time of `line` strictly after `after`.
///
/// Goes through the stretches of time between two changes of the zone's offset. Within one, wall clock and real time run
/// alike; at its end the clock jumps over wall-clock times, or back to some that it has shown before.
pub(super) fn next_after(line: &CronLine, after: Timestamp, tz: &TimeZone) -> Option<Timestamp> {
    let mut offset = tz.to_offset(after);
    let mut from = whole_second(offset.to_datetime(after))?.checked_add(SECOND).ok()?;
    if line.is_at_fixed_times()
        && let Some(shown) = shown_before(after, tz)
    {
        from = from.max(shown);
    }
    let mut stretch = after;
    loop {
        let due = line.next_civil(from)?;
        let Some(change) = tz.following(stretch).next() else { return offset.to_timestamp(due).ok() };
        let stops = offset.to_datetime(change.timestamp());
        if due < stops {
            return offset.to_timestamp(due).ok();
        }
        let resumes = change.offset().to_datetime(change.timestamp());
        from = if due < resumes {
            // Skipped by a clock put forward.
            if !line.is_every_hour() {
                return Some(change.timestamp());
            }
            resumes
        } else if resumes < stops && !line.is_at_fixed_times() {
            // A clock put back shows the stretch from `resumes` to `stops` again.
            resumes
        } else {
            due
        };
        offset = change.offset();
        stretch = change.timestamp();
    }
}

/// How far the wall clock had come when the zone's offset last changed, at or before `at`. After a clock was put back,
/// wall-clock times up to here are shown for the second time.
fn shown_before(at: Timestamp, tz: &TimeZone) -> Option<DateTime> {
    let change = tz.preceding(at.checked_add(NANOSECOND).ok()?).next()?.timestamp();
    let before: Offset = tz.to_offset(change.checked_sub(NANOSECOND).ok()?);
    Some(before.to_datetime(change))
}

fn whole_second(time: DateTime) -> Option<DateTime> {
    time.with().subsec_nanosecond(0).build().ok()
}
