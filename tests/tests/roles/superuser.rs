//! Superusers: each login has a key of its own, both are off, and the doctor says what the agent would do.

use pgreeve_tests::agent::Agent;
use pgreeve_tests::testbed::{Major, Server, available};

use crate::bed::{agent, doctor, grant_twice, grants, server};

/// The checkpoint of this guest is only for superusers, it says.
const CHECKPOINT: &str = r#"vacuum = "deny", end = "deny", checkpoint = "approve""#;

fn with(agent: &Agent, keys: &str) {
    let config = std::fs::read_to_string(agent.config()).unwrap();
    agent.configure(&config.replace("act_dsn = ", &format!("{keys}\nact_dsn = ")));
}

#[test]
fn an_actor_that_has_to_be_a_superuser_does_not_make_one_of_the_observer() {
    for major in available() {
        let server: Server = server(major);
        let agent = agent(&server, CHECKPOINT);
        let script = grant_twice(&agent, &server, &[]);
        assert!(script.contains("act_allow_superuser = true") && !script.contains("SUPERUSER;"), "{script}");
        let missing = doctor(&agent);
        assert_eq!((missing.exit, missing.state("superuser, for a checkpoint before 15")), (2, "missing"), "{major}");

        // Made one, and the key is not set: the agent does not log in.
        server.exec("ALTER ROLE acts SUPERUSER");
        let refused = doctor(&agent);
        let line = refused.line("the attribute SUPERUSER");
        assert_eq!((refused.exit, &line["state"], &line["login"]), (2, &"too-much".into(), &"acts".into()), "{major}");
        let effect = line["effect"].as_str().unwrap();
        assert!(effect.contains("act_allow_superuser under [postgres.main]"), "{major}: {effect}");

        // The observer's key is not the actor's.
        let config = std::fs::read_to_string(agent.config()).unwrap();
        with(&agent, "allow_superuser = true");
        assert_eq!(doctor(&agent).exit, 2, "{major}");
        agent.configure(&config);
        with(&agent, "act_allow_superuser = true");
        let taken = doctor(&agent);
        let by_hand =
            ["by-hand act_allow_superuser is true in scope main: the agent takes this login also if it is a superuser"];
        assert_eq!(
            (taken.exit, taken.complaints()),
            (0, by_hand.map(String::from).to_vec()),
            "{major}: {:#}",
            taken.json
        );
        assert!(grants(&agent, &[]).contains("NOTE: act_allow_superuser is true in scope main"));

        // Nor is the actor's key the observer's.
        server.exec("ALTER ROLE looks SUPERUSER");
        let observer = doctor(&agent);
        let line = observer.line("the attribute SUPERUSER");
        assert_eq!((observer.exit, &line["login"]), (2, &"looks".into()), "{major}: {:#}", observer.json);
        assert!(line["effect"].as_str().unwrap().contains("unless allow_superuser under"), "{major}: {line:#}");
        server.exec(line["mend"].as_str().unwrap());
        assert_eq!(doctor(&agent).exit, 0, "{major}");
    }
}

#[test]
fn a_superuser_that_nothing_wants_is_too_much_whatever_the_key_says() {
    let server = server(Major(15));
    let agent = agent(&server, r#"vacuum = "deny", checkpoint = "deny""#);
    grant_twice(&agent, &server, &[]);
    with(&agent, "act_allow_superuser = true");
    server.exec("ALTER ROLE acts SUPERUSER");
    let seen = doctor(&agent);
    assert_eq!((seen.exit, seen.state("the attribute SUPERUSER")), (1, "too-much"), "{:#}", seen.json);
    server.exec("ALTER ROLE acts NOSUPERUSER; CREATE ROLE boss SUPERUSER; GRANT boss TO looks");
    let member = doctor(&agent);
    let line = member.line("membership in boss, a superuser");
    assert_eq!((member.exit, &line["required"]), (2, &true.into()), "the agent refuses it: {:#}", member.json);
    server.exec(line["mend"].as_str().unwrap());
    assert_eq!(doctor(&agent).exit, 0);
}
