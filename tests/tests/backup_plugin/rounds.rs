//! The whole loop with the real tool and a real server: a run takes what is due, has it read again and restored as a test, and lets the old one go.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use pgreeve_tests::agent::{Agent, pgreeve};
use pgreeve_tests::testbed::{Major, Options, Server};
use serde_json::Value;

use crate::bed::{DAY, Shelf, age, look, quiet, told};

pub(crate) fn tool() -> PathBuf {
    let tool = pgreeve().with_file_name("pgreeve-backup");
    assert!(tool.is_file(), "no {}: run `make build` first", tool.display());
    tool
}

/// Tables of the commands as the reference has them, and the grants of a job that does everything.
fn tables(shelf: &Shelf, server: &Server, port: u16) -> String {
    let (into, within) = (format!("--into={}", shelf.path().display()), format!("--in={}", shelf.path().display()));
    let env = format!("env = {{ PGHOST = {:?}, PGPORT = \"{port}\", PGUSER = \"postgres\" }}", server.socket_dir());
    let command = |name: &str, arguments: &[&str], parameters: &str| {
        let run: Vec<&str> =
            [tool().to_str().unwrap()].iter().chain(arguments).copied().map(|word| &*word.to_owned().leak()).collect();
        format!("[command.backup-{name}]\nrun = {run:?}\n{parameters}\n{env}\n")
    };
    let (database, name) = ("parameters = { database = \"identifier\" }", "parameters = { name = { text = 300 } }");
    [
        format!("[postgres.main]\ndsn = {:?}\n", server.dsn("observer", "postgres")),
        command("full", &["take", "--kind=full", "--dbname={database}", &into], database),
        command("globals", &["take", "--kind=globals", &into], ""),
        command("verify", &["verify", &within, "--name={name}", "--record"], name),
        command("verify-all", &["verify", &within, "--record"], ""),
        command("prove", &["prove", &within, "--name={name}", "--dbname=postgres"], name),
        command("sweep", &["sweep", &within], ""),
    ]
    .concat()
}

const GRANTS: &str = ", postgres = [\"main\"], commands = [\"backup-full\", \"backup-globals\", \"backup-verify\", \"backup-verify-all\", \"backup-prove\", \"backup-sweep\"]";
const ACTIONS: &str = "actions = { take-full = \"auto\", take-globals = \"auto\", verify = \"auto\", verify-all = \"auto\", prove = \"auto\", expire-full = \"auto\", sweep = \"auto\" }\n";

fn config(shelf: &Shelf, server: &Server, port: u16, settings: &str) -> String {
    let config = shelf.config(&tables(shelf, server, port), GRANTS, settings);
    format!(
        "{}{ACTIONS}",
        config.replace("0 0 1 1 *", "* * * * * *").replace("[files.backups]", "[files.backups]\nwrite = true")
    )
}

fn server() -> Server {
    let server = Server::start(Major(15), &Options::default());
    server.create_roles();
    server.exec("CREATE DATABASE app");
    server
}

/// What was proposed, by action.
fn states(agent: &Agent) -> Vec<(String, String)> {
    let output = agent.run(&["proposals", "--all", "--format", "json"]);
    let Ok(json) = serde_json::from_slice::<Value>(&output.stdout) else { return Vec::new() };
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    // An agent that does not listen yet left them.
    let all = json["proposals"].as_array().or(json["left"].as_array());
    all.unwrap().iter().map(|one| (text(&one["action"]), text(&one["state"]))).collect()
}

#[track_caller]
fn await_that(what: &str, agent: &Agent, log: impl Fn() -> String, condition: impl Fn() -> bool) {
    let began = Instant::now();
    while !condition() {
        assert!(
            began.elapsed() < Duration::from_secs(120),
            "not within two minutes: {what}: {:?}\n{}",
            states(agent),
            log()
        );
        std::thread::sleep(Duration::from_millis(200));
    }
}

fn with_ending(directory: &Path, start: &str, ending: &str) -> Vec<PathBuf> {
    let names = fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path());
    names
        .filter(|path| {
            path.file_name().unwrap().to_str().is_some_and(|name| name.starts_with(start) && name.ends_with(ending))
        })
        .collect()
}

#[test]
fn a_run_takes_a_backup_reads_it_again_restores_it_and_lets_the_old_one_go() {
    let shelf = Shelf::new();
    let server = server();
    let old = shelf.put("full-app", 40 * DAY, 5000);
    for path in [old.payload(), old.beside("content.json")] {
        age(&path, 40 * DAY);
    }
    let settings = "databases = [\"app\"], take = [\"full\", \"globals\"], verify = true, prove = [\"full\"], expire = true, watch = true, \
         same_disk = true, full = { keep_count = 1 }, accept_caveats = [\"role-passwords-left-out\"]";
    let agent = Agent::new(&config(&shelf, &server, server.port(), settings));
    let mut daemon = agent.start();
    for action in ["take-full", "take-globals", "verify", "prove", "expire-full", "sweep"] {
        let done = || states(&agent).iter().any(|(id, state)| id == action && state == "verified");
        await_that(&format!("{action} is verified"), &agent, || daemon.log(), done);
    }
    await_that(
        "all is done",
        &agent,
        || daemon.log(),
        || states(&agent).iter().all(|(_, state)| state == "verified" || state == "gone"),
    );
    daemon.signal(rustix::process::Signal::TERM);
    daemon.wait();
    // One of each was taken, and no second one in the seconds that followed.
    assert_eq!(with_ending(&shelf.path(), "full-app", "Z.json").len(), 1);
    assert_eq!(with_ending(&shelf.path(), "globals-cluster", "Z.json").len(), 1);
    let [proof] = with_ending(&shelf.path(), "full-app", ".proof.json").try_into().unwrap();
    let proof: Value = serde_json::from_slice(&fs::read(proof).unwrap()).unwrap();
    assert_eq!(proof["passed"], true, "{proof:#}");
    assert!(!old.manifest().exists() && !old.payload().exists() && !old.beside("content.json").exists());
    assert!(server.holds(
        "SELECT count(*) = 0 FROM pg_database WHERE datname NOT IN ('postgres', 'app', 'template0', 'template1')"
    ));
    quiet(&look(&agent));
}

#[test]
fn a_take_that_fails_says_why_until_one_succeeds() {
    let shelf = Shelf::new();
    let server = server();
    let settings = "databases = [\"app\"], take = [\"full\"]";
    let agent = Agent::new(&config(&shelf, &server, 1, settings));
    let mut daemon = agent.start();
    let failed = || states(&agent).iter().any(|(id, state)| id == "take-full" && state == "failed");
    await_that("it has failed", &agent, || daemon.log(), failed);
    daemon.signal(rustix::process::Signal::TERM);
    daemon.wait();
    let checked = look(&agent);
    let said = told(&checked, "failed/take-full:app", "warning");
    assert!(said.contains("exit status 3") && said.contains("pg_hba.conf"), "{said}");
    assert!(told(&checked, "due/full:app", "warning").contains("the last attempt failed"));
    // Repaired, and taken by hand: it is forgotten.
    let hand = std::process::Command::new(tool())
        .args(["take", "--kind=full", "--dbname=app"])
        .arg(format!("--into={}", shelf.path().display()))
        .env("PGHOST", server.socket_dir())
        .env("PGPORT", server.port().to_string())
        .env("PGUSER", "postgres")
        .output()
        .unwrap();
    assert!(hand.status.success(), "{}", String::from_utf8_lossy(&hand.stderr));
    let checked = look(&agent);
    assert!(checked.find("failed/take-full:app").is_none(), "{:#}", checked.json);
    told(&checked, "due/full:app", "ok");
}

/// Whether any process has this path on its command line.
fn alive(path: &Path) -> bool {
    let path = path.to_str().unwrap();
    let processes =
        fs::read_dir("/proc").unwrap().filter_map(|entry| fs::read(entry.unwrap().path().join("cmdline")).ok());
    processes.into_iter().any(|line| String::from_utf8_lossy(&line).contains(path))
}

#[test]
fn an_agent_that_is_killed_while_a_backup_is_taken_leaves_one_whole_backup_in_the_end() {
    let shelf = Shelf::new();
    let server = server();
    // It takes some seconds to be dumped.
    server.exec(
        "CREATE TABLE t AS SELECT n, md5(n::text) AS a, md5((n + 1)::text) AS b FROM generate_series(1, 700000) AS n",
    );
    let settings = "databases = [\"postgres\"], take = [\"full\"], expire = true, leftover_after = \"1h\"";
    let agent = Agent::new(&config(&shelf, &server, server.port(), settings));
    let mut daemon = agent.start();
    let under_way = || with_ending(&shelf.path(), "full-postgres", ".partial");
    await_that("it is being taken", &agent, || daemon.log(), || !under_way().is_empty());
    daemon.signal(rustix::process::Signal::KILL);
    daemon.wait();
    await_that("the tool has ended", &agent, String::new, || !alive(&shelf.path()));
    // What it left is taken for a run under way for a quarter of an hour; that is over.
    under_way().iter().for_each(|left| age(left, 2 * crate::bed::HOUR));
    let daemon = agent.start();
    await_that(
        "one is there",
        &agent,
        || daemon.log(),
        || with_ending(&shelf.path(), "full-postgres", "Z.json").len() == 1,
    );
    await_that("nothing is left over", &agent, || daemon.log(), || under_way().is_empty());
    drop(daemon);
    let checked = look(&agent);
    told(&checked, "due/full:postgres", "ok");
    told(&checked, "leftovers", "ok");
}
