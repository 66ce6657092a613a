//! Jitter: bounded, repeatable, spread.

use std::collections::HashSet;
use std::time::Duration;

use super::*;

fn jittered(name: &str, schedule: &str, jitter: Duration) -> JobPlan {
    JobPlan { jitter, ..job(name, schedule) }
}

/// The start delays of the first `count` due times, in milliseconds.
fn delays(plan: &JobPlan, count: usize) -> Vec<i128> {
    let planned = std::iter::successors(plan.next_after(at("2026-01-01T00:00:00Z")), |last| plan.next_after(last.due));
    planned.take(count).map(|planned| planned.start.duration_since(planned.due).as_millis()).collect()
}

#[test]
fn a_start_comes_within_the_jitter_and_before_nine_tenths_of_the_way_to_the_next() {
    let cases = [
        ("@daily", Duration::from_secs(600), 600_000),
        ("*/5 * * * *", Duration::from_secs(60), 60_000),
        ("*/5 * * * *", Duration::from_secs(86_400), 270_000),
        ("* * * * * *", Duration::from_secs(5), 900),
        ("* * * * *", Duration::MAX, 54_000),
        ("@hourly", Duration::from_millis(1), 1),
        ("@hourly", Duration::from_nanos(1), 1),
        ("@hourly", Duration::ZERO, 1),
    ];
    for (schedule, jitter, below) in cases {
        for delay in delays(&jittered("backup", schedule, jitter), 500) {
            assert!((0..below).contains(&delay), "{schedule} with {jitter:?}: {delay} ms");
        }
    }
}

#[test]
fn starts_never_overtake_one_another() {
    // 4, 1 and 55 minutes apart: the room differs from due time to due time.
    let plan = jittered("uneven", "0,4,5 * * * *", Duration::from_secs(3600));
    let mut last = plan.next_after(at("2026-01-01T00:00:00Z")).unwrap();
    for _ in 0..500 {
        let next = plan.next_after(last.due).unwrap();
        assert!(last.start < next.due, "{last:?} then {next:?}");
        last = next;
    }
}

#[test]
fn jitter_follows_from_name_and_due_time_alone() {
    let minute = Duration::from_secs(60);
    assert_eq!(delays(&jittered("a", "@hourly", minute), 50), delays(&jittered("a", "@hourly", minute), 50));
    assert_ne!(delays(&jittered("a", "@hourly", minute), 50), delays(&jittered("b", "@hourly", minute), 50));
}

#[test]
fn jitter_spreads_jobs_and_due_times_evenly() {
    let minute = Duration::from_secs(60);
    let by_name = (0..6000).flat_map(|host| delays(&jittered(&format!("job-{host}"), "@daily", minute), 1));
    let by_due = delays(&jittered("backup", "*/5 * * * *", minute), 6000);
    for delays in [by_name.collect::<Vec<_>>(), by_due] {
        let mut per_second = [0; 60];
        for delay in &delays {
            per_second[usize::try_from(delay / 1000).unwrap()] += 1;
        }
        // 100 expected in each, with a standard deviation of 10.
        assert!(per_second.iter().all(|count| (50..=150).contains(count)), "{per_second:?}");
        assert!(delays.iter().collect::<HashSet<_>>().len() > 5000);
    }
}

#[test]
fn the_latest_due_time_is_found_across_any_span() {
    let cases = [
        ("* * * * * *", "2026-01-08T00:00:00.7Z", "2026-01-08T00:00:00Z"),
        ("* * * * *", "2026-01-01T00:01:00Z", "2026-01-01T00:01:00Z"),
        ("* * * * *", "2036-01-01T00:01:59Z", "2036-01-01T00:01:00Z"),
        ("0,1,2 0 * * *", "2026-01-03T23:59:59Z", "2026-01-03T00:02:00Z"),
        ("0 0 29 2 *", "2031-01-01T00:00:00Z", "2028-02-29T00:00:00Z"),
    ];
    for (schedule, now, expected) in cases {
        let plan = job("any", schedule);
        let first = plan.next_after(at("2026-01-01T00:00:00Z")).unwrap().due;
        assert_eq!(plan.latest_due(first, at(now)), at(expected), "{schedule} at {now}");
    }
}
