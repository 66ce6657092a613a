//! Foreign keys that are gone or not kept, and rows that lead nowhere.

use crate::bed::{CORE, Damage, SCRIPT, V0_ARRAYS, V0_ROWS, each_is_found, install, look, majors, quiet, some, watch};

const REFERENCES: &str = "groups = [\"references\"]";

#[test]
fn foreign_keys_that_are_not_kept_and_rows_that_lead_nowhere_are_found() {
    for major in majors() {
        let server = install(major, &[CORE, SCRIPT, V0_ROWS]);
        each_is_found(
            &server,
            REFERENCES,
            &[
                Damage {
                    what: "a key dropped that every install has",
                    harm: "ALTER TABLE pggit.history DROP CONSTRAINT history_object_id_fkey",
                    key: "foreign-key/pggit.history.object_id",
                    status: "warning",
                    says: "no foreign key from pggit.history.object_id",
                    mend: "ALTER TABLE pggit.history ADD CONSTRAINT history_object_id_fkey FOREIGN KEY (object_id) REFERENCES pggit.objects (id) ON DELETE CASCADE",
                },
                Damage {
                    what: "a key dropped that was there",
                    harm: "ALTER TABLE pggit.deployment_state DROP CONSTRAINT deployment_state_current_deployment_id_fkey",
                    key: "foreign-key/pggit.deployment_state.current_deployment_id",
                    status: "warning",
                    says: "no foreign key",
                    mend: "ALTER TABLE pggit.deployment_state ADD FOREIGN KEY (current_deployment_id) REFERENCES pggit.deployment_mode (deployment_id)",
                },
                Damage {
                    what: "a key that is not validated",
                    harm: "ALTER TABLE pggit.history DROP CONSTRAINT history_object_id_fkey, ADD CONSTRAINT history_object_id_fkey FOREIGN KEY (object_id) REFERENCES pggit.objects (id) ON DELETE CASCADE NOT VALID",
                    key: "foreign-key/pggit.history.object_id",
                    status: "warning",
                    says: "is not validated",
                    mend: "ALTER TABLE pggit.history VALIDATE CONSTRAINT history_object_id_fkey",
                },
                Damage {
                    what: "triggers off",
                    harm: "ALTER TABLE pggit.dependencies DISABLE TRIGGER ALL",
                    key: "foreign-key/pggit.dependencies.dependent_id",
                    status: "critical",
                    says: "not enforced",
                    mend: "ALTER TABLE pggit.dependencies ENABLE TRIGGER ALL",
                },
                Damage {
                    what: "an orphan of the history",
                    harm: "SET session_replication_role = replica; INSERT INTO pggit.history (id, object_id, change_type, change_severity) VALUES (900000, 99999, 'ALTER', 'MINOR')",
                    key: "orphans/pggit.history.object_id",
                    status: "critical",
                    says: "such as 99999",
                    mend: "DELETE FROM pggit.history WHERE object_id = 99999",
                },
                Damage {
                    what: "an orphan without its key",
                    harm: "ALTER TABLE pggit_v0.tree_entries DROP CONSTRAINT tree_entries_object_sha_fkey; INSERT INTO pggit_v0.tree_entries VALUES ('tree1', 'x', 'gone', 'blob')",
                    key: "orphans/pggit_v0.tree_entries.object_sha",
                    status: "critical",
                    says: "such as gone",
                    mend: "DELETE FROM pggit_v0.tree_entries WHERE object_sha = 'gone'; ALTER TABLE pggit_v0.tree_entries ADD FOREIGN KEY (object_sha) REFERENCES pggit_v0.objects (sha)",
                },
            ],
        );
    }
}

#[test]
fn dependencies_that_were_recorded_are_missed() {
    for major in some() {
        let server = install(major, &[CORE, SCRIPT]);
        server.exec("SELECT pggit.add_dependency('app.orders', 'app.customers')");
        let lost = |what: &'static str, harm: &'static str, says: &'static str| Damage {
            what,
            harm,
            key: "dependencies",
            status: "warning",
            says,
            mend: "INSERT INTO pggit.dependencies SELECT * FROM public.kept ON CONFLICT DO NOTHING; DROP TABLE public.kept",
        };
        each_is_found(
            &server,
            REFERENCES,
            &[
                lost(
                    "one taken out",
                    "SELECT * INTO public.kept FROM pggit.dependencies; DELETE FROM pggit.dependencies WHERE id = (SELECT max(id) FROM pggit.dependencies)",
                    "1 of ",
                ),
                lost(
                    "all taken out, and a new one",
                    "SELECT * INTO public.kept FROM pggit.dependencies; TRUNCATE pggit.dependencies; SELECT pggit.add_dependency('app.customers', 'app.orders')",
                    "recorded dependencies are gone since",
                ),
            ],
        );
        let agent = watch(&server, REFERENCES);
        quiet(&agent, "before");
        server.exec("TRUNCATE pggit.dependencies");
        for _ in 0..2 {
            assert_eq!(look(&agent).status_of("dependencies"), "warning", "it stays");
        }
        agent.configure(&crate::bed::config(&server, "observer", &format!("{REFERENCES}, baseline = \"purged\""), ""));
        quiet(&agent, "accepted");
    }
}

#[test]
fn the_other_layout_has_no_table_of_parents_and_needs_none() {
    for major in some() {
        let server = install(major, &[CORE, SCRIPT, V0_ARRAYS]);
        quiet(&watch(&server, REFERENCES), "parents in arrays");
    }
}
