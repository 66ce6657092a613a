//! The agent's life: started, reloaded, refused, killed, stopped, out of disk; and what the next start knows of it.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic)]

use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use pgreeve_tests::agent::{Agent, Daemon, pgreeve};
use pgreeve_tests::testbed::{Options, Server, StandbyOptions, available};
use rustix::process::Signal;
use serde_json::Value;

/// Two jobs every second: one that is quiet, one that does `how`.
fn config(how: &str) -> String {
    format!(
        "[agent]\nstate_dir = \"STATE\"\n[limits]\nwall = \"3s\"\n[plugin.quiet]\npath = \"PLUGINS/quiet.wasm\"\n\
         [plugin.m]\npath = \"PLUGINS/misbehaves.wasm\"\n[job.quiet]\nplugin = \"quiet\"\nschedule = \"* * * * * *\"\n\
         [job.m]\nplugin = \"m\"\nschedule = \"* * * * * *\"\nsettings = {{ how = {how:?} }}\n"
    )
}

fn runs(agent: &Agent) -> Vec<Value> {
    let output = agent.run(&["runs", "--limit", "1000", "--format", "json"]);
    let answer: Value = serde_json::from_slice(&output.stdout)
        .unwrap_or_else(|error| panic!("{error}: {}", String::from_utf8_lossy(&output.stderr)));
    answer["runs"].as_array().unwrap().clone()
}

/// Waits until a recorded run is as it should be.
fn wait_for_run(agent: &Agent, what: &str, wanted: impl Fn(&Value) -> bool) -> Value {
    let began = Instant::now();
    loop {
        let runs = runs(agent);
        if let Some(run) = runs.iter().find(|run| wanted(run)) {
            return run.clone();
        }
        assert!(began.elapsed() < Duration::from_secs(60), "no run {what} among {runs:#?}");
        std::thread::sleep(Duration::from_millis(100));
    }
}

fn kind(run: &Value) -> &str {
    run["outcome"]["kind"].as_str().unwrap_or("under way")
}

#[test]
fn jobs_run_on_their_schedule_and_are_recorded_with_due_time_and_answer() {
    let agent = Agent::new(&config("not-at-all"));
    let mut daemon = agent.start();
    let run = wait_for_run(&agent, "of quiet", |run| run["job"] == "quiet" && kind(run) == "reported");
    assert_eq!((run["cause"].as_str(), run["status"].as_str()), (Some("scheduled"), Some("ok")));
    assert!(run["due"].is_string() && run["plugin_sha256"].as_str().unwrap().len() == 64);
    let jobs: Value = serde_json::from_slice(&agent.run(&["jobs", "--format", "json"]).stdout).unwrap();
    assert_eq!(jobs["jobs"][1]["job"], "quiet");
    assert_eq!(jobs["jobs"][1]["status"], "ok");
    daemon.signal(Signal::TERM);
    assert_eq!(daemon.wait(), Some(0));
    assert!(runs(&agent).iter().all(|run| kind(run) == "reported"), "a run under way was not waited for");
}

#[test]
fn a_second_agent_on_the_same_directory_is_refused() {
    let agent = Agent::new(&config("not-at-all"));
    let daemon = agent.start();
    let second = agent.run(&["run"]);
    let said = String::from_utf8(second.stderr).unwrap();
    assert_eq!(second.status.code(), Some(1));
    assert!(said.contains(&format!("pid {}", daemon.pid())) && said.contains("state"), "{said}");
    // A check beside it is not.
    assert_eq!(agent.check("quiet").exit, 0);
}

#[test]
fn a_run_that_a_kill_interrupted_is_recorded_by_the_next_start() {
    let agent = Agent::new(&config("loop"));
    let mut daemon = agent.start();
    wait_for_run(&agent, "under way", |run| run["job"] == "m" && run["finished"].is_null());
    daemon.signal(Signal::KILL);
    daemon.wait();
    let before = runs(&agent).len();
    agent.configure(&config("not-at-all"));
    let _daemon = agent.start();
    wait_for_run(&agent, "interrupted", |run| {
        run["job"] == "m" && kind(run) == "interrupted" && run["status"] == "unknown"
    });
    assert!(runs(&agent).len() >= before);
}

#[test]
fn a_run_that_is_still_going_is_not_started_twice_and_others_go_on() {
    let agent = Agent::new(&config("loop"));
    let _daemon = agent.start();
    let skipped = wait_for_run(&agent, "skipped", |run| run["job"] == "m" && kind(run) == "skipped");
    assert!(skipped["outcome"]["message"].as_str().unwrap().contains("still going"), "{skipped:#}");
    wait_for_run(&agent, "faulted", |run| run["job"] == "m" && run["outcome"]["limit"] == "wall");
    let quiet = runs(&agent).iter().filter(|run| run["job"] == "quiet" && kind(run) == "reported").count();
    assert!(quiet >= 2, "{quiet} runs beside one that loops");
}

#[test]
fn a_reload_is_taken_whole_or_not_at_all() {
    let agent = Agent::new(&config("not-at-all"));
    let daemon = agent.start();
    agent.configure(&config("not-at-all").replace("[job.m]", "[job.renamed]"));
    let reload = agent.run(&["reload"]);
    let said = String::from_utf8(reload.stdout).unwrap();
    assert!(reload.status.success() && said.starts_with("ok"), "{said}");
    wait_for_run(&agent, "of the renamed job", |run| run["job"] == "renamed" && kind(run) == "reported");

    agent.configure(
        &config("not-at-all").replace("[job.m]", "[job.third]").replace("[job.quiet]\n", "[job.quiet]\nnonsense = 1\n"),
    );
    let reload = agent.run(&["reload"]);
    let said = String::from_utf8(reload.stdout).unwrap();
    assert!(!reload.status.success() && said.contains("nonsense") && said.contains("agent.toml:"), "{said}");
    daemon.wait_for("not reloaded");
    let latest = runs(&agent)[0]["id"].as_i64().unwrap();
    wait_for_run(&agent, "after the refused reload", |run| {
        run["id"].as_i64().unwrap() > latest + 2 && run["job"] == "renamed"
    });
    assert!(runs(&agent).iter().all(|run| run["job"] != "third"));
}

#[test]
fn a_reload_leaves_a_run_under_way_alone() {
    let agent = Agent::new(&config("loop"));
    let _daemon = agent.start();
    let under_way = wait_for_run(&agent, "under way", |run| run["job"] == "m" && run["finished"].is_null());
    // The new configuration has neither the job nor its plugin any more.
    let text = config("loop");
    let kept = text.split("[job.m]").next().unwrap().replace("[plugin.m]\npath = \"PLUGINS/misbehaves.wasm\"\n", "");
    agent.configure(&kept);
    assert!(agent.run(&["reload"]).status.success());
    // It ends as it would have: at the time-out of the configuration that it began under.
    let ended = wait_for_run(&agent, "ended", |run| run["id"] == under_way["id"] && !run["finished"].is_null());
    assert_eq!(ended["outcome"]["limit"], "wall", "{ended:#}");
    assert!(ended["duration"].as_f64().unwrap() >= 3.0, "{ended:#}");
}

#[test]
fn a_reload_without_an_agent_says_so() {
    let agent = Agent::new(&config("not-at-all"));
    let reload = agent.run(&["reload"]);
    assert_eq!(reload.status.code(), Some(1));
    assert!(String::from_utf8(reload.stderr).unwrap().contains("no agent runs"));
}

#[test]
fn missed_runs_are_made_up_for_once_or_never() {
    let text = |catch_up: &str| {
        format!(
            "[agent]\nstate_dir = \"STATE\"\n[plugin.quiet]\npath = \"PLUGINS/quiet.wasm\"\n[job.quiet]\nplugin = \"quiet\"\n\
             schedule = \"@yearly\"\ncatch_up = {catch_up:?}\n"
        )
    };
    for (catch_up, expected) in [("once", "reported"), ("never", "skipped")] {
        let agent = Agent::new(&config("not-at-all"));
        // A run of long ago, due by the schedule: what the store of an agent that was down holds.
        let daemon = agent.start();
        wait_for_run(&agent, "of quiet", |run| run["job"] == "quiet" && kind(run) == "reported");
        drop(daemon);
        let database = agent.state_dir().join("pgreeve.db");
        let long_ago = "UPDATE job SET last_due = 1577836800000000 WHERE name = 'quiet'";
        let script = format!(
            "import sqlite3; c = sqlite3.connect({:?}); c.execute({long_ago:?}); c.commit()",
            database.display().to_string()
        );
        assert!(Command::new("python3").args(["-c", &script]).status().unwrap().success());
        agent.configure(&text(catch_up));
        let before = runs(&agent)[0]["id"].as_i64().unwrap();
        let _daemon = agent.start();
        let run = wait_for_run(&agent, "after the restart", |run| {
            run["id"].as_i64().unwrap() > before && run["job"] == "quiet" && kind(run) != "under way"
        });
        assert_eq!(kind(&run), expected, "{catch_up}: {run:#}");
    }
}

#[test]
fn a_job_for_the_primary_waits_for_the_promotion() {
    let primary = Server::start(available()[0], &Options::default());
    primary.create_roles();
    let standby = primary.standby("standby1", &StandbyOptions::default());
    standby.catch_up_with(&primary);
    let agent = Agent::new(&format!(
        "[agent]\nstate_dir = \"STATE\"\n[postgres.main]\ndsn = {:?}\n[plugin.q]\npath = \"PLUGINS/one-query.wasm\"\n[job.q]\nplugin = \"q\"\n\
         schedule = \"* * * * * *\"\nwhen = \"primary\"\ngrant = {{ postgres = [\"main\"] }}\n",
        standby.dsn("observer", "postgres")
    ));
    let checked = agent.check("q");
    assert_eq!((checked.exit, checked.json["outcome"].as_str()), (0, Some("skipped")));
    let _daemon = agent.start();
    let skipped = wait_for_run(&agent, "skipped", |run| kind(run) == "skipped" && run["cause"] == "scheduled");
    assert!(skipped["outcome"]["message"].as_str().unwrap().contains("standby"), "{skipped:#}");
    standby.promote();
    wait_for_run(&agent, "on the new primary", |run| kind(run) == "reported");
    drop(standby);
    wait_for_run(&agent, "without a server", |run| kind(run) == "errored" && run["status"] == "unknown");
}

#[test]
fn a_full_disk_costs_history_and_not_checks() {
    let agent = Agent::new(&config("not-at-all"));
    drop(agent.start());
    let log = agent.state_dir().join("limited.log");
    let size = std::fs::metadata(agent.state_dir().join("pgreeve.db")).unwrap().len();
    let mut command = Command::new("sh");
    command.args(["-c", "trap '' XFSZ; exec \"$0\" run --config \"$1\""]).arg(pgreeve()).arg(agent.config());
    let daemon = Daemon::from(&mut command, log);
    daemon.wait_for("is running");
    // No file of this process may grow beyond what the database has now; its WAL file meets the limit first.
    let limit = |bytes: &str| {
        let pid = daemon.pid().to_string();
        let set =
            Command::new("prlimit").args([&format!("--fsize={bytes}:unlimited"), "--pid", &pid]).status().unwrap();
        assert!(set.success());
    };
    limit(&size.min(64 << 10).to_string());
    daemon.wait_for("history is being lost");
    // It is written again once there is room, and the gap is noted.
    limit("unlimited");
    daemon.wait_for("history is recorded again");
    let answer: Value = serde_json::from_slice(&agent.run(&["runs", "--format", "json"]).stdout).unwrap();
    let gap = answer["gaps"][0].clone();
    assert!(gap["runs"].as_u64().unwrap() >= 1, "{answer:#}");
}

#[test]
fn what_stood_when_the_agent_ended_is_said_again_and_what_is_gone_is_not_called_well() {
    let server = Server::start(available()[0], &Options::default());
    server.create_roles();
    let text = |scope: &str| {
        format!(
            "[agent]\nstate_dir = \"STATE\"\n[postgres.main]\ndsn = {:?}\n[plugin.q]\npath = \"PLUGINS/one-query.wasm\"\n\
             [job.q]\nplugin = \"q\"\nschedule = \"* * * * * *\"\ngrant = {{ postgres = [\"main\"] }}\nsettings = {{ scope = {scope:?} }}\n",
            server.dsn("observer", "postgres")
        )
    };
    let agent = Agent::new(&text("other"));
    assert_eq!(agent.check("q").exit, 3);
    let daemon = agent.start();
    daemon.wait_for("q: unknown since");
    agent.configure(&text("main"));
    assert!(agent.run(&["reload"]).status.success());
    daemon.wait_for("q: gone: query/other: no longer reported, it was unknown");
}

#[test]
fn a_stop_ends_what_runs_in_the_database() {
    let server = Server::start(available()[0], &Options::default());
    server.create_roles();
    let config = format!(
        "[agent]\nstate_dir = \"STATE\"\n[postgres.main]\ndsn = {:?}\nstatement_timeout = \"100s\"\n[plugin.q]\npath = \"PLUGINS/one-query.wasm\"\n\
         [job.q]\nplugin = \"q\"\nschedule = \"@yearly\"\ngrant = {{ postgres = [\"main\"] }}\nsettings = {{ query = \"select pg_sleep(90)\" }}\n",
        server.dsn("observer", "postgres")
    );
    let agent = Agent::new(&config);
    let sleeping = || server.sql("SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'PgSleep'")[0][0].clone();
    let mut check = Daemon::from(&mut agent.command(&["check", "q"]), agent.config().with_file_name("check.log"));
    server.wait_until("the query runs", || sleeping().as_deref() == Some("1"));
    check.signal(Signal::TERM);
    assert_eq!(check.wait(), Some(3));
    assert_eq!(sleeping().as_deref(), Some("0"), "the check has ended, its query has not");
}

#[test]
fn a_second_signal_ends_the_waiting_for_what_runs() {
    let agent = Agent::new(&config("loop").replace("wall = \"3s\"", "wall = \"10m\"\ncpu = \"10m\""));
    let mut daemon = agent.start();
    wait_for_run(&agent, "under way", |run| run["job"] == "m" && run["finished"].is_null());
    daemon.signal(Signal::TERM);
    daemon.wait_for("stopping");
    daemon.signal(Signal::TERM);
    daemon.wait_for("runs under way are cancelled: told to end once more");
    assert_eq!(daemon.wait(), Some(0));
    assert!(runs(&agent).iter().all(|run| !run["finished"].is_null()), "a run was left without an end");
}

#[test]
fn what_keeps_the_agent_from_running_is_said_as_it_logs() {
    let agent = Agent::new(&config("loop").replace("[job.m]\n", "[job.m]\nnonsense = 1\nwhen = \"sometimes\"\n"));
    let output = agent.run(&["run", "--log", "json"]);
    assert_eq!((output.status.code(), output.stdout.len()), (Some(1), 0));
    let said = String::from_utf8(output.stderr).unwrap();
    let lines: Vec<Value> = said.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let mistakes: Vec<&Value> = lines.iter().filter(|line| line["level"] == "ERROR").collect();
    assert_eq!(mistakes.len(), 2, "{said}");
    for (mistake, word) in mistakes.into_iter().zip(["nonsense", "when"]) {
        assert!(mistake["message"].as_str().unwrap().contains(word), "{said}");
        assert!(mistake["line"].as_u64().unwrap() > 1 && mistake["column"].is_u64(), "{said}");
        assert!(mistake["fix"].is_string() && mistake["file"].as_str().unwrap().ends_with("agent.toml"), "{said}");
    }
    // What is no mistake in the file is a line, too.
    agent.configure(&config("not-at-all"));
    let _daemon = agent.start();
    let second = agent.run(&["run", "--log", "json"]);
    let said = String::from_utf8(second.stderr).unwrap();
    let last: Value = serde_json::from_str(said.lines().last().unwrap()).unwrap();
    assert!(last["level"] == "ERROR" && last["message"].as_str().unwrap().contains("already runs"), "{said}");
}

#[test]
fn a_damaged_store_is_refused_and_left_alone() {
    let agent = Agent::new(&config("not-at-all"));
    std::fs::create_dir(agent.state_dir()).unwrap();
    let database = agent.state_dir().join("pgreeve.db");
    std::fs::write(&database, "this is no database, it only stands where one should").unwrap();
    let refused = agent.run(&["run"]);
    let said = String::from_utf8(refused.stderr).unwrap();
    assert_eq!(refused.status.code(), Some(1), "{said}");
    assert!(said.contains("pgreeve.db"), "{said}");
    assert!(std::fs::read_to_string(&database).unwrap().starts_with("this is no database"));
}

#[test]
fn compiled_plugins_are_kept_where_only_the_agent_can_write() {
    use std::os::unix::fs::PermissionsExt as _;
    let agent = Agent::cold(&config("not-at-all"));
    agent.check("quiet");
    let mode = |path: &Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&agent.state_dir()), 0o700);
    let cache = agent.state_dir().join("cache");
    assert_eq!(mode(&cache), 0o700);
    let files: Vec<_> = std::fs::read_dir(&cache).unwrap().map(|entry| entry.unwrap().path()).collect();
    assert_eq!(files.len(), 3, "a key and two plugins: {files:?}");
    assert!(files.iter().all(|file| mode(file) == 0o400));
}
