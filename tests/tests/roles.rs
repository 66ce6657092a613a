//! `pgreeve grants` and `pgreeve doctor`, on real servers: what the one prints is what the other finds right, each right that is taken away
//! is named with the statement that gives it back, and what nobody wants is found.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic)]

use std::io::Write as _;
use std::process::{Command, Output, Stdio};

use pgreeve_tests::agent::Agent;
use pgreeve_tests::testbed::{Major, Options, Server, available};
use serde_json::Value;

/// The majors in which rights differ: before parameters have privileges, with them, and with MAINTAIN.
fn majors() -> Vec<Major> {
    available().into_iter().filter(|major| [14, 15, 17, 18].contains(&major.0)).collect()
}

/// Runs SQL as an operator does.
fn psql(server: &Server, sql: &str) -> Output {
    let program = Major(15).optional_program("psql").unwrap();
    let mut command = Command::new(program);
    command.args(["-X", "-v", "ON_ERROR_STOP=1", "-U", "postgres", "-d", "postgres", "-h"]).arg(server.socket_dir());
    command.arg("-p").arg(server.port().to_string());
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(sql.as_bytes()).unwrap();
    child.wait_with_output().unwrap()
}

/// What `pgreeve grants` prints.
fn grants(agent: &Agent, arguments: &[&str]) -> String {
    let output = agent.run(&[&["grants"], arguments].concat());
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

/// Gives the logins what they want, and does it again.
fn grant_twice(agent: &Agent, server: &Server, arguments: &[&str]) -> String {
    let script = grants(agent, arguments);
    for time in ["first", "second"] {
        let output = psql(server, &script);
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{} {time}: {said}\n{script}", server.major());
    }
    script
}

struct Seen {
    exit: i32,
    json: Value,
}

fn doctor(agent: &Agent) -> Seen {
    doctor_of(agent, &[])
}

fn doctor_of(agent: &Agent, arguments: &[&str]) -> Seen {
    let output = agent.run(&[&["doctor", "--format", "json"], arguments].concat());
    let json = serde_json::from_slice(&output.stdout)
        .unwrap_or_else(|error| panic!("no JSON ({error}): {}", String::from_utf8_lossy(&output.stderr)));
    Seen { exit: output.status.code().unwrap(), json }
}

impl Seen {
    /// Lines that are neither ok nor not applicable, as `state what`.
    fn complaints(&self) -> Vec<String> {
        let lines = self.json["lines"].as_array().unwrap().iter();
        let bad = lines.filter(|line| line["state"] != "ok" && line["state"] != "not-applicable");
        bad.map(|line| format!("{} {}", line["state"].as_str().unwrap(), line["what"].as_str().unwrap())).collect()
    }

    /// The line that says this.
    fn line(&self, what: &str) -> &Value {
        let lines = self.json["lines"].as_array().unwrap();
        let found = lines.iter().find(|line| line["what"].as_str().unwrap().starts_with(what));
        found.unwrap_or_else(|| panic!("nothing about {what:?}: {:#}", self.json))
    }

    fn state(&self, what: &str) -> &str {
        self.line(what)["state"].as_str().unwrap()
    }
}

/// A server with what the guest `rights` wants to look at, kept from everybody.
fn server(major: Major) -> Server {
    let server = Server::start(major, &Options::default());
    server.exec(
        "CREATE SCHEMA app; CREATE TYPE app.mood AS ENUM ('well');
         CREATE TABLE app.orders (id serial, note text); INSERT INTO app.orders (note) VALUES ('a'), ('b'), ('c');
         CREATE FUNCTION app.total(a integer, b text[], c app.mood) RETURNS integer LANGUAGE sql AS 'SELECT 1';
         REVOKE ALL ON FUNCTION app.total FROM PUBLIC",
    );
    server
}

/// An agent whose job runs the guest, with a login to look and one to act.
fn agent(server: &Server, actions: &str) -> Agent {
    let config = format!(
        "[agent]\nstate_dir = \"STATE\"\n[postgres.main]\ndsn = {:?}\nact_dsn = {:?}\n[plugin.rights]\npath = \"PLUGINS/rights.wasm\"\n\
         [job.rights]\nplugin = \"rights\"\nschedule = \"@daily\"\ngrant = {{ postgres = [\"main\"] }}\nactions = {{ {actions} }}\n",
        server.dsn("looks", "postgres"),
        server.dsn("acts", "postgres"),
    );
    let agent = Agent::new(&config);
    // Compiled once, for all that follows.
    agent.check("rights");
    agent
}

/// The actions that these tests let be carried out.
const CARRIED_OUT: &str = r#"vacuum = "approve", end = "auto", checkpoint = "deny""#;

#[test]
fn after_the_grants_the_doctor_is_content_and_the_replication_plugin_answers_everything() {
    for major in majors() {
        let server = Server::start(major, &Options::default());
        let agent = Agent::replication(&[("main", server.dsn("pgreeve_observer", "postgres"))], "");
        agent.check("replication");
        let before = doctor(&agent);
        assert_eq!(before.exit, 3, "{major}: {:#}", before.json);
        assert!(before.line("nothing could be asked")["mend"].as_str().unwrap().contains("pgreeve grants"));

        grant_twice(&agent, &server, &[]);
        let after = doctor(&agent);
        assert_eq!((after.exit, after.complaints()), (0, Vec::new()), "{major}: {:#}", after.json);
        assert_eq!(after.state("membership in pg_monitor"), "ok");
        let checked = agent.check("replication");
        let unanswered: Vec<_> = checked.findings().iter().filter(|finding| finding["status"] == "unknown").collect();
        assert!(unanswered.is_empty(), "{major}: {unanswered:#?}");

        server.exec("REVOKE pg_monitor FROM pgreeve_observer");
        let revoked = doctor(&agent);
        assert_eq!(revoked.exit, 2, "{major}: {:#}", revoked.json);
        let line = revoked.line("membership in pg_monitor");
        assert_eq!((&line["state"], &line["required"]), (&"missing".into(), &true.into()), "{major}");
        assert_eq!(line["mend"], "GRANT \"pg_monitor\" TO \"pgreeve_observer\";");
        server.exec(line["mend"].as_str().unwrap());
        assert_eq!(doctor(&agent).exit, 0, "{major}");
    }
}

#[test]
fn every_right_that_is_taken_away_is_named_with_the_statement_that_gives_it_back() {
    for major in majors() {
        let server = server(major);
        let agent = agent(&server, CARRIED_OUT);
        grant_twice(&agent, &server, &[]);
        let well = doctor(&agent);
        // Before MAINTAIN nothing but ownership will do, and no GRANT gives it.
        let owner =
            if major.0 < 17 { vec!["missing ownership of the table app.orders".to_owned()] } else { Vec::new() };
        assert_eq!(well.complaints(), owner, "{major}: {:#}", well.json);
        assert_eq!(well.exit, if major.0 < 17 { 2 } else { 0 }, "{major}");
        assert_eq!(well.state("SELECT on table elsewhere.objects"), "not-applicable");

        let taken = [
            ("REVOKE pg_signal_backend FROM acts", "membership in pg_signal_backend", 14),
            ("ALTER ROLE looks NOREPLICATION", "the attribute REPLICATION", 14),
            ("REVOKE USAGE ON SCHEMA app FROM looks", "USAGE on schema app", 14),
            ("REVOKE SELECT ON app.orders FROM looks", "SELECT on table app.orders", 14),
            ("REVOKE SELECT ON SEQUENCE app.orders_id_seq FROM looks", "SELECT on sequence app.orders_id_seq", 14),
            ("REVOKE EXECUTE ON FUNCTION app.total FROM looks", "EXECUTE on function app.total", 14),
            ("REVOKE SET ON PARAMETER log_min_messages FROM looks", "SET on parameter log_min_messages", 15),
            ("REVOKE MAINTAIN ON app.orders FROM acts", "MAINTAIN on table app.orders", 17),
        ];
        for (revoke, right, since) in taken {
            if major.0 < since {
                assert_eq!(well.state(right), "not-applicable", "{major}: {right}");
                continue;
            }
            assert_eq!(well.state(right), "ok", "{major}: {right}");
            server.exec(revoke);
            let seen = doctor(&agent);
            let line = seen.line(right);
            assert_eq!(line["state"], "missing", "{major}: {right}: {:#}", seen.json);
            assert!(seen.exit >= 1 && !line["why"][0].as_str().unwrap().is_empty(), "{major}: {right}");
            server.exec(line["mend"].as_str().unwrap());
            assert_eq!(doctor(&agent).complaints(), owner, "{major}: {right}");
        }
        if major.0 < 17 {
            server.exec("ALTER TABLE app.orders OWNER TO acts");
            let owned = doctor(&agent);
            assert_eq!((owned.exit, owned.state("ownership of the table app.orders")), (0, "by-hand"), "{major}");
        }
        // What the doctor finds enough is enough.
        assert_eq!(server.value("SELECT reltuples FROM pg_class WHERE oid = 'app.orders'::regclass").unwrap(), "-1");
        server.session("acts").sql("VACUUM app.orders");
        assert_eq!(server.value("SELECT reltuples FROM pg_class WHERE oid = 'app.orders'::regclass").unwrap(), "3");
        let looks = server.session("looks");
        looks.sql(
            "SELECT count(*), app.total(1, '{}', 'well') FROM app.orders; SELECT last_value FROM app.orders_id_seq",
        );
    }
}

#[test]
fn what_nobody_wants_is_found_and_the_statement_beside_it_takes_it_away() {
    for major in majors() {
        let server = server(major);
        let agent = Agent::replication(&[("main", server.dsn("pgreeve_observer", "postgres"))], "");
        agent.check("replication");
        grant_twice(&agent, &server, &["--major", &major.to_string()]);
        server.exec(
            "CREATE ROLE writers; GRANT USAGE ON SCHEMA app TO PUBLIC; GRANT INSERT ON app.orders TO writers;
             CREATE ROLE ops; GRANT pg_signal_backend TO ops; CREATE ROLE boss SUPERUSER; CREATE ROLE owners;
             CREATE ROLE giver; GRANT DELETE ON app.orders TO giver WITH GRANT OPTION; GRANT USAGE ON SCHEMA app TO giver;
             CREATE SCHEMA theirs AUTHORIZATION owners; GRANT ops TO giver WITH ADMIN OPTION",
        );
        let well = doctor(&agent);
        assert_eq!((well.exit, well.complaints()), (0, Vec::new()), "{major}: {:#}", well.json);
        for (too_much, what) in [
            ("ALTER ROLE pgreeve_observer CREATEDB", "the attribute CREATEDB"),
            ("ALTER ROLE pgreeve_observer CREATEROLE", "the attribute CREATEROLE"),
            ("ALTER ROLE pgreeve_observer REPLICATION", "the attribute REPLICATION"),
            ("ALTER ROLE pgreeve_observer BYPASSRLS", "the attribute BYPASSRLS"),
            ("ALTER ROLE pgreeve_observer SUPERUSER", "the attribute SUPERUSER"),
            ("GRANT pg_write_all_data TO pgreeve_observer", "membership in pg_write_all_data"),
            ("GRANT pg_read_all_data TO pgreeve_observer", "membership in pg_read_all_data"),
            ("GRANT pg_execute_server_program TO pgreeve_observer", "membership in pg_execute_server_program"),
            ("GRANT ops TO pgreeve_observer", "membership in pg_signal_backend, through ops"),
            (
                "SET ROLE giver; GRANT ops TO pgreeve_observer; RESET ROLE",
                "membership in pg_signal_backend, through ops",
            ),
            ("GRANT boss TO pgreeve_observer", "membership in boss, a superuser"),
            ("GRANT UPDATE, DELETE ON app.orders TO pgreeve_observer", "DELETE, UPDATE on table app.orders"),
            ("GRANT UPDATE (note) ON app.orders TO pgreeve_observer", "UPDATE (note) on table app.orders"),
            ("GRANT TRUNCATE ON app.orders TO PUBLIC", "TRUNCATE on table app.orders, through PUBLIC"),
            ("GRANT writers TO pgreeve_observer", "INSERT on table app.orders, through writers"),
            (
                "SET ROLE giver; GRANT DELETE ON app.orders TO pgreeve_observer; RESET ROLE",
                "DELETE on table app.orders",
            ),
            (
                "CREATE TABLE public.mine (); ALTER TABLE public.mine OWNER TO pgreeve_observer",
                "ownership of table public.mine",
            ),
            ("CREATE SCHEMA \"My Own\" AUTHORIZATION pgreeve_observer", "ownership of schema \"My Own\""),
            ("GRANT owners TO pgreeve_observer", "ownership of schema theirs, through owners"),
            ("ALTER DATABASE postgres OWNER TO pgreeve_observer", "ownership of database postgres"),
        ] {
            server.exec(too_much);
            let seen = doctor(&agent);
            assert_eq!(seen.exit, 1, "{major}: {too_much}: {:#}", seen.json);
            assert_eq!(seen.state(what), "too-much", "{major}: {too_much}");
            let bad = seen.json["lines"].as_array().unwrap().iter().filter(|line| line["state"] == "too-much");
            bad.for_each(|line| server.exec(line["mend"].as_str().unwrap()));
            let mended = doctor(&agent);
            assert_eq!((mended.exit, mended.complaints()), (0, Vec::new()), "{major}: {too_much}: {:#}", seen.json);
        }
    }
}

#[test]
fn of_many_tables_some_are_named_and_the_others_are_counted() {
    let server = server(Major(15));
    let agent = Agent::replication(&[("main", server.dsn("pgreeve_observer", "postgres"))], "");
    grant_twice(&agent, &server, &[]);
    server.exec("DO $$BEGIN FOR n IN 1 .. 23 LOOP EXECUTE format('CREATE TABLE public.t%s ()', n); END LOOP; END$$");
    server.exec("GRANT INSERT ON ALL TABLES IN SCHEMA public TO PUBLIC");
    let seen = doctor(&agent);
    assert_eq!(seen.complaints().len(), 21, "{:#}", seen.json);
    assert_eq!(seen.state("3 more objects that the observer may change"), "too-much");
}

#[test]
fn a_member_without_its_privileges_is_told_how_to_inherit_them() {
    for major in [Major(15), *available().last().unwrap()] {
        let server = Server::start(major, &Options::default());
        let agent = Agent::replication(&[("main", server.dsn("pgreeve_observer", "postgres"))], "");
        server.exec("CREATE ROLE pgreeve_observer LOGIN NOINHERIT; GRANT pg_monitor TO pgreeve_observer");
        let seen = doctor(&agent);
        let line = seen.line("membership in pg_monitor");
        assert_eq!(line["state"], "missing", "{major}: {:#}", seen.json);
        assert!(line["what"].as_str().unwrap().contains("without its privileges"), "{major}: {line}");
        server.exec(line["mend"].as_str().unwrap());
        assert_eq!(doctor(&agent).exit, 0, "{major}");
    }
}

#[test]
fn names_that_need_quotes_reach_the_server_as_they_are() {
    let server = Server::start(Major(15), &Options::default());
    let (user, database) = ("o'b\"\\x $pgreeve$", "we\"ird host=x d'b\\");
    psql(&server, "CREATE DATABASE \"we\"\"ird host=x d'b\\\";");
    let quoted = |text: &str| format!("'{}'", text.replace('\\', "\\\\").replace('\'', "\\'"));
    let dsn = server.dsn("USER", "DATABASE").replace("USER", &quoted(user)).replace("DATABASE", &quoted(database));
    let agent = Agent::replication(&[("main", dsn)], "");
    let script = grant_twice(&agent, &server, &[]);
    let seen = doctor(&agent);
    assert_eq!((seen.exit, seen.complaints()), (0, Vec::new()), "{script}\n{:#}", seen.json);
    assert_eq!(seen.json["lines"][0]["login"], user);
    assert_eq!(
        server.value("SELECT count(*) FROM pg_roles WHERE rolname !~ '^pg_' AND rolname <> 'postgres'").unwrap(),
        "1"
    );
    server.exec("ALTER ROLE \"o'b\"\"\\x $pgreeve$\" CREATEDB");
    server.exec(doctor(&agent).line("the attribute CREATEDB")["mend"].as_str().unwrap());
    assert_eq!(doctor(&agent).exit, 0);
}

#[test]
fn what_one_database_wants_of_a_login_is_not_too_much_in_another() {
    let server = server(Major(15));
    server.exec("CREATE DATABASE other");
    let config = format!(
        "[agent]\nstate_dir = \"STATE\"\n[postgres.main]\ndsn = {:?}\n[postgres.other]\ndsn = {:?}\n[plugin.replication]\n\
         path = \"PLUGINS/replication.wasm\"\n[plugin.rights]\npath = \"PLUGINS/rights.wasm\"\n\
         [job.replication]\nplugin = \"replication\"\nschedule = \"@daily\"\ngrant = {{ postgres = [\"other\"] }}\n\
         [job.rights]\nplugin = \"rights\"\nschedule = \"@daily\"\ngrant = {{ postgres = [\"main\"] }}\n",
        server.dsn("looks", "postgres"),
        server.dsn("looks", "other"),
    );
    let agent = Agent::new(&config);
    let script = grant_twice(&agent, &server, &[]);
    assert!(script.contains("\\connect \"other\"") && script.contains("\\connect \"postgres\""), "{script}");
    // The guest wants REPLICATION in one database, the replication plugin does not in the other.
    let seen = doctor(&agent);
    assert_eq!((seen.exit, seen.complaints()), (0, Vec::new()), "{:#}", seen.json);
}

#[test]
fn the_operators_policy_decides_what_the_actor_is_given() {
    let server = server(Major(15));
    let with = |actions: &str| agent(&server, actions);
    let denied = with(r#"end = "deny", checkpoint = "deny", vacuum = "deny""#);
    let script = grant_twice(&denied, &server, &[]);
    assert!(!script.contains("pg_signal_backend") && script.contains("CREATE ROLE \"acts\""), "{script}");
    assert_eq!(doctor(&denied).exit, 0);
    // Nobody carries out what is only proposed: without its rights nothing fails.
    let proposed = doctor(&with(r#"checkpoint = "deny", vacuum = "deny""#));
    assert_eq!((proposed.exit, proposed.state("membership in pg_signal_backend")), (1, "missing"));
    let approved = with(r#"end = "approve", vacuum = "deny", checkpoint = "approve""#);
    let seen = doctor(&approved);
    assert_eq!((seen.exit, seen.state("membership in pg_signal_backend")), (2, "missing"));
    assert_eq!(seen.state("superuser, for a checkpoint before 15"), "missing");
    let script = grants(&approved, &[]);
    assert!(script.contains("--   ONLY A SUPERUSER CAN DO THIS: a checkpoint before 15"), "{script}");
    assert!(script.contains("job rights, plugin rights, action end (policy approve): to end it"), "{script}");
}

#[test]
fn one_login_for_both_is_too_much_and_a_server_that_is_down_is_neither_right_nor_wrong() {
    let server = server(Major(15));
    let agent = agent(&server, CARRIED_OUT);
    let apart = std::fs::read_to_string(agent.config()).unwrap();
    // Also where it looks at one database and acts in another.
    agent.configure(&apart.replace(&server.dsn("acts", "postgres"), &server.dsn("looks", "template1")));
    grant_twice(&agent, &server, &[]);
    assert_eq!(doctor(&agent).state("one login observes and acts"), "too-much");
    agent.configure(&apart.replace("user=acts", "user=looks"));
    grant_twice(&agent, &server, &[]);
    let seen = doctor(&agent);
    assert_eq!(seen.state("one login observes and acts"), "too-much", "{:#}", seen.json);
    assert_eq!(
        seen.json["lines"]
            .as_array()
            .unwrap()
            .iter()
            .filter(|line| line["what"] == "CONNECT on database postgres")
            .count(),
        1
    );
    drop(server);
    let down = doctor(&agent);
    assert_eq!((down.exit, down.json["status"].as_str().unwrap()), (3, "unknown"), "{:#}", down.json);
    assert_eq!(down.json["lines"].as_array().unwrap().len(), 1);
    let human = agent.run(&["doctor"]);
    let said = String::from_utf8_lossy(&human.stdout);
    assert!(
        said.starts_with("UNKNOWN doctor: 1 could not look\n") && said.contains("next  try the same connection"),
        "{said}"
    );
    assert!(grants(&agent, &[]).contains("NOTE: one login observes and acts"), "grants connects to nothing");
}

#[test]
fn what_cannot_be_printed_for_one_psql_is_refused_with_what_to_type() {
    let agent = Agent::replication(&[("a", "host=/a user=u".into()), ("b", "host=/b".into())], "");
    let refused = agent.run(&["grants"]);
    let said = String::from_utf8_lossy(&refused.stderr);
    assert_eq!(refused.status.code(), Some(1));
    assert!(said.contains("2 servers") && said.contains("pgreeve grants --scope b    # host=/b:5432"), "{said}");
    assert!(grants(&agent, &["--scope", "b"]).contains("NOTE: the dsn names no user"), "a default is said");
    assert!(!grants(&agent, &["--scope", "a"]).contains("NOTE"));
    let both = grants(&agent, &["--scope", "a", "--scope", "b"]);
    assert_eq!(both.matches("\\connect").count(), 2, "{both}");
    let unknown = agent.run(&["grants", "--scope", "c"]);
    assert!(String::from_utf8_lossy(&unknown.stderr).contains("there are: a, b"));
    let failed = doctor_of(&agent, &["--scope", "c"]);
    assert!(failed.json["summary"].as_str().unwrap().contains("there are: a, b"), "{:#}", failed.json);
    for (arguments, status) in
        [(["doctor", "--scope", "c"], 3), (["doctor", "--no-such", "c"], 3), (["grants", "--major", "9"], 64)]
    {
        assert_eq!(agent.run(&arguments).status.code(), Some(status), "{arguments:?}");
    }
}
