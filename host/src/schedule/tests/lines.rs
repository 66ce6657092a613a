//! What a crontab line means, without daylight saving.

use jiff::SignedDuration;

use super::*;

/// The first due times after 2026-01-01T00:00:00Z, which is a Thursday.
fn dues(text: &str, count: usize) -> Vec<String> {
    let line = line(text);
    let first = at("2026-01-01T00:00:00Z");
    let dues = std::iter::successors(Some(first), |last| line.next_after(*last, &TimeZone::UTC));
    dues.skip(1).take(count).map(|due| due.strftime("%F %a %T").to_string()).collect()
}

#[test]
fn a_line_means_what_crontab_5_says() {
    let cases: &[(&str, &[&str])] = &[
        ("* * * * *", &["2026-01-01 Thu 00:01:00", "2026-01-01 Thu 00:02:00"]),
        ("*/15 * * * *", &["2026-01-01 Thu 00:15:00", "2026-01-01 Thu 00:30:00"]),
        ("5-59/20 3 * * *", &["2026-01-01 Thu 03:05:00", "2026-01-01 Thu 03:25:00", "2026-01-01 Thu 03:45:00"]),
        ("0 8,20 * * *", &["2026-01-01 Thu 08:00:00", "2026-01-01 Thu 20:00:00", "2026-01-02 Fri 08:00:00"]),
        ("  0\t6   * * *  ", &["2026-01-01 Thu 06:00:00"]),
        // Weekdays: 0 and 7 are Sunday, 1 is Monday.
        ("0 0 * * 0", &["2026-01-04 Sun 00:00:00", "2026-01-11 Sun 00:00:00"]),
        ("0 0 * * 7", &["2026-01-04 Sun 00:00:00", "2026-01-11 Sun 00:00:00"]),
        ("0 0 * * sun", &["2026-01-04 Sun 00:00:00", "2026-01-11 Sun 00:00:00"]),
        ("0 0 * * 1", &["2026-01-05 Mon 00:00:00", "2026-01-12 Mon 00:00:00"]),
        ("0 0 * * 1-5", &["2026-01-02 Fri 00:00:00", "2026-01-05 Mon 00:00:00"]),
        ("0 0 * * MON-FRI", &["2026-01-02 Fri 00:00:00", "2026-01-05 Mon 00:00:00"]),
        ("0 0 * * Fri-Sun", &["2026-01-02 Fri 00:00:00", "2026-01-03 Sat 00:00:00", "2026-01-04 Sun 00:00:00"]),
        ("0 0 * * Mon-Sun", &["2026-01-02 Fri 00:00:00", "2026-01-03 Sat 00:00:00", "2026-01-04 Sun 00:00:00"]),
        ("0 0 * * 5-7", &["2026-01-02 Fri 00:00:00", "2026-01-03 Sat 00:00:00", "2026-01-04 Sun 00:00:00"]),
        ("0 0 * * SUN-TUE", &["2026-01-04 Sun 00:00:00", "2026-01-05 Mon 00:00:00", "2026-01-06 Tue 00:00:00"]),
        ("0 0 * * */3", &["2026-01-03 Sat 00:00:00", "2026-01-04 Sun 00:00:00", "2026-01-07 Wed 00:00:00"]),
        // Both days restricted: either. One beginning with a star: both.
        ("0 0 13 * FRI", &["2026-01-02 Fri 00:00:00", "2026-01-09 Fri 00:00:00", "2026-01-13 Tue 00:00:00"]),
        ("0 0 */2 * MON", &["2026-01-05 Mon 00:00:00", "2026-01-19 Mon 00:00:00", "2026-02-09 Mon 00:00:00"]),
        ("0 0 5,6 * */2", &["2026-01-06 Tue 00:00:00", "2026-02-05 Thu 00:00:00", "2026-03-05 Thu 00:00:00"]),
        // Months and their ends.
        ("0 0 31 * *", &["2026-01-31 Sat 00:00:00", "2026-03-31 Tue 00:00:00", "2026-05-31 Sun 00:00:00"]),
        ("0 0 1 feb,JUN-jul *", &["2026-02-01 Sun 00:00:00", "2026-06-01 Mon 00:00:00", "2026-07-01 Wed 00:00:00"]),
        ("0 0 29 2 *", &["2028-02-29 Tue 00:00:00", "2032-02-29 Sun 00:00:00"]),
        ("59 23 31 12 *", &["2026-12-31 Thu 23:59:00", "2027-12-31 Fri 23:59:00"]),
        // What depends on the month.
        ("0 0 L * *", &["2026-01-31 Sat 00:00:00", "2026-02-28 Sat 00:00:00"]),
        ("0 0 lw * *", &["2026-01-30 Fri 00:00:00", "2026-02-27 Fri 00:00:00"]),
        ("0 0 15W * *", &["2026-01-15 Thu 00:00:00", "2026-02-16 Mon 00:00:00"]),
        ("0 0 1W 8 *", &["2026-08-03 Mon 00:00:00"]),
        ("0 0 * * 5L", &["2026-01-30 Fri 00:00:00", "2026-02-27 Fri 00:00:00"]),
        ("0 0 * * FRIL", &["2026-01-30 Fri 00:00:00", "2026-02-27 Fri 00:00:00"]),
        ("0 0 * * MON#2", &["2026-01-12 Mon 00:00:00", "2026-02-09 Mon 00:00:00"]),
        ("0 0 * * 7#1", &["2026-01-04 Sun 00:00:00", "2026-02-01 Sun 00:00:00"]),
        // Seconds come first.
        ("*/20 * * * * *", &["2026-01-01 Thu 00:00:20", "2026-01-01 Thu 00:00:40", "2026-01-01 Thu 00:01:00"]),
        ("30 0 4 * * *", &["2026-01-01 Thu 04:00:30", "2026-01-02 Fri 04:00:30"]),
        // Nicknames.
        ("@yearly", &["2027-01-01 Fri 00:00:00"]),
        ("@annually", &["2027-01-01 Fri 00:00:00"]),
        ("@monthly", &["2026-02-01 Sun 00:00:00"]),
        ("@weekly", &["2026-01-04 Sun 00:00:00"]),
        ("@daily", &["2026-01-02 Fri 00:00:00"]),
        ("@midnight", &["2026-01-02 Fri 00:00:00"]),
        ("@Hourly", &["2026-01-01 Thu 01:00:00"]),
    ];
    for (text, expected) in cases {
        assert_eq!(dues(text, expected.len()), *expected, "{text}");
    }
}

#[test]
fn a_wrong_line_is_refused_with_the_field_and_what_would_be_right() {
    let cases = [
        ("", "the schedule is empty"),
        ("   ", "the schedule is empty"),
        ("@reboot", "names no time"),
        ("@fortnightly", "\"@fortnightly\" is unknown; use @yearly"),
        ("@daily 5", "\"@daily 5\" is unknown"),
        ("5", "has 1 field; write five"),
        ("* * * *", "has 4 fields; write five"),
        ("* * * * * * *", "has 7 fields; write five"),
        ("60 * * * *", "minute \"60\": \"60\" is no minute; use 0 to 59"),
        ("* 24 * * *", "hour \"24\": \"24\" is no hour; use 0 to 23"),
        ("* * 0 * *", "day of month \"0\": \"0\" is no day of month; use 1 to 31"),
        ("* * 32 * *", "use 1 to 31"),
        ("* * * 13 *", "month \"13\": \"13\" is no month; use 1 to 12 or JAN to DEC"),
        ("* * * * 8", "day of week \"8\": \"8\" is no day of week; use 0 to 7 or SUN to SAT"),
        ("60 * * * * *", "second \"60\": \"60\" is no second"),
        ("* MON * * *", "hour \"MON\": \"MON\" is no hour"),
        ("* * * MON *", "month \"MON\": \"MON\" is no month"),
        ("* * * * MONDAY", "\"MONDAY\" is no day of week"),
        ("* * * JANFEB *", "\"JANFEB\" is no month"),
        ("1,,2 * * * *", "minute \"1,,2\": an item of the list is empty"),
        (", * * * *", "an item of the list is empty"),
        ("*/0 * * * *", "step \"0\" does not fit; a step of the minute is 1 to 59"),
        ("*/90 * * * *", "step \"90\" does not fit"),
        ("*/ * * * *", "step \"\" does not fit"),
        ("*/5/5 * * * *", "step \"5/5\" does not fit"),
        ("5/15 * * * *", "write 5-59/15 or */15"),
        ("* 22-4 * * *", "22-4 runs backwards; write 22-23,0-4"),
        ("* * * * SAT-MON", "SAT-MON runs backwards; write SAT-6,0-MON"),
        ("+5 * * * *", "\"+5\" is no minute"),
        ("-5 * * * *", "\"\" is no minute"),
        ("1-2-3 * * * *", "\"2-3\" is no minute"),
        ("0 0 ? * 2", "? is Quartz"),
        ("0 0 L,LW * *", "L and LW cannot stand in one list"),
        ("0 0 0W * *", "\"0\" is no day of month"),
        ("0 0 * * L", "L needs its weekday"),
        ("0 0 * * 1#6", "#6 is no week of a month"),
        ("0 0 * * +MON", "\"+MON\" is no day of week"),
        ("L * * * *", "\"L\" is no minute"),
        ("é * * * *", "\"é\" is no minute"),
        ("99999999999999999999 * * * *", "is no minute"),
        ("0 0 30 2 *", "never comes due"),
        ("0 0 31 4,6,9,11 *", "never comes due"),
        ("0 0 30 FEB */2", "never comes due"),
    ];
    for (text, expected) in cases {
        let error = CronLine::parse(text).map(|line| line.to_string()).unwrap_err().to_string();
        assert!(error.contains(expected), "{text}: {error}");
    }
}

#[test]
fn what_an_error_advises_is_accepted() {
    for text in ["5-59/15 * * * *", "* 22-23,0-4 * * *", "* * * * SAT-6,0-MON", "0 0 30 2 MON", "*/59 * * * *"] {
        line(text);
    }
}

#[test]
fn a_line_is_shown_as_written() {
    for text in ["@daily", "*/5  *  * * Mon-FRI", "0 0 * * 7"] {
        assert_eq!(line(&format!(" {text}\n")).to_string(), text);
    }
}

#[test]
fn the_next_due_time_is_strictly_later() {
    let cases = [
        ("2026-01-01T00:00:00Z", "2026-01-01T00:05:00Z"),
        ("2025-12-31T23:59:59.999999999Z", "2026-01-01T00:00:00Z"),
        ("2026-01-01T00:00:00.000000001Z", "2026-01-01T00:05:00Z"),
        ("2026-01-01T00:04:59.5Z", "2026-01-01T00:05:00Z"),
        ("1969-12-31T23:59:59.5Z", "1970-01-01T00:00:00Z"),
    ];
    for (after, expected) in cases {
        assert_eq!(line("*/5 * * * *").next_after(at(after), &TimeZone::UTC), Some(at(expected)), "{after}");
    }
}

#[test]
fn a_leap_day_that_is_a_sunday_is_found_across_forty_years() {
    // 2100 is no leap year, hence the long gap.
    let line = line("0 0 29 2 */7");
    let next = |after: &str| line.next_after(at(after), &TimeZone::UTC).unwrap();
    assert_eq!(next("2060-03-01T00:00:00Z"), at("2088-02-29T00:00:00Z"));
    assert_eq!(next("2088-02-29T00:00:00Z"), at("2128-02-29T00:00:00Z"));
}

#[test]
fn seconds_agree_with_a_second_by_second_model() {
    /// Whether a second counted from midnight is due.
    type Matches = fn(i64) -> bool;
    let lines: [(&str, Matches); 4] = [
        ("*/7 * * * * *", |second| second % 60 % 7 == 0),
        ("10,50 */20 5-6 * * *", |second| {
            matches!(second % 60, 10 | 50) && second / 60 % 60 % 20 == 0 && matches!(second / 3600 % 24, 5 | 6)
        }),
        ("59 59 23 * * *", |second| second % 86_400 == 86_399),
        ("30 0 0 2 1 *", |second| second == 86_430),
    ];
    let midnight = at("2026-01-01T00:00:00Z");
    for (text, matches) in lines {
        let line = line(text);
        for second in (0..86_400 * 2).filter(|second| matches(*second)) {
            let due = Timestamp::from_second(midnight.as_second() + second).unwrap();
            let before = due - SignedDuration::from_nanos(1);
            assert_eq!(line.next_after(before, &TimeZone::UTC), Some(due), "{text}");
        }
        let dues = std::iter::successors(Some(midnight), |last| line.next_after(*last, &TimeZone::UTC)).skip(1);
        let count = dues.take_while(|due| due.duration_since(midnight).as_secs() < 86_400 * 2).count();
        assert_eq!(count, (1..86_400 * 2).filter(|second| matches(*second)).count(), "{text}");
    }
}

#[test]
fn the_end_of_the_calendar_is_no_panic() {
    assert_eq!(line("@yearly").next_after(Timestamp::MAX, &TimeZone::UTC), None);
    assert_eq!(line("@yearly").next_after(Timestamp::MAX, &zone("Europe/Berlin")), None);
    assert!(line("@yearly").next_after(Timestamp::MIN, &zone("Europe/Berlin")).is_some());
}
