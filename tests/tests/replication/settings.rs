//! Settings: contradictions are refused before a run, and scopes keep their findings apart.

use pgreeve_tests::agent::Agent;
use pgreeve_tests::testbed::available;

use crate::bed::{look, pair, watch};

#[test]
fn contradictory_and_unknown_settings_are_refused_with_a_pointer() {
    let (primary, _s1) = pair(available()[0]);
    for (settings, names) in [
        ("lag_warning = \"40s\"", "lag_warning"),
        ("lag_waring = \"2s\"", "lag_waring"),
        ("lag_warning = 2", "lag_warning"),
        ("expect = [\"\"]", "expect"),
    ] {
        let output = watch(&primary, settings).run(&["validate"]);
        let said = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
        assert!(!output.status.success() && said.contains(names), "{settings}: {said}");
    }
}

#[test]
fn two_scopes_of_one_job_keep_their_findings_apart() {
    let (primary, s1) = pair(available()[0]);
    let scopes = [("a", primary.dsn("observer", "postgres")), ("b", s1.dsn("observer", "postgres"))];
    let checked = look(&Agent::replication(&scopes, ""));
    assert!(checked.complaints().is_empty(), "{:?}", checked.complaints());
    assert_eq!(checked.finding("receiver/a")["reason"], "not-applicable");
    assert_eq!(checked.finding("receiver/b")["reason"], serde_json::Value::Null);
    assert_eq!(checked.status_of("slot-status/a:s1"), "ok");
}

#[test]
fn a_primary_that_is_compared_with_is_judged_too_and_a_standby_is_expected_at_any_scope() {
    let (primary, s1) = pair(available()[0]);
    let scopes = [("a", primary.dsn("observer", "postgres")), ("b", s1.dsn("observer", "postgres"))];
    let checked = look(&Agent::replication(&scopes, "primary = \"a\", expect = [\"s1\", \"gone\"]"));
    assert_eq!(checked.status_of("expected/s1"), "ok");
    assert_eq!(checked.status_of("expected/gone"), "critical");
    assert_eq!(checked.status_of("slot-status/a:s1"), "ok", "the primary is judged");
    assert_eq!(checked.finding("primary-lag/a")["reason"], "not-applicable");
    assert_eq!(checked.complaints().len(), 1, "{:?}", checked.complaints());
}
