//! The rows of the original, where `PGREEVE_PGGIT` names a checkout of it (tag v0.2.1): history, references, graph, audit and
//! growth of a fresh install stay quiet under what pgGit itself does, and damage is found.

use std::process::{Command, Stdio};

use pgreeve_tests::testbed::Server;

use crate::bed::{look, majors, quiet, watch};
use crate::original::{install, original};

const ROWS: &str = "groups = [\"history\", \"references\", \"graph\", \"audit\", \"growth\"]";

/// Runs a file of the checkout, errors and all.
fn run(server: &Server, file: &str) {
    let (checkout, psql) = original().unwrap();
    let status = Command::new(psql)
        .args(["-X", "-q", "-h", &server.socket_dir().display().to_string(), "-p", &server.port().to_string()])
        .args(["-U", "postgres", "-d", "postgres", "-f"])
        .arg(checkout.join(file))
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .unwrap();
    assert!(status.success(), "{file}");
}

#[test]
fn what_the_original_writes_is_quiet_and_what_is_taken_away_is_missed() {
    for file in ["sql/install.sql", "pggit--0.1.3.sql", "pggit--1.0.0.sql"] {
        for major in majors() {
            let Some(server) = install(major, file) else { return };
            let agent = watch(&server, ROWS);
            quiet(&agent, &format!("{major} {file}"));
            server.exec("CREATE TABLE app.fresh (id int); ALTER TABLE app.fresh ADD name text; DROP TABLE app.fresh; CREATE TABLE app.fresh (id int)");
            server.exec("SELECT setval('pggit.branches_id_seq', 1)");
            server.exec("SELECT pggit.create_branch('feature')");
            quiet(&agent, &format!("{major} {file} after DDL and a branch"));
            server.exec("DELETE FROM pggit.history WHERE id = (SELECT max(id) FROM pggit.history)");
            let checked = look(&agent);
            assert_eq!(checked.status_of("history-chain"), "critical", "{major} {file}");
            assert_eq!(checked.status_of("history-rows"), "critical", "{major} {file}");
            server
                .exec("SET session_replication_role = replica; DELETE FROM pggit.objects WHERE object_name = 'orders'");
            assert_eq!(look(&agent).status_of("orphans/pggit.history.object_id"), "critical", "{major} {file}");
        }
    }
}

#[test]
fn both_layouts_of_the_originals_commits_are_read() {
    let rows: &[&str] = &[
        "_archive/old-sql/pggit_v2_schema.sql",
        "_archive/old-sql/pggit_v2_developers_fixed.sql",
        "sql/057_pggit_v2_analytics.sql",
        "_archive/old-sql/pggit_v2_monitoring_simple.sql",
    ];
    let arrays: &[&str] =
        &["_archive/old-core/sql/018_proper_git_three_way_merge.sql", "sql/057_pggit_v2_analytics.sql"];
    for files in [rows, arrays] {
        let Some(server) = install(majors()[0], "sql/install.sql") else { return };
        server.exec("CREATE SCHEMA IF NOT EXISTS pggit_v0; CREATE EXTENSION IF NOT EXISTS pgcrypto");
        files.iter().for_each(|file| run(&server, file));
        let agent = watch(&server, ROWS);
        let checked = quiet(&agent, "without a commit");
        assert!(checked.finding("commits")["reason"].is_null(), "{:#}", checked.finding("commits"));
        if files == rows {
            server.exec("SELECT pggit_v0.create_basic_commit('one')");
            server.exec("SELECT pggit_v0.create_basic_commit('two')");
            quiet(&agent, "two commits");
            let proof = quiet(&watch(&server, "groups = [\"proof\"]"), "its own checks");
            for check in ["validate_data_integrity", "check_for_alerts", "detect_anomalies"] {
                assert!(
                    proof.finding(&format!("own-check/pggit_v0.{check}"))["reason"].is_null(),
                    "{check} was called"
                );
            }
            server.exec("SET session_replication_role = replica; DELETE FROM pggit_v0.objects WHERE type = 'tree'");
            let checked = look(&agent);
            assert_eq!(checked.status_of("commits/trees"), "critical");
            assert_eq!(checked.status_of("graph-content"), "critical");
        }
    }
}
