//! What a primary, or any server that others follow, answers.

use super::*;

fn sender(state: &str, replayed: Option<u64>) -> Sender {
    Sender {
        pid: 9,
        application_name: Some("s1".into()),
        state: Some(state.into()),
        replay_lsn: replayed,
        flush_lsn: replayed,
        reply_time: Some(1),
        reply_age: Some(0.5),
        lsn: Some(1000),
        ..Sender::default()
    }
}

fn with_sender(second: i64, sender: Sender) -> Seen {
    Seen { senders: vec![Ok(vec![Sender { at: second * SECOND, ..sender }])], ..primary(second) }
}

#[test]
fn the_answers_about_connected_standbys() {
    let replied = |second: i64, sender: Sender| with_sender(second, Sender { reply_time: Some(second), ..sender });
    let cases: [(&str, Vec<Seen>, Status); 8] = [
        (
            "caught up and idle: the lags are NULL, which is not 0 and no failure",
            vec![with_sender(0, sender("streaming", Some(1000)))],
            Status::Ok,
        ),
        (
            "two clocks that differ are no silence",
            vec![with_sender(0, Sender { reply_age: Some(500.0), ..sender("streaming", Some(1000)) })],
            Status::Ok,
        ),
        (
            "nor with a few bytes on their way: a clock that is behind is at most a warning",
            vec![with_sender(0, Sender { reply_age: Some(500.0), ..sender("streaming", Some(999)) })],
            Status::Warning,
        ),
        (
            "the same reply for a minute is",
            vec![with_sender(0, sender("streaming", Some(1000))), with_sender(60, sender("streaming", Some(1000)))],
            Status::Critical,
        ),
        (
            "WAL of a minute ago not replayed",
            vec![replied(0, sender("streaming", Some(500))), replied(60, sender("streaming", Some(500)))],
            Status::Critical,
        ),
        (
            "a stale replay_lag of nothing hides nothing: trap 8",
            vec![
                replied(0, sender("streaming", Some(500))),
                replied(60, Sender { replay_lag: Some(0.0003), ..sender("streaming", Some(500)) }),
            ],
            Status::Critical,
        ),
        ("startup for a moment", vec![with_sender(0, sender("startup", None))], Status::Warning),
        (
            "startup for a minute",
            vec![with_sender(0, sender("startup", None)), with_sender(60, sender("startup", None))],
            Status::Critical,
        ),
    ];
    for (claim, runs, expected) in cases {
        assert_eq!(status(&runs, "standby/s1"), expected, "{claim}");
    }
}

#[test]
fn a_backup_and_pg_receivewal_are_no_standbys() {
    for seen in [with_sender(0, sender("backup", None)), with_sender(0, sender("streaming", None))] {
        assert_eq!(answer(std::slice::from_ref(&seen), "standby").1, Some(Reason::NotApplicable));
        let settings = Settings { expect: vec!["s1".into()], ..Settings::default() };
        let expected = judged(&[seen], &settings).into_iter().find(|finding| finding.key == "expected/s1").unwrap();
        assert_eq!(expected.status, Status::Critical, "{}", expected.summary);
    }
}

#[test]
fn what_has_not_replied_yet_is_neither_a_standby_nor_absent() {
    let seen = with_sender(0, Sender { reply_time: None, reply_age: None, ..sender("streaming", None) });
    let settings = Settings { expect: vec!["s1".into()], ..Settings::default() };
    for key in ["standby/s1", "expected/s1"] {
        let all = judged(std::slice::from_ref(&seen), &settings);
        let finding = all.iter().find(|finding| finding.key == key).unwrap();
        assert_eq!((finding.status, finding.reason), (Status::Unknown, Some(Reason::NoData)), "{key}");
    }
}

#[test]
fn the_answers_about_subscriptions() {
    let subscribed = |second: i64, errors: i64, change: fn(&mut Subscription)| {
        let (name, database) = ("sub".to_owned(), "shop".to_owned());
        let mut row = Subscription {
            at: second * SECOND,
            name: name.clone(),
            database: database.clone(),
            enabled: true,
            worker: Some(9),
            contact_age: Some(0.1),
            wait_event_type: Some("Activity".into()),
        };
        change(&mut row);
        let errors = Ok(vec![SubscriptionErrors { name, database, errors }]);
        Seen { subscriptions: Ok(vec![row]), subscription_errors: errors, ..primary(second) }
    };
    let runs = |second, errors| subscribed(second, errors, |_| ());
    let gone = |second| subscribed(second, 0, |row| row.worker = None);
    let locked = subscribed(0, 0, |row| (row.wait_event_type, row.contact_age) = (Some("Lock".into()), Some(9.0)));
    for (claim, runs, expected) in [
        ("failures of long ago", vec![runs(0, 7), runs(60, 7)], Status::Ok),
        ("one more failure", vec![runs(0, 7), runs(60, 8)], Status::Warning),
        ("more in each run", vec![runs(0, 7), runs(60, 8), runs(120, 12)], Status::Critical),
        ("and then none", vec![runs(0, 7), runs(60, 8), runs(120, 12), runs(180, 12)], Status::Ok),
        ("its statistics were reset", vec![runs(0, 7), runs(60, 1)], Status::Ok),
        ("no worker for a moment", vec![runs(0, 0), gone(60)], Status::Warning),
        ("no worker for a minute", vec![gone(0), gone(60)], Status::Critical),
        ("waits for a lock", vec![locked], Status::Warning),
        ("disabled", vec![subscribed(0, 0, |row| (row.enabled, row.worker) = (false, None))], Status::Ok),
        (
            "disabled by failing",
            vec![subscribed(0, 1, |row| (row.enabled, row.worker) = (false, None))],
            Status::Warning,
        ),
    ] {
        assert_eq!(status(&runs, "subscription/shop.sub"), expected, "{claim}");
    }
}

#[test]
fn an_archiver_that_failed_is_failing_until_it_archives_whatever_its_statistics_forget() {
    let archiving = |second: i64, change: fn(&mut Archiver)| {
        let mut archiver = Archiver { mode: Some("on".into()), command: Some(true), ..Archiver::default() };
        change(&mut archiver);
        let ready = Ready { waiting: i64::from(archiver.archived_age.is_none()), oldest_age: Some(1.0) };
        Seen { archiver: Ok(archiver), ready: Ok(ready), ..primary(second) }
    };
    let fails = |second| {
        archiving(second, |archiver| (archiver.failing, archiver.last_failed_wal) = (true, Some("00000001".into())))
    };
    let reset = |second| archiving(second, |_| ());
    let archived = |second| archiving(second, |archiver| archiver.archived_age = Some(1.0));
    for (claim, runs, expected) in [
        ("never failed", vec![reset(0)], Status::Ok),
        ("reset after a failure", vec![fails(0), reset(1)], Status::Critical),
        ("reset, and then another run", vec![fails(0), reset(1), reset(2)], Status::Critical),
        ("archived since", vec![fails(0), reset(1), archived(2)], Status::Ok),
        ("archived, then reset", vec![fails(0), archived(1), reset(2)], Status::Ok),
    ] {
        assert_eq!(status(&runs, "archiver"), expected, "{claim}");
    }
}

#[test]
fn the_answers_about_the_archiver() {
    let archiver = |waiting: i64, age: Option<f64>, change: fn(&mut Archiver)| {
        let mut archiver =
            Archiver { mode: Some("on".into()), command: Some(true), library: Some(false), ..Archiver::default() };
        change(&mut archiver);
        Seen { archiver: Ok(archiver), ready: Ok(Ready { waiting, oldest_age: age }), ..primary(0) }
    };
    let cases = [
        ("nothing to archive yet", archiver(0, None, |_| ()), Status::Ok),
        (
            "never archived, always failing",
            archiver(1, Some(0.1), |archiver| archiver.failing = true),
            Status::Critical,
        ),
        ("an old failure is no outage", archiver(0, None, |archiver| archiver.failed_count = 9), Status::Ok),
        ("hangs for two minutes", archiver(1, Some(120.0), |_| ()), Status::Warning),
        ("hangs for an hour", archiver(1, Some(3600.0), |_| ()), Status::Critical),
        ("configured to nothing", archiver(0, None, |archiver| archiver.command = Some(false)), Status::Critical),
        (
            "a library instead of a command",
            archiver(0, None, |archiver| (archiver.command, archiver.library) = (Some(false), Some(true))),
            Status::Ok,
        ),
        ("off", archiver(9, Some(9e9), |archiver| archiver.mode = Some("off".into())), Status::Ok),
    ];
    for (claim, seen, expected) in cases {
        assert_eq!(status(&[seen], "archiver"), expected, "{claim}");
    }
}

#[test]
fn a_query_that_fails_costs_its_own_answer_and_says_why() {
    let refused = Error::Remote(RemoteError {
        code: "42501".into(),
        message: "permission denied".into(),
        detail: None,
        hint: None,
    });
    let archiver = Archiver { mode: Some("on".into()), command: Some(true), ..Archiver::default() };
    let seen = Seen { archiver: Ok(archiver), ready: Err(refused), ..primary(0) };
    let findings = judged(&[seen], &Settings::default());
    let bad: Vec<&Finding> = findings.iter().filter(|finding| finding.status != Status::Ok).collect();
    assert_eq!(bad.len(), 2, "{bad:#?}");
    for finding in bad {
        assert_eq!(finding.reason, Some(Reason::NoPrivilege));
        assert!(finding.advice.as_deref().unwrap().contains("GRANT pg_monitor TO observer;"), "{finding:#?}");
    }
}

#[test]
fn the_xmin_horizon_names_its_holder_though_it_has_no_database() {
    let holder = Holder { kind: "slot".into(), who: "gone".into(), age: 20_000_000, more: None };
    let (status, _, summary) = answer(&[Seen { xmin: Ok(vec![holder]), ..primary(0) }], "xmin");
    assert!(status == Status::Warning && summary.contains("slot gone"), "{summary}");
}

#[test]
fn a_commit_counts_as_waiting_only_since_it_was_seen_to_wait() {
    let run = |second: i64, statement: &str| {
        let sync = Sync {
            names: "s1".into(),
            level: "on".into(),
            application_name: Some("s1".into()),
            state: Some("streaming".into()),
            sync_state: Some("sync".into()),
        };
        let waiter = Waiter { statement: Some(statement.into()), age: Some(3600.0) };
        Seen { sync: Ok(vec![sync]), waiters: Ok(vec![waiter]), ..primary(second) }
    };
    assert_eq!(status(&[run(0, "9@then")], "sync"), Status::Warning, "it may have run for an hour before");
    assert_eq!(status(&[run(0, "9@then"), run(60, "9@then")], "sync"), Status::Critical);
    assert_eq!(status(&[run(0, "9@then"), run(60, "9@now")], "sync"), Status::Warning, "another commit");
    assert_eq!(status(&[run(0, "9"), run(60, "9")], "sync"), Status::Warning, "perhaps another commit");
}

#[test]
fn a_server_that_allows_one_walsender_is_no_warning_for_that_alone() {
    for (most, used, expected) in
        [(1, 0, Status::Ok), (1, 1, Status::Critical), (2, 1, Status::Ok), (10, 9, Status::Warning)]
    {
        let mut seen = primary(0);
        let limits = seen.limits.as_mut().unwrap();
        (limits.max_wal_senders, limits.senders) = (most, used);
        assert_eq!(status(&[seen], "wal-senders"), expected, "{used} of {most}");
    }
}

#[test]
fn over_several_scopes_a_standby_is_expected_at_any_of_them() {
    let settings = Settings { expect: vec!["s1".into()], ..Settings::default() };
    let judge = |scopes: &[(&str, &Seen)], all_seen: bool| {
        let mut findings = Vec::new();
        for (scope, seen) in scopes {
            let memory = Memory::advance(None, seen);
            findings.extend(all(&View { settings: &settings, scope, several: true, seen, memory: &memory }).0);
        }
        settle_expected(&mut findings, all_seen);
        findings.retain(|finding| finding.check == "expected");
        findings.into_iter().map(|finding| (finding.key, finding.status)).collect::<Vec<_>>()
    };
    let (has, lacks) = (with_sender(0, sender("streaming", Some(1000))), primary(0));
    let key = || "expected/s1".to_owned();
    assert_eq!(judge(&[("a", &has), ("b", &lacks)], true), [(key(), Status::Ok)]);
    assert_eq!(judge(&[("a", &lacks), ("b", &has)], true), [(key(), Status::Ok)]);
    assert_eq!(judge(&[("a", &lacks), ("b", &lacks)], true), [(key(), Status::Critical)]);
    assert_eq!(judge(&[("a", &lacks)], false), [(key(), Status::Unknown)], "it may be where nobody could look");
}
