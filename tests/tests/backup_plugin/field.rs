//! Agents as they run in the field: as the servers' user, with the tool's commands, one or several clusters, archived WAL, and policy `auto`.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use pgreeve_tests::agent::{Agent, Daemon, give_all};
use pgreeve_tests::testbed::{Major, Options, Server};
use serde_json::Value;

use crate::bed::Shelf;
use crate::rounds::tool;

/// The tool's commands, as the plugin calls them: verb and arguments, and whether it takes a database or a name.
const COMMANDS: [(&str, &[&str], &str); 9] = [
    ("full", &["take", "--kind=full", "--dbname={database}"], "database"),
    ("schema", &["take", "--kind=schema", "--dbname={database}"], "database"),
    ("globals", &["take", "--kind=globals"], ""),
    ("base", &["take", "--kind=base"], ""),
    ("verify", &["verify", "--name={name}", "--record"], "name"),
    ("verify-all", &["verify", "--record"], ""),
    ("prove", &["prove", "--name={name}", "--dbname=postgres"], "name"),
    ("prove-base", &["prove", "--name={name}"], "name"),
    ("sweep", &["sweep"], ""),
];

/// Every action of the plugin, by itself, as often as it is proposed.
pub(crate) const EVERYTHING: [&str; 13] = [
    "take-full",
    "take-schema",
    "take-globals",
    "take-base",
    "verify",
    "verify-all",
    "prove",
    "prove-base",
    "expire-full",
    "expire-schema",
    "expire-globals",
    "expire-base",
    "sweep",
];

/// A cluster with its directory of backups and its archive.
pub(crate) struct Cluster {
    pub(crate) name: &'static str,
    pub(crate) shelf: Shelf,
    pub(crate) server: Server,
}

impl Cluster {
    /// A server that archives its WAL, with a database `app`. All that lies in its directories is the servers' user's.
    pub(crate) fn start(name: &'static str, major: Major) -> Self {
        let shelf = Shelf::new();
        let wal = shelf.beside("wal");
        shelf.beside("scratch");
        give_all(wal.parent().unwrap());
        let wal = wal.display();
        let command = format!(
            "if test -f {wal}/%f; then cmp -s %p {wal}/%f; else cp %p {wal}/%f.new && mv {wal}/%f.new {wal}/%f; fi"
        );
        let settings = [("archive_mode", "on"), ("archive_command", &*command), ("archive_timeout", "60s")];
        let server =
            Server::start(major, &Options { settings: &settings, own_system_identifier: true, ..Options::default() });
        server.create_roles();
        server.exec("CREATE DATABASE app");
        Self { name, shelf, server }
    }

    /// A directory beside that of the backups.
    pub(crate) fn beside(&self, name: &str) -> PathBuf {
        self.shelf.beside(name)
    }

    /// What the test put there belongs to the servers' user.
    pub(crate) fn give(&self) {
        give_all(self.shelf.path().parent().unwrap());
    }

    /// Tables of the cluster: scope, directories and commands, with the cluster's name in their names.
    pub(crate) fn tables(&self) -> String {
        let (name, server) = (self.name, &self.server);
        let mut tables = format!(
            "[postgres.{name}]\ndsn = {:?}\n[files.backups-{name}]\npath = {:?}\nwrite = true\n[files.wal-{name}]\npath = {:?}\n",
            server.dsn("observer", "postgres"),
            self.shelf.path(),
            self.beside("wal"),
        );
        for (command, arguments, parameter) in COMMANDS {
            let place = if arguments[0] == "take" { "--into" } else { "--in" };
            let mut run = vec![tool().display().to_string()];
            run.extend(arguments.iter().map(|word| (*word).to_owned()));
            run.push(format!("{place}={}", self.shelf.path().display()));
            if command == "prove-base" {
                run.push(format!("--wal-archive={}", self.beside("wal").display()));
                run.push(format!("--scratch={}", self.beside("scratch").display()));
            }
            let parameters = match parameter {
                "database" => "parameters = { database = \"identifier\" }\n",
                "name" => "parameters = { name = { text = 300 } }\n",
                _ => "",
            };
            tables += &format!(
                "[command.{command}-{name}]\nrun = {run:?}\n{parameters}env = {{ PGHOST = {:?}, PGPORT = \"{}\", PGUSER = \"postgres\" }}\n",
                server.socket_dir(),
                server.port()
            );
        }
        tables
    }

    /// A job for the cluster, each second, with every grant and every action.
    pub(crate) fn job(&self, settings: &str) -> String {
        let name = self.name;
        let bound: Vec<String> =
            COMMANDS.iter().map(|(command, ..)| format!("backup-{command} = \"{command}-{name}\"")).collect();
        let actions: Vec<String> = EVERYTHING
            .iter()
            .map(|action| format!("{action} = {{ policy = \"auto\", max_per_hour = 10000 }}"))
            .collect();
        format!(
            "[job.{name}]\nplugin = \"backup\"\nschedule = \"* * * * * *\"\n\
             grant = {{ postgres = [\"{name}\"], files = [\"backups-{name}\", \"wal-{name}\"], commands = {{ {} }} }}\n\
             settings = {{ directory = \"backups-{name}\", {settings} }}\nactions = {{ {} }}\n",
            bound.join(", "),
            actions.join(", ")
        )
    }
}

/// A whole agent.toml.
pub(crate) fn config(tables: &[String]) -> String {
    format!("[agent]\nstate_dir = \"STATE\"\n[plugin.backup]\npath = \"PLUGINS/backup.wasm\"\n{}", tables.concat())
}

/// All that was ever proposed; none where the agent cannot be asked at this moment.
pub(crate) fn proposals(agent: &Agent) -> Option<Vec<Value>> {
    let output = agent.run(&["proposals", "--all", "--format", "json"]);
    let json: Value = serde_json::from_slice(&output.stdout).ok()?;
    json["proposals"].as_array().cloned()
}

/// Action, state and number of attempts of each.
pub(crate) fn states(agent: &Agent) -> Vec<(String, String, usize)> {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let attempts = |one: &Value| one["attempts"].as_array().map_or(0, Vec::len);
    let Some(all) = proposals(agent) else { return vec![("proposals".to_owned(), "not told".to_owned(), 0)] };
    all.iter().map(|one| (text(&one["action"]), text(&one["state"]), attempts(one))).collect()
}

/// Waits, for three minutes at most.
#[track_caller]
pub(crate) fn await_that(what: &str, agent: &Agent, daemon: Option<&Daemon>, condition: impl Fn() -> bool) {
    let began = Instant::now();
    while !condition() {
        let log = daemon.map(Daemon::log).unwrap_or_default();
        assert!(
            began.elapsed() < Duration::from_secs(180),
            "not within three minutes: {what}: {:?}\n{log}",
            states(agent)
        );
        std::thread::sleep(Duration::from_millis(200));
    }
}

/// Whether each of these actions was verified, and nothing is left to do.
pub(crate) fn settled(agent: &Agent, actions: &[&str]) -> bool {
    let states = states(agent);
    actions.iter().all(|action| states.iter().any(|(id, state, _)| id == action && state == "verified"))
        && states.iter().all(|(_, state, _)| state == "verified" || state == "gone")
}

/// Entries of a directory that begin and end so.
pub(crate) fn entries(directory: &Path, start: &str, ending: &str) -> Vec<PathBuf> {
    let names = fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path());
    let mut names: Vec<PathBuf> = names
        .filter(|path| {
            path.file_name().unwrap().to_str().is_some_and(|name| name.starts_with(start) && name.ends_with(ending))
        })
        .collect();
    names.sort();
    names
}

/// The only file of a kind, as JSON.
pub(crate) fn record(directory: &Path, start: &str, ending: &str) -> (PathBuf, Value) {
    let [path] = entries(directory, start, ending).try_into().unwrap();
    let value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
    (path, value)
}

/// Whether any process has this path on its command line.
pub(crate) fn alive(path: &Path) -> bool {
    let path = path.to_str().unwrap();
    let processes =
        fs::read_dir("/proc").unwrap().filter_map(|entry| fs::read(entry.unwrap().path().join("cmdline")).ok());
    processes.into_iter().any(|line| String::from_utf8_lossy(&line).contains(path))
}
