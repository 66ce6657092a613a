//! `make record`: runs the in-tree plugins against real servers of every major and records what they saw into plugins/NAME/recorded.
//! To be run when a plugin asks something new; the files are replayed by the tests without any server.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::print_stdout)]

use std::path::{Path, PathBuf};

use pgreeve_tests::agent::Agent;
use pgreeve_tests::testbed::{Major, Options, Server, StandbyOptions, available};

/// An install of pgGit, in our own words.
const PGGIT: [&str; 2] = [include_str!("../../pggit/core.sql"), include_str!("../../pggit/script.sql")];

fn main() {
    for major in available() {
        println!("recording on PostgreSQL {}", major.0);
        replication(major);
        others(major);
    }
}

/// A primary and a standby, streaming and cut off.
fn replication(major: Major) {
    let primary = Server::start(major, &Options::default());
    primary.create_roles();
    let slot =
        StandbyOptions { slot: Some("standby1"), application_name: Some("standby1"), ..StandbyOptions::default() };
    let standby = primary.standby("standby1", &slot);
    standby.wait_until_streaming();
    standby.catch_up_with(&primary);
    let servers = [&primary, &standby];
    let record = |server: &Server, settings: &str, name: &str| {
        let agent = Agent::replication(&[("main", server.dsn("observer", "postgres"))], settings);
        record(&agent, "replication", &servers, &format!("{}-{name}", major.0));
    };
    record(&primary, "expect = [\"standby1\"]", "primary");
    record(&standby, "", "standby");
    standby.stop_wal_receiver();
    primary.write_wal(20);
    record(&primary, "expect = [\"standby1\"]", "primary-alone");
    record(&standby, "", "standby-cut-off");
}

/// A database with pgGit where its fixture runs, its buffer cache, and a directory without a backup.
fn others(major: Major) {
    let server = Server::start(major, &Options::default());
    server.create_roles();
    server.exec("GRANT pg_read_all_data TO observer");
    if major >= Major(15) {
        PGGIT.iter().for_each(|file| server.exec(file));
        server.exec("CREATE SCHEMA app; CREATE TABLE app.orders (id serial PRIMARY KEY, total numeric(10, 2))");
    }
    let backups = tempfile::tempdir().unwrap();
    let groups = "groups = [\"tracking\", \"drift\", \"structure\", \"history\", \"references\", \"graph\", \"audit\"]";
    let directory = format!("[files.backups]\npath = {:?}\n", backups.path());
    for (plugin, tables, grant, settings) in [
        ("cache", "", "", ""),
        ("pggit-integrity", "", "", groups),
        ("backup", directory.as_str(), ", files = [\"backups\"]", "expect = [\"full\"]"),
    ] {
        let dsn = server.dsn("observer", "postgres");
        let agent = Agent::new(&format!(
            "[agent]\nstate_dir = \"STATE\"\n[postgres.main]\ndsn = {dsn:?}\n{tables}\
             [plugin.{plugin}]\npath = \"PLUGINS/{plugin}.wasm\"\n\
             [job.{plugin}]\nplugin = {plugin:?}\nschedule = \"@daily\"\ngrant = {{ postgres = [\"main\"]{grant} }}\n\
             settings = {{ {settings} }}\n"
        ));
        agent.run(&["check", plugin]);
        record(&agent, plugin, &[&server], &format!("{}-second-run", major.0));
    }
}

/// Records one check; directories of this machine do not get into the file.
fn record(agent: &Agent, plugin: &str, servers: &[&Server], name: &str) {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let into = root.join("plugins").join(plugin).join("recorded");
    std::fs::create_dir_all(&into).unwrap();
    let file: PathBuf = into.join(format!("{name}.jsonl"));
    if file.exists() {
        std::fs::remove_file(&file).unwrap();
    }
    let mut command = agent.command(&["check", plugin]);
    command.arg("--record").arg(&file);
    for server in servers {
        for directory in [server.socket_dir(), &server.data_dir()] {
            command.arg("--redact").arg(directory);
        }
    }
    let output = command.output().unwrap();
    assert!(file.exists(), "{}", String::from_utf8_lossy(&output.stderr));
    println!("  {plugin} {name} (exit status {})", output.status.code().unwrap_or(-1));
}
