//! What a standby answers.

use super::*;

#[test]
fn a_healthy_idle_standby_and_a_lone_primary_answer_ok_to_everything() {
    for seen in [standby(0), primary(0)] {
        for finding in judged(&[seen], &Settings::default()) {
            assert_eq!(finding.status, Status::Ok, "{finding:#?}");
        }
    }
}

#[test]
fn the_answers_about_a_receiver() {
    let receiver = |name: &str| changed(standby(100), |look| look.status = Some(name.into()));
    let cases: [(&str, Vec<Seen>, Status); 9] = [
        (
            "an idle upstream is silent for up to half the timeout",
            vec![changed(standby(0), |look| look.contact_age = Some(34.0))],
            Status::Ok,
        ),
        (
            "beyond it and the slack it was asked and did not answer",
            vec![changed(standby(0), |look| look.contact_age = Some(36.0))],
            Status::Critical,
        ),
        (
            "gone, and nothing known of the last contact: trap 2",
            vec![changed(without_receiver(0, None), |look| look.commit_age = None)],
            Status::Critical,
        ),
        (
            "gone, and WAL was written just now: perhaps a reconnect",
            vec![without_receiver(0, Some(2.0))],
            Status::Warning,
        ),
        ("gone for a minute", vec![without_receiver(0, Some(2.0)), without_receiver(60, Some(62.0))], Status::Critical),
        ("gone, in contact three seconds ago by memory", vec![standby(0), without_receiver(3, None)], Status::Warning),
        ("waiting is fresh and receives nothing: trap 5", vec![receiver("waiting")], Status::Warning),
        (
            "waiting since a minute ago",
            vec![changed(standby(40), |look| look.status = Some("waiting".into())), receiver("waiting")],
            Status::Critical,
        ),
        ("back again", vec![without_receiver(0, None), standby(60)], Status::Ok),
    ];
    for (claim, runs, expected) in cases {
        assert_eq!(status(&runs, "receiver"), expected, "{claim}");
    }
}

#[test]
fn a_receiver_without_a_timeout_of_its_own_is_not_called_dead_and_not_called_well() {
    let mut seen = changed(standby(0), |look| look.contact_age = Some(500.0));
    seen.receiver_settings.as_mut().unwrap().as_mut().unwrap().timeout_ms = Some(0);
    let (status, reason, _) = answer(&[seen], "receiver");
    assert_eq!((status, reason), (Status::Unknown, Some(Reason::NoData)));
}

#[test]
fn a_receiver_that_starts_anew_in_each_run_and_receives_nothing_is_critical() {
    let run = |second: i64| changed(standby(second), |look| look.receiver = Some(second));
    assert_eq!(status(&[run(1), run(60)], "receiver"), Status::Ok, "one reconnect");
    assert_eq!(status(&[run(1), run(60), run(120)], "receiver"), Status::Critical);
    let moving = |second: i64| {
        changed(run(second), |look| (look.replay_lsn, look.end_lsn) = (Some(second as u64), Some(second as u64)))
    };
    assert_eq!(status(&[moving(1), moving(60), moving(120)], "receiver"), Status::Ok, "WAL came in between");
}

#[test]
fn a_role_that_may_not_see_the_receiver_gets_no_zero() {
    let hidden = || changed(standby(0), |look| (look.status, look.contact_age, look.timeline) = (None, None, None));
    for key in ["receiver", "lag"] {
        let (status, reason, _) = answer(&[hidden()], key);
        assert_eq!((status, reason), (Status::Unknown, Some(Reason::NoPrivilege)), "{key}");
    }
}

#[test]
fn the_answers_about_lag() {
    let behind = |second: i64, replayed: u64, end: u64| {
        changed(standby(second), |look| (look.replay_lsn, look.end_lsn) = (Some(replayed), Some(end)))
    };
    let paused = |mut seen: Seen| {
        look(&mut seen).pause = Some("paused".into());
        seen
    };
    let delayed = |mut seen: Seen| {
        seen.receiver_settings.as_mut().unwrap().as_mut().unwrap().delay_ms = Some(60_000);
        seen
    };
    let skewed = |mut seen: Seen| {
        look(&mut seen).commit_age = Some(-100.0);
        seen
    };
    let cases: [(&str, Vec<Seen>, Status); 9] = [
        ("an idle primary: the last commit is an hour old, trap 1", vec![standby(0), standby(60)], Status::Ok),
        ("one record after an idle hour", vec![standby(0), standby(60), behind(120, 1000, 1010)], Status::Ok),
        (
            "WAL of seven seconds ago is not replayed",
            vec![behind(0, 1000, 2000), behind(7, 1000, 2000)],
            Status::Warning,
        ),
        ("WAL of a minute ago is not replayed", vec![behind(0, 1000, 2000), behind(60, 1000, 3000)], Status::Critical),
        ("a minute ago's is, a moment ago's is not", vec![behind(0, 1000, 2000), behind(60, 2500, 3000)], Status::Ok),
        (
            "paused: on purpose, so never critical",
            vec![paused(behind(0, 1000, 2000)), paused(behind(60, 1000, 2000))],
            Status::Warning,
        ),
        (
            "delayed by a minute, within it",
            vec![delayed(behind(0, 1000, 2000)), delayed(behind(59, 1000, 2000))],
            Status::Ok,
        ),
        (
            "delayed by a minute, far beyond it",
            vec![delayed(behind(0, 1000, 2000)), delayed(behind(120, 1000, 2000))],
            Status::Critical,
        ),
        (
            "a commit from the future hides nothing",
            vec![skewed(behind(0, 1000, 2000)), skewed(behind(60, 1000, 2000))],
            Status::Critical,
        ),
    ];
    for (claim, runs, expected) in cases {
        assert_eq!(status(&runs, "lag"), expected, "{claim}");
    }
}

#[test]
fn lag_without_a_receiver_is_never_zero_and_known_up_to_the_last_contact() {
    let (status, reason, _) = answer(&[standby(0), without_receiver(60, None)], "lag");
    assert_eq!((status, reason), (Status::Unknown, Some(Reason::NoData)));
    let (status, _, summary) = answer(&[standby(0), without_receiver(3, None)], "lag");
    assert!(status == Status::Ok && summary.contains("at most 3.1 s"), "{summary}");
    // A restart forgets what was received and not replayed yet; memory does not.
    let lost = changed(without_receiver(3, None), |look| (look.replay_lsn, look.end_lsn) = (Some(500), Some(500)));
    assert_ne!(answer(&[standby(0), lost], "lag").0, Status::Ok);
}

#[test]
fn replay_that_stands_still_between_two_looks_is_a_warning_before_there_is_memory() {
    let run = |replayed: u64| {
        let mut seen = changed(standby(1), |look| (look.replay_lsn, look.end_lsn) = (Some(1000), Some(9000)));
        let mut second = look(&mut seen).clone();
        (second.at, second.replay_lsn) = (second.at + SECOND / 2, Some(replayed));
        seen.looks.as_mut().unwrap().as_mut().unwrap().push(second);
        seen
    };
    assert_eq!(status(&[run(1000)], "lag"), Status::Warning);
    assert_eq!(status(&[run(5000)], "lag"), Status::Ok, "it moves");
}

#[test]
fn memory_is_void_for_another_cluster_role_timeline_or_a_clock_that_went_back() {
    let behind =
        |second: i64| changed(standby(second), |look| (look.replay_lsn, look.end_lsn) = (Some(1000), Some(2000)));
    assert_eq!(status(&[behind(0), behind(60)], "lag"), Status::Critical);
    let mut other = behind(0);
    other.server.system_identifier = 8;
    assert_eq!(status(&[other, behind(60)], "lag"), Status::Ok, "another cluster");
    let mut timeline = behind(0);
    timeline.identity.as_mut().unwrap().timeline = Some(9);
    assert_eq!(status(&[timeline, behind(60)], "lag"), Status::Ok, "another timeline");
    assert_eq!(status(&[behind(100), behind(60)], "lag"), Status::Ok, "the clock went back");
    assert_eq!(status(&[primary(0), behind(60)], "lag"), Status::Ok, "it was a primary");
}

#[test]
fn log_shipping_alone_has_no_receiver_to_miss_and_no_lag_to_swear_to() {
    let mut seen = without_receiver(0, Some(1.0));
    let settings = seen.receiver_settings.as_mut().unwrap().as_mut().unwrap();
    (settings.streams, settings.ships) = (Some(false), Some(true));
    assert_eq!(answer(std::slice::from_ref(&seen), "receiver").1, Some(Reason::NotApplicable));
    assert_eq!(answer(&[seen], "lag").1, Some(Reason::NoData));
}

#[test]
fn a_role_that_changes_while_it_is_looked_at_is_judged_by_nothing() {
    let mut seen = standby(0);
    seen.identity.as_mut().unwrap().standby = false;
    let findings = judged(&[seen], &Settings::default());
    assert_eq!(findings.len(), 1);
    assert_eq!((findings[0].key.as_str(), findings[0].reason), ("server", Some(Reason::NoData)));
}

#[test]
fn a_standby_is_compared_with_the_primary_itself() {
    let against = |end: u64, change: fn(&mut Primary)| {
        let end = PrimaryEnd { at: 0, lsn: Some(end), timeline: Some(1) };
        let mut named = Primary { scope: "top".into(), server: server(Role::Primary), after: end.clone(), end };
        change(&mut named);
        Seen { primary: Some(Ok(named)), ..standby(0) }
    };
    let later = |mut seen: Seen| {
        seen.primary.as_mut().unwrap().as_mut().unwrap().end.at = 60 * SECOND;
        seen.identity.as_mut().unwrap().at = 60 * SECOND;
        look(&mut seen).at = 60 * SECOND;
        seen
    };
    let cases: [(&str, Vec<Seen>, Status); 6] = [
        ("the same position", vec![against(1000, |_| ())], Status::Ok),
        (
            "behind since a minute ago, though caught up with its own upstream: trap 3",
            vec![against(2000, |_| ()), later(against(2000, |_| ()))],
            Status::Critical,
        ),
        ("ahead of the primary", vec![against(500, |_| ())], Status::Critical),
        ("another cluster", vec![against(1000, |named| named.server.system_identifier = 8)], Status::Critical),
        (
            "the named one is a standby",
            vec![against(1000, |named| (named.end.lsn, named.after.lsn) = (None, None))],
            Status::Critical,
        ),
        ("another timeline", vec![against(1000, |named| named.end.timeline = Some(2))], Status::Critical),
    ];
    for (claim, runs, expected) in cases {
        assert_eq!(status(&runs, "primary-lag"), expected, "{claim}");
    }
}

#[test]
fn resuming_is_never_advised_at_a_recovery_target_and_never_before_the_log_was_read() {
    let advice = |target: Option<&str>, key: &str| {
        let mut seen = changed(standby(60), |look| (look.pause, look.end_lsn) = (Some("paused".into()), Some(9000)));
        seen.receiver_settings.as_mut().unwrap().as_mut().unwrap().target = target.map(str::to_owned);
        let findings = judged(&[seen], &Settings::default());
        findings.into_iter().find(|finding| finding.key == key).unwrap().advice.unwrap_or_default()
    };
    let target = advice(Some("recovery_target_lsn"), "replay");
    assert!(target.contains("recovery_target_lsn") && target.contains("a primary"), "{target}");
    assert!(!target.contains("pg_wal_replay_resume"), "{target}");
    let plain = advice(None, "replay");
    let (log, resume) = (plain.find("insufficient parameter settings"), plain.find("SELECT pg_wal_replay_resume()"));
    assert!(log.is_some() && log < resume, "{plain}");
    assert!(!advice(None, "lag").contains("pg_wal_replay_resume"));
}

#[test]
fn a_commit_from_the_future_says_nothing_but_that_the_clocks_differ() {
    let mut seen = changed(without_receiver(0, None), |look| look.commit_age = Some(-100.0));
    assert_eq!(status(std::slice::from_ref(&seen), "receiver"), Status::Critical, "it is no sign of a late contact");
    let settings = seen.receiver_settings.as_mut().unwrap().as_mut().unwrap();
    (settings.streams, settings.ships) = (Some(false), Some(true));
    let heartbeat = Settings { expect_commit_within: Some(pgreeve_sdk::Seconds(60.0)), ..Settings::default() };
    let findings = judged(&[seen], &heartbeat);
    for key in ["lag", "commit-age"] {
        let finding = findings.iter().find(|finding| finding.key == key).unwrap();
        assert_eq!(finding.reason, Some(Reason::NoData), "{finding:#?}");
        assert!(finding.summary.contains("the clocks differ"), "{}", finding.summary);
    }
}

#[test]
fn a_promotion_is_a_warning_for_one_run() {
    assert_eq!(status(&[standby(0), primary(60)], "server"), Status::Warning);
    assert_eq!(status(&[standby(0), primary(60), primary(120)], "server"), Status::Ok);
    assert_eq!(status(&[primary(0), standby(60)], "server"), Status::Warning, "and the other way round");
    let other = Seen { server: Server { system_identifier: 8, ..server(Role::Standby) }, ..standby(0) };
    assert_eq!(status(&[other, primary(60)], "server"), Status::Ok, "another cluster");
}
