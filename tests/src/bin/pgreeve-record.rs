//! `make record`: runs the replication plugin against real servers of every major and records what it saw into plugins/replication/recorded.
//! To be run when the plugin asks something new; the files are replayed by the tests without any server.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::print_stdout)]

use std::path::{Path, PathBuf};

use pgreeve_tests::agent::Agent;
use pgreeve_tests::testbed::{Options, Server, StandbyOptions, available};

fn main() {
    let into = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().join("plugins/replication/recorded");
    std::fs::create_dir_all(&into).unwrap();
    for major in available() {
        println!("recording on PostgreSQL {}", major.0);
        let primary = Server::start(major, &Options::default());
        primary.create_roles();
        let slot =
            StandbyOptions { slot: Some("standby1"), application_name: Some("standby1"), ..StandbyOptions::default() };
        let standby = primary.standby("standby1", &slot);
        standby.catch_up_with(&primary);
        let file = |name: &str| into.join(format!("{}-{name}.jsonl", major.0));
        let servers = [&primary, &standby];
        record(&primary, "expect = [\"standby1\"]", &servers, &file("primary"));
        record(&standby, "", &servers, &file("standby"));
        standby.stop_wal_receiver();
        primary.write_wal(20);
        record(&primary, "expect = [\"standby1\"]", &servers, &file("primary-alone"));
        record(&standby, "", &servers, &file("standby-cut-off"));
    }
}

/// Records one check of a server; directories of this machine do not get into the file.
fn record(server: &Server, settings: &str, servers: &[&Server], file: &PathBuf) {
    let agent = Agent::replication(&[("main", server.dsn("observer", "postgres"))], settings);
    if file.exists() {
        std::fs::remove_file(file).unwrap();
    }
    let mut command = agent.command(&["check", "replication"]);
    command.arg("--record").arg(file);
    for server in servers {
        for directory in [server.socket_dir(), &server.data_dir()] {
            command.arg("--redact").arg(directory);
        }
    }
    let output = command.output().unwrap();
    assert!(file.exists(), "{}", String::from_utf8_lossy(&output.stderr));
    println!("  {} (exit status {})", file.file_name().unwrap().display(), output.status.code().unwrap_or(-1));
}
