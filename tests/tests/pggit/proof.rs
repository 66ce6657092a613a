//! What pgGit says of itself is passed on where it can be believed.

use crate::bed::{CORE, SCRIPT, V0_ARRAYS, V0_ROWS, install, look, majors, quiet, watch};

const PROOF: &str = "groups = [\"proof\"]";
const VALIDATE: &str = "own-check/pggit_v0.validate_data_integrity";

#[test]
fn a_failure_that_pggit_reports_is_critical_and_a_tag_on_a_blob_is_none() {
    let server = install(majors()[0], &[CORE, SCRIPT, V0_ROWS]);
    let agent = watch(&server, PROOF);
    quiet(&agent, "healthy");
    server.exec("INSERT INTO pggit_v0.refs (name, target_sha, type) VALUES ('v1', 'blob1', 'tag')");
    quiet(&agent, "a tag on a blob");
    server.exec("SET session_replication_role = replica; DELETE FROM pggit_v0.objects WHERE sha = 'blob2'");
    let checked = look(&agent);
    assert_eq!(checked.status_of(VALIDATE), "critical", "{:#}", checked.json);
    assert!(checked.finding(VALIDATE)["summary"].as_str().unwrap().contains("TREE_ENTRIES_REFERENCE_OBJECTS"));
}

#[test]
fn what_fails_whatever_the_state_is_not_called_and_what_fails_otherwise_is_unknown() {
    let server = install(majors()[0], &[CORE, SCRIPT, V0_ARRAYS]);
    let checked = quiet(&watch(&server, PROOF), "arrays");
    assert_eq!(checked.finding(VALIDATE)["reason"], "not-applicable");
    let server = install(majors()[0], &[CORE, SCRIPT, V0_ROWS]);
    let agent = watch(&server, PROOF);
    server.exec("CREATE OR REPLACE FUNCTION pggit_v0.validate_data_integrity() RETURNS TABLE (check_name text, status text, details text)
        LANGUAGE plpgsql AS $$BEGIN RAISE EXCEPTION 'no such thing'; END$$");
    let checked = look(&agent);
    assert_eq!(checked.finding(VALIDATE)["reason"], "failed", "{:#}", checked.json);
    server.exec("CREATE OR REPLACE FUNCTION pggit_v0.validate_data_integrity() RETURNS TABLE (check_name text, status text, details text)
        LANGUAGE sql AS $$SELECT 'a', 'OK', pg_sleep(600)::text$$");
    agent.configure(
        &crate::bed::config(&server, "observer", PROOF, "")
            .replace("[plugin.", "statement_timeout = \"500ms\"\n[plugin."),
    );
    let checked = look(&agent);
    assert_eq!(checked.finding(VALIDATE)["reason"], "unreachable", "{:#}", checked.json);
}

#[test]
fn what_pggit_says_after_each_commit_is_no_alarm_and_what_lacks_the_audit_is_not_called() {
    let server = install(majors()[0], &[CORE, SCRIPT, V0_ROWS]);
    server.exec(
        "DROP FUNCTION IF EXISTS pggit_v0.detect_anomalies(); CREATE FUNCTION pggit_v0.detect_anomalies()
        RETURNS TABLE (anomaly_type text, severity text, details text)
        LANGUAGE sql AS $$SELECT 'ORPHANED_COMMIT', 'WARNING', 'Commit x not referenced by any branch/tag'$$",
    );
    let agent = watch(&server, PROOF);
    quiet(&agent, "as create_basic_commit leaves it");
    // pggit_v0 beside an install that has no audit.
    let server = install(majors()[0], &[CORE, SCRIPT, V0_ROWS]);
    server.exec("DROP SCHEMA pggit_audit CASCADE");
    let checked = quiet(&watch(&server, PROOF), "without the audit");
    assert_eq!(checked.finding(VALIDATE)["reason"], "not-applicable", "{:#}", checked.json);
}

#[test]
fn a_check_that_was_replaced_by_one_that_is_always_content_is_not_believed() {
    let server = install(majors()[0], &[CORE, SCRIPT, V0_ROWS]);
    let agent = watch(&server, PROOF);
    quiet(&agent, "accepted as they are at first");
    let replace = |status: &str| {
        server.exec(&format!(
            "CREATE OR REPLACE FUNCTION pggit_v0.validate_data_integrity() RETURNS TABLE (check_name text, status text, details text)
            STABLE LANGUAGE sql AS $$SELECT 'COMMIT_PARENTS_EXIST', '{status}', '0 rows'$$"
        ));
    };
    replace("OK");
    let checked = look(&agent);
    let finding = checked.finding(VALIDATE);
    assert_eq!(finding["status"], "warning", "{finding:#}");
    assert!(finding["summary"].as_str().unwrap().contains("is none of pgGit's"), "{finding:#}");
    assert!(finding["advice"].as_str().unwrap().contains("accepted_bodies"), "{finding:#}");
    replace("FAILED");
    assert_eq!(look(&agent).status_of(VALIDATE), "critical", "what it finds wrong is passed on");
    replace("OK");
    agent.configure(&crate::bed::config(&server, "observer", PROOF, ""));
    quiet(&agent, "accepted by its md5");
}
