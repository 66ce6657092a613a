//! The agent as an operator runs it: the real binary, a real agent.toml, a state directory of its own.
//!
//! The binary and the plugins are built before the tests (`make build`): `target/<profile>/pgreeve` and `target/plugins/NAME.wasm`.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod compiled;

pub use compiled::cache_of;

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use tempfile::TempDir;

use crate::testbed::{self, run_as_server_user};

/// An agent.toml in a directory of its own, and the commands that an operator gives about it.
pub struct Agent {
    directory: TempDir,
    cold: bool,
    /// Whether it runs as the user of the servers, as agents in the field do, and not as whoever runs the tests.
    servers_user: bool,
}

/// What `pgreeve check` answered.
#[derive(Debug)]
pub struct Checked {
    /// 0 ok, 1 warning, 2 critical, 3 unknown.
    pub exit: i32,
    /// The JSON document.
    pub json: Value,
}

/// A running `pgreeve run`; ended when it is dropped.
pub struct Daemon {
    child: Child,
    log: PathBuf,
}

impl Agent {
    /// An agent with this configuration. `STATE` in it stands for a state directory of its own, `PLUGINS` for the built plugins' directory.
    /// It finds these compiled already.
    pub fn new(config: &str) -> Self {
        Self::with(config, false)
    }

    /// An agent that has to compile its plugins itself.
    pub fn cold(config: &str) -> Self {
        Self::with(config, true)
    }

    /// An agent that runs as the user whom the test bed's servers run as, in a directory of that user.
    pub fn of_servers_user(config: &str) -> Self {
        let agent = Self { servers_user: true, ..Self::new(config) };
        give_all(agent.directory.path());
        agent
    }

    fn with(config: &str, cold: bool) -> Self {
        let agent = Self { directory: tempfile::tempdir().unwrap(), cold, servers_user: false };
        agent.configure(config);
        agent
    }

    /// An agent with one job, `replication`, every minute, that is granted these scopes (name, dsn); `settings` is the inside of a TOML table.
    pub fn replication(scopes: &[(&str, String)], settings: &str) -> Self {
        Self::new(&Self::replication_config(scopes, settings))
    }

    /// The configuration of [`replication`](Self::replication), e.g. to watch another server by the same name from now on.
    pub fn replication_config(scopes: &[(&str, String)], settings: &str) -> String {
        let tables: String = scopes.iter().map(|(name, dsn)| format!("[postgres.{name}]\ndsn = {dsn:?}\n")).collect();
        let names: Vec<&str> = scopes.iter().map(|(name, _)| *name).collect();
        format!(
            "[agent]\nstate_dir = \"STATE\"\n{tables}[plugin.replication]\npath = \"PLUGINS/replication.wasm\"\n\
             [job.replication]\nplugin = \"replication\"\nschedule = \"* * * * *\"\ngrant = {{ postgres = {names:?} }}\nsettings = {{ {settings} }}\n"
        )
    }

    /// Writes another configuration in place of the one there is.
    pub fn configure(&self, config: &str) {
        let state = self.state_dir().display().to_string();
        let text = config.replace("STATE", &state).replace("PLUGINS", &plugins().display().to_string());
        std::fs::write(self.config(), text).unwrap();
    }

    /// Its agent.toml.
    pub fn config(&self) -> PathBuf {
        self.directory.path().join("agent.toml")
    }

    /// Its state directory.
    pub fn state_dir(&self) -> PathBuf {
        self.directory.path().join("state")
    }

    /// A command about this agent, ready to be changed and run.
    pub fn command(&self, arguments: &[&str]) -> Command {
        let loads = arguments
            .first()
            .is_some_and(|first| ["run", "check", "validate", "reload", "plan", "actions"].contains(first));
        if loads && !self.cold {
            compiled::give(&std::fs::read_to_string(self.config()).unwrap_or_default(), &self.state_dir());
        }
        let mut command = Command::new(pgreeve());
        command.args(arguments).arg("--config").arg(self.config()).env_remove("RUST_LOG");
        if self.servers_user {
            give_all(self.directory.path());
            run_as_server_user(command.env("HOME", self.directory.path()).current_dir("/"));
        }
        command
    }

    /// Runs a command to its end.
    pub fn run(&self, arguments: &[&str]) -> Output {
        self.command(arguments).output().unwrap()
    }

    /// `pgreeve check JOB --format json`.
    pub fn check(&self, job: &str) -> Checked {
        let output = self.run(&["check", job, "--format", "json"]);
        let json = serde_json::from_slice(&output.stdout).unwrap_or_else(|error| {
            panic!("check {job} printed no JSON ({error}): {}", String::from_utf8_lossy(&output.stderr))
        });
        Checked { exit: output.status.code().unwrap(), json }
    }

    /// Checks until the answer satisfies the condition; panics with the last answer if that takes longer than a minute.
    pub fn check_until(&self, job: &str, what: &str, condition: impl Fn(&Checked) -> bool) -> Checked {
        let began = Instant::now();
        loop {
            let checked = self.check(job);
            if condition(&checked) {
                return checked;
            }
            assert!(
                began.elapsed() < Duration::from_secs(60),
                "not within a minute: {what}; the last answer: {:#}",
                checked.json
            );
            std::thread::sleep(Duration::from_millis(100));
        }
    }

    /// `pgreeve proposals --all`: those that a running agent tells of, or those that it left.
    pub fn proposals(&self) -> Vec<Value> {
        let output = self.run(&["proposals", "--all", "--format", "json"]);
        let json: Value = serde_json::from_slice(&output.stdout).unwrap_or_else(|error| {
            panic!("proposals printed no JSON ({error}): {}", String::from_utf8_lossy(&output.stderr))
        });
        let key = if json["agent"] == true { "proposals" } else { "left" };
        json[key].as_array().unwrap().clone()
    }

    /// Starts `pgreeve run` and waits until it says that it runs.
    pub fn start(&self) -> Daemon {
        let daemon = self.spawn();
        daemon.wait_for("is running");
        daemon
    }

    /// Starts `pgreeve run` without waiting.
    pub fn spawn(&self) -> Daemon {
        Daemon::from(&mut self.command(&["run"]), self.directory.path().join("agent.log"))
    }
}

impl Checked {
    /// The job's status.
    pub fn status(&self) -> &str {
        self.json["status"].as_str().unwrap()
    }

    /// All findings.
    pub fn findings(&self) -> &[Value] {
        self.json["findings"].as_array().unwrap()
    }

    /// The finding of that key, if there is one.
    pub fn find(&self, key: &str) -> Option<&Value> {
        self.findings().iter().find(|finding| finding["key"] == key)
    }

    /// The finding of that key.
    pub fn finding(&self, key: &str) -> &Value {
        self.find(key).unwrap_or_else(|| panic!("no finding {key}: {:#}", self.json))
    }

    /// Status of the finding of that key.
    pub fn status_of(&self, key: &str) -> &str {
        self.finding(key)["status"].as_str().unwrap()
    }

    /// Keys and summaries of all findings that are not ok.
    pub fn complaints(&self) -> Vec<String> {
        let bad = self.findings().iter().filter(|finding| finding["status"] != "ok");
        bad.map(|finding| format!("{} {}: {}", finding["status"], finding["key"], finding["summary"])).collect()
    }
}

impl Daemon {
    /// Starts a command whose standard error goes to a log file, appended.
    pub fn from(command: &mut Command, log: PathBuf) -> Self {
        let file = std::fs::OpenOptions::new().create(true).append(true).open(&log).unwrap();
        let child = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(file).spawn().unwrap();
        Self { child, log }
    }

    /// Its process.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// What it has logged so far, and what agents before it on the same directory did.
    pub fn log(&self) -> String {
        std::fs::read_to_string(&self.log).unwrap()
    }

    /// Waits until the log has this text; panics with the log after a minute.
    pub fn wait_for(&self, text: &str) {
        self.wait_until(text, |log| log.contains(text));
    }

    /// Waits until the log satisfies a condition.
    pub fn wait_until(&self, what: &str, condition: impl Fn(&str) -> bool) {
        let began = Instant::now();
        while !condition(&self.log()) {
            assert!(began.elapsed() < Duration::from_secs(60), "the agent's log never had {what:?}:\n{}", self.log());
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// Sends a signal.
    pub fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.child), signal).unwrap();
    }

    /// Waits for its end; the exit status, or none after a signal.
    pub fn wait(&mut self) -> Option<i32> {
        self.child.wait().unwrap().code()
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Makes a directory, and all that is in it, belong to the servers' user.
pub fn give_all(path: &Path) {
    if path.is_dir() && !path.is_symlink() {
        // What is there now: a running agent's files come and go.
        std::fs::read_dir(path).into_iter().flatten().flatten().for_each(|entry| give_all(&entry.path()));
    }
    if !path.is_symlink() {
        let given = testbed::give(path);
        assert!(given.is_ok() || !path.exists(), "{} can be given away: {given:?}", path.display());
    }
}

/// The binary that `make build` made, or `PGREEVE_BIN`.
pub fn pgreeve() -> PathBuf {
    std::env::var_os("PGREEVE_BIN").map_or_else(|| built("pgreeve"), PathBuf::from)
}

/// The directory of the components that `make build` made, or `PGREEVE_PLUGINS`.
pub fn plugins() -> PathBuf {
    std::env::var_os("PGREEVE_PLUGINS")
        .map_or_else(|| built("plugins/replication.wasm").with_file_name(""), PathBuf::from)
}

/// A file in a directory above this program: cargo's directory of the profile, or its target directory.
fn built(name: &str) -> PathBuf {
    let program = std::env::current_exe().unwrap();
    let found = program.ancestors().map(|directory| directory.join(name)).find(|file| file.is_file());
    found.unwrap_or_else(|| panic!("no {name} above {}: run `make build` first", program.display()))
}
