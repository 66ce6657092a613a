//! The schedule's claims, as tables.

mod asked;
mod clock;
mod lines;
mod load;
mod plans;
mod queue;
mod zones;

use jiff::tz::TimeZone;
use jiff::{Timestamp, Zoned};

use super::{CatchUp, CronLine, Event, JobPlan};

fn line(text: &str) -> CronLine {
    CronLine::parse(text).unwrap_or_else(|error| panic!("{error}"))
}

fn zone(name: &str) -> TimeZone {
    TimeZone::get(name).unwrap()
}

/// An instant: `2026-03-01T12:00:00Z`, or with an offset.
fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

/// Every due time after `from` up to `to`, as the wall clock of the zone with its offset: `03:00:00+02:00`.
fn due_between(text: &str, zone_name: &str, from: &str, to: &str) -> Vec<String> {
    let (line, tz, to) = (line(text), zone(zone_name), at(to));
    let dues = std::iter::successors(Some(at(from)), |last| line.next_after(*last, &tz));
    dues.skip(1).take_while(|due| *due <= to).map(|due| clock_of(&due.to_zoned(tz.clone()))).collect()
}

fn clock_of(time: &Zoned) -> String {
    time.strftime("%H:%M:%S%:z").to_string()
}

fn job(name: &str, schedule: &str) -> JobPlan {
    JobPlan {
        name: name.into(),
        cron: line(schedule),
        tz: TimeZone::UTC,
        jitter: std::time::Duration::ZERO,
        catch_up: CatchUp::Once,
    }
}

fn start(job: &str, due: &str) -> Event {
    Event::Start { job: job.into(), due: at(due), missed_since: None }
}
