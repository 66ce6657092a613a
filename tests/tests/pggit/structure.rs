//! Parts of the install that are gone, changed or broken.

use crate::bed::{CORE, Damage, EXTENSION, each_is_found, install, look, majors, quiet, script, some, watch};

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
            says: "47 values left",
            mend: "SELECT setval('pggit.commits_id_seq', 1)",
        },
        Damage {
            what: "a sequence that nobody owns and that is behind",
            harm: "ALTER SEQUENCE pggit.objects_id_seq OWNED BY NONE; SELECT setval('pggit.objects_id_seq', 1)",
            key: "sequence/pggit.objects_id_seq",
            status: "critical",
            says: "DDL in this database fails",
            mend: "SELECT setval('pggit.objects_id_seq', (SELECT max(id) FROM pggit.objects)); ALTER SEQUENCE pggit.objects_id_seq OWNED BY pggit.objects.id",
        },
        Damage {
            what: "a sequence that counts back",
            harm: "ALTER SEQUENCE pggit.history_id_seq INCREMENT BY -1",
            key: "sequence/pggit.history_id_seq",
            status: "critical",
            says: "counts back by 1",
            mend: "ALTER SEQUENCE pggit.history_id_seq INCREMENT BY 1",
        },
        Damage {
            what: "a sequence that takes steps so large that few are left",
            harm: "ALTER SEQUENCE pggit.history_id_seq INCREMENT BY 200000000",
            key: "sequence/pggit.history_id_seq",
            status: "critical",
            says: "has 10 values left",
            mend: "ALTER SEQUENCE pggit.history_id_seq INCREMENT BY 1",
        },
        Damage {
            what: "a sequence that goes on where its column ends",
            harm: "ALTER SEQUENCE pggit.commits_id_seq AS bigint MAXVALUE 9000000000; SELECT setval('pggit.commits_id_seq', 2147483600)",
            key: "sequence/pggit.commits_id_seq",
            status: "critical",
            says: "47 values left",
            mend: "SELECT setval('pggit.commits_id_seq', 1); ALTER SEQUENCE pggit.commits_id_seq AS integer MAXVALUE 2147483647",
        },
        Damage {
            what: "a default that takes another sequence",
            harm: "ALTER EVENT TRIGGER pggit_ddl_trigger DISABLE; CREATE SEQUENCE public.other; ALTER TABLE pggit.history ALTER id SET DEFAULT nextval('public.other'); \
                   ALTER EVENT TRIGGER pggit_ddl_trigger ENABLE",
            key: "sequence/public.other",
            status: "critical",
            says: "gives 1 next",
            mend: "ALTER EVENT TRIGGER pggit_ddl_trigger DISABLE; ALTER TABLE pggit.history ALTER id SET DEFAULT nextval('pggit.history_id_seq'); \
                   DROP SEQUENCE public.other; ALTER EVENT TRIGGER pggit_ddl_trigger ENABLE",
        },
        Damage {
            what: "a unique index that is none",
            harm: "ALTER TABLE pggit.commits DROP CONSTRAINT commits_hash_key; CREATE INDEX commits_hash_key ON pggit.commits (hash)",
            key: "index",
            status: "critical",
            says: "pggit.commits_hash_key",
            mend: "DROP INDEX pggit.commits_hash_key; ALTER TABLE pggit.commits ADD CONSTRAINT commits_hash_key UNIQUE (hash)",
        },
        Damage {
            what: "a column that is gone",
            harm: "ALTER TABLE pggit.branches RENAME COLUMN merged_by TO elsewhere",
            key: "table-columns",
            status: "critical",
            says: "pggit.branches.merged_by is gone",
            mend: "ALTER TABLE pggit.branches RENAME COLUMN elsewhere TO merged_by",
        },
        Damage {
            what: "a column of another type",
            harm: "ALTER TABLE pggit.commits ALTER COLUMN message TYPE varchar(99)",
            key: "table-columns",
            status: "warning",
            says: "pggit.commits.message is character varying(99), not text",
            mend: "ALTER TABLE pggit.commits ALTER COLUMN message TYPE text",
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
fn servers_that_share_out_numbers_by_their_steps_are_no_fault() {
    let server = script(majors()[0]);
    server.exec(
        "ALTER SEQUENCE pggit.history_id_seq INCREMENT BY 1000; ALTER SEQUENCE pggit.objects_id_seq INCREMENT BY 10",
    );
    quiet(&watch(&server, STRUCTURE), "steps of 1000 and of 10");
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

#[test]
fn a_table_that_was_taken_out_of_the_extension_is_named_and_columns_that_were_added_are_no_fault() {
    let server = install(majors()[0], &[CORE, EXTENSION]);
    each_is_found(
        &server,
        STRUCTURE,
        &[Damage {
            what: "a table that is no member",
            harm: "ALTER EXTENSION pggit DROP TABLE pggit.commits",
            key: "members",
            status: "warning",
            says: "pggit.commits",
            mend: "ALTER EXTENSION pggit ADD TABLE pggit.commits",
        }],
    );
    let agent = watch(&server, STRUCTURE);
    quiet(&agent, "before");
    server.exec("ALTER TABLE pggit.branches ADD COLUMN mine text");
    quiet(&agent, "a column of somebody's own");
}
