//! What the themes share: a directory of backups, the tool run as the servers' user, databases worth backing up.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use pgreeve_tests::agent::pgreeve;
use pgreeve_tests::testbed::{Major, Options, Server, available, give, run_as_server_user};
use serde_json::Value;
use tempfile::TempDir;

/// A directory of backups, and others beside it, of the servers' user.
pub(crate) struct Store {
    root: TempDir,
}

/// What one call of the tool answered.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) exit: i32,
    pub(crate) json: Value,
    pub(crate) stderr: String,
}

/// Where a major's programs are found, before those of the system.
pub(crate) fn search_path(major: Major) -> String {
    let dirs = major.program_dirs().into_iter().chain(["/usr/bin".into(), "/bin".into()]);
    std::env::join_paths(dirs).unwrap().into_string().unwrap()
}

/// The majors whose client programs are installed; 15 is among them.
pub(crate) fn with_clients() -> Vec<Major> {
    let all = ["psql", "pg_dump", "pg_basebackup"];
    let found: Vec<Major> =
        available().into_iter().filter(|major| all.iter().all(|name| major.optional_program(name).is_some())).collect();
    assert!(
        found.contains(&Major(15)),
        "the client programs of PostgreSQL 15 are missing: run tests/setup/postgres.sh"
    );
    found
}

/// The major that a test without reason for another one runs on: 15, or what PGREEVE_BACKUP_MAJOR says, to run all of them on another.
pub(crate) fn major() -> Major {
    let own = std::env::var("PGREEVE_BACKUP_MAJOR").ok().filter(|value| !value.is_empty());
    let major = Major(own.map_or(15, |text| text.parse().unwrap()));
    assert!(with_clients().contains(&major), "PostgreSQL {major} is here without client programs");
    major
}

/// A server of a major that has client programs.
pub(crate) fn server() -> Server {
    Server::start(major(), &Options { own_system_identifier: true, ..Options::default() })
}

/// Runs SQL in a database as its superuser, by psql; what it prints, unaligned.
pub(crate) fn sql(server: &Server, database: &str, text: &str) -> String {
    let own = server.major().optional_program("psql");
    let mut psql = Command::new(own.or_else(|| with_clients().last()?.optional_program("psql")).unwrap());
    psql.args(["-X", "-A", "-t", "-q", "-v", "ON_ERROR_STOP=1", "-d"]).arg(server.dsn("postgres", &quoted(database)));
    psql.args(["-c", text]).env("PGCLIENTENCODING", "UTF8");
    let output = psql.output().unwrap();
    assert!(output.status.success(), "`{text}` failed: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

fn quoted(database: &str) -> String {
    format!("'{}'", database.replace('\\', "\\\\").replace('\'', "\\'"))
}

/// Makes `database` with this encoding, and in it what dumps get wrong: names in quotes, partitions, foreign keys, an event trigger that is on and
/// one that is off, large objects, extensions, types, a policy, a disabled trigger. 1,000 + 500 + 100 rows, 3 large objects.
pub(crate) fn furnish(server: &Server, database: &str, encoding: &str) {
    let name = database.replace('"', "\"\"");
    server.exec(&format!(
        "CREATE DATABASE \"{name}\" TEMPLATE template0 ENCODING '{encoding}' LC_COLLATE 'C' LC_CTYPE 'C'"
    ));
    sql(server, database, include_str!("furniture.sql"));
}

impl Store {
    pub(crate) fn new() -> Self {
        let base = std::env::var_os("PGREEVE_TEST_DIR")
            .filter(|value| !value.is_empty())
            .map_or_else(|| "/tmp".into(), PathBuf::from);
        let root = tempfile::Builder::new().prefix("pgreeve-backups-").tempdir_in(base).unwrap();
        give(root.path()).unwrap();
        let store = Self { root };
        store.directory("backups");
        store
    }

    /// The directory of backups.
    pub(crate) fn path(&self) -> PathBuf {
        self.root.path().join("backups")
    }

    /// Another directory beside it.
    pub(crate) fn directory(&self, name: &str) -> PathBuf {
        let path = self.root.path().join(name);
        if !path.is_dir() {
            fs::create_dir(&path).unwrap();
            fs::set_permissions(&path, fs::Permissions::from_mode(0o700)).unwrap();
            give(&path).unwrap();
        }
        path
    }

    /// A path of an entry.
    pub(crate) fn join(&self, entry: &str) -> PathBuf {
        self.path().join(entry)
    }

    /// The tool, about this directory and this server, as the servers' user.
    pub(crate) fn command(&self, server: &Server, arguments: &[&str]) -> Command {
        let mut command = Command::new(tool());
        // As the agent runs it: with next to nothing in its environment.
        command.env_clear().env("PATH", search_path(server.major())).current_dir("/");
        command.env("PGHOST", server.socket_dir()).env("PGPORT", server.port().to_string()).env("PGUSER", "postgres");
        let (verb, rest) = arguments.split_first().unwrap();
        let place = if *verb == "take" { "--into" } else { "--in" };
        command.arg(verb).arg(place).arg(self.path()).args(rest);
        run_as_server_user(&mut command);
        command
    }

    /// Runs the tool to its end.
    pub(crate) fn run(&self, server: &Server, arguments: &[&str]) -> Answer {
        answer(&mut self.command(server, arguments))
    }

    /// Runs the tool, which has to succeed.
    #[track_caller]
    pub(crate) fn good(&self, server: &Server, arguments: &[&str]) -> Value {
        let answer = self.run(server, arguments);
        assert_eq!(answer.exit, 0, "{arguments:?}: {answer:#?}");
        answer.json
    }

    /// Runs the tool, which has to find something bad; the answer's message.
    #[track_caller]
    pub(crate) fn bad(&self, server: &Server, arguments: &[&str]) -> Answer {
        let answer = self.run(server, arguments);
        assert_eq!(answer.exit, 1, "{arguments:?}: {answer:#?}");
        answer
    }

    /// Starts the tool and lets it run.
    pub(crate) fn start(&self, server: &Server, arguments: &[&str]) -> Child {
        self.command(server, arguments).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap()
    }

    /// A full backup of `database`; its name.
    #[track_caller]
    pub(crate) fn take(&self, server: &Server, database: &str) -> String {
        let answer = self.good(server, &["take", "--kind=full", "--dbname", database]);
        answer["name"].as_str().unwrap().to_owned()
    }

    /// Names of all entries.
    pub(crate) fn entries(&self) -> Vec<String> {
        let mut names: Vec<String> =
            fs::read_dir(self.path()).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    /// A directory of client programs in which some are shell scripts of the test's; `REAL` in them is the real program's path.
    pub(crate) fn programs(&self, server: &Server, replaced: &[(&str, &str)]) -> PathBuf {
        let directory = self.directory("programs");
        // What the server's package brings comes last, and so counts.
        let places = server.major().program_dirs().into_iter().rev();
        for program in places.flat_map(|dir| fs::read_dir(dir).unwrap()).map(|entry| entry.unwrap().path()) {
            let name = program.file_name().unwrap().to_str().unwrap();
            let place = directory.join(name);
            let _ = fs::remove_file(&place);
            match replaced.iter().find(|(one, _)| *one == name) {
                Some((_, script)) => {
                    fs::write(&place, format!("#!/bin/bash\n{}\n", script.replace("REAL", program.to_str().unwrap())))
                        .unwrap();
                    fs::set_permissions(&place, fs::Permissions::from_mode(0o755)).unwrap();
                    give(&place).unwrap();
                }
                None => symlink(&program, &place).unwrap(),
            }
        }
        directory
    }
}

impl Answer {
    /// The ids of a proof's assertions that do not hold.
    pub(crate) fn failed(&self) -> Vec<&str> {
        let all = self.json["proof"]["assertions"].as_array().unwrap();
        all.iter().filter(|one| one["passed"] == false).map(|one| one["id"].as_str().unwrap()).collect()
    }

    pub(crate) fn message(&self) -> &str {
        self.json["message"].as_str().unwrap()
    }
}

/// Runs a call of the tool to its end; its stdout has to be one JSON object, and stderr one line at most.
pub(crate) fn answer(command: &mut Command) -> Answer {
    let output = command.stdin(Stdio::null()).output().unwrap();
    let (stdout, stderr) = (String::from_utf8(output.stdout).unwrap(), String::from_utf8(output.stderr).unwrap());
    let json: Value =
        serde_json::from_str(&stdout).unwrap_or_else(|why| panic!("{why} in {stdout:?}; stderr: {stderr}"));
    assert!(stderr.lines().count() <= 1, "more than one line: {stderr}");
    Answer { exit: output.status.code().unwrap(), json, stderr }
}

/// Whether a file is there whose name ends like this.
pub(crate) fn some_entry_ends(directory: &Path, ending: &str) -> bool {
    let Ok(entries) = fs::read_dir(directory) else { return false };
    entries.flatten().any(|entry| entry.file_name().to_str().is_some_and(|name| name.ends_with(ending)))
}

fn tool() -> PathBuf {
    let tool = pgreeve().with_file_name("pgreeve-backup");
    assert!(tool.is_file(), "{} is missing: run `make build`", tool.display());
    tool
}
