//! Each right that is taken away is named with the statement that gives it back.

use pgreeve_tests::agent::Agent;
use pgreeve_tests::testbed::{Major, Options, Server, available};

use crate::bed::{CARRIED_OUT, agent, doctor, grant_twice, server};

#[test]
fn after_the_grants_the_doctor_is_content_and_the_replication_plugin_answers_everything() {
    for major in available() {
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
    for major in available() {
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
