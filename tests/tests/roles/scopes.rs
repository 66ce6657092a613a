//! Scopes: the doctor looks at all that agent.toml names, also at those that no job is granted.

use pgreeve_tests::agent::Agent;
use pgreeve_tests::testbed::{Major, available};

use crate::bed::{Seen, agent, doctor, doctor_of, grant_twice, grants, mend, psql, server};

#[test]
fn a_scope_that_no_job_uses_is_looked_at_and_said_to_be_idle() {
    let server = server(Major(15));
    server.exec("CREATE DATABASE other");
    let config = Agent::replication_config(&[("main", server.dsn("pgreeve_observer", "postgres"))], "");
    let idle = server.dsn("idles", "other");
    let agent = Agent::new(&format!("{config}\n[postgres.idle]\ndsn = {idle:?}\n"));
    agent.check("replication");
    let script = grant_twice(&agent, &server, &[]);
    assert!(script.contains("-- No job uses scope idle") && !script.contains("idles"), "{script}");
    assert!(!grants(&agent, &["--scope", "main"]).contains("idle"));

    let unreachable = doctor(&agent);
    assert_eq!(unreachable.exit, 3, "there is no such login: {:#}", unreachable.json);
    server.exec("CREATE ROLE idles LOGIN CREATEDB");
    let seen = doctor(&agent);
    assert_eq!((seen.exit, seen.state("the attribute CREATEDB")), (1, "too-much"), "{:#}", seen.json);
    let line = seen.line("no job uses scope idle");
    assert_eq!((&line["state"], &line["scopes"]), (&"by-hand".into(), &serde_json::json!(["idle"])));
    // What is said of one scope alone.
    let alone = doctor_of(&agent, &["--scope", "idle"]);
    assert!(alone.lines().all(|line| line["login"] == "idles") && alone.exit == 1, "{:#}", alone.json);
    assert_eq!(doctor_of(&agent, &["--scope", "main"]).exit, 0);
}

#[test]
fn what_a_login_has_in_a_database_that_no_scope_names_is_too_much_and_the_way_in_is_told() {
    for major in available() {
        let server = server(major);
        let agent = agent(&server, r#"vacuum = "deny", checkpoint = "deny""#);
        grant_twice(&agent, &server, &[]);
        let connect = "entering ";
        let way_in = |seen: &Seen| -> Vec<String> {
            let lines = seen.lines().filter(|line| line["what"].as_str().unwrap().starts_with(connect));
            lines
                .map(|line| format!("{} {}", line["state"].as_str().unwrap(), line["what"].as_str().unwrap()))
                .collect()
        };
        assert_eq!(way_in(&doctor(&agent)).iter().filter(|line| line.contains("no scope")).count(), 0, "{major}");
        for name in ["other", "\"an Other\"", "shut"] {
            server.exec(&format!("CREATE DATABASE {name}"));
        }
        server.exec("REVOKE CONNECT ON DATABASE shut FROM PUBLIC");
        let seen = doctor(&agent);
        let told = "by-default entering 2 databases that no scope of it names (\"an Other\", other): CONNECT through PUBLIC, as PostgreSQL itself has it";
        assert!(way_in(&seen).contains(&told.to_owned()), "{major}: {:#}", seen.json);
        assert_eq!(seen.exit, 0, "{major}: {:#}", seen.json);

        server.exec("GRANT CREATE ON DATABASE other TO PUBLIC");
        assert!(
            psql(
                &server,
                &[
                    "\\connect other\n",
                    "CREATE TABLE public.t (); CREATE TABLE public.mine (); GRANT INSERT ON public.t TO looks"
                ]
                .concat()
            )
            .status
            .success()
        );
        assert!(
            psql(&server, &["\\connect other\n", "ALTER TABLE public.mine OWNER TO looks"].concat()).status.success()
        );
        // What is where the login cannot enter is out of reach.
        assert!(
            psql(
                &server,
                &["\\connect shut\n", "CREATE TABLE public.t (); GRANT INSERT ON public.t TO looks"].concat()
            )
            .status
            .success()
        );
        let seen = doctor(&agent);
        let held =
            seen.line("privileges on 1 object and ownership of 1 object in database other, which no scope of it names");
        assert_eq!((&held["state"], &held["login"]), (&"too-much".into(), &"looks".into()), "{major}: {held:#}");
        assert_eq!(seen.state("CREATE on database other, through PUBLIC"), "through-public", "{major}");
        assert!(seen.complaints().iter().all(|line| !line.contains("shut")), "{major}: {:#}", seen.json);
        mend(&server, &seen, "through-public");
        mend(&server, &seen, "by-default");
        assert!(
            psql(
                &server,
                &["\\connect other\n", "REVOKE INSERT ON public.t FROM looks; DROP TABLE public.mine"].concat()
            )
            .status
            .success()
        );
        let mended = doctor(&agent);
        assert!(
            mended.exit == 0 && way_in(&mended).iter().all(|line| !line.contains("no scope")),
            "{major}: {:#}",
            mended.json
        );
    }
}

#[test]
fn a_server_that_asks_for_no_privileges_on_large_objects_is_told_of() {
    let server = server(Major(15));
    let agent = agent(&server, r#"vacuum = "deny", checkpoint = "deny""#);
    grant_twice(&agent, &server, &[]);
    for set in ["ALTER DATABASE postgres SET", "ALTER ROLE looks SET", "ALTER ROLE ALL SET", "ALTER SYSTEM SET"] {
        server.exec(&format!("{set} lo_compat_privileges = on"));
        server.exec("SELECT pg_reload_conf()");
        let told = |seen: &Seen| seen.complaints().iter().any(|line| line.contains("lo_compat_privileges is on"));
        let began = std::time::Instant::now();
        let mut seen = doctor(&agent);
        while !told(&seen) {
            assert!(began.elapsed() < std::time::Duration::from_secs(60), "{set}: {:#}", seen.json);
            seen = doctor(&agent);
        }
        assert_eq!((seen.exit, seen.state("reading, writing and removing all large")), (1, "through-public"), "{set}");
        let mend = seen.line("reading, writing and removing all large")["mend"].as_str().unwrap().to_owned();
        // As it is pasted: ALTER SYSTEM stands in no transaction.
        assert!(psql(&server, &mend).status.success(), "{mend}");
        let began = std::time::Instant::now();
        while told(&doctor(&agent)) {
            assert!(began.elapsed() < std::time::Duration::from_secs(60), "{set}: not mended");
        }
    }
}

#[test]
fn what_a_used_scope_wants_is_not_too_much_where_an_idle_one_has_the_same_login() {
    let server = server(Major(15));
    let dsn = server.dsn("looks", "postgres");
    let agent = Agent::new(&format!(
        "[agent]\nstate_dir = \"STATE\"\n[postgres.main]\ndsn = {dsn:?}\n[postgres.again]\ndsn = {dsn:?}\n\
         [plugin.rights]\npath = \"PLUGINS/rights.wasm\"\n\
         [job.rights]\nplugin = \"rights\"\nschedule = \"@daily\"\ngrant = {{ postgres = [\"main\"] }}\n"
    ));
    grant_twice(&agent, &server, &[]);
    for scope in [&[][..], &["--scope", "again"], &["--scope", "main"]] {
        let seen = doctor_of(&agent, scope);
        let idle = "by-hand no job uses scope again: grant it to one, or remove it from agent.toml".to_owned();
        assert_eq!((seen.exit, seen.complaints()), (0, vec![idle]), "{scope:?}: {:#}", seen.json);
    }
}
