//! When the history will be too long, from samples that stand in the agent's store as its own runs leave them.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp, tz::TimeZone};
use pgreeve::report::{Cause, Metric, Outcome, Pair, Report};
use pgreeve::store::{Cost, RunEnd, RunStart, Store};
use pgreeve_tests::agent::Agent;

use crate::bed::{look, majors, quiet, script, watch};

/// Six thousand rows are there at the time of the look; four thousand more are too many.
const PRESENT: f64 = 6000.0;
const SETTINGS: &str = "groups = [\"growth\"], history_warning = 10000";

/// Records runs of the past: so many hours ago, and what was measured.
fn record(agent: &Agent, past: impl IntoIterator<Item = (i64, Vec<(&'static str, &'static str, f64)>)>) {
    let mut store = Store::open(&agent.state_dir()).unwrap();
    for (hours, values) in past {
        let at = Timestamp::now() - SignedDuration::from_hours(hours);
        let scope = || vec![Pair { name: "scope".into(), value: "main".into() }];
        let metric = |(name, unit, value): (&str, &str, f64)| Metric {
            name: name.into(),
            value,
            unit: unit.into(),
            labels: scope(),
        };
        let metrics = values.into_iter().map(metric).collect();
        let start = RunStart {
            job: "pggit".into(),
            plugin: "pggit-integrity".into(),
            plugin_digest: None,
            cause: Cause::Scheduled,
            due: Some(at),
            started: at,
        };
        let end = RunEnd {
            finished: at,
            took: Duration::from_millis(200),
            outcome: Outcome::Reported { report: Report { findings: Vec::new(), metrics, proposals: Vec::new() } },
            cost: Cost::default(),
            trail: Default::default(),
        };
        store.record_run(&start, &end, &[]).unwrap();
    }
}

/// The history on so many days before now.
fn history(agent: &Agent, days: impl IntoIterator<Item = i64>, rows: impl Fn(f64) -> f64) {
    record(
        agent,
        days.into_iter().map(|day| (day * 24, vec![("pggit_history_rows_count", "count", rows(day as f64))])),
    );
}

/// How a day so far from now is written; the days next to it as well where it is near midnight.
fn days_from_now(days: f64) -> Vec<String> {
    [-0.5, 0.0, 0.5]
        .map(|off| Timestamp::now() + SignedDuration::from_secs(((days + off) * 86_400.0) as i64))
        .map(|at| at.to_zoned(TimeZone::UTC).strftime("%-d %B %Y").to_string())
        .to_vec()
}

#[track_caller]
fn says(agent: &Agent, key: &str, status: &str, all: &[&str], one: &[String]) {
    let checked = look(agent);
    let finding = checked.finding(key);
    assert_eq!(finding["status"], status, "{finding:#}");
    let text = format!("{} {}", finding["summary"], finding["detail"]);
    for words in all {
        assert!(text.contains(words), "{text} does not say {words:?}");
    }
    assert!(one.is_empty() || one.iter().any(|words| text.contains(words.as_str())), "{text} says none of {one:?}");
}

#[test]
fn the_day_the_method_and_the_confidence_are_said_from_samples_of_weeks() {
    let server = script(majors()[0]);
    server.exec(
        "INSERT INTO pggit.history (object_id, change_type, change_severity)
        SELECT 1, 'ALTER', 'MINOR' FROM generate_series(1, 6000 - (SELECT count(*) FROM pggit.history)::int)",
    );
    let agent = || watch(&server, SETTINGS);
    let grows = |day: f64| PRESENT - 200.0 * day;

    let steady = agent();
    history(&steady, (1..=28).rev(), grows);
    let method = "median of the slopes between all pairs of samples";
    says(
        &steady,
        "forecast/history",
        "warning",
        &["history over 10000 rows", "high confidence", method],
        &days_from_now(20.0),
    );
    says(&steady, "forecast/history", "warning", &["200 a day"], &[]);

    let week = agent();
    history(&week, (1..=8).rev(), grows);
    says(&week, "forecast/history", "warning", &["medium confidence"], &days_from_now(20.0));

    let later = agent();
    history(&later, (1..=28).rev(), |day| PRESENT - 80.0 * day);
    says(&later, "forecast/history", "ok", &["history over 10000 rows on", "high confidence"], &days_from_now(50.0));

    let few = agent();
    history(&few, [2, 1], grows);
    let checked = quiet(&few, "two days");
    let finding = checked.finding("forecast/history");
    assert_eq!(finding["reason"], "not-applicable", "{finding:#}");
    assert!(finding["summary"].as_str().unwrap().contains("too few samples"), "{finding:#}");

    let shrinks = agent();
    history(&shrinks, (1..=28).rev(), |day| PRESENT + 200.0 * day);
    says(&shrinks, "forecast/history", "ok", &["not history over 10000 rows within"], &[]);

    let still = agent();
    history(&still, (1..=28).rev(), |_| PRESENT);
    says(&still, "forecast/history", "ok", &["not history over 10000 rows within"], &[]);

    // An archive action took five thousand rows away a fortnight ago.
    let archived = agent();
    history(&archived, (1..=28).rev(), |day| grows(day) + if day > 14.0 { 5000.0 } else { 0.0 });
    says(&archived, "forecast/history", "warning", &["high confidence"], &days_from_now(20.0));

    // The agent was off for five weeks, and went on where it was.
    let gap = agent();
    history(&gap, (1..=50).rev().filter(|day| !(6..=41).contains(day)), |day| PRESENT - 100.0 * day);
    says(&gap, "forecast/history", "ok", &["history over 10000 rows on"], &days_from_now(40.0));

    // Up and down by chance: no day is said with any confidence, and nobody is called.
    let chance = agent();
    history(&chance, (1..=28).rev(), |day| PRESENT + 900.0 * (day * 12.9898).sin());
    let checked = quiet(&chance, "noise");
    assert!(!checked.finding("forecast/history")["summary"].as_str().unwrap().contains("high"), "{:#}", checked.json);
}

#[test]
fn the_part_of_the_database_is_forecast_and_a_vacuum_full_is_a_step() {
    let server = script(majors()[0]);
    let size = |sql: &str| server.value(sql).unwrap().parse::<f64>().unwrap();
    let probe = look(&watch(&server, "groups = [\"growth\"]"));
    let evidence = probe.finding("size-share")["evidence"].as_array().unwrap();
    let fact = |name: &str| {
        evidence.iter().find(|fact| fact["name"] == name).unwrap()["value"].as_str().unwrap().parse::<f64>().unwrap()
    };
    let (own, all) = (fact("pggit_bytes"), fact("database_bytes"));
    assert!((size("SELECT pg_database_size(current_database())") - all).abs() < 0.1 * all);
    // It takes half of what is between it and half of the database each ten days.
    let a_day = (0.5 * all - own) / 20.0;
    assert!(a_day > 1000.0, "{own} {all}");
    let settings = "groups = [\"growth\"], share_warning = 0.5, share_from = \"1B\", projection_tolerance = 0.9";
    for full in [0.0, 40.0 * a_day] {
        let agent = watch(&server, settings);
        record(
            &agent,
            (1..=28).rev().map(|day| {
                let step = if day > 10 { full } else { 0.0 };
                let pggit = own - a_day * day as f64 + step;
                (day * 24, vec![("pggit_size_bytes", "bytes", pggit), ("pggit_database_size_bytes", "bytes", all)])
            }),
        );
        says(
            &agent,
            "forecast/share",
            "warning",
            &["over 50 % of the database on", "high confidence"],
            &days_from_now(20.0),
        );
    }
}
