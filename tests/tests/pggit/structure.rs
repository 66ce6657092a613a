//! Parts of the install that are gone, changed or broken.

use crate::bed::{Damage, each_is_found, look, majors, quiet, script, some, watch};

const STRUCTURE: &str = "groups = [\"structure\"]";

#[test]
fn what_is_gone_changed_or_behind_is_found() {
    let damages = [
        Damage {
            what: "a function that is gone",
            harm: "DROP FUNCTION pggit.get_version(text)",
            key: "functions",
            status: "warning",
            says: "1 gone: pggit.get_version(text)",
            mend: "CREATE FUNCTION pggit.get_version(p_object_name text) RETURNS TABLE (object_name text, schema_name text, version int, \
                   version_string text, created_at timestamp) LANGUAGE sql AS $$
    SELECT split_part(o.full_name, '.', 2), split_part(o.full_name, '.', 1), o.version,
        concat_ws('.', o.version_major, o.version_minor, o.version_patch), o.created_at
    FROM pggit.objects o WHERE o.full_name = p_object_name AND o.is_active
$$",
        },
        Damage {
            what: "an index that is gone",
            harm: "DROP INDEX pggit.idx_history_created",
            key: "index",
            status: "warning",
            says: "pggit.idx_history_created",
            mend: "CREATE INDEX idx_history_created ON pggit.history (created_at DESC)",
        },
        Damage {
            what: "a primary key that is gone",
            harm: "ALTER TABLE pggit.blobs DROP CONSTRAINT blobs_pkey",
            key: "index",
            status: "critical",
            says: "pggit.blobs_pkey",
            mend: "ALTER TABLE pggit.blobs ADD CONSTRAINT blobs_pkey PRIMARY KEY (blob_hash)",
        },
        Damage {
            what: "a constraint that is gone",
            harm: "ALTER TABLE pggit.branches DROP CONSTRAINT branch_name_format",
            key: "constraints",
            status: "warning",
            says: "branch_name_format",
            mend: "ALTER TABLE pggit.branches ADD CONSTRAINT branch_name_format CHECK (name ~ '^[a-zA-Z0-9._/#-]+$')",
        },
        Damage {
            what: "a table that is gone",
            harm: "ALTER TABLE pggit.blobs RENAME TO elsewhere",
            key: "tables",
            status: "critical",
            says: "pggit.blobs",
            mend: "ALTER TABLE pggit.elsewhere RENAME TO blobs",
        },
        Damage {
            what: "a trigger that is off",
            harm: "ALTER TABLE pggit_audit.compliance_log DISABLE TRIGGER compliance_immutability",
            key: "table-triggers",
            status: "warning",
            says: "compliance_immutability is off",
            mend: "ALTER TABLE pggit_audit.compliance_log ENABLE TRIGGER compliance_immutability",
        },
        Damage {
            what: "an invalid index",
            harm: "SET allow_system_table_mods = on; UPDATE pg_index SET indisvalid = false WHERE indexrelid = 'pggit.idx_history_object'::regclass",
            key: "index/pggit.idx_history_object",
            status: "critical",
            says: "invalid",
            mend: "REINDEX INDEX pggit.idx_history_object",
        },
        Damage {
            what: "a sequence that is behind",
            harm: "SELECT setval('pggit.history_id_seq', 1)",
            key: "sequence/pggit.history_id_seq",
            status: "critical",
            says: "DDL in this database fails",
            mend: "SELECT setval('pggit.history_id_seq', (SELECT max(id) FROM pggit.history))",
        },
        Damage {
            what: "a sequence that ends",
            harm: "SELECT setval('pggit.commits_id_seq', 2147483600)",
            key: "sequence/pggit.commits_id_seq",
            status: "critical",
            says: "46 values left",
            mend: "SELECT setval('pggit.commits_id_seq', 1)",
        },
        Damage {
            what: "rights of everybody",
            harm: "GRANT USAGE ON SCHEMA pggit TO PUBLIC; GRANT DELETE ON pggit.history TO PUBLIC",
            key: "public-grants",
            status: "warning",
            says: "pggit.history",
            mend: "REVOKE DELETE ON pggit.history FROM PUBLIC",
        },
    ];
    for major in some() {
        each_is_found(&script(major), STRUCTURE, &damages);
    }
}

#[test]
fn a_change_that_was_meant_is_accepted_by_another_name_of_the_baseline() {
    let server = script(majors()[0]);
    let agent = watch(&server, STRUCTURE);
    quiet(&agent, "before");
    server.exec("DROP INDEX pggit.idx_history_created");
    assert_eq!(look(&agent).status_of("index"), "warning");
    assert_eq!(look(&agent).status_of("index"), "warning", "it stays until it is accepted");
    agent.configure(&crate::bed::config(
        &server,
        "observer",
        &format!("{STRUCTURE}, baseline = \"without that index\""),
        "",
    ));
    quiet(&agent, "accepted");
    quiet(&agent, "and stays so");
}

#[test]
fn a_corrupt_index_is_found_where_amcheck_may_look_and_its_absence_is_said() {
    for major in some() {
        let server = script(major);
        let agent = watch(&server, STRUCTURE);
        assert_eq!(quiet(&agent, "no amcheck").finding("corruption")["reason"], "not-applicable");
        server.exec("CREATE EXTENSION amcheck");
        let finding = look(&agent).finding("corruption").clone();
        assert_eq!(
            (&finding["status"], &finding["reason"]),
            (&"unknown".into(), &"no-privilege".into()),
            "{finding:#}"
        );
        server.exec("GRANT EXECUTE ON FUNCTION bt_index_check(regclass, boolean) TO observer");
        let finding = quiet(&agent, "granted").finding("corruption").clone();
        assert!(finding["summary"].as_str().unwrap().contains("in order and whole"), "{finding:#}");
        // Rows that never reached the index.
        server.exec(
            "SET allow_system_table_mods = on; UPDATE pg_index SET indisready = false, indisvalid = false
            WHERE indexrelid = 'pggit.idx_history_object'::regclass",
        );
        server.exec("CREATE TABLE app.unindexed (id int)");
        server.exec(
            "SET allow_system_table_mods = on; UPDATE pg_index SET indisready = true, indisvalid = true
            WHERE indexrelid = 'pggit.idx_history_object'::regclass",
        );
        let checked = look(&agent);
        assert_eq!(checked.status_of("corruption/pggit.idx_history_object"), "critical", "{major}: {:#}", checked.json);
        server.exec("REINDEX INDEX pggit.idx_history_object");
        quiet(&agent, "built anew");
    }
}
