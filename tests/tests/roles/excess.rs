//! What nobody wants is found, with the statement that takes it away: for the login that looks and for the one that acts.

use pgreeve_tests::agent::Agent;
use pgreeve_tests::testbed::{Major, Server, available};

use crate::bed::{agent, doctor, grant_twice, mend, server};

/// Vacuuming wants ownership before 17, and then nobody can tell what is owned for nothing.
const WITHOUT_OWNERSHIP: &str = r#"vacuum = "deny", end = "auto", checkpoint = "deny""#;

/// What was done, since which major it can be done, and what the doctor has to say of it. `LOGIN` stands for either login.
type Excess = (&'static str, u16, &'static str);

/// The agent of a server where both logins have what they want and no more; and more objects to have too much of.
fn content(major: Major) -> (Server, Agent) {
    let server = server(major);
    let agent = agent(&server, WITHOUT_OWNERSHIP);
    grant_twice(&agent, &server, &["--major", &major.to_string()]);
    server.exec(
        "CREATE ROLE giver; GRANT USAGE ON SCHEMA app TO giver;
         CREATE TABLE app.kept (id integer, note text); CREATE TABLE app.given (); CREATE TABLE app.wide (a integer, \"B b\" text);
         GRANT DELETE ON app.given TO giver WITH GRANT OPTION; SELECT lo_create(4711);
         CREATE FUNCTION app.sly(integer, text[]) RETURNS integer SECURITY DEFINER LANGUAGE sql AS 'SELECT 1';
         REVOKE ALL ON FUNCTION app.sly FROM PUBLIC;
         CREATE FOREIGN DATA WRAPPER nowhere; CREATE SERVER other FOREIGN DATA WRAPPER nowhere",
    );
    server.exec("CREATE DATABASE other");
    let well = doctor(&agent);
    assert_eq!((well.exit, well.complaints()), (0, Vec::new()), "{major}: {:#}", well.json);
    (server, agent)
}

/// Does it all, sees that each is found, runs the statements beside the lines, and sees that nothing is left.
fn each_is_found_and_mended(major: Major, server: &Server, agent: &Agent, login: &str, excess: &[Excess]) {
    let excess = || excess.iter().filter(|(_, since, _)| major.0 >= *since);
    excess().for_each(|(too_much, ..)| server.exec(&too_much.replace("LOGIN", login)));
    let seen = doctor(agent);
    assert_eq!(seen.exit, 1, "{major}: {login}: {:#}", seen.json);
    for (_, _, what) in excess() {
        let line = seen.line(&what.replace("LOGIN", login));
        assert_eq!((&line["state"], &line["login"]), (&"too-much".into(), &login.into()), "{major}: {what}: {line:#}");
    }
    mend(server, &seen, "too-much");
    let mended = doctor(agent);
    assert_eq!((mended.exit, mended.complaints()), (0, Vec::new()), "{major}: {:#}", seen.json);
}

#[test]
fn what_was_granted_and_nobody_wants() {
    let granted: [Excess; 19] = [
        ("GRANT SELECT, INSERT ON app.kept TO LOGIN", 14, "INSERT, SELECT on table app.kept"),
        (
            "GRANT SELECT (a), UPDATE (\"B b\") ON app.wide TO LOGIN",
            14,
            "SELECT (a), UPDATE (\"B b\") on table app.wide",
        ),
        ("SET ROLE giver; GRANT DELETE ON app.given TO LOGIN; RESET ROLE", 14, "DELETE on table app.given"),
        (
            "CREATE ROLE writers; GRANT INSERT ON app.orders TO writers; GRANT writers TO LOGIN",
            14,
            "INSERT on table app.orders, through writers",
        ),
        ("GRANT UPDATE ON SEQUENCE app.orders_id_seq TO LOGIN", 14, "UPDATE on sequence app.orders_id_seq"),
        ("GRANT CREATE ON SCHEMA app TO LOGIN", 14, "CREATE on schema app"),
        ("GRANT CREATE, TEMPORARY ON DATABASE postgres TO LOGIN", 14, "CREATE, TEMPORARY on database postgres"),
        ("GRANT CONNECT ON DATABASE other TO LOGIN", 14, "CONNECT on database other"),
        ("GRANT EXECUTE ON FUNCTION app.sly TO LOGIN", 14, "EXECUTE on function app.sly(integer,text[])"),
        ("GRANT EXECUTE ON FUNCTION pg_read_file(text) TO LOGIN", 14, "EXECUTE on function pg_read_file(text)"),
        ("GRANT USAGE ON LANGUAGE plpgsql TO LOGIN", 14, "USAGE on language plpgsql"),
        ("GRANT USAGE ON TYPE app.mood TO LOGIN", 14, "USAGE on type app.mood"),
        ("GRANT UPDATE ON LARGE OBJECT 4711 TO LOGIN", 14, "UPDATE on large object 4711"),
        ("GRANT USAGE ON FOREIGN DATA WRAPPER nowhere TO LOGIN", 14, "USAGE on foreign data wrapper nowhere"),
        ("GRANT USAGE ON FOREIGN SERVER other TO LOGIN", 14, "USAGE on foreign server other"),
        ("GRANT CREATE ON TABLESPACE pg_default TO LOGIN", 14, "CREATE on tablespace pg_default"),
        ("GRANT SET, ALTER SYSTEM ON PARAMETER Work_Mem TO LOGIN", 15, "ALTER SYSTEM, SET on parameter work_mem"),
        (
            "ALTER DEFAULT PRIVILEGES IN SCHEMA app GRANT SELECT ON TABLES TO LOGIN",
            14,
            "SELECT on tables to be made (FOR ROLE postgres IN SCHEMA app)",
        ),
        (
            "ALTER DEFAULT PRIVILEGES FOR ROLE giver GRANT EXECUTE ON FUNCTIONS TO LOGIN",
            14,
            "EXECUTE on functions to be made (FOR ROLE giver)",
        ),
    ];
    let later: [Excess; 2] = [
        ("GRANT MAINTAIN ON app.kept TO LOGIN", 17, "MAINTAIN on table app.kept"),
        (
            "ALTER DEFAULT PRIVILEGES GRANT UPDATE ON LARGE OBJECTS TO LOGIN",
            18,
            "UPDATE on large objects to be made (FOR ROLE postgres)",
        ),
    ];
    for major in available() {
        let (server, agent) = content(major);
        for login in ["looks", "acts"] {
            each_is_found_and_mended(major, &server, &agent, login, &granted);
            server.exec("DROP OWNED BY writers; DROP ROLE writers");
        }
        if major.0 >= 17 {
            each_is_found_and_mended(major, &server, &agent, "looks", &later);
        }
    }
}

#[test]
fn what_is_owned() {
    let owned: [Excess; 18] = [
        ("ALTER TABLE app.kept OWNER TO LOGIN", 14, "ownership of table app.kept"),
        ("CREATE VIEW app.v AS SELECT 1; ALTER VIEW app.v OWNER TO LOGIN", 14, "ownership of view app.v"),
        (
            "CREATE MATERIALIZED VIEW app.m AS SELECT 1; ALTER MATERIALIZED VIEW app.m OWNER TO LOGIN",
            14,
            "ownership of materialized view app.m",
        ),
        ("CREATE SEQUENCE app.s; ALTER SEQUENCE app.s OWNER TO LOGIN", 14, "ownership of sequence app.s"),
        ("CREATE SCHEMA \"My Own\" AUTHORIZATION LOGIN", 14, "ownership of schema \"My Own\""),
        (
            "CREATE ROLE owners; CREATE SCHEMA theirs AUTHORIZATION owners; GRANT owners TO LOGIN",
            14,
            "ownership of schema theirs, through owners",
        ),
        ("ALTER FUNCTION app.sly OWNER TO LOGIN", 14, "ownership of function app.sly(integer,pg_catalog.text[])"),
        (
            "CREATE AGGREGATE app.sum2(integer) (SFUNC = int4pl, STYPE = integer); ALTER AGGREGATE app.sum2(integer) OWNER TO LOGIN",
            14,
            "ownership of aggregate app.sum2(integer)",
        ),
        ("ALTER TYPE app.mood OWNER TO LOGIN", 14, "ownership of type app.mood"),
        ("CREATE DOMAIN app.d AS text; ALTER DOMAIN app.d OWNER TO LOGIN", 14, "ownership of type app.d"),
        ("ALTER LARGE OBJECT 4711 OWNER TO LOGIN", 14, "ownership of large object 4711"),
        ("CREATE PUBLICATION p; ALTER PUBLICATION p OWNER TO LOGIN", 14, "ownership of publication p"),
        (
            "CREATE STATISTICS app.st ON id, note FROM app.orders; ALTER STATISTICS app.st OWNER TO LOGIN",
            14,
            "ownership of statistics object app.st",
        ),
        (
            "CREATE OPERATOR app.=== (FUNCTION = int4eq, LEFTARG = integer, RIGHTARG = integer);
             ALTER OPERATOR app.=== (integer, integer) OWNER TO LOGIN",
            14,
            "ownership of operator app.===(integer,integer)",
        ),
        (
            "GRANT USAGE ON FOREIGN DATA WRAPPER nowhere TO LOGIN; ALTER SERVER other OWNER TO LOGIN;
             REVOKE USAGE ON FOREIGN DATA WRAPPER nowhere FROM LOGIN",
            14,
            "ownership of server other",
        ),
        ("CREATE USER MAPPING FOR LOGIN SERVER other", 14, "the user mapping of LOGIN on server other"),
        ("ALTER DATABASE other OWNER TO LOGIN", 14, "ownership of database other"),
        (
            "GRANT CREATE ON DATABASE postgres TO LOGIN; SET ROLE LOGIN; CREATE EXTENSION hstore SCHEMA app; RESET ROLE;
             REVOKE CREATE ON DATABASE postgres FROM LOGIN",
            14,
            "ownership of extension hstore",
        ),
    ];
    for major in available() {
        let (server, agent) = content(major);
        // The extension's objects go into a schema that its owner may write to.
        server.exec("GRANT CREATE ON SCHEMA app TO looks");
        each_is_found_and_mended(major, &server, &agent, "looks", &owned);
        // The actor too, of which nothing is wanted that has an owner.
        let actor: [Excess; 2] = [
            ("ALTER TABLE app.kept OWNER TO LOGIN", 14, "ownership of table app.kept"),
            ("ALTER DATABASE postgres OWNER TO LOGIN", 14, "ownership of database postgres"),
        ];
        each_is_found_and_mended(major, &server, &agent, "acts", &actor);
    }
}

#[test]
fn attributes_and_memberships() {
    for major in available() {
        let server = server(major);
        let agent = Agent::replication(&[("main", server.dsn("pgreeve_observer", "postgres"))], "");
        agent.check("replication");
        grant_twice(&agent, &server, &[]);
        server.exec(
            "CREATE ROLE ops; GRANT pg_signal_backend TO ops; CREATE ROLE makers CREATEDB CREATEROLE; CREATE ROLE sees BYPASSRLS;
             CREATE ROLE giver; GRANT ops TO giver WITH ADMIN OPTION",
        );
        let login = "pgreeve_observer";
        let well = doctor(&agent);
        assert_eq!((well.exit, well.complaints()), (0, Vec::new()), "{major}: {:#}", well.json);
        let role: [Excess; 10] = [
            ("ALTER ROLE LOGIN CREATEDB", 14, "the attribute CREATEDB"),
            ("ALTER ROLE LOGIN CREATEROLE", 14, "the attribute CREATEROLE"),
            ("ALTER ROLE LOGIN REPLICATION", 14, "the attribute REPLICATION"),
            ("ALTER ROLE LOGIN BYPASSRLS", 14, "the attribute BYPASSRLS"),
            ("GRANT pg_write_all_data TO LOGIN", 14, "membership in pg_write_all_data"),
            ("GRANT pg_read_all_data TO LOGIN", 14, "membership in pg_read_all_data"),
            ("GRANT pg_execute_server_program TO LOGIN", 14, "membership in pg_execute_server_program"),
            ("GRANT makers TO LOGIN", 14, "membership in makers, which has CREATEDB, CREATEROLE"),
            ("GRANT sees TO LOGIN", 14, "membership in sees, which has BYPASSRLS"),
            ("SET ROLE giver; GRANT ops TO LOGIN; RESET ROLE", 14, "membership in pg_signal_backend, through ops"),
        ];
        each_is_found_and_mended(major, &server, &agent, login, &role);
        if major.0 >= 16 {
            // Neither what the role has, nor SET ROLE, nor the right to give it on.
            server.exec("GRANT ops TO pgreeve_observer WITH INHERIT FALSE, SET FALSE");
            assert_eq!(doctor(&agent).complaints(), Vec::<String>::new(), "{major}");
            server.exec("GRANT ops TO pgreeve_observer WITH INHERIT FALSE, SET TRUE");
            assert_eq!(doctor(&agent).state("membership in pg_signal_backend, through ops"), "too-much", "{major}");
        }
    }
}

#[test]
fn of_many_tables_some_are_named_and_the_others_are_counted() {
    let (server, agent) = content(Major(15));
    server.exec("DO $$BEGIN FOR n IN 1 .. 23 LOOP EXECUTE format('CREATE TABLE app.t%s ()', n); END LOOP; END$$");
    server.exec("GRANT INSERT ON ALL TABLES IN SCHEMA app TO looks; REVOKE INSERT ON app.kept, app.given, app.wide, app.orders FROM looks");
    let seen = doctor(&agent);
    assert_eq!(seen.complaints().len(), 21, "{:#}", seen.json);
    assert_eq!(seen.state("3 more objects on which it was granted something"), "too-much");
}

#[test]
fn an_observer_that_only_a_default_keeps_from_writing_is_told_so() {
    let (server, agent) = content(Major(15));
    server.exec("GRANT INSERT ON app.kept TO looks; ALTER ROLE looks SET default_transaction_read_only = on");
    let line = doctor(&agent).line("INSERT on table app.kept").clone();
    assert!(line["effect"].as_str().unwrap().contains("default_transaction_read_only is no guard"), "{line:#}");
    // What it may merely read is no matter of writing.
    server.exec("REVOKE INSERT ON app.kept FROM looks; GRANT SELECT ON app.kept TO looks");
    assert!(doctor(&agent).line("SELECT on table app.kept")["effect"].is_null());
}

#[test]
fn what_could_not_be_asked_is_not_ok() {
    let (server, agent) = content(Major(15));
    server.exec("REVOKE SELECT ON pg_catalog.pg_shdepend FROM PUBLIC");
    let seen = doctor(&agent);
    assert_eq!((seen.exit, seen.json["status"].as_str().unwrap()), (3, "unknown"), "{:#}", seen.json);
    for what in ["whether what it owns is too much", "whether what was granted to it is too much"] {
        assert_eq!(seen.state(what), "could-not-look");
    }
}
