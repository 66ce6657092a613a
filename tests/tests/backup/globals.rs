//! Dumps of globals, restored into a scratch server of their own.

use std::fs;

use pgreeve_tests::testbed::{Options, Server};

use crate::bed::{Store, furnish, server, with_clients};

/// Roles of all sorts, in each other, with settings of their own; a tablespace with options and grants.
fn people(server: &Server, store: &Store) {
    let place = store.directory("a tablespace").display().to_string();
    server.exec(
        "CREATE ROLE \"Some; 'one'\" LOGIN PASSWORD 'x' CONNECTION LIMIT 5 VALID UNTIL '2040-01-01';
         CREATE ROLE plain NOLOGIN NOINHERIT CREATEDB; CREATE ROLE backup REPLICATION BYPASSRLS; CREATE ROLE admin CREATEROLE SUPERUSER;
         GRANT plain TO \"Some; 'one'\" WITH ADMIN OPTION; GRANT \"Some; 'one'\" TO backup; GRANT pg_monitor, pg_read_all_data TO backup;
         ALTER ROLE plain SET search_path = a, \"B c\"; ALTER ROLE backup SET statement_timeout = '1min'; ALTER ROLE backup SET default_transaction_read_only = on;
         COMMENT ON ROLE plain IS 'with a \\backslash; and ''quotes'''",
    );
    server.exec(&format!("CREATE TABLESPACE \"Fast LOCATION\" OWNER plain LOCATION '{place}'"));
    server.exec("ALTER TABLESPACE \"Fast LOCATION\" SET (random_page_cost = 1.5)");
    server.exec("GRANT CREATE ON TABLESPACE \"Fast LOCATION\" TO backup");
}

#[test]
fn roles_memberships_settings_and_tablespaces_come_back_on_a_scratch_server() {
    for major in with_clients() {
        let (server, store) = (Server::start(major, &Options::default()), Store::new());
        people(&server, &store);
        let before = fs::read_dir(store.directory("a tablespace")).unwrap().count();
        let taken = store.good(&server, &["take", "--kind=globals"]);
        assert_eq!(taken["manifest"]["summary"]["roles"], 5);
        let proved = store.good(&server, &["prove", "--kind=globals"]);
        let claims: Vec<&str> =
            proved["proof"]["assertions"].as_array().unwrap().iter().map(|one| one["id"].as_str().unwrap()).collect();
        assert_eq!(claims, ["whole", "restored", "roles", "memberships", "settings", "tablespaces"]);
        assert!(proved["proof"]["assertions"][3]["detail"].as_str().unwrap().contains("all 4 "), "{proved:#}");
        // The old server's tablespace was not touched, and nothing is left over.
        assert_eq!(fs::read_dir(store.directory("a tablespace")).unwrap().count(), before);
        assert!(store.entries().iter().all(|entry| !entry.ends_with(".proving")), "{:?}", store.entries());
    }
}

#[test]
fn a_role_that_the_dump_lost_or_changed_is_found() {
    let (server, store) = (server(), Store::new());
    people(&server, &store);
    let cases = [
        (
            "/ALTER ROLE backup WITH/d; /^GRANT pg_monitor/d; /SET statement_timeout TO '1min'/d",
            vec!["roles", "memberships", "settings"],
        ),
        ("s/ROLE plain WITH NOSUPERUSER/ROLE plain WITH SUPERUSER/", vec!["roles"]),
        ("/^CREATE TABLESPACE/d", vec!["restored", "tablespaces"]),
        (
            "s/^CREATE ROLE plain;/CREATE ROLE plain \\\\! exit\\n;/",
            vec!["restored", "roles", "memberships", "settings", "tablespaces"],
        ),
    ];
    for (edit, found) in cases {
        let script = format!(
            "REAL \"$@\" || exit 1; for a; do case $p in --file) f=$a;; esac; p=$a; done; [ \"$1\" = --version ] || sed -i \"{edit}\" \"$f\""
        );
        let programs = store.programs(&server, &[("pg_dumpall", &script)]);
        store.good(&server, &["take", "--kind=globals", "--bindir", programs.to_str().unwrap()]);
        let proved = store.bad(&server, &["prove", "--kind=globals"]);
        assert_eq!(proved.failed(), found, "{edit}: {proved:#?}");
    }
}

#[test]
fn a_superuser_of_another_name_and_one_that_may_not_log_in_come_back() {
    let (server, store) = (server(), Store::new());
    server.exec("CREATE ROLE other SUPERUSER LOGIN");
    let session = server.session("other");
    session.sql("ALTER ROLE postgres RENAME TO \"The Boss\"; ALTER ROLE \"The Boss\" NOLOGIN");
    let mut take = store.command(&server, &["take", "--kind=globals"]);
    let taken = crate::bed::answer(take.env("PGUSER", "other"));
    assert_eq!(taken.exit, 0, "{taken:?}");
    store.good(&server, &["prove", "--kind=globals"]);
}

#[test]
fn what_a_dump_of_globals_leaves_out_is_named() {
    let (server, store) = (server(), Store::new());
    furnish(&server, "app", "UTF8");
    server.exec("ALTER ROLE ALL SET work_mem = '5MB'; CREATE ROLE backup LOGIN; GRANT pg_monitor TO backup");
    let taken = store.good(&server, &["take", "--kind=globals", "--dbname=user=backup dbname=postgres"]);
    let codes: Vec<&str> =
        taken["manifest"]["caveats"].as_array().unwrap().iter().map(|one| one["code"].as_str().unwrap()).collect();
    assert_eq!(codes, ["role-passwords-left-out", "settings-of-all-roles-left-out"]);
    store.good(&server, &["prove", "--kind=globals"]);
}
