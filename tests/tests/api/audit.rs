//! The audit log over the API and by the command: in pages, filtered, and byte for byte as it stands, so that what was fetched can be verified.

use pgreeve_tests::agent::Agent;
use serde_json::Value;

use crate::bed::{Document, JOBS, With, ask, serve};

/// An agent with some entries in its log, and a log of lines.
fn bed() -> (Agent, pgreeve_tests::agent::Daemon) {
    let agent = Agent::new(JOBS);
    let daemon = serve(&agent);
    for round in 0..6 {
        assert!(
            agent.run(&["pause", "--why", &format!("Zug um Zug {round}, \"größer\" & <kleiner>")]).status.success()
        );
        assert!(agent.run(&["resume", "--why", "fertig"]).status.success());
    }
    (agent, daemon)
}

fn log(agent: &Agent) -> Vec<String> {
    let text = std::fs::read_to_string(agent.state_dir().join("audit.jsonl")).unwrap();
    text.lines().map(str::to_owned).collect()
}

fn printed(agent: &Agent, more: &[&str]) -> Vec<String> {
    let output = agent.run(&[&["audit", "--format", "json"], more].concat());
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap().lines().map(str::to_owned).collect()
}

#[test]
fn what_is_fetched_is_the_log_byte_for_byte_and_can_be_verified() {
    let (agent, daemon) = bed();
    let lines = log(&agent);
    assert!(lines.len() > 12, "{lines:#?}");
    assert_eq!(printed(&agent, &[]), lines);
    assert_eq!(printed(&agent, &["--limit", "3"]), lines[lines.len() - 3..]);
    let copy = agent.config().with_file_name("copy.jsonl");
    std::fs::write(&copy, printed(&agent, &[]).join("\n") + "\n").unwrap();
    let verified = agent.run(&["audit", "verify", copy.to_str().unwrap()]);
    assert!(verified.status.success(), "{}", String::from_utf8_lossy(&verified.stdout));
    // A filter takes lines out and leaves the others as they are.
    let paused: Vec<String> = lines.iter().filter(|line| line.contains("\"event\":\"paused\"")).cloned().collect();
    assert_eq!((printed(&agent, &["--event", "paused"]), paused.len()), (paused.clone(), 6));
    let third: Value = serde_json::from_str(&paused[2]).unwrap();
    let at = third["at"].as_str().unwrap();
    assert_eq!(printed(&agent, &["--event", "paused", "--since", at]), paused[2..]);
    assert_eq!(printed(&agent, &["--event", "paused", "--until", at]), paused[..2]);
    assert_eq!(printed(&agent, &["--event", "paused", "--until", at, "--limit", "1"]), paused[1..2]);
    drop(daemon);
    // The same of what it left.
    assert_eq!(printed(&agent, &[]), log(&agent));
    assert_eq!(printed(&agent, &["--event", "paused", "--since", at, "--limit", "2"]), paused[4..]);
}

#[test]
fn pages_are_the_log_and_go_on_while_it_grows() {
    let (agent, _daemon) = bed();
    let document = Document::of(&agent);
    let see = |query: &str| document.ask(&agent, "get", "/v1/audit", query, With::default());
    let (mut numbers, mut query) = (Vec::new(), "?limit=4".to_owned());
    loop {
        let page = see(&query).json;
        let entries = page["entries"].as_array().unwrap();
        numbers.extend(entries.iter().map(|entry| entry["seq"].as_u64().unwrap()));
        let Some(next) = page["next"].as_str() else { break };
        query = format!("?limit=4&cursor={next}");
        if numbers.len() == 8 {
            assert!(agent.run(&["pause", "--why", "once more"]).status.success());
        }
    }
    assert_eq!(numbers, (1..=log(&agent).len() as u64).collect::<Vec<_>>());
    let last = see("?last=3&limit=2").json;
    assert_eq!(last["entries"][0]["seq"], numbers.len() - 2);
    let rest = see(&format!("?last=3&limit=2&cursor={}", last["next"].as_str().unwrap())).json;
    assert_eq!((rest["entries"].as_array().unwrap().len(), &rest["next"]), (1, &Value::Null));
    for wrong in
        ["?cursor=nonsense", "?cursor=5-1", "?cursor=999999999-1", "?last=-1", "?since=yesterday", "?state=open"]
    {
        assert_eq!(see(wrong).status, 400, "{wrong}");
    }
}

#[test]
fn what_cannot_be_read_is_told_and_a_log_that_was_cut_off_is_found() {
    let (agent, daemon) = bed();
    let path = agent.state_dir().join("audit.jsonl");
    let lines = log(&agent);
    let verified = |agent: &Agent| ask(agent, "get", "/v1/audit/verify", With::default()).json["verified"].clone();
    assert_eq!(verified(&agent), true);
    let mut changed = lines.clone();
    changed[4] = "gone".to_owned();
    std::fs::write(&path, changed.join("\n") + "\n").unwrap();
    let asked = || {
        let output = agent.run(&["audit", "--format", "json"]);
        let said = String::from_utf8(output.stderr).unwrap();
        (
            output.status.code(),
            String::from_utf8(output.stdout).unwrap().lines().count(),
            said.contains("line 5 of the log"),
        )
    };
    assert_eq!(asked(), (Some(1), lines.len() - 1, true));
    assert_eq!(verified(&agent), false);
    std::fs::write(&path, lines[..lines.len() - 1].join("\n") + "\n").unwrap();
    assert_eq!(verified(&agent), false, "its end is missing, which the store's note of the last entry shows");
    std::fs::write(&path, changed.join("\n") + "\n").unwrap();
    drop(daemon);
    assert_eq!(asked(), (Some(1), lines.len() - 1, true));
}
