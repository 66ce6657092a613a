//! What jobs propose: to take, verify, prove and expire what is due, and nothing that could cost a backup that is needed.

use std::fs;

use pgreeve_tests::agent::Agent;
use pgreeve_tests::testbed::{Major, Options, Server};

use crate::bed::{DAY, HOUR, Shelf, commands, look, proposed, told};

fn agent(shelf: &Shelf, settings: &str) -> Agent {
    let (tables, grants) = commands();
    Agent::new(&shelf.config(&tables, &grants, settings))
}

#[test]
fn what_is_due_is_proposed_for_each_database_and_is_the_same_in_the_next_run() {
    let shelf = Shelf::new();
    let server = Server::start(Major(15), &Options::default());
    server.create_roles();
    for name in ["shop", "\"odd=name\"", "template_of_ours"] {
        server.exec(&format!("CREATE DATABASE {name}"));
    }
    server.exec("ALTER DATABASE template_of_ours IS_TEMPLATE true");
    let (tables, grants) = commands();
    let tables = format!("{tables}[postgres.main]\ndsn = {:?}\n", server.dsn("observer", "postgres"));
    let grants = format!("{grants}, postgres = [\"main\"]");
    let agent = Agent::new(&shelf.config(&tables, &grants, "take = [\"full\", \"globals\", \"base\"]"));
    let all = ["take-full postgres", "take-full shop", "take-globals", "take-base"];
    let checked = look(&agent);
    assert_eq!(proposed(&checked), all);
    assert!(told(&checked, "due/full:odd=name", "warning").contains("connection string"));
    assert_eq!(checked.json["proposals"], look(&agent).json["proposals"]);
    // A job that takes does not watch: nobody is paged twice.
    assert!(checked.find("age/full:shop").is_none());
    shelf.put("full-shop", 10 * HOUR, 5000);
    shelf.put("full-postgres", 20 * HOUR, 5000);
    let checked = look(&agent);
    assert_eq!(proposed(&checked), ["take-full postgres", "take-globals", "take-base"]);
    told(&checked, "due/full:shop", "ok");
    // One that is being taken is not taken twice.
    fs::create_dir(shelf.path().join("full-postgres-20261120T180802Z.partial")).unwrap();
    let checked = look(&agent);
    assert_eq!(proposed(&checked), ["take-globals", "take-base"]);
    assert!(told(&checked, "due/full:postgres", "warning").contains("under way"));
    // Without the commands it says what is due, and proposes nothing that could not be done.
    let plain = tables.lines().skip_while(|line| !line.starts_with("[postgres")).collect::<Vec<_>>().join("\n");
    agent.configure(&shelf.config(&plain, ", postgres = [\"main\"]", "take = [\"globals\"]"));
    let checked = look(&agent);
    assert!(
        told(&checked, "due/globals", "warning").contains("[command.backup-globals]") && proposed(&checked).is_empty()
    );
}

#[test]
fn nothing_is_taken_where_the_directory_cannot_be_looked_at() {
    let shelf = Shelf::new();
    let agent = agent(&shelf, "take = [\"full\"], databases = [\"app\"]");
    assert_eq!(proposed(&look(&agent)), ["take-full app"]);
    fs::remove_dir_all(shelf.path()).unwrap();
    let checked = look(&agent);
    assert!(checked.exit == 3 && proposed(&checked).is_empty(), "{:#}", checked.json);
}

#[test]
fn a_backup_that_does_not_fit_is_told_before_it_is_begun() {
    let shelf = Shelf::new();
    // A sparse payload: as large as a file may be, beside the room that there is.
    let put = shelf.put_as("full-app", 2 * DAY, 1, |backup| backup["bytes"] = (8_u64 << 40).into());
    fs::OpenOptions::new().write(true).open(put.payload()).unwrap().set_len(8 << 40).unwrap();
    let checked = look(&agent(&shelf, "take = [\"full\"], databases = [\"app\"]"));
    assert!(told(&checked, "space/backups", "critical").contains("do not fit"));
    assert!(told(&checked, "due/full:app", "warning").contains("space") && proposed(&checked).is_empty());
}

#[test]
fn the_newest_is_read_again_by_its_name_and_the_stored_ones_all_at_once() {
    let shelf = Shelf::new();
    let agent = agent(&shelf, "verify = true");
    let (old, new) = (shelf.put("full-app", 2 * DAY, 5000), shelf.put("full-app", HOUR, 5000));
    assert_eq!(proposed(&look(&agent)), [format!("verify {}", new.name), "verify-all".to_owned()]);
    new.verified(HOUR, true);
    assert_eq!(proposed(&look(&agent)), ["verify-all"]);
    old.verified(HOUR, false);
    let checked = look(&agent);
    assert!(proposed(&checked).is_empty(), "what was found damaged is not due again at once: {:#}", checked.json);
    new.verified(8 * DAY, true);
    assert_eq!(proposed(&look(&agent)), [format!("verify {}", new.name)]);
}

#[test]
fn the_newest_good_one_is_proved_once_a_week() {
    let shelf = Shelf::new();
    let agent = agent(&shelf, "prove = [\"full\", \"base\"], databases = [\"app\"]");
    let checked = look(&agent);
    assert!(
        told(&checked, "prove-due/full:app", "unknown").contains("no good backup") && proposed(&checked).is_empty()
    );
    let (old, new) = (shelf.put("full-app", 2 * DAY, 5000), shelf.put("full-app", HOUR, 5000));
    let base = shelf.put("base-cluster", HOUR, 5000);
    assert_eq!(proposed(&look(&agent)), [format!("prove {}", new.name), format!("prove-base {}", base.name)]);
    old.proof(DAY, true);
    base.proof(DAY, false);
    assert!(proposed(&look(&agent)).is_empty(), "a test that failed is told, not repeated for ever");
    old.proof(6 * DAY, true);
    fs::write(new.payload(), "").unwrap();
    assert_eq!(proposed(&look(&agent)), [format!("prove {}", old.name)], "a damaged one is not what would be restored");
}

/// Backups of 1, 10, 40 and 50 days ago; none but one has to stay.
fn aged(shelf: &Shelf) -> Vec<crate::bed::Put> {
    [1, 10, 40, 50].iter().map(|day| shelf.put("full-app", day * DAY, 5000)).collect()
}

const EXPIRE: &str = "expire = true, full = { keep_count = 1 }";

#[test]
fn what_is_beyond_retention_goes_oldest_first_once_a_newer_one_was_read_again() {
    let shelf = Shelf::new();
    let agent = agent(&shelf, EXPIRE);
    let put = aged(&shelf);
    let checked = look(&agent);
    assert!(
        told(&checked, "retention/full:app", "warning").contains("not read again") && proposed(&checked).is_empty()
    );
    put[1].verified(HOUR, true);
    assert!(proposed(&look(&agent)).is_empty(), "it is the newest that counts");
    put[0].verified(HOUR, true);
    let checked = look(&agent);
    assert_eq!(
        proposed(&checked),
        [format!("expire-full {}.json app", put[3].name), format!("expire-full {}.json app", put[2].name)]
    );
    let proposal = &checked.json["proposals"][0];
    assert_eq!(
        (&proposal["target"], &proposal["clears"][0]),
        (&"backups".into(), &format!("expired/{}", put[3].name).into())
    );
}

#[test]
fn nothing_goes_that_may_still_be_needed() {
    let none = |what: &str, settings: &str, change: &dyn Fn(&Shelf, &[crate::bed::Put])| {
        let shelf = Shelf::new();
        let put = aged(&shelf);
        put[0].verified(HOUR, true);
        change(&shelf, &put);
        let checked = look(&agent(&shelf, settings));
        assert!(proposed(&checked).is_empty(), "{what}: {:#}", checked.json);
    };
    let same = |_: &Shelf, _: &[crate::bed::Put]| {};
    none("the count is not met", "expire = true, full = { keep_count = 4 }", &same);
    none("the age is not met", "expire = true, full = { keep_count = 1, keep = \"60d\" }", &same);
    none("the newest is found damaged", EXPIRE, &|_, put| put[0].verified(HOUR, false));
    none("the newest lost its payload", EXPIRE, &|_, put| fs::remove_file(put[0].payload()).unwrap());
    none("one is of the future", EXPIRE, &|shelf, _| drop(shelf.put("full-app", -DAY, 5000)));
    none("no new ones come", "expire = true, full = { keep_count = 1, every = \"1h\" }", &same);
    // One alone, of any age, and one that is the last good one.
    let shelf = Shelf::new();
    shelf.put("full-app", 400 * DAY, 5000).verified(HOUR, true);
    assert!(proposed(&look(&agent(&shelf, EXPIRE))).is_empty());
    fs::write(shelf.put("full-app", HOUR, 5000).payload(), "").unwrap();
    assert!(proposed(&look(&agent(&shelf, EXPIRE))).is_empty());
}

#[test]
fn of_a_directory_with_two_clusters_only_ones_own_go() {
    let shelf = Shelf::new();
    let server = Server::start(Major(15), &Options::default());
    server.create_roles();
    let ours = server.value("SELECT system_identifier FROM pg_control_system()").unwrap();
    let of = |identifier: &str, ago: i64| {
        shelf.put_as("full-app", ago, 5000, |backup| backup["server"]["system_identifier"] = identifier.into())
    };
    of(&ours, HOUR).verified(HOUR, true);
    let old = of(&ours, 41 * DAY);
    of("17", 40 * DAY);
    of("17", 42 * DAY);
    let (tables, grants) = commands();
    let tables = format!("{tables}[postgres.main]\ndsn = {:?}\n", server.dsn("observer", "postgres"));
    let agent = Agent::new(&shelf.config(&tables, &format!("{grants}, postgres = [\"main\"]"), EXPIRE));
    assert_eq!(proposed(&look(&agent)), [format!("expire-full {}.json app", old.name)]);
}

#[test]
fn the_scratch_database_of_a_killed_restore_test_is_left_to_the_next_one() {
    let shelf = Shelf::new();
    let agent = agent(&shelf, "prove = [\"full\"], expire = true, databases = [\"app\"]");
    let put = shelf.put("full-app", DAY, 5000);
    put.proof(20 * HOUR, true);
    put.verified(HOUR, true);
    let left = put.beside("proving");
    fs::create_dir(&left).unwrap();
    let database = "pgreeve_prove_0123456789abcdef0123456789abcdef";
    fs::write(left.join("scratch.json"), format!("{{\"database\": \"{database}\"}}")).unwrap();
    // It may be at work.
    assert!(told(&look(&agent), "leftovers", "ok").contains("under way"));
    crate::bed::age(&left, 8 * HOUR);
    let checked = look(&agent);
    assert_eq!(proposed(&checked), [format!("prove {}", put.name)], "no sweep could remove it");
    assert!(told(&checked, "leftovers", "warning").contains(database));
    assert!(told(&checked, "prove-due/full:app", "warning").contains(database));
    // A test that came after it did not remove it: it is on another server, and testing for ever would not help.
    put.proof(HOUR, true);
    let checked = look(&agent);
    assert!(proposed(&checked).is_empty(), "{:#}", checked.json);
    assert!(told(&checked, "leftovers", "warning").contains(database));
}
