//! Daylight saving: tables for the cases that people know, and a slow, obvious model for all others.

use jiff::SignedDuration;
use jiff::civil::DateTime;

use super::*;

/// Line, zone, a span around the change, and every due time in it.
type Case = (&'static str, &'static str, &'static str, &'static str, &'static [&'static str]);

fn check(cases: &[Case]) {
    for (text, zone, from, to, expected) in cases {
        assert_eq!(due_between(text, zone, from, to), *expected, "{text} in {zone}");
    }
}

#[test]
fn what_falls_into_a_skipped_hour_runs_once() {
    let berlin = ("2026-03-29T00:30:00+01:00", "2026-03-29T05:00:00+02:00");
    let new_york = ("2026-03-08T00:30:00-05:00", "2026-03-08T04:30:00-04:00");
    let lord_howe = ("2026-10-04T01:00:00+10:30", "2026-10-04T03:30:00+11:00");
    let havana = ("2026-03-07T23:30:00-05:00", "2026-03-08T06:30:00-04:00");
    let cairo = ("2026-04-23T23:30:00+02:00", "2026-04-24T06:30:00+03:00");
    let sao_paulo = ("2018-11-03T23:30:00-03:00", "2018-11-04T06:30:00-02:00");
    check(&[
        ("30 2 * * *", "Europe/Berlin", berlin.0, berlin.1, &["03:00:00+02:00"]),
        ("0,30 2 * * *", "Europe/Berlin", berlin.0, berlin.1, &["03:00:00+02:00"]),
        ("0 2,3 * * *", "Europe/Berlin", berlin.0, berlin.1, &["03:00:00+02:00"]),
        ("15 1-3 * * *", "Europe/Berlin", berlin.0, berlin.1, &["01:15:00+01:00", "03:00:00+02:00", "03:15:00+02:00"]),
        ("*/20 2 * * *", "Europe/Berlin", berlin.0, berlin.1, &["03:00:00+02:00"]),
        ("10 30 2 * * *", "Europe/Berlin", berlin.0, berlin.1, &["03:00:00+02:00"]),
        ("0 3 * * *", "Europe/Berlin", berlin.0, berlin.1, &["03:00:00+02:00"]),
        ("30 2 30 * *", "Europe/Berlin", berlin.0, berlin.1, &[]),
        ("30 2 * * *", "America/New_York", new_york.0, new_york.1, &["03:00:00-04:00"]),
        ("15 2 * * *", "Australia/Lord_Howe", lord_howe.0, lord_howe.1, &["02:30:00+11:00"]),
        ("45 2 * * *", "Australia/Lord_Howe", lord_howe.0, lord_howe.1, &["02:45:00+11:00"]),
        ("@daily", "America/Havana", havana.0, havana.1, &["01:00:00-04:00"]),
        ("0 */6 * * *", "America/Havana", havana.0, havana.1, &["01:00:00-04:00", "06:00:00-04:00"]),
        ("@daily", "Africa/Cairo", cairo.0, cairo.1, &["01:00:00+03:00"]),
        ("30 0 * * FRI", "Africa/Cairo", cairo.0, cairo.1, &["01:00:00+03:00"]),
        ("@daily", "America/Sao_Paulo", sao_paulo.0, sao_paulo.1, &["01:00:00-02:00"]),
        ("@weekly", "America/Sao_Paulo", sao_paulo.0, sao_paulo.1, &["01:00:00-02:00"]),
        ("30 2 * * *", "UTC", "2026-03-29T00:30:00Z", "2026-03-29T05:00:00Z", &["02:30:00+00:00"]),
    ]);
}

#[test]
fn a_job_at_fixed_times_runs_once_in_a_repeated_hour() {
    let berlin = ("2026-10-25T01:30:00+02:00", "2026-10-25T04:00:00+01:00");
    let new_york = ("2026-11-01T00:30:00-04:00", "2026-11-01T03:00:00-05:00");
    let lord_howe = ("2026-04-05T01:00:00+11:00", "2026-04-05T02:30:00+10:30");
    let havana = ("2026-10-31T23:30:00-04:00", "2026-11-01T06:30:00-05:00");
    check(&[
        ("30 2 * * *", "Europe/Berlin", berlin.0, berlin.1, &["02:30:00+02:00"]),
        ("0,30 2 * * *", "Europe/Berlin", berlin.0, berlin.1, &["02:00:00+02:00", "02:30:00+02:00"]),
        ("0 2,3 * * *", "Europe/Berlin", berlin.0, berlin.1, &["02:00:00+02:00", "03:00:00+01:00"]),
        ("0 */2 * * *", "Europe/Berlin", berlin.0, berlin.1, &["02:00:00+02:00", "04:00:00+01:00"]),
        ("10 30 2 * * *", "Europe/Berlin", berlin.0, berlin.1, &["02:30:10+02:00"]),
        ("30 1 * * *", "America/New_York", new_york.0, new_york.1, &["01:30:00-04:00"]),
        ("45 1 * * *", "Australia/Lord_Howe", lord_howe.0, lord_howe.1, &["01:45:00+11:00"]),
        ("@daily", "America/Havana", havana.0, havana.1, &["00:00:00-04:00"]),
        ("0 */6 * * *", "America/Havana", havana.0, havana.1, &["00:00:00-04:00", "06:00:00-05:00"]),
        // Asked in the second pass, the first one counts.
        ("30 2 * * *", "Europe/Berlin", "2026-10-25T02:10:00+01:00", "2026-10-25T04:00:00+01:00", &[]),
        ("30 2 * * *", "Europe/Berlin", "2026-10-25T02:00:00+01:00", "2026-10-25T04:00:00+01:00", &[]),
    ]);
}

#[test]
fn a_repeating_job_keeps_its_cadence_through_every_change() {
    let changes = [
        ("Europe/Berlin", "2026-03-29T01:00:00Z"),
        ("Europe/Berlin", "2026-10-25T01:00:00Z"),
        ("America/New_York", "2026-03-08T07:00:00Z"),
        ("America/New_York", "2026-11-01T06:00:00Z"),
        ("Australia/Lord_Howe", "2026-04-04T15:00:00Z"),
        ("Australia/Lord_Howe", "2026-10-03T15:30:00Z"),
        ("America/Havana", "2026-03-08T05:00:00Z"),
        ("America/Havana", "2026-11-01T05:00:00Z"),
        ("America/Sao_Paulo", "2018-11-04T03:00:00Z"),
        ("America/Sao_Paulo", "2018-02-18T02:00:00Z"),
        ("Asia/Kathmandu", "2026-03-29T01:00:00Z"),
    ];
    let lines = [
        ("* * * * *", 60),
        ("*/5 * * * *", 300),
        ("3-59/10 * * * *", 600),
        ("*/10 * * * * *", 10),
        ("* 0-23 * * *", 60),
    ];
    for (zone_name, change) in changes {
        let (tz, change) = (zone(zone_name), at(change));
        for (text, seconds) in lines {
            let line = line(text);
            let mut last = line.next_after(change - SignedDuration::from_hours(3), &tz).unwrap();
            while last < change + SignedDuration::from_hours(3) {
                let next = line.next_after(last, &tz).unwrap();
                assert_eq!(next.duration_since(last).as_secs(), seconds, "{text} in {zone_name} after {last}");
                last = next;
            }
        }
    }
}

#[test]
fn a_repeating_job_with_hours_runs_in_both_passes() {
    check(&[
        (
            "*/30 0-2 * * *",
            "Europe/Berlin",
            "2026-10-25T01:45:00+02:00",
            "2026-10-25T04:00:00+01:00",
            &["02:00:00+02:00", "02:30:00+02:00", "02:00:00+01:00", "02:30:00+01:00"],
        ),
        (
            "15-59/30 0-2 * * *",
            "Europe/Berlin",
            "2026-10-25T01:50:00+02:00",
            "2026-10-25T04:00:00+01:00",
            &["02:15:00+02:00", "02:45:00+02:00", "02:15:00+01:00", "02:45:00+01:00"],
        ),
        (
            "@hourly",
            "Europe/Berlin",
            "2026-10-25T01:30:00+02:00",
            "2026-10-25T03:00:00+01:00",
            &["02:00:00+02:00", "02:00:00+01:00", "03:00:00+01:00"],
        ),
        (
            "30 * * * *",
            "Europe/Berlin",
            "2026-03-29T01:00:00+01:00",
            "2026-03-29T04:00:00+02:00",
            &["01:30:00+01:00", "03:30:00+02:00"],
        ),
    ]);
}

#[test]
fn a_day_that_a_zone_left_out_runs_once() {
    // Samoa went from the 29th to the 31st of December 2011.
    let (from, to) = ("2011-12-29T12:00:00-10:00", "2011-12-31T12:00:00+14:00");
    check(&[
        ("0 9 * * *", "Pacific/Apia", from, to, &["00:00:00+14:00", "09:00:00+14:00"]),
        ("0 9 30 12 *", "Pacific/Apia", from, to, &["00:00:00+14:00"]),
        ("0 9 31 12 *", "Pacific/Apia", from, to, &["09:00:00+14:00"]),
    ]);
}

/// A line as the model sees it: its own reading of plain numbers, stars, ranges, lists and steps.
struct Model {
    minute: Vec<i8>,
    hour: Vec<i8>,
    day: Vec<i8>,
    month: Vec<i8>,
    weekday: Vec<i8>,
    either_day: bool,
    at_fixed_times: bool,
}

impl Model {
    fn read(text: &str) -> Self {
        let fields: Vec<&str> = text.split(' ').collect();
        let values = |field: usize, min: i8, max: i8| -> Vec<i8> {
            let items = fields[field].split(',').flat_map(|item| {
                let (range, step) = item.split_once('/').unwrap_or((item, "1"));
                let (from, to) = match range.split_once('-') {
                    Some((from, to)) => (from.parse().unwrap(), to.parse().unwrap()),
                    None if range == "*" => (min, max),
                    None => (range.parse().unwrap(), range.parse().unwrap()),
                };
                (from..=to).step_by(step.parse().unwrap())
            });
            items.collect()
        };
        let hour = values(1, 0, 23);
        Self {
            minute: values(0, 0, 59),
            day: values(2, 1, 31),
            month: values(3, 1, 12),
            weekday: values(4, 0, 6),
            either_day: !fields[2].starts_with('*') && !fields[4].starts_with('*'),
            at_fixed_times: hour.len() < 24 && !fields[0].contains(['*', '-']),
            hour,
        }
    }

    fn matches(&self, time: DateTime) -> bool {
        let day = self.day.contains(&time.day());
        let weekday = self.weekday.contains(&(time.weekday().to_sunday_zero_offset()));
        self.minute.contains(&time.minute())
            && self.hour.contains(&time.hour())
            && self.month.contains(&time.month())
            && if self.either_day { day || weekday } else { day && weekday }
    }

    /// Every due time in a span, minute by minute: each minute that the wall clock shows, and those it skips.
    fn dues(&self, tz: &TimeZone, from: Timestamp, to: Timestamp) -> Vec<Timestamp> {
        let minute = SignedDuration::from_mins(1);
        let wall = |now: Timestamp| tz.to_datetime(now);
        let (mut dues, mut now) = (Vec::new(), from);
        let mut shown = wall(from);
        while now < to {
            let before = wall(now);
            now += minute;
            let time = wall(now);
            let mut due = self.matches(time) && (time > shown || !self.at_fixed_times);
            let mut skipped = before + minute;
            while skipped < time {
                due |= self.matches(skipped) && self.hour.len() < 24;
                skipped += minute;
            }
            if due {
                dues.push(now);
            }
            shown = shown.max(time);
        }
        dues
    }
}

#[test]
fn every_line_agrees_with_a_minute_by_minute_model() {
    let lines = [
        "* * * * *",
        "*/5 * * * *",
        "7-59/10 * * * *",
        "0 * * * *",
        "15,45 * * * *",
        "30 2 * * *",
        "0,30 2 * * *",
        "0 0 * * *",
        "30 0 * * *",
        "15 1-3 * * *",
        "*/20 2 * * *",
        "0 */6 * * *",
        "0 */2 * * *",
        "*/7 0-6 * * *",
        "59 23 * * 6",
        "0 3 1,15 * 1",
        "45 1 */2 * 0",
        "0 2 29 3 *",
        "0 4 31 * *",
        "10 1,13 * 3-4,10-11 1-5",
    ];
    let spans = [
        ("UTC", "2026-02-20T00:00:00Z", 20),
        ("Europe/Berlin", "2026-03-26T00:00:00Z", 6),
        ("Europe/Berlin", "2026-10-22T00:00:00Z", 12),
        ("America/New_York", "2026-03-05T00:00:00Z", 6),
        ("America/New_York", "2026-10-29T00:00:00Z", 6),
        ("Australia/Lord_Howe", "2026-04-02T00:00:00Z", 6),
        ("Australia/Lord_Howe", "2026-10-01T00:00:00Z", 6),
        ("America/Havana", "2026-03-05T00:00:00Z", 6),
        ("America/Havana", "2026-10-29T00:00:00Z", 6),
        ("Africa/Cairo", "2026-04-21T00:00:00Z", 6),
        ("Africa/Cairo", "2026-10-27T00:00:00Z", 6),
        ("America/Sao_Paulo", "2018-11-01T00:00:00Z", 6),
        ("America/Sao_Paulo", "2018-02-15T00:00:00Z", 6),
        ("Asia/Kathmandu", "2024-02-25T00:00:00Z", 8),
        ("Pacific/Apia", "2011-12-28T00:00:00Z", 6),
    ];
    for (zone_name, from, days) in spans {
        let (tz, from) = (zone(zone_name), at(from));
        let to = from + SignedDuration::from_hours(24 * days);
        for text in lines {
            let (line, expected) = (line(text), Model::read(text).dues(&tz, from, to));
            let dues = std::iter::successors(Some(from), |last| line.next_after(*last, &tz));
            let dues: Vec<Timestamp> = dues.skip(1).take_while(|due| *due <= to).collect();
            assert_eq!(dues, expected, "{text} in {zone_name}");
            // From anywhere, not only from one due time to the next.
            let mut now = from;
            while now < to {
                let expected = expected.iter().find(|due| **due > now);
                let next = line.next_after(now, &tz).filter(|due| *due <= to);
                assert_eq!(next.as_ref(), expected, "{text} in {zone_name} after {now}");
                now += SignedDuration::from_millis(1_234_567);
            }
        }
    }
}
