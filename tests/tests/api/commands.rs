//! The command line as a client of a running agent, and what it says where none runs.

use std::process::Command;

use pgreeve_tests::agent::{Agent, pgreeve, plugins};
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
    // With --wait the exit status is a check's, and 1 would be a warning.
    let (code, text) = said(&agent.run(&["run-now", "quiet", "--wait"]));
    assert!(code == Some(3) && text.starts_with("UNKNOWN quiet: no agent runs on"), "{text}");
    let _daemon = serve(&agent);
    let (code, text) = said(&agent.run(&["run-now", "quiet", "--wait"]));
    assert!(code == Some(0) && text.starts_with("OK quiet: "), "{text}");
    let (code, text) = said(&agent.run(&["run-now", "nobody"]));
    assert!(code == Some(1) && text.contains("there is no job \"nobody\"; `pgreeve jobs` lists them"), "{text}");
    let json = agent.run(&["run-now", "nobody", "--wait", "--format", "json"]);
    let answer: Value = serde_json::from_slice(&json.stdout).unwrap();
    assert_eq!((json.status.code(), answer["status"].as_str()), (Some(3), Some("unknown")));
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
    let (code, text) = said(&agent.run(&["findings", "--job", "quite"]));
    assert!(code == Some(1) && text.contains("there is no job \"quite\"") && !text.contains("no finding"), "{text}");
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
    for command in ["findings", "runs", "metrics"] {
        let (code, text) = said(&agent.run(&[command, "--job", "quite"]));
        assert!(code == Some(1) && text.contains("has no job \"quite\"; it has: m, quiet"), "{text}");
    }
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

#[test]
fn a_command_that_judges_answers_unknown_where_it_cannot_be_understood_or_heard() {
    let agent = Agent::new(JOBS);
    let wrong: [&[&str]; 4] =
        [&["check"], &["check", "quiet", "--bogus"], &["doctor", "--bogus"], &["run-now", "--wait"]];
    for arguments in wrong {
        let output = agent.run(arguments);
        let first = String::from_utf8(output.stdout).unwrap();
        let expected = format!("UNKNOWN {}: ", arguments[0]);
        assert!(output.status.code() == Some(3) && first.starts_with(&expected), "{arguments:?}: {first}");
        // The configuration's name comes before the command's, and is none.
        let output = Command::new(pgreeve()).arg("-c").arg(agent.config()).args(arguments).output().unwrap();
        assert_eq!(output.status.code(), Some(3), "{arguments:?}");
    }
    assert_eq!(agent.run(&["run-now"]).status.code(), Some(64));
    // Nothing that is written there arrives: a check that nobody can hear has not said that all is well.
    for arguments in [&["check", "quiet"][..], &["doctor"]] {
        let full = std::fs::File::options().write(true).open("/dev/full").unwrap();
        let output = agent.command(arguments).stdout(full).output().unwrap();
        let error = String::from_utf8(output.stderr).unwrap();
        assert!(output.status.code() == Some(3) && error.contains("cannot write to standard output"), "{error}");
    }
}

#[test]
fn a_log_level_that_cannot_be_read_is_said_and_left_aside() {
    let agent = Agent::new(JOBS);
    let (code, text) = said(&agent.command(&["jobs"]).env("RUST_LOG", "pgreeve=loud").output().unwrap());
    assert!(code == Some(0) && text.contains("RUST_LOG is left aside"), "{code:?} {text}");
    let (_, text) = said(&agent.command(&["jobs"]).env("RUST_LOG", "").output().unwrap());
    assert!(!text.contains("RUST_LOG"), "{text}");
}

#[test]
fn what_is_not_there_is_not_called_empty_or_verified() {
    let agent = Agent::new(JOBS);
    let refused = |arguments: &[&str], status: i32, why: &str| {
        let (code, text) = said(&agent.run(arguments));
        assert!(code == Some(status) && text.contains(why), "{arguments:?}: {code:?} {text}");
    };
    refused(&["audit", "verify", "/nowhere/audit.jsonl"], 3, "cannot read the log /nowhere/audit.jsonl");
    refused(&["audit", "verify", "--since", "1h"], 3, "UNKNOWN audit");
    refused(&["audit", "--event", "began"], 64, "begun");
    refused(&["runs", "--limit", "0"], 64, "from 1 on");
    refused(&["metrics", "--since", "yesterday"], 64, "such as 30m, 6h or 7d");
    refused(
        &["plugin", "test", &plugins().join("quiet.wasm").display().to_string(), &agent.config().display().to_string()],
        1,
        "no recording begins so",
    );
    refused(&["check", "quiet", "--record", &agent.config().display().to_string()], 3, "not there yet");
    // No job has run yet, which is another thing than a history that cannot be read.
    assert!(said(&agent.run(&["jobs"])).1.contains("never"));
    std::fs::remove_dir_all(agent.state_dir()).unwrap();
    std::fs::create_dir(agent.state_dir()).unwrap();
    std::fs::write(agent.state_dir().join("pgreeve.db"), "no database at all ".repeat(1000)).unwrap();
    refused(&["jobs"], 1, "cannot be read");
}
