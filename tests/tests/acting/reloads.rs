//! What a reload, a pause and a plugin without measure change about what was proposed and allowed.

use crate::bed::{Bed, await_that};
use crate::races::said;

/// What the bed's job is granted.
const GRANT: &str = "grant = { postgres = [\"main\"] }\n";

#[test]
fn an_approval_that_a_reload_leaves_no_room_for_ends_at_once_and_is_not_good_for_a_job_that_comes_back() {
    let rules = "effect = \"approve\"";
    let bed = Bed::new(rules, "");
    let whole = Bed::config(&bed.server, rules, "");
    // Nothing but the reload itself can tell: the job looks once a year.
    let rare = |config: &str| config.replace("* * * * * *", "0 0 1 1 *");
    let daemon = bed.agent.start();
    for (row, other, why) in [
        (1, whole.split("[job.acts]").next().unwrap().to_owned(), "its job is not in agent.toml any more"),
        (2, rare(&Bed::config(&bed.server, "effect = \"deny\"", "")), "the job's policy is deny"),
        (3, rare(&Bed::config(&bed.server, "", "")), "the job's policy is propose"),
        (
            4,
            rare(&whole.replace("acts.wasm", "quiet.wasm").replace(rules, "").replace(GRANT, "")),
            "plugin is another one now",
        ),
    ] {
        bed.to_do(row, "effect");
        let id = bed.open(row);
        let reload = |config: &str| {
            bed.agent.configure(config);
            let reloaded = bed.agent.run(&["reload"]);
            assert!(reloaded.status.success(), "{}", said(&reloaded));
        };
        assert!(bed.agent.run(&["pause", "--why", "test"]).status.success());
        let approved = bed.agent.run(&["approve", &id, "--why", "go"]);
        assert!(approved.status.success(), "{}", said(&approved));
        reload(&other);
        let stale = bed.await_state(row, "stale");
        let told = stale["why"].as_str().unwrap();
        assert!(told.starts_with("the approval by ") && told.contains(why), "{told}");
        let shown = said(&bed.agent.run(&["proposals"]));
        assert!(shown.contains("was approved and not carried out") && shown.contains(why), "{shown}");
        await_that("the audit log tells it", || {
            let entries = said(&bed.agent.run(&["audit", "--proposal", &id, "--event", "stale"]));
            entries.contains(why) && entries.contains("the approval by")
        });
        // The job comes back: what is proposed is to be decided anew.
        reload(&whole);
        assert!(bed.agent.run(&["resume", "--why", "done"]).status.success());
        bed.await_state(row, "open");
        let seen = bed.proposal(row).unwrap()["seen"].clone();
        await_that("another run", || bed.proposal(row).unwrap()["seen"] != seen);
        assert_eq!(bed.effects(row), 0);
        bed.server.exec("DELETE FROM todo");
        bed.await_state(row, "gone");
    }
    assert!(daemon.log().contains("is not carried out: the approval by"), "{}", daemon.log());
}

#[test]
fn an_approval_is_for_the_server_that_it_was_given_for() {
    let rules = "effect = \"approve\"";
    let bed = Bed::new(rules, "");
    let _daemon = bed.agent.start();
    bed.to_do(1, "effect");
    let id = bed.open(1);
    assert!(bed.proposal(1).unwrap()["address"].as_str().unwrap().contains("user=actor dbname=postgres"));
    assert!(bed.agent.run(&["pause", "--why", "test"]).status.success());
    assert!(bed.agent.run(&["approve", &id]).status.success());
    // The scope's name stands for another database from now on, in which the same is proposed.
    bed.server.exec("CREATE DATABASE other TEMPLATE postgres");
    let (here, there) = (bed.server.dsn("actor", "postgres"), bed.server.dsn("actor", "other"));
    bed.agent.configure(&Bed::config(&bed.server, rules, "").replace(&here, &there));
    assert!(bed.agent.run(&["reload"]).status.success());
    let again = bed.await_state(1, "open");
    assert!(again["address"].as_str().unwrap().contains("dbname=other"), "{again:#}");
    assert!(bed.agent.run(&["resume", "--why", "done"]).status.success());
    let seen = bed.proposal(1).unwrap()["seen"].clone();
    await_that("another run", || bed.proposal(1).unwrap()["seen"] != seen);
    assert_eq!(bed.effects(1), 0);
    let shown = said(&bed.agent.run(&["proposals", &id]));
    assert!(shown.contains("at user=actor dbname=other"), "{shown}");
}

#[test]
fn an_approval_of_a_command_is_for_the_server_that_its_environment_names() {
    let place = tempfile::tempdir().unwrap();
    let rules = "touch = \"approve\"";
    let bed = Bed::new(rules, "");
    let config = |host: &str| {
        let more = format!(
            "[command.touch]\nrun = [\"/usr/bin/touch\", \"--\", \"{}/{{argument}}\"]\nparameters = {{ argument = \"identifier\" }}\n\
             env = {{ PGHOST = \"{host}\", OTHER = \"hush\" }}\n",
            place.path().display()
        );
        let granted = "postgres = [\"main\"], commands = [\"touch\"] }";
        Bed::config(&bed.server, rules, &more).replace("postgres = [\"main\"] }", granted)
    };
    bed.agent.configure(&config("/first"));
    let _daemon = bed.agent.start();
    bed.server.exec("INSERT INTO todo VALUES (1, 'touch', 'touch', 'it')");
    let id = bed.open(1);
    assert!(bed.agent.run(&["pause", "--why", "test"]).status.success());
    assert!(bed.agent.run(&["approve", &id]).status.success());
    bed.agent.configure(&config("/second"));
    assert!(bed.agent.run(&["reload"]).status.success());
    let again = bed.await_state(1, "open");
    let address = again["address"].as_str().unwrap();
    assert!(address.contains("PGHOST=/second") && !address.contains("hush"), "{again:#}");
    assert!(bed.agent.run(&["resume", "--why", "done"]).status.success());
    let seen = bed.proposal(1).unwrap()["seen"].clone();
    await_that("another run", || bed.proposal(1).unwrap()["seen"] != seen);
    assert!(!place.path().join("it").exists());
    assert!(bed.agent.run(&["approve", &id]).status.success());
    await_that("it is done as it was approved", || place.path().join("it").exists());
}

#[test]
fn nothing_begins_once_a_pause_or_a_reload_was_answered() {
    let auto = "chain = { policy = \"auto\", max_per_hour = 10000 }";
    let more = "[actions]\nmax_rounds = 100";
    let bed = Bed::new(auto, more);
    let (lets, keeps) = (Bed::config(&bed.server, auto, more), Bed::config(&bed.server, "chain = \"propose\"", more));
    let _daemon = bed.agent.start();
    let begun = rusqlite::Connection::open_with_flags(
        bed.agent.state_dir().join("pgreeve.db"),
        rusqlite::OpenFlags::SQLITE_OPEN_READ_ONLY,
    )
    .unwrap();
    begun.busy_timeout(std::time::Duration::from_secs(20)).unwrap();
    let count = || begun.query_row("SELECT count(*) FROM attempt", [], |row| row.get::<_, u32>(0)).unwrap();
    let ran = |arguments: &[&str]| {
        let output = bed.agent.run(arguments);
        assert!(output.status.success(), "{}", said(&output));
    };
    for round in 0..12 {
        let rows = format!("SELECT {round} * 1000 + 10 * id, 'chain' FROM generate_series(1, 8) id");
        bed.server.exec(&format!("INSERT INTO todo (id, action) {rows}"));
        let before = count();
        await_that("an action begins", || count() > before);
        let pause = round % 2 == 0;
        if pause {
            ran(&["pause", "--why", "test"]);
        } else {
            bed.agent.configure(&keeps);
            ran(&["reload"]);
        }
        let then = count();
        let seen = bed.proposals().iter().map(|one| one["seen"].to_string()).max();
        await_that("another run", || bed.proposals().iter().map(|one| one["seen"].to_string()).max() > seen);
        assert_eq!(count(), then, "begun after the answer, pause: {pause}");
        if pause {
            ran(&["resume", "--why", "test"]);
        } else {
            bed.agent.configure(&lets);
            ran(&["reload"]);
        }
    }
}

#[test]
fn a_plugin_that_proposes_something_else_at_each_run_does_not_fill_the_disk() {
    let bed = Bed::new("effect = \"approve\"", "");
    bed.server.exec(
        "ALTER TABLE todo RENAME TO kept;
         CREATE VIEW todo AS SELECT id, 'post' AS action, 'main' AS target, clock_timestamp() || repeat('x', 90000) AS argument
         FROM generate_series(1, 10) id; GRANT SELECT ON todo TO observer",
    );
    let daemon = bed.agent.start();
    daemon.wait_for("it proposed more than 4 MiB that was new within an hour");
    let log = || std::fs::metadata(bed.agent.state_dir().join("audit.jsonl")).unwrap().len();
    let before = log();
    let runs = || {
        let output = bed.agent.run(&["runs", "--limit", "200", "--format", "json"]).stdout;
        let json: serde_json::Value = serde_json::from_slice(&output).unwrap();
        json["runs"].as_array().unwrap().iter().filter(|run| run["outcome"]["kind"] == "reported").count()
    };
    let reported = runs();
    await_that("checks go on", || runs() > reported + 2);
    assert_eq!(log(), before);
    assert!(before < 16 << 20, "{before}");
    assert_eq!(daemon.log().matches("so nothing is carried out").count(), 1, "it is said once: {}", daemon.log());
}
