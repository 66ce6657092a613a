//! What belongs to a database itself comes back by docs/recovery.md, on a server that has nothing of it.

use std::fs;

use pgreeve_tests::testbed::{Options, Server};

use crate::bed::{Store, server, sql, with_clients};
use crate::recovery::{commands, succeeds};

/// Everything that PostgreSQL keeps of a database outside of it, a line each.
const ASKED: &str = "SELECT concat_ws(' ', pg_get_userbyid(datdba), pg_encoding_to_char(encoding), datcollate, datctype, datconnlimit, datistemplate,
                            shobj_description(oid, 'pg_database')) FROM pg_database WHERE datname = current_database()
    UNION ALL SELECT concat_ws(' ', 'acl', coalesce(g.rolname, 'public'), a.privilege_type, a.is_grantable)
      FROM pg_database, aclexplode(datacl) AS a LEFT JOIN pg_roles AS g ON g.oid = a.grantee WHERE datname = current_database()
    UNION ALL SELECT concat_ws(' ', 'set', r.rolname, setting) FROM pg_db_role_setting AS s LEFT JOIN pg_roles AS r ON r.oid = s.setrole, unnest(setconfig) AS setting
      WHERE setdatabase = (SELECT oid FROM pg_database WHERE datname = current_database())
    ORDER BY 1";

const NAME: &str = "Shop; \"1\" DATABASE";

fn furnished(server: &Server) {
    let name = NAME.replace('"', "\"\"");
    server.exec("CREATE ROLE \"Owner; x\"; CREATE ROLE reader LOGIN; CREATE ROLE database");
    server.exec(&format!(
        "CREATE DATABASE \"{name}\" OWNER \"Owner; x\" TEMPLATE template0 ENCODING 'LATIN1' LC_COLLATE 'C' LC_CTYPE 'C'"
    ));
    for statement in [
        "ALTER DATABASE $ CONNECTION LIMIT 7",
        "ALTER DATABASE $ SET search_path = a, \"B c\"",
        "ALTER DATABASE $ SET \"DateStyle\" = 'German'",
        "ALTER DATABASE $ SET my.own = 'it''s'",
        "ALTER ROLE reader IN DATABASE $ SET statement_timeout = '5min'",
        "ALTER ROLE database IN DATABASE $ SET work_mem = '9MB'",
        "REVOKE ALL ON DATABASE $ FROM PUBLIC",
        "GRANT CONNECT, TEMP ON DATABASE $ TO reader WITH GRANT OPTION",
        "COMMENT ON DATABASE $ IS 'line one; it''s\nline two'",
    ] {
        server.exec(&statement.replace('$', &format!("\"{name}\"")));
    }
    sql(server, NAME, "CREATE TABLE public.t AS SELECT 1 AS n");
}

#[test]
fn owner_limit_privileges_and_settings_come_back_on_another_server() {
    for major in with_clients() {
        let (server, store) =
            (Server::start(major, &Options { own_system_identifier: true, ..Options::default() }), Store::new());
        furnished(&server);
        let dbname = format!("dbname='{NAME}'");
        for format in ["custom", "directory"] {
            let taken = store.good(&server, &["take", "--kind=full", "--dbname", &dbname, "--format-of-dump", format]);
            assert_eq!(taken["manifest"]["caveats"], serde_json::json!([]), "{format}");
            store.good(&server, &["prove", "--name", taken["name"].as_str().unwrap()]);
        }
        store.good(&server, &["take", "--kind=globals"]);
        let bin = store.programs(&server, &[]).display().to_string();
        let answer = store.good(&server, &["restore-plan", "--format=json", "--of", NAME, "--bindir", &bin]);
        let other = Server::start(major, &Options::default());
        let place = format!("export PGHOST={} PGPORT={} PGUSER=postgres; ", other.socket_dir().display(), other.port());
        for command in commands(&answer) {
            succeeds(&format!("{place}{command}"));
        }
        let before = sql(&server, NAME, ASKED);
        assert_eq!(before.lines().count(), 2 + 5 + 5, "{before}");
        assert_eq!(sql(&other, NAME, ASKED), before, "{major:?}");
    }
}

#[test]
fn a_property_that_the_dump_lost_is_named() {
    let (server, store) = (server(), Store::new());
    furnished(&server);
    // A pg_restore that knows nothing of privileges and settings.
    let script = "case \" $* \" in *' --create '*) REAL \"$@\" | grep -v -e ' SET statement_timeout ' -e ' ON DATABASE ';; *) exec REAL \"$@\";; esac";
    let programs = store.programs(&server, &[("pg_restore", script)]);
    let dbname = format!("dbname='{NAME}'");
    let taken =
        store.good(&server, &["take", "--kind=full", "--dbname", &dbname, "--bindir", programs.to_str().unwrap()]);
    let caveats = taken["manifest"]["caveats"].as_array().unwrap();
    let subjects: Vec<&str> = caveats.iter().map(|one| one["subject"].as_str().unwrap()).collect();
    assert_eq!(subjects, ["comment", "privileges", "setting statement_timeout of reader"]);
    assert!(caveats.iter().all(|one| one["code"] == "database-properties-left-out"));
    assert!(fs::metadata(store.join(&format!("{}.json", taken["name"].as_str().unwrap()))).is_ok());
}
