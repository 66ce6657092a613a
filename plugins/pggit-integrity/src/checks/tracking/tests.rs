//! What is seen of tracking, and what is made of it, without a server.

use std::collections::BTreeMap;

use pgreeve_sdk::{Cause, Context, Report, Run, Seconds, Status};

use super::judge;
use crate::install::Kind;
use crate::observe::tracking::{Pause, Seen, Trigger};
use crate::settings::Settings;
use crate::view::View;

const MINUTE: i64 = 60_000_000;
const NOW: i64 = 1_000_000 * MINUTE;

fn trigger(name: &str, event: &str, function: &str, enabled: &str) -> Trigger {
    Trigger {
        name: name.into(),
        event: event.into(),
        enabled: enabled.into(),
        function: format!("pggit.{function}"),
        tags: None,
    }
}

/// An install of an extension in which all is well, but for these states of its two event triggers.
fn seen(ddl: &str, drop: &str) -> Seen {
    Seen {
        triggers: Ok(vec![
            trigger("pggit_ddl_trigger", "ddl_command_end", "handle_ddl_command", ddl),
            trigger("pggit_drop_trigger", "sql_drop", "handle_sql_drop", drop),
        ]),
        states: BTreeMap::new(),
        functions: Ok(Vec::new()),
        pauses: Some(Ok(Vec::new())),
        deployment: None,
        switches: Ok(Vec::new()),
        obstacles: Ok(Vec::new()),
        roles: Some(Ok(Vec::new())),
    }
}

fn pause(kind: &str, id: i64, resume_at: Option<i64>) -> Pause {
    Pause { kind: kind.into(), id, at: Some(NOW - 60 * MINUTE), resume_at, by: Some("ada".into()), now: NOW }
}

fn judged(settings: Settings, seen: &Seen, primary: bool) -> Report {
    let context = Context {
        job: "pggit".into(),
        now: NOW,
        cause: Cause::Scheduled,
        settings: String::new(),
        grants: Vec::new(),
        outcomes: Vec::new(),
    };
    let run = Run { context, settings };
    let view = View { run: &run, scope: "main", several: false, user: "observer", kind: Kind::Extension, primary };
    let mut report = Report { findings: Vec::new(), metrics: Vec::new(), proposals: Vec::new() };
    judge(&view, seen, &mut report);
    report
}

fn status(report: &Report, key: &str) -> Status {
    report.findings.iter().find(|finding| finding.key == key).unwrap().status
}

fn proposed(report: &Report) -> Vec<&str> {
    report.proposals.iter().map(|proposal| proposal.action.as_str()).collect()
}

#[test]
fn a_trigger_is_switched_on_in_the_state_it_had_and_not_on_a_standby() {
    let mut seen = seen("D", "R");
    seen.states.insert("pggit_drop_trigger".into(), "A".into());
    let report = judged(Settings::default(), &seen, true);
    assert_eq!(status(&report, "event-trigger/pggit_ddl_trigger"), Status::Critical);
    assert_eq!(proposed(&report), ["enable-event-trigger", "enable-event-trigger-always"]);
    assert_eq!(proposed(&judged(Settings::default(), &seen, false)), Vec::<&str>::new());
    let settings = Settings { disabled_triggers: vec!["pggit_ddl_trigger".into()], ..Settings::default() };
    assert_eq!(proposed(&judged(settings, &seen, true)), ["enable-event-trigger-always"]);
}

#[test]
fn a_pause_counts_until_it_runs_out_or_is_ended() {
    for (pauses, ddl, trigger, actions) in [
        (vec![pause("tracking_paused", 1, Some(NOW + MINUTE))], Status::Ok, Status::Ok, vec![]),
        (vec![pause("tracking_paused", 1, Some(NOW))], Status::Critical, Status::Critical, vec!["resume-tracking"]),
        (vec![pause("tracking_paused", 1, None)], Status::Critical, Status::Critical, vec!["enable-event-trigger"; 2]),
        (
            vec![pause("tracking_paused", 1, Some(NOW + MINUTE)), pause("tracking_resumed", 2, None)],
            Status::Ok,
            Status::Critical,
            vec!["enable-event-trigger"; 2],
        ),
    ] {
        let mut seen = seen("D", "D");
        seen.pauses = Some(Ok(pauses));
        let report = judged(Settings::default(), &seen, true);
        assert_eq!(status(&report, "pause/tracking_paused"), ddl, "{:?}", seen.pauses);
        assert_eq!(status(&report, "event-trigger/pggit_ddl_trigger"), trigger, "{:?}", seen.pauses);
        assert_eq!(proposed(&report), actions, "{:?}", seen.pauses);
    }
}

#[test]
fn a_pause_that_is_too_long_is_a_warning() {
    let mut seen = seen("D", "D");
    seen.pauses = Some(Ok(vec![pause("tracking_paused", 1, Some(NOW + 60 * MINUTE))]));
    let settings = Settings { pause_longest: Seconds(3600.0), ..Settings::default() };
    assert_eq!(status(&judged(settings, &seen, true), "pause/tracking_paused"), Status::Warning);
}

#[test]
fn keys_are_told_apart_whatever_calls_what() {
    let mut seen = seen("O", "O");
    let twisted = trigger("pggit_drop_trigger", "ddl_command_end", "handle_ddl_command", "O");
    seen.triggers = seen
        .triggers
        .map(|all| vec![all[0].clone(), twisted, trigger("other", "ddl_command_end", "handle_ddl_command", "O")]);
    let report = judged(Settings::default(), &seen, true);
    let mut keys: Vec<&str> = report.findings.iter().map(|finding| finding.key.as_str()).collect();
    keys.sort_unstable();
    let all = keys.len();
    keys.dedup();
    assert_eq!(keys.len(), all, "{keys:?}");
    assert_eq!(status(&report, "event-trigger/other"), Status::Warning);
    assert_eq!(status(&report, "event-trigger/pggit_drop_trigger"), Status::Critical);
}
