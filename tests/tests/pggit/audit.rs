//! pggit_audit, and who changed what.

use crate::bed::{CORE, Damage, SCRIPT, V0_ROWS, each_is_found, install, look, majors, quiet, script, watch};

const AUDIT: &str = "groups = [\"audit\"]";

#[test]
fn changes_without_commits_rows_that_were_changed_and_an_open_log_are_found() {
    for major in majors() {
        let server = install(major, &[CORE, SCRIPT, V0_ROWS]);
        server.exec(
            "INSERT INTO pggit_audit.changes (commit_sha, object_schema, object_name, object_type, change_type, created_at)
            SELECT 'commit1', 'app', 'customers', 'TABLE', 'CREATE', now() - interval '3 days' FROM generate_series(1, 20)",
        );
        each_is_found(
            &server,
            AUDIT,
            &[
                Damage {
                    what: "a commit that is not there",
                    harm: "INSERT INTO pggit_audit.changes (commit_sha, object_schema, object_name, object_type, change_type) VALUES ('gone', 'app', 'x', 'TABLE', 'DROP')",
                    key: "audit-commits",
                    status: "critical",
                    says: "1 of 21",
                    mend: "DELETE FROM pggit_audit.changes WHERE commit_sha = 'gone'",
                },
                Damage {
                    what: "emptied",
                    harm: "SELECT * INTO kept FROM pggit_audit.changes; DELETE FROM pggit_audit.changes",
                    key: "audit-rows",
                    status: "critical",
                    says: "20 rows fewer",
                    mend: "INSERT INTO pggit_audit.changes SELECT * FROM kept; DROP TABLE kept",
                },
                Damage {
                    what: "told anew",
                    harm: "UPDATE pggit_audit.changes SET author = 'nobody', verified = true WHERE change_id = (SELECT min(change_id::text)::uuid FROM pggit_audit.changes)",
                    key: "audit-rows",
                    status: "critical",
                    says: "changes changed",
                    mend: "UPDATE pggit_audit.changes SET author = NULL",
                },
                Damage {
                    what: "trigger off",
                    harm: "ALTER TABLE pggit_audit.compliance_log DISABLE TRIGGER compliance_immutability",
                    key: "audit-immutable",
                    status: "critical",
                    says: "can be changed",
                    mend: "ALTER TABLE pggit_audit.compliance_log ENABLE TRIGGER compliance_immutability",
                },
            ],
        );
    }
}

#[test]
fn authors_are_counted_and_a_day_that_stands_out_is_named() {
    let server = script(majors()[0]);
    server.exec(
        "INSERT INTO pggit.history (object_id, change_type, change_severity, created_at, created_by)
        SELECT 1, 'ALTER', 'MINOR', now() - make_interval(days => 60 - d), 'ada' FROM generate_series(0, 50) d, generate_series(1, 20)",
    );
    let agent = watch(&server, AUDIT);
    let checked = quiet(&agent, "twenty a day");
    let summary = checked.finding("authors")["summary"].as_str().unwrap().to_owned();
    assert!(summary.contains("ada 400"), "{summary}");
    server.exec(
        "INSERT INTO pggit.history (object_id, change_type, change_severity, created_at, created_by)
        SELECT 1, 'DROP', 'MAJOR', now() - interval '5 days', 'eve' FROM generate_series(1, 300)",
    );
    let checked = look(&agent);
    assert_eq!(checked.status_of("anomalies"), "warning");
    assert!(checked.finding("anomalies")["summary"].as_str().unwrap().contains("300 (300 drops)"));
    assert!(
        checked.finding("authors")["detail"]
            .as_str()
            .unwrap()
            .contains("eve: 300 changes, 300 of them drops, for the first time")
    );
}
