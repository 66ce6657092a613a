//! What a role may not see is unknown, with the GRANT that it needs; and what cannot be reached is one answer.

use pgreeve_tests::agent::Agent;
use pgreeve_tests::testbed::{Stop, available};

use crate::bed::{look, pair, quiet, some, watch_as};

#[test]
fn a_role_without_pg_monitor_gets_unknown_and_the_grant_it_needs_and_then_its_answers() {
    for major in available() {
        let (primary, s1) = pair(major);
        primary.exec("ALTER SYSTEM SET synchronous_standby_names = 's1'");
        primary.reload();
        for (server, keys) in [(&primary, vec!["standby", "sync"]), (&s1, vec!["receiver", "lag"])] {
            let agent = watch_as(server, "nobody", "");
            let checked = look(&agent);
            for key in keys {
                let finding = checked.finding(key);
                assert_eq!(
                    (&finding["status"], &finding["reason"]),
                    (&"unknown".into(), &"no-privilege".into()),
                    "{major:?} {key}: {:#}",
                    checked.json
                );
                assert!(
                    finding["advice"].as_str().unwrap().contains("GRANT pg_monitor TO nobody;"),
                    "{major:?}: {finding:#}"
                );
            }
        }
        primary.exec("GRANT pg_monitor TO nobody");
        s1.catch_up_with(&primary);
        quiet(&watch_as(&primary, "nobody", ""), &format!("{major:?} primary, granted"));
        quiet(&watch_as(&s1, "nobody", ""), &format!("{major:?} standby, granted"));
    }
}

#[test]
fn the_archiver_is_not_ok_for_a_role_that_cannot_see_what_waits() {
    for major in available() {
        let primary = crate::bed::primary(major, &[("archive_mode", "on"), ("archive_command", "true")]);
        let checked = look(&watch_as(&primary, "nobody", ""));
        for key in ["archiver", "archive-backlog"] {
            assert_eq!(checked.finding(key)["reason"], "no-privilege", "{major:?}: {:#}", checked.json);
        }
    }
}

#[test]
fn an_unreachable_server_is_one_answer_and_the_other_scope_is_still_judged() {
    let (primary, _s1) = pair(available()[0]);
    let scopes = [
        ("gone", "host=127.0.0.1 port=1 user=observer dbname=postgres".to_owned()),
        ("main", primary.dsn("observer", "postgres")),
    ];
    let checked = look(&Agent::replication(&scopes, ""));
    assert_eq!(checked.finding("server/gone")["reason"], "unreachable", "{:#}", checked.json);
    assert_eq!(checked.complaints().len(), 1, "{:?}", checked.complaints());
    assert_eq!(checked.status_of("standby/main:s1"), "ok");
}

#[test]
fn a_refused_login_is_unknown_with_the_hosts_advice_about_it() {
    let password_file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(password_file.path(), "wrong\n").unwrap();
    let password = format!("password_file = \"{}\"\n", password_file.path().display());
    for major in some() {
        let mut primary = crate::bed::primary(major, &[]);
        primary.exec("ALTER ROLE observer PASSWORD 'right'");
        let open = ["local all all trust"];
        let agent = watch_as(&primary, "observer", "");
        for (what, lines, login, more, reason, advice) in [
            (
                "no line of pg_hba.conf",
                &[][..],
                ("observer", "postgres"),
                "",
                "unreachable",
                "pg_hba.conf needs a line for observer",
            ),
            (
                "rejected",
                &["local all all reject"],
                ("observer", "postgres"),
                "",
                "unreachable",
                "pg_hba.conf needs a line",
            ),
            (
                "not the peer",
                &["local all all peer"],
                ("observer", "postgres"),
                "",
                "unreachable",
                "operating system user observer",
            ),
            (
                "no password",
                &["local all all scram-sha-256"],
                ("observer", "postgres"),
                "",
                "unreachable",
                "set password_file",
            ),
            (
                "a wrong one",
                &["local all all scram-sha-256"],
                ("observer", "postgres"),
                &password,
                "unreachable",
                "the password came from",
            ),
            ("no such role", &open, ("ghost", "postgres"), "", "unreachable", "the role may not exist"),
            ("no such database", &open, ("observer", "nosuch"), "", "unreachable", "check dbname in agent.toml"),
            ("a superuser", &open, ("postgres", "postgres"), "", "no-privilege", "allow_superuser = true"),
        ] {
            primary.allow_only(lines);
            let config = Agent::replication_config(&[("main", primary.dsn(login.0, login.1))], "");
            agent.configure(&config.replace("dsn = ", &format!("{more}dsn = ")));
            let checked = look(&agent);
            assert_eq!((checked.exit, checked.findings().len()), (3, 1), "{major} {what}: {:#}", checked.json);
            let server = checked.finding("server");
            assert_eq!((&server["status"], &server["reason"]), (&"unknown".into(), &reason.into()), "{major} {what}");
            assert!(server["advice"].as_str().unwrap().contains(advice), "{major} {what}: {server:#}");
        }
        primary.allow_only(&["local all all peer"]);
        agent.configure(&Agent::replication_config(&[("main", primary.dsn("observer", "postgres"))], ""));
        let human = String::from_utf8(agent.run(&["check", "replication"]).stdout).unwrap();
        assert!(human.contains("operating system user observer"), "{major}: a person reads it too: {human}");
        primary.stop(Stop::Fast);
        let server = look(&agent).finding("server").clone();
        assert!(server["reason"] == "unreachable" && server["advice"].as_str().unwrap().contains("psql"), "{server:#}");
    }
}
