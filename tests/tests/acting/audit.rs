//! What is written down, and whether a change of it shows.

use serde_json::Value;

use crate::bed::Bed;

/// `pgreeve audit --format json` with further arguments.
fn entries(bed: &Bed, more: &[&str]) -> Vec<Value> {
    let output = bed.agent.run(&[&["audit", "--format", "json"], more].concat());
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap().lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn verified(bed: &Bed) -> bool {
    bed.agent.run(&["audit", "verify"]).status.success()
}

#[test]
fn everything_is_written_down_and_what_is_changed_later_shows() {
    let bed = Bed::new("effect = \"auto\"", "");
    let daemon = bed.agent.start();
    bed.to_do(1, "effect");
    let id = bed.await_state(1, "verified")["id"].as_str().unwrap().to_owned();
    drop(daemon);
    let about = entries(&bed, &["--proposal", &id[..10]]);
    let events: Vec<&str> = about.iter().map(|entry| entry["event"].as_str().unwrap()).collect();
    assert_eq!(events, ["proposed", "begun", "ended", "settled"]);
    let begun = &about[1];
    assert_eq!(begun["who"], "policy auto");
    assert_eq!(begun["lines"][0], "INSERT INTO public.effects (id, note) VALUES (1, 'done')");
    assert_eq!(begun["before"][0]["key"], "todo/1");
    assert_eq!(begun["configuration"], entries(&bed, &["--event", "configured"])[0]["configuration"]);
    assert!(about[3]["after"].is_null(), "the finding is gone: {}", about[3]);
    assert_eq!(about[3]["result"], "done, verified");
    assert!(verified(&bed));

    let log = bed.agent.state_dir().join("audit.jsonl");
    let whole = std::fs::read_to_string(&log).unwrap();
    let lines: Vec<&str> = whole.lines().collect();
    let mut swapped = lines.clone();
    swapped.swap(1, 2);
    for (what, changed) in [
        ("another row", whole.replacen("VALUES (1,", "VALUES (2,", 1)),
        ("another person", whole.replacen("policy auto", "root", 1)),
        ("an entry removed", lines[..1].iter().chain(&lines[2..]).map(|line| format!("{line}\n")).collect()),
        ("two swapped", swapped.iter().map(|line| format!("{line}\n")).collect()),
        ("the last cut off", lines[..lines.len() - 1].iter().map(|line| format!("{line}\n")).collect()),
        ("all removed", String::new()),
    ] {
        std::fs::write(&log, changed).unwrap();
        assert!(!verified(&bed), "{what} is not found");
    }
    std::fs::write(&log, &whole).unwrap();
    assert!(verified(&bed));
}

#[test]
fn where_nothing_can_be_written_down_nothing_is_done() {
    let bed = Bed::new("effect = \"auto\"", "");
    std::fs::create_dir_all(bed.agent.state_dir().join("audit.jsonl")).unwrap();
    let daemon = bed.agent.start();
    bed.to_do(1, "effect");
    daemon.wait_for("nothing is carried out");
    assert_eq!(bed.effects(1), 0);
}

#[test]
fn what_is_begun_again_does_not_say_how_it_ended_before() {
    let bed = Bed::new("fails = \"auto\"", "");
    let _daemon = bed.agent.start();
    bed.to_do(1, "fails");
    crate::bed::await_that("two attempts", || bed.proposal(1).is_some_and(|proposal| proposal["failures"] == 2));
    let begun = entries(&bed, &["--event", "begun"]);
    assert_eq!(begun.len(), 2);
    assert!(begun.iter().all(|entry| entry["detail"].is_null()), "{begun:#?}");
    let ended = entries(&bed, &["--event", "ended"]);
    assert!(ended.iter().all(|entry| entry["detail"].as_str().unwrap().contains("division by zero")), "{ended:#?}");
}

#[test]
fn a_log_that_was_cut_off_while_nobody_ran_is_found_although_it_goes_on() {
    let bed = Bed::new("effect = \"auto\"", "");
    let daemon = bed.agent.start();
    bed.to_do(1, "effect");
    bed.await_state(1, "verified");
    drop(daemon);
    let log = bed.agent.state_dir().join("audit.jsonl");
    let whole = std::fs::read_to_string(&log).unwrap();
    let lines: Vec<&str> = whole.split_inclusive('\n').collect();
    std::fs::write(&log, lines[..2].concat()).unwrap();
    let daemon = bed.agent.start();
    daemon.wait_for("the audit log in");
    bed.to_do(2, "effect");
    bed.await_state(2, "verified");
    drop(daemon);
    let found = bed.agent.run(&["audit", "verify"]);
    let said = String::from_utf8(found.stdout).unwrap();
    assert!(found.status.code() == Some(2) && said.contains("wrong from line 3"), "{said}");
    assert!(entries(&bed, &["--event", "broken"]).len() == 1);
}
