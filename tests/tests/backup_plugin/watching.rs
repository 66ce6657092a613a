//! A job that watches: age, size, caveats, proofs, clocks, and a directory that is well.

use std::fs;

use pgreeve_tests::agent::Agent;
use pgreeve_tests::testbed::{Major, Options, Server, available};

use crate::bed::{DAY, HOUR, Shelf, look, proposed, quiet, told};

const ONE: &str = "databases = [\"postgres\"]";

#[test]
fn a_directory_that_is_well_is_quiet_and_says_what_it_saw() {
    let shelf = Shelf::quiet();
    fs::create_dir(shelf.path().join("lost+found")).unwrap();
    for major in available() {
        let server = Server::start(major, &Options::default());
        server.create_roles();
        let tables = format!("[postgres.main]\ndsn = {:?}\n", server.dsn("observer", "postgres"));
        let agent = Agent::new(&shelf.config(&tables, ", postgres = [\"main\"]", ""));
        let checked = look(&agent);
        quiet(&checked);
        assert!(told(&checked, "age/full:postgres", "ok").contains("ended 1 h"), "{major}");
        assert!(
            told(&checked, "proof/full:postgres", "ok").contains("it took 40 s, and its newest change was 30 min old")
        );
        assert!(told(&checked, "size/full:postgres", "ok").contains("48.8 KiB"));
        assert!(told(&checked, "directory/backups", "ok").contains("14 backups"));
        assert!(told(&checked, "archiver/main", "ok").contains("not-applicable"));
        assert_eq!(
            proposed(&checked),
            Vec::<String>::new(),
            "a job that watches and is granted no command proposes nothing"
        );
    }
}

#[test]
fn a_database_without_a_backup_is_told_and_so_is_a_role_that_sees_too_little() {
    let shelf = Shelf::quiet();
    let server = Server::start(Major(15), &Options::default());
    server.create_roles();
    let tables = format!("[postgres.main]\ndsn = {:?}\n", server.dsn("observer", "postgres"));
    let agent = Agent::new(&shelf.config(&tables, ", postgres = [\"main\"]", ""));
    // A second database, of which nobody has a backup.
    server.exec("CREATE DATABASE shop");
    assert!(told(&look(&agent), "age/full:shop", "critical").contains("there is no backup"));
    // A role that may see little: what it cannot tell is unknown, and no size of a dump is taken for healthy.
    agent.configure(&shelf.config(&tables.replace("observer", "nobody"), ", postgres = [\"main\"]", ""));
    server.exec("REVOKE CONNECT ON DATABASE shop FROM public");
    let checked = look(&agent);
    assert_eq!(checked.finding("space/backups")["status"], "unknown", "{:#}", checked.json);
}

#[test]
fn what_is_not_there_cannot_be_looked_at_and_is_no_data_are_three_answers() {
    let shelf = Shelf::new();
    let agent = shelf.agent(ONE);
    let checked = look(&agent);
    assert!(told(&checked, "age/full:postgres", "critical").contains("there is no backup"));
    assert!(told(&checked, "age/globals", "critical").contains("--kind=globals"));
    shelf.put("full-postgres", HOUR, 5000);
    assert!(told(&look(&agent), "proof/full:postgres", "unknown").contains("no-data"));
    fs::remove_dir_all(shelf.path()).unwrap();
    let checked = look(&agent);
    assert_eq!((checked.exit, checked.findings().len()), (3, 1), "{:#}", checked.json);
    assert!(told(&checked, "directory/backups", "unknown").contains("backups"));
    // A server that is down: what has backups is judged, what there should be is not known.
    let shelf = Shelf::quiet();
    let tables = "[postgres.main]\ndsn = \"host=/nonexistent user=observer dbname=postgres\"\n";
    let checked = look(&Agent::new(&shelf.config(tables, ", postgres = [\"main\"]", "")));
    assert!(told(&checked, "databases", "unknown").contains("unreachable"));
    assert!(told(&checked, "age/full:postgres", "ok").contains("ended 1 h"));
}

#[test]
fn age_counts_from_the_end_of_the_last_good_one_of_each_database() {
    let shelf = Shelf::new();
    let agent = shelf.agent("expect = [\"full\", \"schema\"], databases = [\"a\", \"b\", \"c\", \"Größe 1\"]");
    shelf.put("full-a", 27 * HOUR, 5000);
    shelf.put("full-b", 29 * HOUR, 5000);
    shelf.put("full-c", 53 * HOUR, 5000);
    shelf.put_as("full-Gr=C3=B6=C3=9Fe=201", HOUR, 5000, |backup| backup["database"] = "Größe 1".into());
    shelf.put("schema-a", 7 * DAY, 5000);
    shelf.put("schema-b", 8 * DAY, 5000);
    // Of a single schema: no backup of its database.
    shelf.put_as("full-c", HOUR, 5000, |backup| backup["schemas"] = ["public"].into());
    let checked = look(&agent);
    for (key, status) in [
        ("full:a", "ok"),
        ("full:b", "warning"),
        ("full:c", "critical"),
        ("full:Größe 1", "ok"),
        ("schema:a", "ok"),
        ("schema:b", "warning"),
    ] {
        told(&checked, &format!("age/{key}"), status);
    }
    assert!(told(&checked, "age/full:c", "critical").contains("single schemas"));
    let own = shelf.agent("expect = [\"full\"], databases = [\"b\"], full = { every = \"2d\" }");
    told(&look(&own), "age/full:b", "ok");
}

#[test]
fn a_backup_of_the_future_counts_for_nothing() {
    let shelf = Shelf::new();
    shelf.put("full-postgres", -2 * DAY, 5000);
    let agent = shelf.agent("expect = [\"full\"], databases = [\"postgres\"]");
    let checked = look(&agent);
    assert!(told(&checked, "age/full:postgres", "unknown").contains("future"));
    assert!(told(&checked, "clock", "warning").contains("in the future"));
    shelf.put("full-postgres", 29 * HOUR, 5000);
    assert!(told(&look(&agent), "age/full:postgres", "warning").contains("is of the future"));
}

#[test]
fn backups_of_another_cluster_are_not_taken_for_ones_of_this() {
    let shelf = Shelf::new();
    let server = Server::start(Major(15), &Options::default());
    server.create_roles();
    let ours = server.value("SELECT system_identifier FROM pg_control_system()").unwrap();
    let tables = format!("[postgres.main]\ndsn = {:?}\n", server.dsn("observer", "postgres"));
    let agent = Agent::new(&shelf.config(&tables, ", postgres = [\"main\"]", "expect = [\"full\"]"));
    shelf.put_as("full-postgres", HOUR, 5000, |backup| {
        backup["server"]["system_identifier"] = "1234567890123456789".into();
    });
    assert!(told(&look(&agent), "age/full:postgres", "critical").contains("of another one"));
    shelf.put_as("full-postgres", 2 * HOUR, 5000, |backup| backup["server"]["system_identifier"] = ours.into());
    assert!(told(&look(&agent), "age/full:postgres", "ok").contains("of another cluster"));
}

#[test]
fn a_sudden_drop_or_jump_is_told_and_so_is_an_emptied_database() {
    let history = |shelf: &Shelf| {
        (1..6).for_each(|day| drop(shelf.put("full-postgres", day * DAY, 100_000 + day as usize * 500)));
    };
    for (bytes, tables, status, what) in [
        (101_000, 12, "ok", "usually"),
        (40_000, 12, "warning", "suddenly small"),
        (400_000, 12, "warning", "suddenly large"),
        (99_000, 0, "critical", "0 tables"),
        (99_000, 5, "warning", "5 tables"),
    ] {
        let shelf = Shelf::new();
        history(&shelf);
        shelf.put_as("full-postgres", HOUR, bytes, |backup| backup["summary"]["tables"] = tables.into());
        let said = told(&look(&shelf.agent("expect = [\"full\"]")), "size/full:postgres", status);
        assert!(said.contains(what), "{said}");
    }
}

#[test]
fn what_a_dump_left_out_is_told_until_it_is_accepted() {
    let shelf = Shelf::new();
    shelf.put_as("full-postgres", HOUR, 5000, |backup| {
        backup["caveats"] = serde_json::json!([
            { "code": "subscriptions-disabled", "subject": "s", "detail": "restored disabled" },
            { "code": "extension-rows-left-out", "subject": "pggit", "detail": "pg_dump leaves out the rows of 12 of its tables" },
        ]);
    });
    let said = told(&look(&shelf.agent("expect = [\"full\"]")), "caveats/full:postgres", "warning");
    assert!(said.contains("pggit") && said.contains("accept_caveats = [\"extension-rows-left-out:pggit\"]"), "{said}");
    let accepting = shelf.agent("expect = [\"full\"], accept_caveats = [\"extension-rows-left-out:pggit\"]");
    told(&look(&accepting), "caveats/full:postgres", "ok");
}

#[test]
fn only_a_proof_of_this_very_backup_that_passed_lately_is_ok() {
    let settings = "expect = [\"full\"], rto = \"1h\"";
    for (ago, passed, status, what) in [
        (DAY, true, "ok", "it took 40 s"),
        (9 * DAY, true, "warning", "no restore test for 9 d"),
        (16 * DAY, true, "critical", "no restore test for 16 d"),
        (DAY, false, "critical", "public.orders: 0 rows"),
        (-DAY, true, "critical", "ever restored"),
    ] {
        let shelf = Shelf::new();
        shelf.put("full-postgres", 17 * DAY, 5000).proof(ago, passed);
        shelf.put("full-postgres", HOUR, 5000);
        let said = told(&look(&shelf.agent(settings)), "proof/full:postgres", status);
        assert!(said.contains(what), "{ago}: {said}");
    }
    let shelf = Shelf::new();
    let put = shelf.put("full-postgres", 9 * DAY, 5000);
    put.proof(DAY, true);
    assert!(
        told(&look(&shelf.agent("expect = [\"full\"], rto = \"30s\"")), "proof/full:postgres", "warning")
            .contains("longer than is promised")
    );
    assert!(
        told(&look(&shelf.agent("expect = [\"full\"], dump_rpo = \"10m\"")), "proof/full:postgres", "warning")
            .contains("loses more")
    );
    // The manifest was written anew: the proof is of another backup.
    let text = fs::read_to_string(put.beside("proof.json")).unwrap();
    fs::write(put.beside("proof.json"), text.replace(&put.seal, &"0".repeat(64))).unwrap();
    told(&look(&shelf.agent(settings)), "proof/full:postgres", "warning");
    fs::write(put.beside("proof.json"), "").unwrap();
    assert!(told(&look(&shelf.agent(settings)), "proof/full:postgres", "unknown").contains("cannot be used"));
}

#[test]
fn backups_that_are_not_read_again_and_that_nobody_removes_are_told() {
    let shelf = Shelf::new();
    for day in [1, 11, 40] {
        let put = shelf.put("full-postgres", day * DAY, 5000);
        if day == 1 {
            put.verified(HOUR, true);
        }
    }
    let agent = shelf.agent("expect = [\"full\"], full = { keep_count = 1 }");
    let checked = look(&agent);
    assert!(told(&checked, "verification/full:postgres", "warning").contains("2 of 3 backups"));
    assert!(told(&checked, "retention/full:postgres", "warning").contains("expire = true"));
}
