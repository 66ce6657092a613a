//! `restore-plan` and docs/recovery.md, followed to the letter on real servers.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use pgreeve_tests::agent::pgreeve;
use pgreeve_tests::testbed::{Server, run_as_server_user};
use serde_json::Value;

use crate::base::{archive, archiving};
use crate::bed::{Answer, Store, furnish, major, search_path, sql};

/// A server with a tablespace and a base backup, then three rows, and a moment before the last: (server, backup's name, moment).
fn history(store: &Store) -> (Server, String, String) {
    let server = archiving(major(), store);
    let place = store.directory("tablespace");
    server.exec(&format!("CREATE TABLESPACE elsewhere LOCATION '{}'", place.display()));
    server.exec("CREATE TABLE t TABLESPACE elsewhere AS SELECT 1 AS n");
    // Of an earlier recovery, and of the standby that this was: all of it is in the backup, and the last would empty the archive.
    let wal = store.directory("wal").display().to_string();
    for (setting, value) in [
        ("recovery_target_name", "elsewhere"),
        ("recovery_min_apply_delay", "1d"),
        ("archive_cleanup_command", &format!("rm -f {wal}/*")),
        ("recovery_end_command", &format!("rm -f {wal}/*")),
    ] {
        server.exec(&format!("ALTER SYSTEM SET {setting} = '{value}'"));
    }
    let name = store.good(&server, &["take", "--kind=base"])["name"].as_str().unwrap().to_owned();
    server.exec("INSERT INTO t VALUES (2)");
    let utc = "to_char(clock_timestamp() AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS.US') || '+00'";
    let moment = server.value(&format!("SELECT {utc}")).unwrap();
    server.exec("INSERT INTO t VALUES (3)");
    archive(&server);
    (server, name, moment)
}

/// Runs commands in one shell as the servers' user, stopping at the first that fails.
fn shell(script: &str) -> Output {
    let path = format!("{}:{}", pgreeve().parent().unwrap().display(), search_path(major()));
    let mut bash = Command::new("bash");
    bash.args(["-e", "-u", "-o", "pipefail", "-c", script]).env("PATH", path).env("LC_ALL", "C").current_dir("/");
    run_as_server_user(&mut bash).output().unwrap()
}

#[track_caller]
pub(crate) fn succeeds(script: &str) -> String {
    let output = shell(script);
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{script}\nfailed: {}{said}", String::from_utf8_lossy(&output.stdout));
    String::from_utf8(output.stdout).unwrap()
}

fn program(name: &str) -> String {
    major().optional_program(name).unwrap().display().to_string()
}

/// Stops the restored server when a test ends, however it ends.
pub(crate) struct Restored(pub(crate) PathBuf);

impl Drop for Restored {
    fn drop(&mut self) {
        let _ = shell(&format!("{} -D {} -m immediate stop", program("pg_ctl"), self.0.display()));
    }
}

impl Restored {
    fn socket(&self) -> PathBuf {
        self.0.with_extension("run")
    }

    pub(crate) fn rows(&self) -> String {
        let psql = program("psql");
        let socket = self.socket();
        let query = "-p 5433 -U postgres -d postgres -c 'SELECT count(*) FROM t'";
        succeeds(&format!("{psql} -XAt -h {} {query}", socket.display())).trim().to_owned()
    }
}

pub(crate) fn plan(store: &Store, server: &Server, to: &str) -> Answer {
    let wal = store.directory("wal").display().to_string();
    let data = store.directory("new").join("data").display().to_string();
    let bin = store.programs(server, &[]).display().to_string();
    let places = ["--wal-archive", &wal, "--data-dir", &data, "--bindir", &bin];
    store.run(server, &[&["restore-plan", "--format=json", "--to", to], &places[..]].concat())
}

pub(crate) fn commands(answer: &Value) -> Vec<String> {
    let steps = answer["steps"].as_array().unwrap().iter();
    steps.flat_map(|step| step["commands"].as_array().unwrap()).map(|one| one.as_str().unwrap().to_owned()).collect()
}

#[test]
fn the_printed_plan_leads_to_the_moment() {
    let store = Store::new();
    let (server, name, moment) = history(&store);
    let answer = plan(&store, &server, &moment);
    assert_eq!(answer.exit, 0, "{answer:#?}");
    assert_eq!(answer.json["backup"], name.as_str());
    let restored = Restored(store.directory("new").join("data"));
    let mut looked = false;
    // As a person pastes it, with the blanks in front.
    let printed = answer.json["text"].as_str().unwrap().lines().filter(|line| line.starts_with("     "));
    for command in printed {
        if command.contains("pg_promote") {
            assert_eq!(restored.rows(), "2");
            looked = true;
        }
        succeeds(command);
    }
    assert!(looked);
    // It starts as an ordinary server now.
    let options =
        format!("-c port=5433 -c listen_addresses= -c unix_socket_directories={}", restored.socket().display());
    let data = restored.0.display();
    succeeds(&format!("{} -D {data} -l {data}.log -w -o '{options}' start", program("pg_ctl")));
    assert_eq!(restored.rows(), "2");
    assert!(store.directory("wal").join("00000002.history").is_file(), "the archive has to know the new timeline");
    assert_eq!(sql(&server, "postgres", "SELECT count(*) FROM t"), "3", "the old server is as it was");
}

#[test]
fn a_time_that_cannot_be_reached_is_said_with_the_reason() {
    let store = Store::new();
    let (server, _, moment) = history(&store);
    let early = plan(&store, &server, "2020-01-01T00:00:00Z");
    assert!(early.exit == 1 && early.message().contains("nothing from before is left"), "{early:?}");
    let late = plan(&store, &server, "2099-01-01T00:00:00Z");
    assert!(late.exit == 1 && late.message().contains("archived WAL ends at"), "{late:?}");
    // What can be had is planned all the same.
    assert!(commands(&late.json).len() > 5);
    // The ends of the window that is named are in it.
    for edge in ["from", "until"] {
        let edge = plan(&store, &server, late.json[edge].as_str().unwrap());
        assert_eq!(edge.exit, 0, "{edge:?}");
    }
    let bare = store.run(&server, &["restore-plan", "--format=json", "--to=2099-01-01T00:00:00Z"]);
    assert!(bare.exit == 1 && bare.message().contains("--wal-archive"), "{bare:?}");

    let name = late.json["backup"].as_str().unwrap();
    let manifest: Value = serde_json::from_slice(&fs::read(store.join(&format!("{name}.json"))).unwrap()).unwrap();
    let first = manifest["backup"]["start_segment"].as_str().unwrap();
    let wal = store.directory("wal");
    let files = fs::read_dir(&wal).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let mut later: Vec<String> = files.filter(|name| name.len() == 24 && name.as_str() > first).collect();
    later.sort();
    // A full disk of the archive's cut the segment with the rows short; later ones are there.
    server.exec("INSERT INTO t VALUES (4)");
    archive(&server);
    fs::File::options().write(true).open(wal.join(&later[0])).unwrap().set_len(100).unwrap();
    let gap = plan(&store, &server, &moment);
    assert_eq!(gap.exit, 1, "{gap:?}");
    assert!(gap.message().contains(&later[0]), "{gap:?}");
}

#[test]
fn where_there_are_only_dumps_the_nearest_one_is_offered() {
    let store = Store::new();
    let server = crate::bed::server();
    furnish(&server, "app", "UTF8");
    let name = store.take(&server, "app");
    store.good(&server, &["take", "--kind=globals"]);
    let bin = store.programs(&server, &[]).display().to_string();
    let to = ["restore-plan", "--format=json", "--of=app", "--to=2099-01-01T00:00:00Z", "--bindir", &bin];
    let answer = store.run(&server, &to);
    assert!(answer.exit == 1 && answer.message().contains("a dump knows only its own moment"), "{answer:?}");
    assert_eq!(answer.json["backup"], name.as_str());
    let other = crate::bed::server();
    let place = format!("export PGHOST={} PGPORT={} PGUSER=postgres; ", other.socket_dir().display(), other.port());
    for command in commands(&answer.json) {
        succeeds(&format!("{place}{command}"));
    }
    assert_eq!(sql(&other, "app", "SELECT count(*) FROM part"), "500");
    let text = store.command(&server, &["restore-plan", "--of=app"]).output().unwrap();
    assert!(String::from_utf8(text.stdout).unwrap().contains("pg_restore --create"));
}

/// The blocks of a kind in docs/recovery.md.
fn blocks(kind: &str) -> Vec<String> {
    let page = include_str!("../../../docs/recovery.md");
    let fence = format!("\n```{kind}\n");
    page.split(&fence).skip(1).map(|rest| rest.split_once("\n```").unwrap().0.to_owned()).collect()
}

/// The page's settings, with the test's own places.
fn settings(page: &str, bin: &Path, backup: &Path, wal: &str, new: &Path, moment: &str) -> String {
    let ours = |line: &str| {
        let (variable, _) = line.split_once('=').unwrap();
        match variable {
            "BACKUP" => format!("BACKUP='{}'\n", backup.display()),
            "ARCHIVE" => format!("ARCHIVE='{wal}'\n"),
            "NEW" => format!("NEW='{}'\n", new.display()),
            "TO" => format!("TO='{moment}'\n"),
            "BIN" => format!("BIN='{}'\n", bin.display()),
            _ => format!("{line}\n"),
        }
    };
    page.lines().map(ours).collect()
}

#[test]
fn the_page_is_followed_to_the_letter() {
    let store = Store::new();
    let (server, name, moment) = history(&store);
    // The archive as the page sets it up, in a directory of the test's.
    let wal = store.directory("wal").display().to_string();
    let conf = blocks("conf").pop().unwrap();
    let command =
        conf.lines().find_map(|line| line.strip_prefix("archive_command = '")).unwrap().trim_end_matches('\'');
    server.set(&[("archive_command", &command.replace("/var/lib/postgresql/wal", &wal))]);
    server.exec("INSERT INTO t VALUES (4)");
    archive(&server);

    let mut blocks = blocks("sh").into_iter();
    let restored = Restored(store.directory("new").join("data"));
    let bin = store.programs(&server, &[]);
    let set = settings(&blocks.next().unwrap(), &bin, &store.join(&name), &wal, &restored.0, &moment);
    let mut steps = 0;
    for block in blocks {
        if block.contains("pg_promote") {
            assert_eq!(restored.rows(), "2");
        }
        succeeds(&format!("{set}{block}"));
        steps += 1;
    }
    assert_eq!(steps, 10);
    assert!(!restored.0.join("recovery.signal").exists(), "the restored server is no primary");
}
