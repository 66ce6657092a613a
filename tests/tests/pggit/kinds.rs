//! Every kind of install is told from the others, stays quiet when it is healthy, and absence is an answer.

use crate::bed::{
    CORE, EXTENSION, FILE_013, FILE_100, SCRIPT, V0_ARRAYS, V0_ROWS, bare, config, install, look, majors, quiet, some,
    watch,
};

/// The value of a fact in a finding's evidence.
fn fact(finding: &serde_json::Value, name: &str) -> String {
    let facts = finding["evidence"].as_array().unwrap();
    facts.iter().find(|fact| fact["name"] == name).unwrap()["value"].as_str().unwrap().to_owned()
}

#[test]
fn each_kind_is_named_and_quiet() {
    let kinds: [(&[&str], &str, &str); 6] = [
        (&[CORE, SCRIPT], "script install of v0.2.1", "none"),
        (&[CORE, SCRIPT, V0_ROWS], "script install of v0.2.1", "parents in rows (UAT)"),
        (&[CORE, SCRIPT, V0_ARRAYS], "script install of v0.2.1", "parents in arrays (018)"),
        (&[CORE, EXTENSION], "extension", "none"),
        (&[CORE, FILE_013], "script install of pggit--0.1.3.sql", "none"),
        (&[CORE, FILE_100], "script install of pggit--1.0.0.sql", "none"),
    ];
    for major in some() {
        for (files, kind, v0) in kinds {
            let server = install(major, files);
            let agent = watch(&server, "");
            for round in ["first", "second"] {
                let checked = quiet(&agent, &format!("{major} {kind} {v0}, {round} run"));
                let finding = checked.finding("install");
                assert_eq!((fact(finding, "kind").as_str(), fact(finding, "pggit_v0").as_str()), (kind, v0), "{major}");
            }
        }
    }
}

#[test]
fn no_pggit_is_an_answer_of_its_own_and_critical_where_it_is_expected() {
    for major in majors() {
        let server = bare(major);
        let checked = look(&watch(&server, ""));
        assert_eq!(checked.finding("install")["reason"], "not-applicable", "{major}: {:#}", checked.json);
        assert_eq!(checked.findings().len(), 1, "{major}: {:#}", checked.json);
        let checked = look(&watch(&server, "expect_install = true"));
        assert_eq!(checked.status_of("install"), "critical", "{major}: {:#}", checked.json);
    }
}

#[test]
fn an_install_that_stopped_and_remains_of_one_are_no_healthy_install() {
    for major in some() {
        let server = bare(major);
        server.exec(CORE);
        assert_eq!(look(&watch(&server, "")).status_of("install"), "warning", "{major}: stopped");
        server.exec(
            "DROP EVENT TRIGGER pggit_ddl_trigger; DROP EVENT TRIGGER pggit_drop_trigger; DROP TABLE pggit.history CASCADE",
        );
        let checked = look(&watch(&server, ""));
        let summary = checked.finding("install")["summary"].as_str().unwrap();
        assert!(summary.starts_with("pggit.history is gone"), "{major}: {summary}");
        server.exec("DROP TABLE pggit.objects CASCADE");
        let checked = look(&watch(&server, ""));
        assert_eq!(checked.status_of("install"), "critical", "{major}: remains: {:#}", checked.json);
        assert_eq!(checked.findings().len(), 1, "{major}: one answer for all: {:#}", checked.json);
    }
}

#[test]
fn an_install_that_was_there_and_is_gone_is_critical_until_it_is_accepted() {
    for major in some() {
        let server = install(major, &[CORE, EXTENSION]);
        let agent = watch(&server, "");
        quiet(&agent, &format!("{major} before"));
        server.exec("DROP EXTENSION pggit CASCADE");
        for _ in 0..2 {
            let checked = look(&agent);
            assert_eq!(checked.status_of("install/gone"), "critical", "{major}: {:#}", checked.json);
            let summary = checked.finding("install/gone")["summary"].as_str().unwrap();
            assert!(summary.starts_with("pggit (extension) was there until"), "{major}: {summary}");
        }
        assert_eq!(look(&watch(&server, "")).finding("install")["reason"], "not-applicable", "{major}: never seen");

        let server = install(major, &[CORE, SCRIPT, V0_ROWS]);
        let agent = watch(&server, "groups = [\"graph\"]");
        quiet(&agent, &format!("{major} before"));
        server.exec("DROP SCHEMA pggit_v0 CASCADE");
        let checked = look(&agent);
        assert_eq!(checked.status_of("install/gone"), "critical", "{major}: {:#}", checked.json);
        agent.configure(&config(&server, "observer", "groups = [\"graph\"], baseline = \"without v0\"", ""));
        quiet(&agent, &format!("{major} accepted"));
    }
}

#[test]
fn a_second_install_that_moved_what_was_there_is_a_warning() {
    let server = install(majors()[0], &[CORE, SCRIPT]);
    server.exec("ALTER SCHEMA pggit_audit RENAME TO pggit_audit_v0; CREATE SCHEMA pggit_audit");
    let checked = look(&watch(&server, ""));
    assert_eq!(checked.status_of("install/second"), "warning", "{:#}", checked.json);
}

#[test]
fn rows_that_are_hidden_from_the_login_are_not_taken_for_gone() {
    let server = install(majors()[0], &[CORE, SCRIPT]);
    server.exec("ALTER TABLE pggit.objects ENABLE ROW LEVEL SECURITY");
    let agent = watch(&server, "");
    let checked = look(&agent);
    assert_eq!(checked.finding("install/hidden")["reason"], "no-privilege", "{:#}", checked.json);
    assert!(checked.find("untracked").is_none(), "{:#}", checked.json);
    server.exec("ALTER ROLE observer BYPASSRLS");
    let checked = look(&agent);
    assert_eq!(checked.status_of("untracked"), "ok", "as advised: {:#}", checked.json);
}

#[test]
fn a_login_that_may_not_read_pggits_tables_gets_unknown_and_the_grant() {
    for major in some() {
        let server = install(major, &[CORE, SCRIPT]);
        server.exec("REVOKE pg_read_all_data FROM observer");
        let checked = look(&watch(&server, ""));
        for key in ["pause", "deployment", "untracked", "vanished", "columns", "sequence"] {
            let finding = checked.finding(key);
            assert_eq!(
                (&finding["status"], &finding["reason"]),
                (&"unknown".into(), &"no-privilege".into()),
                "{major}: {finding:#}"
            );
            assert!(
                finding["advice"].as_str().unwrap().contains("GRANT pg_read_all_data TO observer;"),
                "{major}: {finding:#}"
            );
        }
        // What the catalog shows to everybody is judged all the same.
        assert_eq!(checked.status_of("event-trigger/pggit_ddl_trigger"), "ok", "{major}");
    }
}
