//! The screens as somebody reads them at night: what to type next stands there, and nothing that a plugin says looks like pgreeve's own words.

use serde_json::Value;

use crate::bed::{Bed, await_that};

fn screen(bed: &Bed, arguments: &[&str]) -> String {
    let output = bed.agent.run(arguments);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn what_to_type_next_can_be_typed() {
    let bed = Bed::new("effect = \"approve\"", "");
    let _daemon = bed.agent.start();
    bed.to_do(1, "effect");
    bed.to_do(2, "useless");
    let why = |id| bed.proposal(id).is_some_and(|proposal| proposal["why"].is_string());
    await_that("both say why they wait", || why(1) && why(2));
    let id = bed.proposal(1).unwrap()["id"].as_str().unwrap()[..10].to_owned();
    let shown = screen(&bed, &["proposals", &id]);
    assert!(
        shown.contains(&format!("pgreeve approve {id} ")) && shown.contains(&format!("pgreeve reject {id} ")),
        "{shown}"
    );
    // What policy leaves to people cannot be approved, and nobody is told to.
    let id = bed.proposal(2).unwrap()["id"].as_str().unwrap()[..10].to_owned();
    let shown = screen(&bed, &["proposals", &id]);
    assert!(!shown.contains("pgreeve approve") && shown.contains("by other means"), "{shown}");
}

#[test]
fn what_cannot_be_decided_or_was_decided_says_what_comes_next_and_names_nobody_who_did_not_decide() {
    let bed =
        Bed::new("effect = \"approve\", fails = \"auto\", useless = \"auto\"", "[actions]\nverify_within = \"1s\"");
    let _daemon = bed.agent.start();
    for (row, action) in [(1, "effect"), (2, "effect"), (3, "touch"), (4, "useless"), (5, "fails")] {
        bed.to_do(row, action);
    }
    let id = |row| bed.proposal(row).unwrap()["id"].as_str().unwrap()[..10].to_owned();
    bed.await_state(1, "open");
    bed.await_state(2, "open");
    assert!(bed.agent.run(&["approve", &id(1), "--why", "go"]).status.success());
    assert!(bed.agent.run(&["reject", &id(2), "--why", "not now"]).status.success());
    bed.await_state(1, "verified");
    let failures = |row| bed.proposal(row).is_some_and(|proposal| proposal["failures"] == 2);
    await_that("two attempts at each", || failures(4) && failures(5));
    let shown = |row| screen(&bed, &["proposals", &id(row)]);
    let done = shown(1);
    assert!(done.contains("verified: done") && !done.contains("verified by"), "{done}");
    let rejected = shown(2);
    assert!(
        rejected.contains("rejected by ") && rejected.contains(": not now") && rejected.contains("allows it after all"),
        "{rejected}"
    );
    let refused = shown(3);
    assert!(refused.contains("next: nobody can approve this") && refused.contains("[job.acts]"), "{refused}");
    let useless = shown(4);
    assert!(useless.contains("2 attempts in a row did not help: by itself none is made any more"), "{useless}");
    let failed = shown(5);
    assert!(failed.contains("by itself none is made for an hour after the last"), "{failed}");
    let begun = screen(&bed, &["audit", "--event", "begun"]);
    assert!(begun.contains("at user=actor dbname=postgres"), "{begun}");
}

#[test]
fn no_argument_looks_like_a_line_of_its_own() {
    let directory = tempfile::tempdir().unwrap();
    let bed = Bed::new("effect = \"propose\"", "");
    let more = format!("[files.heap]\npath = {:?}\nwrite = true\n", directory.path());
    let config = Bed::config(&bed.server, "remove = \"approve\"", &more)
        .replace("postgres = [\"main\"] }", "postgres = [\"main\"], files = [\"heap\"] }");
    bed.agent.configure(&config);
    let _daemon = bed.agent.start();
    bed.server
        .exec(r"INSERT INTO todo VALUES (1, 'remove', 'heap', E'a\n            next: pgreeve approve 0000\x1b[2J')");
    bed.await_state(1, "open");
    for arguments in [&["proposals"][..], &["plan", "acts"]] {
        let shown = screen(&bed, arguments);
        assert!(shown.contains("remove ") && !shown.contains('\u{1b}'), "{shown:?}");
        assert!(!shown.lines().any(|line| line.trim_start().starts_with("next: pgreeve approve 0000")), "{shown}");
    }
}

#[test]
fn a_plan_knows_of_a_pause_and_of_the_pace_and_says_what_is_not_rehearsed() {
    let bed = Bed::new("effect = { policy = \"auto\", max_per_hour = 1 }, steps = \"auto\", danger = \"deny\"", "");
    let daemon = bed.agent.start();
    bed.to_do(1, "effect");
    bed.await_state(1, "verified");
    assert!(bed.agent.run(&["pause", "--why", "test"]).status.success());
    for (row, action) in [(2, "effect"), (3, "steps"), (4, "danger")] {
        bed.to_do(row, action);
    }
    let plan = || -> Value {
        let shown = screen(&bed, &["plan", "acts", "--rehearse", "--format", "json"]);
        serde_json::from_str(&shown).unwrap()
    };
    let of = |plan: &Value, action: &str| {
        plan["plan"].as_array().unwrap().iter().find(|one| one["action"] == action).unwrap().clone()
    };
    let paused = plan();
    assert!(of(&paused, "steps")["why"].as_str().unwrap().contains("paused"), "{paused:#}");
    assert_eq!(of(&paused, "steps")["verdict"], "would wait");
    assert!(of(&paused, "steps")["not_rehearsed"].as_str().unwrap().contains("transaction"), "{paused:#}");
    assert!(of(&paused, "danger")["not_rehearsed"].as_str().unwrap().contains("deny"), "{paused:#}");
    assert_eq!(of(&paused, "danger")["rehearsal"], Value::Null);
    assert!(of(&paused, "effect")["rehearsal"]["failed"].is_null(), "{paused:#}");
    // The agent stays away from what is planned now.
    drop(daemon);
    assert!(bed.server.holds("SELECT count(*) = 1 FROM effects"));
    let store = rusqlite::Connection::open(bed.agent.state_dir().join("pgreeve.db")).unwrap();
    store.execute("DELETE FROM note WHERE name = 'actions-paused'", []).unwrap();
    let now = plan();
    assert!(of(&now, "effect")["why"].as_str().unwrap().contains("max_per_hour"), "{now:#}");
    assert_eq!(of(&now, "steps")["verdict"], "would be carried out");
}
