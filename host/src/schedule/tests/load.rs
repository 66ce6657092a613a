//! Ten thousand jobs over a day: every due time is started exactly once, and it costs little.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use jiff::SignedDuration;

use super::queue::{fresh, slots};
use super::*;

const DAY_START: &str = "2026-10-25T00:00:00+02:00";

/// Every five, ten … minutes, hourly, daily; in two zones, over a day whose hour repeats in one of them.
fn ten_thousand_jobs() -> Vec<JobPlan> {
    let zones = [TimeZone::UTC, zone("Europe/Berlin")];
    let text = |n: usize| match n % 10 {
        0 => format!("{}-59/5 * * * *", n % 5),
        1..=3 => format!("{}-59/10 * * * *", n % 7),
        4..=6 => format!("{} * * * *", n % 60),
        _ => format!("{} {} * * *", n % 60, n % 24),
    };
    let jobs = (0..10_000).map(|n| JobPlan {
        name: format!("job-{n:05}"),
        cron: line(&text(n)),
        tz: zones[n % 2].clone(),
        jitter: Duration::from_secs(30),
        catch_up: CatchUp::Once,
    });
    jobs.collect()
}

#[test]
fn ten_thousand_jobs_start_at_each_due_time_exactly_once() {
    let (from, to) = (at(DAY_START), at(DAY_START) + SignedDuration::from_hours(25));
    let jobs = ten_thousand_jobs();
    let mut expected: HashMap<String, Vec<Timestamp>> = HashMap::new();
    for job in &jobs {
        let planned = std::iter::successors(job.next_after(from), |last| job.next_after(last.due));
        let dues = planned.take_while(|planned| planned.start <= to).map(|planned| planned.due);
        expected.insert(job.name.clone(), dues.collect());
    }

    let built = Instant::now();
    let mut schedule = fresh(10_000, jobs, DAY_START);
    let built = built.elapsed();
    let (mut started, mut wakes): (HashMap<String, Vec<Timestamp>>, u32) = (HashMap::new(), 0);
    let ran = Instant::now();
    while let Some(now) = schedule.next_wake().filter(|wake| *wake <= to) {
        wakes += 1;
        for event in schedule.take_due(now) {
            let Event::Start { job, due, missed_since: None } = event else { panic!("{event:?}") };
            assert_eq!(schedule.finished(&job), []);
            started.entry(job.to_string()).or_default().push(due);
        }
    }
    let ran = ran.elapsed();
    assert_eq!(started, expected);

    let starts: usize = started.values().map(Vec::len).sum();
    println!(
        "building {built:?}; {starts} starts in {wakes} wakes: {ran:?}, {:?} each",
        ran / starts.try_into().unwrap()
    );
    // Unoptimised and on a busy machine. Work of O(n) in each wake would be some 10^10 steps.
    assert!(ran < Duration::from_secs(120), "{ran:?}");
}

#[test]
fn a_tick_with_nothing_due_does_not_look_at_the_jobs() {
    let mut schedule = fresh(1, ten_thousand_jobs(), DAY_START);
    let now = at(DAY_START);
    let ticks = Instant::now();
    for _ in 0..100_000 {
        assert_eq!(schedule.take_due(now), []);
    }
    println!("100,000 idle ticks: {:?}", ticks.elapsed());
    assert!(ticks.elapsed() < Duration::from_secs(10));
}

#[test]
fn under_a_tight_limit_every_due_time_becomes_a_start_or_a_skip() {
    // 200 jobs of every minute, 7 slots, runs of 25 s: far too much work.
    let jobs: Vec<JobPlan> = (0..200).map(|n| job(&format!("job-{n}"), "* * * * *")).collect();
    let mut schedule = fresh(7, jobs.clone(), "2026-01-01T00:00:00Z");
    let mut answered: HashMap<String, Vec<Timestamp>> = HashMap::new();
    let mut under_way: Vec<(Timestamp, String)> = Vec::new();
    let (mut now, end) = (at("2026-01-01T00:00:00Z"), at("2026-01-01T01:00:00Z"));
    let mut starts = 0;
    while now < end {
        now += SignedDuration::from_secs(1);
        let (ended, going): (Vec<_>, Vec<_>) = under_way.into_iter().partition(|(until, _)| *until <= now);
        under_way = going;
        let mut events: Vec<Event> = ended.iter().flat_map(|(_, job)| schedule.finished(job)).collect();
        events.extend(schedule.take_due(now));
        for event in events {
            match event {
                Event::Start { job, due, .. } => {
                    assert!(under_way.iter().all(|(_, name)| **name != *job), "{job} twice at {now}");
                    under_way.push((now + SignedDuration::from_secs(25), job.to_string()));
                    answered.entry(job.to_string()).or_default().push(due);
                    starts += 1;
                }
                Event::Skip { job, due, .. } => answered.entry(job.to_string()).or_default().push(due),
                Event::StartAsked { job } => panic!("nobody asked for {job}"),
            }
        }
        assert!(under_way.len() <= 7 && under_way.len() == schedule.running());
    }
    // All seven slots always busy: 3600 s / 25 s × 7, less the first minute in which nothing is due.
    assert!((980..=1008).contains(&starts), "{starts}");
    let still_waiting = schedule.waiting();
    schedule.reload(slots(1000), jobs, end).iter().for_each(|event| {
        let Event::Start { job, due, .. } = event else { panic!("{event:?}") };
        answered.entry(job.to_string()).or_default().push(*due);
    });
    assert!(still_waiting > 0);
    for (job, mut dues) in answered {
        dues.sort();
        let expected: Vec<Timestamp> =
            (1..=60).map(|minute| at("2026-01-01T00:00:00Z") + SignedDuration::from_mins(minute)).collect();
        assert_eq!(dues, expected, "{job}");
    }
}
