//! Commands and files: done where the operator's word for that very thing is there, and refused where it is not. And approvals, which end.

use std::fs;

use serde_json::Value;

use crate::bed::{Bed, await_that};

/// A directory with files of rising age, a command, and rows of `todo` that ask for both.
fn bed(directory: &std::path::Path, write: bool) -> Bed {
    for (index, name) in ["a.old", "b.old", "c.old", "other"].iter().enumerate() {
        let path = directory.join(name);
        fs::write(&path, name).unwrap();
        let age = std::time::Duration::from_secs(1000 - index as u64 * 100);
        fs::File::open(&path).unwrap().set_modified(std::time::SystemTime::now() - age).unwrap();
    }
    let bed = Bed::new("effect = \"propose\"", "");
    let more = format!(
        "[actions]\nverify_within = \"1s\"\n[files.heap]\npath = {directory:?}\nwrite = {write}\n\
         [command.touch]\nrun = [\"/usr/bin/touch\", \"--\", \"{}/touched-{{argument}}\"]\nparameters = {{ argument = \"identifier\" }}\n",
        directory.display()
    );
    let rules = "remove = { policy = \"auto\", max_per_hour = 100 }, rename = \"auto\", touch = \"auto\"";
    let config = Bed::config(&bed.server, rules, &more)
        .replace("postgres = [\"main\"] }", "postgres = [\"main\"], files = [\"heap\"], commands = [\"touch\"] }");
    bed.agent.configure(&config);
    for (id, action, target, argument) in [
        (1, "remove", "heap", "a.old"),
        (2, "remove", "heap", "c.old"),
        (3, "remove", "heap", "other"),
        (4, "rename", "heap", "b.old"),
        (5, "touch", "touch", "it"),
        (6, "touch", "touch", "../out; rm -rf /"),
    ] {
        let row = format!("INSERT INTO todo VALUES ({id}, '{action}', '{target}', '{argument}')");
        bed.server.exec(&row);
    }
    bed
}

fn detail(proposal: &Value) -> String {
    proposal["attempts"][0]["detail"].as_str().unwrap_or_default().to_owned()
}

#[test]
fn files_are_removed_and_renamed_and_a_command_runs_as_far_as_each_is_allowed() {
    let directory = tempfile::tempdir().unwrap();
    let bed = bed(directory.path(), true);
    let _daemon = bed.agent.start();
    let there = |name: &str| directory.path().join(name).exists();
    await_that("what is allowed is done", || !there("a.old") && there("b.old.renamed") && there("touched-it"));
    // The newest of its pattern, and what does not match it, stay.
    for (row, name) in [(2, "c.old"), (3, "other")] {
        let refused = bed.await_state(row, "failed");
        assert_eq!(refused["attempts"][0]["result"], "refused", "{refused:#}");
        assert!(there(name));
    }
    // An argument that is no identifier never comes to an attempt.
    let never = bed.await_state(6, "refused");
    assert!(never["attempts"].as_array().unwrap().is_empty() && never["why"].as_str().unwrap().contains("argument"));
    let done = bed.proposal(1).unwrap();
    assert!(done["attempts"][0]["result"] == "done" && !detail(&done).is_empty(), "{done:#}");
}

#[test]
fn a_directory_that_is_not_given_for_writing_stays_as_it_is() {
    let directory = tempfile::tempdir().unwrap();
    let bed = bed(directory.path(), false);
    let _daemon = bed.agent.start();
    for row in [1, 4] {
        let refused = bed.await_state(row, "failed");
        assert!(detail(&refused).contains("write = true"), "{refused:#}");
    }
    assert!(directory.path().join("a.old").exists() && directory.path().join("b.old").exists());
}

#[test]
fn an_approval_that_is_not_used_in_time_is_over() {
    let bed = Bed::new("effect = \"approve\"", "[actions]\napproval_valid = \"1s\"");
    let _daemon = bed.agent.start();
    bed.to_do(1, "effect");
    let id = bed.await_state(1, "open")["id"].as_str().unwrap().to_owned();
    assert!(bed.agent.run(&["pause", "--why", "test"]).status.success());
    assert!(bed.agent.run(&["approve", &id]).status.success());
    await_that("the approval ends", || {
        let proposal = bed.proposal(1).unwrap();
        proposal["state"] == "open" && proposal["why"].as_str().is_some_and(|why| why.contains("ended"))
    });
    assert!(bed.agent.run(&["resume", "--why", "test"]).status.success());
    let seen = bed.proposal(1).unwrap()["seen"].clone();
    await_that("another run", || bed.proposal(1).unwrap()["seen"] != seen);
    assert_eq!(bed.effects(1), 0);
}
