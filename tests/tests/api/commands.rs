//! The command line as a client of a running agent, and what it says where none runs.

use pgreeve_tests::agent::Agent;
use serde_json::Value;

use crate::bed::{JOBS, serve};

fn said(output: &std::process::Output) -> (Option<i32>, String) {
    let text = [output.stdout.as_slice(), output.stderr.as_slice()].concat();
    (output.status.code(), String::from_utf8(text).unwrap())
}

#[test]
fn status_is_one_screen_with_an_agent_and_without() {
    let agent = Agent::new(JOBS);
    let (code, text) = said(&agent.run(&["status"]));
    assert!(code == Some(1) && text.contains("no agent runs on") && text.contains("nothing is checked"), "{text}");
    let daemon = serve(&agent);
    assert_eq!(agent.run(&["run-now", "quiet", "--wait"]).status.code(), Some(0));
    assert_eq!(agent.run(&["run-now", "m", "--wait"]).status.code(), Some(3));
    let (code, text) = said(&agent.run(&["status"]));
    assert!(code == Some(0) && text.contains(&format!("pid {}", daemon.pid())), "{text}");
    assert!(text.contains("1 unknown, 1 ok") && text.contains("UNKNOWN"), "{text}");
    let json: Value = serde_json::from_slice(&agent.run(&["status", "--format", "json"]).stdout).unwrap();
    assert_eq!((&json["agent"], &json["unanswered"][0]["job"]), (&true.into(), &"m".into()), "{json:#}");
    drop(daemon);
    // What was found last is shown as such.
    let (code, text) = said(&agent.run(&["status"]));
    assert!(code == Some(1) && text.contains("no agent runs on") && text.contains("1 unknown, 1 ok"), "{text}");
    let json: Value = serde_json::from_slice(&agent.run(&["status", "--format", "json"]).stdout).unwrap();
    assert_eq!(json["agent"], false);
}

#[test]
fn run_now_answers_like_check_and_says_when_it_cannot() {
    let agent = Agent::new(JOBS);
    let (code, text) = said(&agent.run(&["run-now", "quiet"]));
    assert!(code == Some(1) && text.contains("no agent runs on"), "{text}");
    let _daemon = serve(&agent);
    let (code, text) = said(&agent.run(&["run-now", "quiet", "--wait"]));
    assert!(code == Some(0) && text.starts_with("OK quiet: "), "{text}");
    let (code, text) = said(&agent.run(&["run-now", "nobody"]));
    assert!(code == Some(1) && text.contains("there is no job \"nobody\""), "{text}");
    let (code, text) = said(&agent.run(&["run-now", "m"]));
    assert!(code == Some(0) && text.starts_with("m: running, run "), "{text}");
    let (code, text) = said(&agent.run(&["run-now", "m"]));
    assert!(code == Some(1) && text.contains("a run of it is under way"), "{text}");
    let json: Value =
        serde_json::from_slice(&agent.run(&["run-now", "quiet", "--wait", "--format", "json"]).stdout).unwrap();
    assert_eq!((json["status"].as_str(), json["cause"].as_str()), (Some("ok"), Some("manual")));
}

#[test]
fn findings_are_all_that_is_not_ok_and_what_was_found_once_is_called_that() {
    let agent = Agent::new(JOBS);
    let daemon = serve(&agent);
    let read = |more: &[&str]| -> Value {
        serde_json::from_slice(&agent.run(&[&["findings", "--format", "json"], more].concat()).stdout).unwrap()
    };
    // Before anything has run, nothing is known, which is not the same as well.
    let (code, text) = said(&agent.run(&["findings"]));
    assert!(code == Some(0) && text.contains("2 not judged yet") && text.contains("no finding is"), "{text}");
    for job in ["quiet", "m"] {
        agent.run(&["run-now", job, "--wait"]);
    }
    let found = read(&[]);
    assert_eq!(
        (&found["agent"], &found["findings"], &found["unanswered"][0]["job"]),
        (&true.into(), &Value::Array(vec![]), &"m".into())
    );
    let fine = read(&["--status", "ok", "--job", "quiet"]);
    assert!(!fine["findings"].as_array().unwrap().is_empty(), "{fine:#}");
    let (code, text) = said(&agent.run(&["findings"]));
    assert!(code == Some(0) && text.contains("UNKNOWN  m ") && !text.contains("no finding is"), "{text}");
    assert_eq!(agent.run(&["findings", "--status", "bad"]).status.code(), Some(64));
    drop(daemon);
    let left = read(&["--status", "ok"]);
    assert_eq!((&left["agent"], &left["findings"], &left["left"]), (&false.into(), &Value::Null, &fine["findings"]));
    let (code, text) = said(&agent.run(&["findings", "--status", "ok"]));
    assert!(code == Some(0) && text.contains("was OK") && text.contains("nothing is checked"), "{text}");
    assert!(said(&agent.run(&["findings"])).1.contains("was UNKNOWN  m "));
}

#[test]
fn jobs_and_runs_are_told_by_the_agent_and_left_by_it() {
    let agent = Agent::new(JOBS);
    let daemon = serve(&agent);
    for job in ["quiet", "m", "quiet"] {
        agent.run(&["run-now", job, "--wait"]);
    }
    let read = |command: &str| -> Value {
        let mut json: Value = serde_json::from_slice(&agent.run(&[command, "--format", "json"]).stdout).unwrap();
        json.as_object_mut().unwrap().remove("why");
        json
    };
    let (mut jobs, mut runs) = (read("jobs"), read("runs"));
    assert_eq!(
        (&jobs["agent"], &runs["agent"], runs["runs"].as_array().unwrap().len()),
        (&true.into(), &true.into(), 3)
    );
    let shown = |output: std::process::Output| String::from_utf8(output.stdout).unwrap();
    let table = shown(agent.run(&["runs"]));
    drop(daemon);
    runs["agent"] = false.into();
    assert_eq!(read("runs"), runs);
    assert_eq!(shown(agent.run(&["runs"])), table);
    // What it left is no present: no run comes next, and no status is one that somebody stands by.
    jobs["agent"] = false.into();
    for job in jobs["jobs"].as_array_mut().unwrap() {
        (job["state"], job["next_run"]) = ("no-agent".into(), Value::Null);
    }
    assert_eq!(read("jobs"), jobs);
    let output = agent.run(&["jobs"]);
    let (noted, table) = (String::from_utf8(output.stderr).unwrap(), String::from_utf8(output.stdout).unwrap());
    assert!(noted.contains("no agent runs on") && noted.contains("nothing is checked"), "{noted}");
    assert!(table.contains("was ok") && table.contains("was unknown"), "{table}");
}
