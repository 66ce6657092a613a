//! Rows that were taken out of the history, changed or put in are found, and archiving is none of these.

use crate::bed::{Damage, each_is_found, look, majors, quiet, script, some, watch};

const HISTORY: &str = "groups = [\"history\"]";

/// A table that was changed six times.
const CHANGED: &str = "CREATE TABLE app.often (id int); ALTER TABLE app.often ADD a int; ALTER TABLE app.often ADD b int;
    ALTER TABLE app.often ADD c int; ALTER TABLE app.often ADD d int; DROP TABLE app.often; CREATE TABLE app.often (id int)";

/// Takes rows of that table away, by their place in its history, and keeps them for later.
macro_rules! taken {
    ($which:literal) => {
        concat!(
            "DROP TABLE IF EXISTS kept.rows; SELECT * INTO kept.rows FROM pggit.history h WHERE ",
            $which,
            "; DELETE FROM pggit.history h USING kept.rows k WHERE h.id = k.id"
        )
    };
}

const BACK: &str = "INSERT INTO pggit.history SELECT * FROM kept.rows";

#[test]
fn rows_that_are_missing_are_found_with_their_object_and_place() {
    for major in majors() {
        let server = script(major);
        server.exec("CREATE TABLE app.brief (id int); DROP TABLE app.brief");
        server.exec(CHANGED);
        server.exec("CREATE SCHEMA kept");
        each_is_found(
            &server,
            HISTORY,
            &[
                Damage {
                    what: "first rows gone",
                    harm: taken!(
                        "h.id = (SELECT min(id) FROM pggit.history WHERE change_description LIKE '%app.often')"
                    ),
                    key: "history-chain",
                    status: "critical",
                    says: "table app.often (the first ones)",
                    mend: BACK,
                },
                Damage {
                    what: "a row in the middle gone",
                    harm: taken!(
                        "h.id = (SELECT min(id) + 2 FROM pggit.history WHERE change_description LIKE '%app.often')"
                    ),
                    key: "history-chain",
                    status: "critical",
                    says: "table app.often (in the middle)",
                    mend: BACK,
                },
                Damage {
                    what: "the last row gone",
                    harm: taken!(
                        "h.id = (SELECT max(id) FROM pggit.history WHERE change_description LIKE '%app.often')"
                    ),
                    key: "history-chain",
                    status: "critical",
                    says: "table app.often (the last ones)",
                    mend: BACK,
                },
                Damage {
                    what: "all rows of an object gone",
                    harm: taken!("change_description LIKE '%app.often'"),
                    key: "history-chain",
                    status: "critical",
                    says: "table app.often (all of them)",
                    mend: BACK,
                },
                Damage {
                    what: "everything gone",
                    harm: taken!("true"),
                    key: "history-chain",
                    status: "critical",
                    says: "pggit.history is empty",
                    mend: BACK,
                },
                Damage {
                    what: "a row dated back",
                    harm: "UPDATE pggit.history SET created_at = created_at - interval '30 days' WHERE id = 5",
                    key: "history-order",
                    status: "warning",
                    says: "row 5 is dated",
                    mend: "UPDATE pggit.history SET created_at = created_at + interval '30 days' WHERE id = 5",
                },
                Damage {
                    what: "a row dated into the future",
                    harm: "UPDATE pggit.history SET created_at = created_at + interval '30 days' WHERE id = (SELECT max(id) FROM pggit.history)",
                    key: "history-order",
                    status: "warning",
                    says: "which is to come",
                    mend: "UPDATE pggit.history SET created_at = created_at - interval '30 days' WHERE id = (SELECT max(id) FROM pggit.history)",
                },
                Damage {
                    what: "a row told anew",
                    harm: "UPDATE pggit.history SET created_by = 'nobody', old_hash = created_by WHERE id = 6",
                    key: "history-rows",
                    status: "critical",
                    says: "ids 0 to",
                    mend: "UPDATE pggit.history SET created_by = old_hash, old_hash = NULL WHERE id = 6",
                },
                Damage {
                    what: "the row of a drop gone",
                    harm: taken!("change_type = 'DROP' AND change_description LIKE '%app.brief'"),
                    key: "history-chain",
                    status: "critical",
                    says: "table app.brief (the last ones)",
                    mend: BACK,
                },
                Damage {
                    what: "hashes that were written in",
                    harm: "UPDATE pggit.history SET new_hash = 'x' WHERE id = 7",
                    key: "history-rows",
                    status: "critical",
                    says: "changed",
                    mend: "UPDATE pggit.history SET new_hash = NULL WHERE id = 7",
                },
                Damage {
                    what: "an object that no command changed",
                    harm: "UPDATE pggit.objects SET content_hash = metadata::text, metadata = '{}' WHERE full_name = 'app.often' AND object_type = 'TABLE'",
                    key: "history-chain",
                    status: "critical",
                    says: "1 object changed, and not by a command that was recorded: table app.often",
                    mend: "UPDATE pggit.objects SET metadata = content_hash::jsonb, content_hash = NULL WHERE full_name = 'app.often' AND object_type = 'TABLE'",
                },
                Damage {
                    what: "an object gone with its history",
                    harm: taken!("change_description LIKE '%app.often'"),
                    key: "history-rows",
                    status: "critical",
                    says: "7 fewer",
                    mend: BACK,
                },
            ],
        );
    }
}

#[test]
fn ddl_that_is_done_or_rolled_back_changes_nothing_that_was_there() {
    let server = script(majors()[0]);
    let agent = watch(&server, HISTORY);
    quiet(&agent, "at first");
    server.exec("CREATE TABLE app.more (id int); ALTER TABLE app.more ADD name text; DROP TABLE app.more");
    server.exec("DO $$BEGIN CREATE TABLE app.lost (id int); RAISE EXCEPTION 'no'; EXCEPTION WHEN raise_exception THEN NULL; END$$");
    quiet(&agent, "after DDL");
    server.exec("CREATE TABLE app.more (id int); CREATE INDEX more_id ON app.more (id)");
    quiet(&agent, "after more DDL");
    // What the original's create_branch does: copies of objects that have no history of their own.
    server.exec("INSERT INTO pggit.objects (object_type, schema_name, object_name, version, branch_name) SELECT object_type, schema_name, object_name, version, 'f' FROM pggit.objects");
    quiet(&agent, "after a branch was made");
}

#[test]
fn a_new_name_of_the_baseline_accepts_what_was_thinned_out() {
    for major in some() {
        let server = script(major);
        server.exec(CHANGED);
        let agent = watch(&server, HISTORY);
        quiet(&agent, "before");
        server.exec("DELETE FROM pggit.history WHERE change_description LIKE '%app.often'");
        let checked = look(&agent);
        assert_eq!(checked.status_of("history-chain"), "critical");
        assert_eq!(checked.status_of("history-rows"), "critical");
        let accepting = watch(&server, "groups = [\"history\"], baseline = \"thinned out\"");
        quiet(&accepting, "accepted");
        server.exec("DELETE FROM pggit.history WHERE id = 1");
        assert_eq!(look(&accepting).status_of("history-chain"), "critical", "what comes after is not accepted");
    }
}
