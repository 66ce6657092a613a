//! DDL that is under way while the plugin looks: nothing of it is taken for damage, and nothing is missed behind it.

use pgreeve_tests::agent::{Agent, Checked};

use crate::bed::{CORE, EXTENSION, install, look, majors, quiet, script, some, watch};

const HISTORY: &str = "groups = [\"history\"]";

/// The last id up to which rows are compared.
fn watermark(checked: &Checked) -> i64 {
    let summary = checked.finding("history-rows")["summary"].as_str().unwrap();
    let (_, rest) = summary.split_once("up to id ").unwrap_or_else(|| panic!("{summary}"));
    rest.split_whitespace().next().unwrap().parse().unwrap()
}

fn rows_are(agent: &Agent, status: &str, what: &str) {
    let checked = look(agent);
    assert_eq!(checked.status_of("history-rows"), status, "{what}: {:#}", checked.json);
}

#[test]
fn ddl_that_is_open_is_neither_damage_nor_passed_by() {
    for major in majors() {
        let server = script(major);
        let agent = watch(&server, "");
        let first = server.session("postgres");
        first
            .sql("BEGIN; CREATE TABLE app.slow (id int); ALTER TABLE app.slow ADD name text; DROP VIEW app.big_orders");
        let checked = look(&agent);
        assert_eq!(checked.finding("history-rows")["reason"], "no-data", "{major}: {:#}", checked.json);
        let others: Vec<_> = checked.complaints().into_iter().filter(|line| !line.contains("history-rows")).collect();
        assert_eq!(others, Vec::<String>::new(), "{major}: of an open transaction nothing is to be seen");
        first.sql("COMMIT");
        let began = watermark(&quiet(&agent, &format!("{major}: the first look without DDL")));

        // Its rows get lower numbers than those of another transaction that ends before it.
        first.sql("BEGIN; CREATE TABLE app.early (id int); ALTER TABLE app.early ADD name text");
        server.exec("CREATE TABLE app.late (id int)");
        let during = watermark(&quiet(&agent, &format!("{major}: a later number is there, an earlier one is not")));
        assert_eq!(during, began, "{major}: what has a gap below it is not counted as seen");
        server.exec("UPDATE pggit.history SET created_by = 'nobody', commit_hash = created_by WHERE id = 3");
        rows_are(&agent, "critical", &format!("{major}: what was seen before is watched meanwhile"));
        server.exec("UPDATE pggit.history SET created_by = commit_hash, commit_hash = NULL WHERE id = 3");
        first.sql("COMMIT");
        let after = watermark(&quiet(&agent, &format!("{major}: the earlier number came later")));
        assert!(after > during, "{major}: {after}");
        server.exec("DELETE FROM pggit.history WHERE change_description LIKE '%app.early' AND change_type = 'CREATE'");
        rows_are(&agent, "critical", &format!("{major}: the row that came late was seen"));
    }
}

#[test]
fn ddl_that_is_rolled_back_or_prepared_leaves_gaps_and_no_complaint() {
    for major in some() {
        let server = script(major);
        let agent = watch(&server, "");
        quiet(&agent, &format!("{major} before"));
        let session = server.session("postgres");
        session.sql("BEGIN; CREATE TABLE app.never (id int); DROP TABLE app.orders CASCADE");
        quiet(&agent, &format!("{major} open"));
        session.sql("ROLLBACK");
        quiet(&agent, &format!("{major} rolled back"));
        session
            .sql("BEGIN; CREATE TABLE app.kept (id int); SAVEPOINT s; CREATE TABLE app.undone (id int); ROLLBACK TO s");
        quiet(&agent, &format!("{major} a part rolled back"));
        session.sql("ALTER TABLE app.kept ADD name text; PREPARE TRANSACTION 'two'");
        server.exec("CREATE TABLE app.between (id int)");
        quiet(&agent, &format!("{major} prepared"));
        server.exec("COMMIT PREPARED 'two'");
        quiet(&agent, &format!("{major} committed"));
        quiet(&agent, &format!("{major} and again"));
        server.exec("DELETE FROM pggit.history WHERE change_description LIKE '%app.kept' AND change_type = 'CREATE'");
        rows_are(&agent, "critical", &format!("{major}: what was prepared was seen"));
    }
}

#[test]
fn what_pggit_does_not_know_and_is_locked_is_unknown_and_no_false_alarm() {
    let server = install(majors()[0], &[CORE, EXTENSION]);
    let agent = watch(&server, "groups = [\"drift\"]");
    server.exec("CREATE TABLE app.made AS SELECT 1 AS n");
    quiet(&agent, "made from a query");
    let session = server.session("postgres");
    session.sql("BEGIN; ALTER TABLE app.made ADD name text");
    let checked = look(&agent);
    assert_eq!(checked.status_of("untracked"), "unknown", "{:#}", checked.json);
    assert!(checked.finding("untracked")["summary"].as_str().unwrap().contains("app.made"), "{:#}", checked.json);
    session.sql("COMMIT");
    quiet(&agent, "recorded by then");
}

#[test]
fn commits_of_pggit_that_are_open_are_not_missed() {
    let server = script(majors()[0]);
    let agent = watch(&server, "groups = [\"graph\"]");
    quiet(&agent, "before");
    let commit = |hash: &str| format!("INSERT INTO pggit.commits (hash, branch_id, message) VALUES ('{hash}', 1, 'm')");
    let session = server.session("postgres");
    session.sql(&format!("BEGIN; {}", commit("early")));
    server.exec(&commit("late"));
    quiet(&agent, "one is open");
    session.sql("COMMIT");
    quiet(&agent, "both are there");
    server.exec("DELETE FROM pggit.commits WHERE hash = 'early'");
    assert_eq!(look(&agent).status_of("own-commits/rows"), "critical");
    // As long as history is looked at, its own watermark is another matter.
    quiet(&watch(&server, HISTORY), "the history is whole");
}
