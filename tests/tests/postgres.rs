//! The postgres grant through all of it: agent.toml, host, component, and a real server. What the client alone does is tested beside it.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic)]

use std::time::Duration;

use pgreeve_tests::agent::{Agent, Checked};
use pgreeve_tests::testbed::{Options, Server, available};

fn server() -> Server {
    let server = Server::start(available().into_iter().find(|major| major.0 == 15).unwrap(), &Options::default());
    server.create_roles();
    server
}

/// An agent whose job makes one query; `more` are lines of the scope, `settings` is the inside of a table.
fn agent(server: &Server, user: &str, more: &str, settings: &str, limits: &str) -> Agent {
    Agent::new(&format!(
        "[agent]\nstate_dir = \"STATE\"\n[limits]\n{limits}\n[postgres.main]\ndsn = {:?}\n{more}\n[plugin.q]\npath = \"PLUGINS/one-query.wasm\"\n\
         [job.q]\nplugin = \"q\"\nschedule = \"@daily\"\ngrant = {{ postgres = [\"main\"] }}\nsettings = {{ {settings} }}\n",
        server.dsn(user, "postgres")
    ))
}

fn ask(server: &Server, settings: &str) -> Checked {
    agent(server, "observer", "", settings, "").check("q")
}

/// The first row, as the guest's debug output, or the error.
fn answer(checked: &Checked) -> String {
    let finding = checked.finding("query/main");
    let error = finding["evidence"].as_array().unwrap().iter().find(|fact| fact["name"] == "error");
    error.map_or_else(
        || finding["summary"].as_str().unwrap().to_owned(),
        |fact| fact["value"].as_str().unwrap().to_owned(),
    )
}

fn connections(server: &Server) -> String {
    server.sql("SELECT count(*) FROM pg_stat_activity WHERE application_name LIKE 'pgreeve%'")[0][0].clone().unwrap()
}

#[test]
fn values_of_every_kind_cross_the_boundary() {
    let server = server();
    server.exec("CREATE TYPE mood AS ENUM ('sad', 'happy')");
    for (query, expected) in [
        ("select null::int", "[Value::Null]"),
        ("select true, false", "[Value::Boolean(true), Value::Boolean(false)]"),
        (
            "select 1::int2, -2::int4, 9223372036854775807::int8, 3::oid",
            "[Value::Int(1), Value::Int(-2), Value::Int(9223372036854775807), Value::Int(3)]",
        ),
        ("select 0.5::float8, 'nan'::float4", "[Value::Float(0.5), Value::Float(NaN)]"),
        ("select 1.10::numeric", "[Value::Numeric(\"1.10\")]"),
        ("select 'a'::text, 'b'::name, 'c'::\"char\"", "[Value::Text(\"a\"), Value::Text(\"b\"), Value::Text(\"c\")]"),
        ("select '\\x00ff'::bytea", "[Value::Bytes([0, 255])]"),
        ("select '1970-01-01 00:00:01.5+00'::timestamptz", "[Value::Timestamptz(1500000)]"),
        ("select '0/10'::pg_lsn", "[Value::Lsn(16)]"),
        ("select array['a', null]", "[Value::TextArray([Some(\"a\"), None])]"),
        ("select array[1, null]", "[Value::IntArray([Some(1), None])]"),
        ("select '{\"a\": 1}'::jsonb", "[Value::Json(\"{\\\"a\\\": 1}\")]"),
        ("select '10.0.0.0/8'::inet", "[Value::Other(Other { type-name: \"inet\", text: \"10.0.0.0/8\" })]"),
        ("select 'happy'::public.mood", "[Value::Other(Other { type-name: \"public.mood\", text: \"happy\" })]"),
        ("select '2026-11-20'::date", "[Value::Other(Other { type-name: \"date\", text: \"2026-11-20\" })]"),
    ] {
        let said = answer(&ask(&server, &format!("query = {query:?}")));
        assert_eq!(said, expected, "{query}");
    }
}

#[test]
fn parameters_of_any_type_go_the_other_way() {
    let server = server();
    server.exec("CREATE TYPE mood AS ENUM ('sad', 'happy')");
    for (query, type_name, text, expected) in [
        ("select $1::int + 1", "", "41", "[Value::Int(42)]"),
        ("select family($1)", "inet", "::1", "[Value::Int(6)]"),
        ("select $1 > 'sad'::public.mood", "public.mood", "happy", "[Value::Boolean(true)]"),
        ("select upper($1)", "int4range", "[1,5)", "[Value::Int(5)]"),
        ("select 'x' where $1 = 'it''s; drop table t'", "text", "it's; drop table t", "[Value::Text(\"x\")]"),
    ] {
        let settings = format!("query = {query:?}, parameters = [{{ type_name = {type_name:?}, text = {text:?} }}]");
        assert_eq!(answer(&ask(&server, &settings)), expected, "{query}");
    }
    let wrong = "query = \"select $1::int\", parameters = [{ type_name = \"\", text = \"x\" }]";
    assert!(answer(&ask(&server, wrong)).contains("22P02"));
}

#[test]
fn nothing_but_reading_is_possible() {
    let server = server();
    server.exec("CREATE TABLE t (x int); GRANT ALL ON t TO observer; CREATE SEQUENCE s; GRANT ALL ON s TO observer");
    let _somebody = server.session("postgres");
    for (query, code) in [
        ("insert into public.t values (1)", "42601"),
        ("select 1; drop table public.t", "42601"),
        ("with d as (delete from public.t returning 1) select 1", "0A000"),
        ("select nextval('public.s')", "25006"),
        ("select set_config('transaction_read_only', 'off', true)", "25001"),
        ("commit", "42601"),
        ("copy public.t to '/tmp/x'", "42601"),
        (
            "select pg_terminate_backend(pid) from pg_stat_activity where usename = 'postgres' and backend_type = 'client backend'",
            "42501",
        ),
        ("select pg_read_file('postgresql.conf')", "42501"),
        ("select set_config('role', 'postgres', true)", "42501"),
    ] {
        let said = answer(&ask(&server, &format!("query = {query:?}")));
        assert!(said.contains(code), "{query}: {said}");
    }
    assert_eq!(server.sql("SELECT count(*) FROM t")[0][0].as_deref(), Some("0"));
}

#[test]
fn a_superuser_is_refused_unless_the_operator_says_otherwise() {
    let server = server();
    server.exec("CREATE ROLE sneaky LOGIN; GRANT postgres TO sneaky");
    for user in ["postgres", "sneaky"] {
        let said = answer(&agent(&server, user, "", "", "").check("q"));
        assert!(said.contains("Denied") && said.contains("allow_superuser = true"), "{user}: {said}");
        assert_eq!(agent(&server, user, "allow_superuser = true", "", "").check("q").exit, 0, "{user}");
    }
}

#[test]
fn what_row_security_would_hide_is_no_answer_but_a_privilege_that_is_missing() {
    for major in available() {
        let server = Server::start(major, &Options::default());
        server.create_roles();
        server.exec(
            "CREATE TABLE t (x int); INSERT INTO t VALUES (1), (2), (3); GRANT SELECT ON t TO observer;
             ALTER TABLE t ENABLE ROW LEVEL SECURITY; CREATE POLICY first ON t USING (x = 1)",
        );
        // It counts one row of three, where nothing asks for an error.
        assert_eq!(server.session("observer").sql("SELECT count(*) FROM t")[0][0].as_deref(), Some("1"), "{major}");
        let count = "query = \"select count(*) from public.t\"";
        let checked = ask(&server, count);
        let finding = checked.finding("query/main");
        assert_eq!((&finding["status"], &finding["reason"]), (&"unknown".into(), &"no-privilege".into()), "{major}");
        // The hint is what the SDK makes the advice of.
        assert!(answer(&checked).contains("BYPASSRLS"), "{major}: {finding:#}");
        server.exec("ALTER ROLE observer BYPASSRLS");
        assert_eq!(answer(&ask(&server, count)), "[Value::Int(3)]", "{major}");
        // Whatever the login's own settings are, and whatever a query before this one has set.
        server.exec("ALTER ROLE observer SET jit = on");
        let settings = "query = \"select current_setting('jit'), current_setting('row_security')\"";
        assert_eq!(answer(&ask(&server, settings)), "[Value::Text(\"off\"), Value::Text(\"off\")]", "{major}");
    }
}

#[test]
fn a_query_that_takes_too_long_is_cancelled_in_the_server() {
    let server = server();
    let sleep = "query = \"select pg_sleep(3600)\"";
    let said = answer(&agent(&server, "observer", "statement_timeout = \"300ms\"", sleep, "").check("q"));
    assert!(said.contains("TimedOut"), "{said}");
    // The run's own wall clock ends it too, and the backend with it: before the check has ended, history or not.
    let alone = agent(&server, "observer", "statement_timeout = \"100s\"", sleep, "wall = \"500ms\"");
    std::fs::write(alone.state_dir(), "no directory, so no history").unwrap();
    assert_eq!(alone.run(&["check", "q"]).status.code(), Some(3));
    let sleeping = "SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'PgSleep'";
    assert_eq!(server.sql(sleeping)[0][0].as_deref(), Some("0"));
    let checked = agent(&server, "observer", "", sleep, "wall = \"500ms\"").check("q");
    assert_eq!((checked.exit, checked.json["outcome"].as_str()), (3, Some("faulted")));
    server.wait_for("the backend is gone", Duration::from_secs(60), || connections(&server) == "0");
}

#[test]
fn a_lock_is_not_waited_for_longer_than_allowed() {
    let server = server();
    server.exec("CREATE TABLE t (x int); GRANT SELECT ON t TO observer");
    let holder = server.session("postgres");
    holder.sql("BEGIN");
    holder.sql("LOCK TABLE t IN ACCESS EXCLUSIVE MODE");
    let said = answer(
        &agent(&server, "observer", "lock_timeout = \"200ms\"", "query = \"select * from public.t\"", "").check("q"),
    );
    assert!(said.contains("55P03"), "{said}");
}

#[test]
fn rows_and_bytes_are_capped() {
    let server = server();
    for (query, limits, limit) in [
        ("select generate_series(1, 2000)", "rows = 1000", "Limit::Rows"),
        ("select repeat(repeat('x', 1000), 100000)", "bytes = \"1MiB\"", "Limit::Bytes"),
    ] {
        let said = answer(&agent(&server, "observer", "", &format!("query = {query:?}"), limits).check("q"));
        assert!(said.contains(limit), "{query}: {said}");
    }
    let all = agent(&server, "observer", "", "query = \"select generate_series(1, 2000)\"", "").check("q");
    assert_eq!(all.finding("query/main")["evidence"][0]["value"], "2000");
}

#[test]
fn a_run_has_one_connection_with_its_name_on_it_and_leaves_none() {
    let server = server();
    let query = "query = \"select count(*), min(application_name) from pg_stat_activity where usename = 'observer'\"";
    assert_eq!(answer(&ask(&server, query)), "[Value::Int(1), Value::Text(\"pgreeve/q\")]");
    server.wait_for("no connection is left", Duration::from_secs(60), || connections(&server) == "0");
}

#[test]
fn a_server_that_is_not_there_is_unreachable_and_not_ok() {
    let mut server = server();
    server.stop(pgreeve_tests::testbed::Stop::Fast);
    let checked = ask(&server, "");
    assert_eq!((checked.exit, checked.finding("query/main")["reason"].as_str()), (3, Some("unreachable")));
}

#[test]
fn names_that_the_database_shadows_do_not_shadow_the_catalog() {
    let server = server();
    server.exec("CREATE FUNCTION public.now() RETURNS timestamptz LANGUAGE sql AS 'select null::timestamptz'");
    server.exec("ALTER ROLE observer SET search_path = public, pg_catalog");
    assert_eq!(answer(&ask(&server, "query = \"select now() is null\"")), "[Value::Boolean(false)]");
}
