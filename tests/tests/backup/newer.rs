//! Client programs of a later major than the server's: refused, unless somebody says that they will do.

use pgreeve_tests::testbed::{Major, Options, Server, available};
use serde_json::json;

use crate::bed::{Store, furnish, with_clients};

/// A server of this major, and the directory of a later major's client programs with the server's own beside them.
fn pair(server: u16, clients: u16) -> Option<(Server, String, Store)> {
    let there = available().contains(&Major(server)) && with_clients().contains(&Major(clients));
    if !there {
        println!("skipped: PostgreSQL {server} or the client programs of {clients} are not installed");
        return None;
    }
    let server = Server::start(Major(server), &Options::default());
    let dirs = Major(clients).program_dirs();
    let programs = dirs.iter().find(|dir| dir.join("pg_dump").is_file()).unwrap().display().to_string();
    Some((server, programs, Store::new()))
}

#[test]
fn a_later_client_is_refused_unless_it_is_asked_for_and_then_its_dump_is_proved_too() {
    for (older, later) in [(17, 18), (14, 16), (14, 15)] {
        let Some((server, programs, store)) = pair(older, later) else { continue };
        // The furniture is made by a psql of the later major.
        furnish(&server, "app", "UTF8");
        for kind in ["full", "schema", "globals", "base"] {
            let refused = store.run(&server, &["take", "--kind", kind, "--dbname=app", "--bindir", &programs]);
            assert_eq!(refused.exit, 4, "{refused:?}");
            assert!(refused.stderr.contains(&format!("install postgresql-client-{older}")), "{refused:?}");
        }
        for kind in ["full", "schema"] {
            let flags = ["--kind", kind, "--bindir", &programs, "--newer-client"];
            let taken = store.good(&server, &[&["take", "--dbname=app"], &flags[..]].concat());
            assert_eq!(taken["manifest"]["client"]["major"], later);
            assert_eq!(taken["manifest"]["server"]["major"], older);
            let codes = taken["manifest"]["caveats"].as_array().unwrap().iter().map(|one| one["code"].clone());
            assert_eq!(codes.collect::<Vec<_>>(), [json!("newer-client")]);
            store.good(&server, &[&["prove", "--of=app"], &flags[..]].concat());
        }
        let plan = store.good(&server, &["restore-plan", "--of=app", "--format=json"]);
        assert!(plan["text"].as_str().unwrap().contains(&format!("/{later}/bin/pg_restore")), "{plan:#}");
    }
}

#[test]
fn a_dump_that_its_own_server_cannot_take_back_fails_its_proof() {
    // From 17 on archives set transaction_timeout, which an older server does not know.
    let Some((server, programs, store)) = pair(14, 18) else { return };
    furnish(&server, "app", "UTF8");
    let flags = ["--bindir", programs.as_str(), "--newer-client"];
    store.good(&server, &[&["take", "--kind=full", "--dbname=app"], &flags[..]].concat());
    let found = store.bad(&server, &[&["prove", "--of=app"], &flags[..]].concat());
    assert_eq!(found.failed(), ["restored"]);
    assert!(found.message().contains("transaction_timeout"), "{found:?}");
}
