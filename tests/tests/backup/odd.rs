//! Odd databases, of which each has broken somebody's backups: they come back whole, or the answer says why not.

use std::fs;

use pgreeve_tests::testbed::{Options, Server};
use serde_json::Value;

use crate::bed::{Store, answer, furnish, major, server, sql};

/// Takes and proves a database; what the proof says.
#[track_caller]
fn comes_back(server: &Server, store: &Store, database: &str) -> Value {
    let dbname = format!("dbname='{}'", database.replace('\\', "\\\\").replace('\'', "\\'"));
    let taken = store.good(server, &["take", "--kind=full", "--dbname", &dbname]);
    store.good(server, &["prove", "--name", taken["name"].as_str().unwrap()])
}

#[test]
fn names_that_look_like_something_else() {
    let (server, store) = (server(), Store::new());
    let long = "x".repeat(63);
    for name in
        ["two\nlines", "100%d", "it's", "host=h", "postgres://u@h/d", " lead\ttab", "-rf", "$(id)", "ü\u{301}", &long]
    {
        server.exec(&format!("CREATE DATABASE \"{name}\""));
        sql(&server, name, "CREATE TABLE t AS SELECT 1 AS n");
        let proved = comes_back(&server, &store, name);
        assert_eq!(proved["proof"]["assertions"][1]["id"], "restored");
        assert_eq!(sql(&server, "postgres", "SELECT count(*) FROM pg_database WHERE datname LIKE 'pgreeve%'"), "0");
    }
    store.good(&server, &["verify"]);
    // The plan of each leads to it on another server.
    let bin = store.programs(&server, &[]).display().to_string();
    let other = crate::bed::server();
    let place = format!("export PGHOST={} PGPORT={} PGUSER=postgres; ", other.socket_dir().display(), other.port());
    for name in ["two\nlines", "it's", "host=h", "-rf", "$(id)", "postgres://u@h/d"] {
        let of = format!("--of={name}");
        let plan = store.good(&server, &["restore-plan", "--format=json", &of, "--bindir", &bin]);
        for command in crate::recovery::commands(&plan) {
            crate::recovery::succeeds(&format!("{place}{command}"));
        }
        assert_eq!(sql(&other, name, "SELECT count(*) FROM t"), "1", "{name}");
    }
}

#[test]
fn names_and_text_that_are_no_utf8() {
    let (server, store) = (server(), Store::new());
    server.exec("CREATE DATABASE bytes TEMPLATE template0 ENCODING 'SQL_ASCII' LC_COLLATE 'C' LC_CTYPE 'C'");
    let make = "SET client_encoding = 'SQL_ASCII'; DO $$ BEGIN EXECUTE 'CREATE TABLE \"t' || chr(233) || 't' || chr(255) || '\" AS SELECT chr(200) AS c FROM generate_series(1, 7)'; \
                EXECUTE 'CREATE SCHEMA \"s' || chr(254) || '\"'; END $$";
    sql(&server, "bytes", make);
    let taken = store.good(&server, &["take", "--kind=full", "--dbname=bytes"]);
    assert_eq!(taken["manifest"]["summary"]["rows"], 7);
    store.good(&server, &["prove", "--of=bytes"]);
}

#[test]
fn a_database_with_an_icu_collation() {
    let (server, store) = (server(), Store::new());
    let made =
        server.try_sql("CREATE DATABASE icu TEMPLATE template0 ENCODING 'UTF8' LOCALE_PROVIDER icu ICU_LOCALE 'de'");
    if made.is_err() {
        println!("skipped: PostgreSQL {} here is built without ICU", major());
        return;
    }
    sql(
        &server,
        "icu",
        "CREATE COLLATION nodet (provider = icu, locale = 'und-u-ks-level2', deterministic = false);
         CREATE TABLE t (name text COLLATE nodet UNIQUE); INSERT INTO t VALUES ('ä'), ('b')",
    );
    comes_back(&server, &store, "icu");
    let content = store.entries().into_iter().find(|entry| entry.ends_with(".content.json")).unwrap();
    let content: Value = serde_json::from_slice(&fs::read(store.join(&content)).unwrap()).unwrap();
    assert_eq!((&content["database"]["provider"], &content["database"]["locale"]), (&"i".into(), &"de".into()));
}

#[test]
fn an_event_trigger_that_forbids_every_ddl() {
    let (server, store) = (server(), Store::new());
    furnish(&server, "app", "UTF8");
    sql(
        &server,
        "app",
        "CREATE FUNCTION no() RETURNS event_trigger LANGUAGE plpgsql AS 'BEGIN RAISE EXCEPTION ''no DDL here''; END';
         DROP MATERIALIZED VIEW totals; CREATE EVENT TRIGGER never ON ddl_command_start EXECUTE FUNCTION no();
         ALTER EVENT TRIGGER never ENABLE ALWAYS",
    );
    comes_back(&server, &store, "app");
}

#[test]
fn a_database_that_was_dropped_half_and_one_that_takes_no_connection() {
    let (server, store) = (server(), Store::new());
    server.exec("CREATE DATABASE half");
    server.exec("CREATE DATABASE closed");
    // As DROP DATABASE leaves it when it is interrupted.
    server.exec("UPDATE pg_database SET datconnlimit = -2 WHERE datname = 'half'");
    server.exec("ALTER DATABASE closed ALLOW_CONNECTIONS false");
    store.good(&server, &["take", "--kind=base"]);
    store.good(&server, &["prove", "--kind=base"]);
    let refused = store.run(&server, &["take", "--kind=full", "--dbname=closed"]);
    assert!(refused.exit == 3 && refused.stderr.contains("not currently accepting connections"), "{refused:?}");
}

#[test]
fn an_event_trigger_for_logins() {
    for major in crate::bed::with_clients().into_iter().filter(|major| major.0 >= 17) {
        let (server, store) =
            (Server::start(major, &Options { own_system_identifier: true, ..Options::default() }), Store::new());
        for (database, body) in [
            ("written_down", "INSERT INTO public.logins DEFAULT VALUES"),
            ("only_here", "IF current_database() <> ''only_here'' THEN RAISE EXCEPTION ''not here''; END IF"),
        ] {
            server.exec(&format!("CREATE DATABASE {database}"));
            let make = format!(
                "CREATE TABLE logins (at timestamptz DEFAULT now());
                 CREATE FUNCTION login() RETURNS event_trigger LANGUAGE plpgsql AS 'BEGIN {body}; END';
                 CREATE EVENT TRIGGER door ON login EXECUTE FUNCTION login(); ALTER EVENT TRIGGER door ENABLE ALWAYS"
            );
            sql(&server, database, &make);
            comes_back(&server, &store, database);
        }
        let rows = sql(&server, "written_down", "SELECT count(*) FROM logins");
        store.good(&server, &["take", "--kind=base"]);
        let query = format!("--query=SELECT count(*) >= {rows} FROM public.logins");
        store.good(&server, &["prove", "--kind=base", "--of=written_down", &query]);
    }
}

#[test]
fn a_materialized_view_that_can_no_longer_be_refreshed_is_found() {
    let (server, store) = (server(), Store::new());
    server.exec("CREATE DATABASE app");
    // A dump that every pg_dump calls good, of a view that says where it may be.
    sql(
        &server,
        "app",
        "CREATE FUNCTION f() RETURNS int LANGUAGE plpgsql AS
           'BEGIN IF current_database() <> ''app'' THEN RAISE EXCEPTION ''not here''; END IF; RETURN 1; END';
         CREATE MATERIALIZED VIEW m AS SELECT f()",
    );
    store.take(&server, "app");
    let found = store.bad(&server, &["prove", "--of=app"]);
    assert_eq!(found.failed(), ["restored"]);
    assert!(found.message().contains("not here"), "{found:?}");
}

#[test]
fn settings_of_roles_and_databases_do_not_get_in_the_way() {
    let (server, store) = (server(), Store::new());
    furnish(&server, "app", "UTF8");
    let settings = [
        ("statement_timeout", "'50ms'"),
        ("lock_timeout", "'50ms'"),
        ("idle_session_timeout", "'300ms'"),
        ("idle_in_transaction_session_timeout", "'100ms'"),
        ("default_transaction_read_only", "on"),
        ("default_transaction_isolation", "'serializable'"),
        ("standard_conforming_strings", "off"),
        ("datestyle", "'German'"),
        ("client_encoding", "'LATIN1'"),
        ("search_path", "'nowhere'"),
        ("quote_all_identifiers", "on"),
        ("row_security", "on"),
        ("client_min_messages", "'debug1'"),
    ];
    server.exec("CREATE ROLE tool LOGIN SUPERUSER");
    for (name, value) in settings {
        server.exec(&format!("ALTER ROLE tool SET {name} = {value}; ALTER DATABASE app SET {name} = {value}"));
    }
    server.exec("ALTER DATABASE app CONNECTION LIMIT 3; ALTER DATABASE app IS_TEMPLATE true");
    for arguments in [
        ["take", "--kind=full", "--dbname=app"],
        ["take", "--kind=schema", "--dbname=app"],
        ["take", "--kind=globals", "--dbname=app"],
        ["take", "--kind=base", "--dbname=app"],
        ["prove", "--kind=full", "--of=app"],
        ["prove", "--kind=schema", "--of=app"],
        ["prove", "--kind=globals", "--no-amcheck"],
        ["prove", "--kind=base", "--of=app"],
    ] {
        let mut command = store.command(&server, &arguments);
        let done = answer(command.env("PGUSER", "tool"));
        assert_eq!(done.exit, 0, "{arguments:?}: {done:#?}");
    }
}

#[test]
fn objects_of_all_sorts() {
    let (server, store) = (server(), Store::new());
    server.exec("CREATE ROLE \"Owner\"");
    server.exec("CREATE DATABASE app");
    sql(&server, "app", include_str!("objects.sql"));
    if server.major().0 >= 18 {
        let newest = "CREATE TABLE virtual (a int, b int GENERATED ALWAYS AS (a * 2) VIRTUAL, c int CONSTRAINT later CHECK (c > 0) NOT ENFORCED); INSERT INTO virtual VALUES (1, DEFAULT, -1);
                      CREATE TABLE nn (a int); ALTER TABLE nn ADD CONSTRAINT nn_later NOT NULL a NOT VALID";
        sql(&server, "app", newest);
    }
    let session = server.session("postgres");
    session.sql("CREATE TEMPORARY TABLE mine AS SELECT 1 AS n");
    comes_back(&server, &store, "app");
}

#[test]
fn thousands_of_tables_are_dumped_without_locking_them_all() {
    let settings = [("max_locks_per_transaction", "512")];
    let server = Server::start(major(), &Options { settings: &settings, ..Options::default() });
    let store = Store::new();
    server.exec("CREATE DATABASE many");
    let make = "DO $$ BEGIN FOR n IN 1..2500 LOOP EXECUTE format('CREATE TABLE t%s AS SELECT %s AS n', n, n); END LOOP; END $$";
    sql(&server, "many", make);
    let taken = store.good(&server, &["take", "--kind=full", "--dbname=many"]);
    assert_eq!(
        (&taken["manifest"]["summary"]["tables"], &taken["manifest"]["summary"]["rows"]),
        (&2500.into(), &2500.into())
    );
    store.good(&server, &["prove", "--of=many", "--no-amcheck"]);
}

#[test]
fn a_subscription_does_not_reach_for_its_publisher_from_a_restore() {
    let logical = [("wal_level", "logical")];
    let publisher = Server::start(major(), &Options { settings: &logical, ..Options::default() });
    publisher.exec("CREATE TABLE t (n int PRIMARY KEY); CREATE PUBLICATION p FOR TABLE t; CREATE ROLE sub LOGIN REPLICATION SUPERUSER");
    let (server, store) = (server(), Store::new());
    server.exec("CREATE TABLE t (n int PRIMARY KEY)");
    let dsn = publisher.tcp_dsn("sub", "postgres");
    server.exec(&format!("CREATE SUBSCRIPTION s CONNECTION '{dsn}' PUBLICATION p"));
    let mine = "SELECT count(*) FROM pg_stat_replication WHERE usename = 'sub' AND state = 'streaming'";
    server.wait_until("the subscriber follows", || publisher.value(mine).as_deref() == Some("1"));
    publisher.exec("INSERT INTO t VALUES (1)");
    server.wait_until("the row arrives", || server.value("SELECT count(*) FROM t").as_deref() == Some("1"));
    let taken = store.good(&server, &["take", "--kind=full"]);
    assert_eq!(taken["manifest"]["caveats"][0]["code"], "subscriptions-disabled");
    store.good(&server, &["take", "--kind=base"]);
    // The subscriber itself lets go, so that whoever connects now is a restore.
    server.exec("ALTER SUBSCRIPTION s DISABLE");
    publisher.wait_until("the subscriber has gone", || publisher.value(mine).as_deref() == Some("0"));
    publisher.set(&[("log_connections", "on")]);
    let before = publisher.log().matches("user=sub").count();
    let proved = store.good(&server, &["prove", "--of=postgres"]);
    assert!(proved["proof"]["notes"].to_string().contains("subscriptions are not restored"), "{proved:#}");
    store.good(&server, &["prove", "--kind=base"]);
    assert_eq!(publisher.log().matches("user=sub").count(), before, "a restore has connected to the publisher");
}
