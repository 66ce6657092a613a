//! What everybody may do, and so the login: a warning at most, one line for each schema, with what taking it away does to others.

use pgreeve_tests::agent::Agent;
use pgreeve_tests::testbed::{Major, Options, Server, available};

use crate::bed::{agent, doctor, grant_twice, mend, server};

fn observed(server: &Server) -> Agent {
    let agent = Agent::replication(&[("main", server.dsn("pgreeve_observer", "postgres"))], "");
    agent.check("replication");
    grant_twice(&agent, server, &[]);
    agent
}

#[test]
fn what_everybody_may_do_is_a_warning_and_the_statement_beside_it_takes_it_away() {
    for major in available() {
        let server = Server::start(major, &Options::default());
        let agent = observed(&server);
        server.exec(
            "CREATE SCHEMA pggit; CREATE SCHEMA closed; GRANT USAGE ON SCHEMA pggit TO PUBLIC;
             DO $$BEGIN FOR n IN 1 .. 65 LOOP EXECUTE format('CREATE TABLE pggit.t%s (id serial, note text)', n); END LOOP; END$$;
             CREATE TABLE closed.t (); GRANT ALL ON closed.t TO PUBLIC; CREATE TABLE public.one (a integer, b integer);
             GRANT SELECT ON ALL TABLES IN SCHEMA pggit TO PUBLIC; CREATE ROLE giver; GRANT USAGE ON SCHEMA pggit TO giver;
             SELECT lo_create(4711); CREATE FOREIGN DATA WRAPPER nowhere; CREATE SERVER other FOREIGN DATA WRAPPER nowhere;
             CREATE FUNCTION public.plain() RETURNS integer LANGUAGE sql AS 'SELECT 1';
             CREATE FUNCTION public.fires() RETURNS trigger SECURITY DEFINER LANGUAGE plpgsql AS 'BEGIN END';
             CREATE ROLE meek; CREATE FUNCTION public.meek() RETURNS integer SECURITY DEFINER LANGUAGE sql AS 'SELECT 1';
             ALTER FUNCTION public.meek OWNER TO meek",
        );
        let well = doctor(&agent);
        assert_eq!((well.exit, well.complaints()), (0, Vec::new()), "{major}: {:#}", well.json);
        let excess = [
            (
                "GRANT INSERT, UPDATE ON ALL TABLES IN SCHEMA pggit TO PUBLIC",
                14,
                "INSERT, UPDATE on 65 tables (pggit.t1, pggit.t10, ",
            ),
            ("GRANT USAGE ON ALL SEQUENCES IN SCHEMA pggit TO PUBLIC", 14, "USAGE on 65 sequences (pggit.t10_id_seq, "),
            ("GRANT UPDATE (b) ON public.one TO PUBLIC", 14, "UPDATE on table public.one, through PUBLIC"),
            (
                "GRANT DELETE ON pggit.t1, pggit.t2 TO giver WITH GRANT OPTION; SET ROLE giver;
                 GRANT DELETE ON pggit.t1, pggit.t2 TO PUBLIC; RESET ROLE",
                14,
                "DELETE on 2 tables (pggit.t1, pggit.t2), through PUBLIC",
            ),
            ("GRANT CREATE ON SCHEMA pggit TO PUBLIC", 14, "CREATE on schema pggit, through PUBLIC"),
            ("GRANT CREATE ON SCHEMA public TO PUBLIC", 15, "CREATE on 2 schemas (pggit, public), through PUBLIC"),
            ("GRANT CREATE ON DATABASE postgres TO PUBLIC", 14, "CREATE on database postgres, through PUBLIC"),
            (
                "CREATE FUNCTION public.up(a integer) RETURNS integer SECURITY DEFINER LANGUAGE sql AS 'SELECT 1'",
                14,
                "EXECUTE on function public.up(integer), through PUBLIC",
            ),
            (
                "CREATE LANGUAGE wild HANDLER plpgsql_call_handler; CREATE FUNCTION pggit.raw() RETURNS integer LANGUAGE wild AS 'BEGIN RETURN 1; END'",
                14,
                "EXECUTE on function pggit.raw(), through PUBLIC",
            ),
            ("GRANT UPDATE ON LARGE OBJECT 4711 TO PUBLIC", 14, "UPDATE on large object 4711, through PUBLIC"),
            (
                "GRANT USAGE ON FOREIGN DATA WRAPPER nowhere TO PUBLIC",
                14,
                "USAGE on foreign data wrapper nowhere, through PUBLIC",
            ),
            ("GRANT USAGE ON FOREIGN SERVER other TO PUBLIC", 14, "USAGE on foreign server other, through PUBLIC"),
            ("GRANT CREATE ON TABLESPACE pg_default TO PUBLIC", 14, "CREATE on tablespace pg_default, through PUBLIC"),
            (
                "GRANT SET ON PARAMETER log_min_messages TO PUBLIC",
                15,
                "SET on parameter log_min_messages, through PUBLIC",
            ),
            (
                "ALTER DEFAULT PRIVILEGES FOR ROLE giver GRANT INSERT ON TABLES TO PUBLIC",
                14,
                "INSERT on tables to be made (FOR ROLE giver), through PUBLIC",
            ),
        ];
        let excess = || excess.iter().filter(|(_, since, _)| major.0 >= *since);
        excess().for_each(|(too_much, ..)| server.exec(too_much));
        let seen = doctor(&agent);
        assert_eq!((seen.exit, seen.json["status"].as_str().unwrap()), (1, "warning"), "{major}: {:#}", seen.json);
        let by_schema = |what: &str| what.starts_with("CREATE on schema pggit") && major.0 >= 15;
        for (_, _, what) in excess().filter(|(_, _, what)| !by_schema(what)) {
            let line = seen.line(what);
            assert_eq!(line["state"], "through-public", "{major}: {what}");
            let effect = line["effect"].as_str().unwrap();
            assert!(effect.contains("GRANT"), "what it does to others: {major}: {what}: {effect}");
        }
        let tables = seen.line("INSERT, UPDATE on 65 tables");
        assert_eq!(tables["mend"], "REVOKE INSERT, UPDATE ON ALL TABLES IN SCHEMA \"pggit\" FROM PUBLIC;", "{major}");
        assert!(
            seen.complaints().iter().all(|line| !line.contains("closed.t")),
            "{major}: out of reach: {:#}",
            seen.json
        );
        mend(&server, &seen, "through-public");
        let mended = doctor(&agent);
        assert_eq!((mended.exit, mended.complaints()), (0, Vec::new()), "{major}: {:#}", seen.json);
        // Reading was not touched.
        assert_eq!(server.session("pgreeve_observer").sql("SELECT count(*) FROM pggit.t1")[0][0].as_deref(), Some("0"));
    }
}

#[test]
fn what_postgresql_itself_gives_everybody_is_told_and_no_fault() {
    for major in available() {
        let server = Server::start(major, &Options::default());
        let agent = observed(&server);
        let seen = doctor(&agent);
        let defaults: Vec<&str> = seen
            .lines()
            .filter(|line| line["state"] == "by-default")
            .map(|line| line["what"].as_str().unwrap())
            .collect();
        let mut expected = vec!["TEMPORARY on database postgres, through PUBLIC, as PostgreSQL itself has it"];
        if major.0 < 15 {
            expected.push("CREATE on schema public, through PUBLIC, as PostgreSQL itself has it");
        }
        assert_eq!((seen.exit, defaults), (0, expected), "{major}: {:#}", seen.json);
        mend(&server, &seen, "by-default");
        let mended = doctor(&agent);
        assert!(
            mended.exit == 0 && mended.lines().all(|line| line["state"] != "by-default"),
            "{major}: {:#}",
            mended.json
        );
    }
}

#[test]
fn what_an_action_wants_is_not_too_much_of_everybody_and_two_logins_are_told_once() {
    let server = server(Major(15));
    let agent = agent(&server, r#"vacuum = "deny", checkpoint = "deny""#);
    grant_twice(&agent, &server, &[]);
    server.exec("GRANT SET ON PARAMETER log_min_messages TO PUBLIC; GRANT INSERT ON app.orders TO PUBLIC");
    let seen = doctor(&agent);
    let public = || seen.lines().filter(|line| line["state"] == "through-public");
    let what: Vec<(&str, &str)> =
        public().map(|line| (line["login"].as_str().unwrap(), line["what"].as_str().unwrap())).collect();
    // The observer wants the parameter; the actor does not, and says so.
    let expected = [
        ("looks", "INSERT on table app.orders, through PUBLIC"),
        ("acts", "SET on parameter log_min_messages, through PUBLIC"),
    ];
    assert_eq!(what, expected, "{:#}", seen.json);
}
