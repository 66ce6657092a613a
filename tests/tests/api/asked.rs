//! The commands that read: of a running agent, of a stopped one, as somebody who may connect and as somebody who may not, and beside an
//! agent.toml that was edited and not taken.

use std::os::unix::process::CommandExt as _;
use std::process::Output;

use pgreeve_tests::agent::Agent;
use serde_json::Value;

use crate::acting::bed;
use crate::bed::{JOBS, account, await_that, is_root, open, serve};

/// Exit status, standard output, standard error.
fn said(output: Output) -> (Option<i32>, String, String) {
    (output.status.code(), String::from_utf8(output.stdout).unwrap(), String::from_utf8(output.stderr).unwrap())
}

fn json(output: Output) -> Value {
    let (_, text, error) = said(output);
    serde_json::from_str(&text).unwrap_or_else(|wrong| panic!("{wrong}: {text}{error}"))
}

/// A command as another user.
fn as_user(agent: &Agent, user: (u32, u32), arguments: &[&str]) -> (Option<i32>, String, String) {
    let mut command = agent.command(arguments);
    said(command.current_dir("/").gid(user.1).uid(user.0).output().unwrap())
}

/// The commands that read, each with how it is asked for JSON.
const READING: [&[&str]; 8] = [
    &["status"],
    &["findings"],
    &["jobs"],
    &["runs"],
    &["metrics"],
    &["actions"],
    &["proposals", "--all"],
    &["audit", "--limit", "5"],
];

#[test]
fn what_a_stopped_agent_left_is_not_taken_for_the_present() {
    let (server, agent) = bed();
    let daemon = serve(&agent);
    server.exec("INSERT INTO todo (id, action) VALUES (1, 'effect')");
    let read = |command: &[&str]| json(agent.run(&[command, &["--format", "json"]].concat()));
    await_that("a proposal", || read(&["proposals"])["proposals"][0]["id"].is_string());
    let running = read(&["proposals", "acts"]);
    let exact = "INSERT INTO public.effects (id, note) VALUES (1, 'done')";
    assert_eq!((&running["agent"], running["proposals"][0]["lines"][0].as_str()), (&true.into(), Some(exact)));
    let id = running["proposals"][0]["id"].as_str().unwrap().to_owned();
    let (code, shown, noted) = said(agent.run(&["proposals", &id[..6]]));
    assert_eq!((code, noted.as_str()), (Some(0), ""));
    assert!(shown.contains(exact) && shown.contains("  open ") && shown.contains("next: pgreeve approve"), "{shown}");
    assert!(said(agent.run(&["proposals", "nobody"])).2.contains("is no job and no proposal's id"));
    assert_eq!(read(&["actions"])["agent"], true);
    assert_eq!(read(&["plan", "acts"])["policy"]["in_force"], true);
    let (_, log, _) = said(agent.run(&["audit", "--format", "json", "--event", "proposed"]));
    drop(daemon);

    let stopped = read(&["proposals", "acts"]);
    assert_eq!((&stopped["agent"], &stopped["proposals"]), (&false.into(), &Value::Null));
    assert_eq!(stopped["left"][0]["id"], id.as_str());
    assert!(stopped["why"].as_str().unwrap().contains("no agent runs on"), "{stopped:#}");
    let (code, shown, noted) = said(agent.run(&["proposals", &id[..6]]));
    assert!(
        code == Some(0) && noted.contains("no agent runs on") && noted.contains("nothing is carried out"),
        "{noted}"
    );
    assert!(shown.contains("was open") && shown.contains(exact) && !shown.contains("pgreeve approve"), "{shown}");
    let actions = read(&["actions"]);
    assert_eq!((&actions["agent"], actions["actions"].as_array().unwrap().len()), (&false.into(), 13));
    assert!(said(agent.run(&["actions"])).2.contains("nothing is carried out"));
    let plan = read(&["plan", "acts"]);
    assert_eq!((&plan["agent"], &plan["policy"]["in_force"]), (&false.into(), &false.into()));
    // Its log is its log, with a word on whose.
    let (code, left, noted) = said(agent.run(&["audit", "--format", "json", "--event", "proposed"]));
    assert_eq!((code, left), (Some(0), log));
    assert!(noted.contains("no agent runs on") && noted.contains("the log that it left"), "{noted}");
}

#[test]
fn a_job_that_gave_no_report_is_not_said_to_propose_nothing() {
    let agent = Agent::new(JOBS);
    let _daemon = serve(&agent);
    agent.run(&["run-now", "quiet", "--wait"]);
    for arguments in [&["proposals"][..], &["proposals", "quiet"]] {
        assert_eq!(said(agent.run(arguments)).1, "nothing is proposed\n");
    }
    agent.run(&["run-now", "m", "--wait"]);
    for arguments in [&["proposals"][..], &["proposals", "m"]] {
        let (code, shown, _) = said(agent.run(arguments));
        assert!(code == Some(0) && shown.contains("what m proposes is not known"), "{shown}");
    }
    let told = json(agent.run(&["proposals", "--format", "json"]));
    assert_eq!(told["unanswered"][0]["job"], "m", "{told:#}");
}

#[test]
fn who_may_not_connect_is_told_that_and_not_that_no_agent_runs() {
    if !is_root() {
        return;
    }
    let agent = Agent::new(JOBS);
    open(&agent);
    let _daemon = serve(&agent);
    let orders: [&[&str]; 4] = [&["run-now", "quiet"], &["reload"], &["approve", "ab"], &["pause", "--why", "x"]];
    for arguments in READING.into_iter().chain(orders).chain([&["plan", "quiet"][..]]) {
        let (code, shown, error) = as_user(&agent, account("nobody"), arguments);
        assert_eq!((code, shown.as_str()), (Some(1), ""), "{arguments:?}: {error}");
        assert!(error.contains("this user may not connect to"), "{arguments:?}: {error}");
        assert!(!error.contains("no agent runs"), "{arguments:?}: {error}");
    }
}

#[test]
fn a_member_of_the_sockets_group_reads_all_of_a_running_agent_and_none_of_its_files() {
    if !is_root() {
        return;
    }
    let agent = Agent::new(&format!("{JOBS}[api]\ngroup = \"postgres\"\n"));
    open(&agent);
    let daemon = serve(&agent);
    agent.run(&["run-now", "quiet", "--wait"]);
    let member = account("postgres");
    for arguments in READING {
        let (code, shown, error) = as_user(&agent, member, arguments);
        assert!(code == Some(0) && !shown.is_empty() && error.is_empty(), "{arguments:?}: {code:?} {shown}{error}");
    }
    // Who verifies reads the log itself, and this user may not.
    let (code, _, error) = as_user(&agent, member, &["audit", "verify"]);
    assert!(code == Some(3) && error.contains("must own"), "{error}");
    drop(daemon);
    for arguments in READING.into_iter().filter(|arguments| !["status", "actions"].contains(&arguments[0])) {
        let (code, shown, error) = as_user(&agent, member, arguments);
        assert_eq!((code, shown.as_str()), (Some(1), ""), "{arguments:?}: {error}");
        assert!(error.contains("cannot be told") && error.contains("cannot be read"), "{arguments:?}: {error}");
    }
    let (code, shown, _) = as_user(&agent, member, &["status"]);
    assert!(code == Some(1) && shown.contains("cannot be told") && !shown.contains("nothing is checked"), "{shown}");
}

#[test]
fn what_is_in_force_is_told_and_not_what_an_edited_file_says() {
    let (server, agent) = bed();
    let daemon = serve(&agent);
    server.exec("INSERT INTO todo (id, action) VALUES (1, 'effect')");
    let read = |command: &[&str]| json(agent.run(&[command, &["--format", "json"]].concat()));
    await_that("a proposal", || read(&["proposals"])["proposals"][0]["id"].is_string());
    let taken = std::fs::read_to_string(agent.config()).unwrap();
    let policy = || {
        let actions = read(&["actions"]);
        let effect = actions["actions"].as_array().unwrap().iter().find(|one| one["action"] == "effect");
        (effect.unwrap()["policy"].as_str().unwrap().to_owned(), actions["file_changed"].as_bool().unwrap())
    };
    let verdict = || {
        let plan = read(&["plan", "acts"]);
        (plan["plan"][0]["verdict"].as_str().unwrap().to_owned(), plan["policy"]["in_force"].as_bool().unwrap())
    };
    let waits = "would wait for `pgreeve approve`".to_owned();
    assert_eq!((policy(), verdict()), (("approve".to_owned(), false), (waits, true)));

    agent.configure(&taken.replace("effect = \"approve\"", "effect = \"auto\""));
    assert_eq!(policy(), ("approve".to_owned(), true));
    assert!(said(agent.run(&["actions"])).2.contains("is not what the agent has in force"));
    assert!(said(agent.run(&["status"])).1.contains("agent.toml is another by now"));
    // A plan is what a changed file is tried with, and says that it goes by that.
    assert_eq!(verdict(), ("would be carried out".to_owned(), false));
    assert!(said(agent.run(&["plan", "acts"])).2.contains("this plan goes by the file"));
    // With all actions paused, or the proposal rejected, it would not be: the agent knows that, not the file.
    assert!(agent.run(&["pause", "--why", "moving"]).status.success());
    assert_eq!(verdict().0, "would wait");
    assert!(agent.run(&["resume", "--why", "moved"]).status.success());
    let id = read(&["proposals"])["proposals"][0]["id"].as_str().unwrap().to_owned();
    assert!(agent.run(&["reject", &id, "--why", "no"]).status.success());
    assert_eq!(verdict().0, "would not be carried out");

    // A file that cannot be taken at all is no reason not to answer.
    agent.configure(&taken.replace("[job.acts]\n", "[job.acts]\nnonsense = 1\n"));
    assert_eq!(policy(), ("approve".to_owned(), true));
    assert_eq!(read(&["proposals"])["proposals"][0]["state"], "rejected");
    for arguments in READING {
        assert_eq!(agent.run(arguments).status.code(), Some(0), "{arguments:?}");
    }
    agent.configure(&taken.replace("effect = \"approve\"", "effect = \"deny\""));
    assert!(agent.run(&["reload"]).status.success());
    assert_eq!(policy(), ("deny".to_owned(), false));
    drop(daemon);
}
