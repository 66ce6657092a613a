//! What a role may not see is unknown, with the GRANT that it needs; and what cannot be reached is one answer.

use pgreeve_tests::agent::Agent;
use pgreeve_tests::testbed::available;

use crate::bed::{look, pair, quiet, watch_as};

#[test]
fn a_role_without_pg_monitor_gets_unknown_and_the_grant_it_needs_and_then_its_answers() {
    for major in available() {
        let (primary, s1) = pair(major);
        primary.exec("ALTER SYSTEM SET synchronous_standby_names = 's1'");
        primary.reload();
        for (server, keys) in [(&primary, vec!["standby", "sync"]), (&s1, vec!["receiver", "lag"])] {
            let agent = watch_as(server, "nobody", "");
            let checked = look(&agent);
            for key in keys {
                let finding = checked.finding(key);
                assert_eq!(
                    (&finding["status"], &finding["reason"]),
                    (&"unknown".into(), &"no-privilege".into()),
                    "{major:?} {key}: {:#}",
                    checked.json
                );
                assert!(
                    finding["advice"].as_str().unwrap().contains("GRANT pg_monitor TO nobody;"),
                    "{major:?}: {finding:#}"
                );
            }
        }
        primary.exec("GRANT pg_monitor TO nobody");
        s1.catch_up_with(&primary);
        quiet(&watch_as(&primary, "nobody", ""), &format!("{major:?} primary, granted"));
        quiet(&watch_as(&s1, "nobody", ""), &format!("{major:?} standby, granted"));
    }
}

#[test]
fn the_archiver_is_not_ok_for_a_role_that_cannot_see_what_waits() {
    for major in available() {
        let primary = crate::bed::primary(major, &[("archive_mode", "on"), ("archive_command", "true")]);
        let checked = look(&watch_as(&primary, "nobody", ""));
        for key in ["archiver", "archive-backlog"] {
            assert_eq!(checked.finding(key)["reason"], "no-privilege", "{major:?}: {:#}", checked.json);
        }
    }
}

#[test]
fn an_unreachable_server_is_one_answer_and_the_other_scope_is_still_judged() {
    let (primary, _s1) = pair(available()[0]);
    let scopes = [
        ("gone", "host=127.0.0.1 port=1 user=observer dbname=postgres".to_owned()),
        ("main", primary.dsn("observer", "postgres")),
    ];
    let checked = look(&Agent::replication(&scopes, ""));
    assert_eq!(checked.finding("server/gone")["reason"], "unreachable", "{:#}", checked.json);
    assert_eq!(checked.complaints().len(), 1, "{:?}", checked.complaints());
    assert_eq!(checked.status_of("standby/main:s1"), "ok");
}
