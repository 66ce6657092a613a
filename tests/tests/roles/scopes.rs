//! Scopes: the doctor looks at all that agent.toml names, also at those that no job is granted.

use pgreeve_tests::agent::Agent;
use pgreeve_tests::testbed::Major;

use crate::bed::{doctor, doctor_of, grant_twice, grants, server};

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
