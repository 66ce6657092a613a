//! The original, where `PGREEVE_PGGIT` names a checkout of it (tag v0.2.1) and psql is there: its installs are recognised, stay quiet
//! under ordinary DDL, and damage is found.

use std::path::PathBuf;
use std::process::Command;

use pgreeve_tests::agent::{Agent, Checked};
use pgreeve_tests::testbed::{Major, Server};

use crate::bed::{APPLICATION, bare, look, majors};
use crate::healthy::ORDINARY;

/// The checkout, and psql of PostgreSQL 15, which talks to the newer servers as well.
pub(crate) fn original() -> Option<(PathBuf, PathBuf)> {
    let checkout = std::env::var_os("PGREEVE_PGGIT").map(PathBuf::from);
    match (checkout, Major(15).optional_program("psql")) {
        (Some(checkout), Some(psql)) => Some((checkout, psql)),
        _ => {
            println!("skipped: PGREEVE_PGGIT names no checkout of pgGit, or psql is not there");
            None
        }
    }
}

/// A server with an install of the original by one of its files, from within that file's directory, errors and all.
pub(crate) fn install(major: Major, file: &str) -> Option<Server> {
    let (checkout, psql) = original()?;
    let file = checkout.join(file);
    assert!(file.is_file(), "{} is not there", file.display());
    let server = bare(major);
    let status = Command::new(psql)
        .args(["-X", "-q", "-h", &server.socket_dir().display().to_string(), "-p", &server.port().to_string()])
        .args(["-U", "postgres", "-d", "postgres", "-f"])
        .arg(file.file_name().unwrap())
        .current_dir(file.parent().unwrap())
        .stdout(std::process::Stdio::null())
        .stderr(std::process::Stdio::null())
        .status()
        .unwrap();
    assert!(status.success());
    server.exec(APPLICATION);
    Some(server)
}

fn watch(server: &Server) -> Agent {
    let dsn = server.dsn("observer", "postgres");
    Agent::new(&format!(
        "[agent]\nstate_dir = \"STATE\"\n[postgres.main]\ndsn = {dsn:?}\n\
         [plugin.pggit-integrity]\npath = \"PLUGINS/pggit-integrity.wasm\"\n\
         [job.pggit]\nplugin = \"pggit-integrity\"\nschedule = \"* * * * *\"\ngrant = {{ postgres = [\"main\"] }}\n\
         settings = {{ groups = [\"tracking\", \"drift\", \"structure\", \"proof\"] }}\n"
    ))
}

/// What is wrong with it besides the sequence that each fresh install has behind.
fn complaints(checked: &Checked) -> Vec<String> {
    checked.complaints().into_iter().filter(|line| !line.contains("branches_id_seq")).collect()
}

#[test]
fn the_originals_installs_are_recognised_and_quiet_and_damage_is_found() {
    for (file, kind) in [
        ("sql/install.sql", "script install of v0.2.1"),
        ("pggit--0.1.3.sql", "script install of pggit--0.1.3.sql"),
        ("pggit--1.0.0.sql", "script install of pggit--1.0.0.sql"),
    ] {
        for major in majors() {
            let Some(server) = install(major, file) else { return };
            let agent = watch(&server);
            let checked = look(&agent);
            assert_eq!(complaints(&checked), Vec::<String>::new(), "{major} {file}");
            assert!(checked.finding("install")["summary"].as_str().unwrap().starts_with(kind), "{major} {file}");
            assert!(
                checked.finding("functions")["summary"].as_str().unwrap().contains("v0.2.1"),
                "{major}: {:#}",
                checked.json
            );
            // The original itself makes some of them fail, such as those with quoted names; what fails is no damage either.
            let session = server.session("postgres");
            let failed = ORDINARY.iter().filter(|statement| session.try_sql(statement).is_err()).count();
            assert!(failed < 10, "{major} {file}: {failed} of the ordinary statements failed");
            assert_eq!(complaints(&look(&agent)), Vec::<String>::new(), "{major} {file} after ordinary DDL");
            for (harm, key) in [
                ("ALTER EVENT TRIGGER pggit_ddl_trigger DISABLE", "event-trigger/pggit_ddl_trigger"),
                ("CREATE TABLE app.sneaked (id int)", "untracked"),
                ("DROP FUNCTION pggit.get_history", "functions"),
                ("DROP TABLE pggit.migrations CASCADE", "tables"),
                (
                    "CREATE OR REPLACE FUNCTION pggit.handle_sql_drop() RETURNS event_trigger LANGUAGE plpgsql AS 'BEGIN NULL; END'",
                    "handler/handle_sql_drop",
                ),
            ] {
                server.exec(harm);
                let checked = look(&agent);
                assert!(
                    checked.find(key).is_some_and(|finding| finding["status"] != "ok"),
                    "{major} {file}: {harm}: {:?}",
                    checked.complaints()
                );
            }
        }
    }
}
