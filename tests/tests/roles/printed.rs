//! What is printed and what is refused: names, policies, scopes.

use pgreeve_tests::agent::Agent;
use pgreeve_tests::testbed::{Major, Options, Server};

use crate::bed::{CARRIED_OUT, agent, doctor, doctor_of, grant_twice, grants, psql, server};

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
