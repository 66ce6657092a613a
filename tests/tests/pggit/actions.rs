//! What the plugin proposes is carried out, and helps.

use std::time::{Duration, Instant};

use pgreeve_tests::agent::Agent;
use pgreeve_tests::testbed::Server;
use serde_json::Value;

use crate::bed::{config, majors, script};

/// An agent that does by itself what is proposed, each second.
pub(crate) fn acting(server: &Server, settings: &str, actions: &str) -> Agent {
    Agent::new(&config(server, "observer", settings, &format!("actions = {{ {actions} }}")))
}

/// Waits until a proposal of this action is verified; panics with all proposals after a minute.
pub(crate) fn await_verified(agent: &Agent, action: &str) -> Value {
    let began = Instant::now();
    loop {
        let all = agent.proposals();
        if let Some(done) = all.iter().find(|proposal| proposal["action"] == action && proposal["state"] == "verified")
        {
            return done.clone();
        }
        assert!(began.elapsed() < Duration::from_secs(60), "{action} is not verified within a minute: {all:#?}");
        std::thread::sleep(Duration::from_millis(100));
    }
}

#[test]
fn an_event_trigger_is_switched_on_in_the_state_that_it_had() {
    let server = script(majors()[0]);
    server.exec("ALTER EVENT TRIGGER pggit_drop_trigger ENABLE ALWAYS");
    let agent = acting(
        &server,
        "groups = [\"tracking\"]",
        "enable-event-trigger = \"auto\", enable-event-trigger-always = \"auto\"",
    );
    agent.check("pggit");
    let _daemon = agent.start();
    server.exec("ALTER EVENT TRIGGER pggit_ddl_trigger DISABLE");
    await_verified(&agent, "enable-event-trigger");
    server.exec("ALTER EVENT TRIGGER pggit_drop_trigger DISABLE");
    await_verified(&agent, "enable-event-trigger-always");
    assert!(server.holds(
        "SELECT string_agg(evtenabled::text, '' ORDER BY evtname) = 'OA' FROM pg_event_trigger
        WHERE evtname IN ('pggit_ddl_trigger', 'pggit_drop_trigger')"
    ));
}

#[test]
fn a_pause_that_ran_out_is_ended_and_one_that_did_not_is_left_alone() {
    let server = script(majors()[0]);
    let agent = acting(
        &server,
        "groups = [\"tracking\"]",
        "enable-event-trigger = \"auto\", resume-tracking = \"auto\", resume-after-emergency = \"auto\"",
    );
    server.exec("SELECT pggit.pause_tracking('1 hour')");
    let _daemon = agent.start();
    let looked = agent.check("pggit");
    assert_eq!(looked.json["proposals"].as_array().map_or(0, Vec::len), 0, "{:#}", looked.json);
    server.exec("UPDATE pggit.system_events SET event_data = event_data || jsonb_build_object('resume_at', now() - interval '1 second')");
    await_verified(&agent, "resume-tracking");
    assert!(server.holds("SELECT count(*) = 1 FROM pggit.system_events WHERE event_type = 'tracking_resumed'"));
    server.exec("SELECT pggit.emergency_disable('-1 second')");
    await_verified(&agent, "resume-after-emergency");
    assert!(server.holds("SELECT bool_and(evtenabled = 'O') FROM pg_event_trigger"));
}

#[test]
fn sequences_are_set_and_indexes_built_anew_and_what_is_left_over_dropped() {
    let server = script(majors()[0]);
    // As a REINDEX CONCURRENTLY that failed leaves them.
    server.exec("CREATE INDEX idx_history_object_ccnew ON pggit.branches (name)");
    server.exec(
        "SET allow_system_table_mods = on; UPDATE pg_index SET indisvalid = false
        WHERE indexrelid IN ('pggit.idx_history_object_ccnew'::regclass, 'pggit.idx_objects_parent'::regclass)",
    );
    server.exec("SELECT setval('pggit.history_id_seq', 1)");
    let agent = acting(
        &server,
        "groups = [\"structure\"]",
        "set-sequence = \"auto\", reindex = \"auto\", drop-invalid-index = \"auto\"",
    );
    let _daemon = agent.start();
    for action in ["set-sequence", "reindex", "drop-invalid-index"] {
        await_verified(&agent, action);
    }
    server.exec("CREATE TABLE app.works_again (id int)");
    assert!(server.holds("SELECT indisvalid FROM pg_index WHERE indexrelid = 'pggit.idx_objects_parent'::regclass"));
    assert!(server.holds("SELECT to_regclass('pggit.idx_history_object_ccnew') IS NULL"));
}

#[test]
fn the_canary_proves_that_pggit_records_and_leaves_nothing() {
    for major in majors() {
        let server = script(major);
        let before = server.sql("SELECT count(*) FROM pggit.history UNION ALL SELECT count(*) FROM pggit.objects UNION ALL SELECT count(*) FROM pg_class");
        let agent = acting(&server, "groups = [\"proof\"], canary_every = \"1h\"", "canary = \"auto\"");
        assert_eq!(agent.check("pggit").finding("canary")["reason"], "no-data", "{major}");
        let daemon = agent.start();
        await_verified(&agent, "canary");
        drop(daemon);
        let after = server.sql("SELECT count(*) FROM pggit.history UNION ALL SELECT count(*) FROM pggit.objects UNION ALL SELECT count(*) FROM pg_class");
        assert_eq!(before, after, "{major}");
        let checked = agent.check("pggit");
        assert_eq!(checked.status_of("canary"), "ok", "{major}: {:#}", checked.json);
    }
}

#[test]
fn a_canary_that_pggit_does_not_record_is_critical() {
    let server = script(majors()[0]);
    server.exec("ALTER EVENT TRIGGER pggit_drop_trigger DISABLE");
    let agent = acting(&server, "groups = [\"proof\"], canary_every = \"1h\"", "canary = \"auto\"");
    let _daemon = agent.start();
    let checked = agent.check_until("pggit", "the canary failed", |checked| {
        checked.find("canary").is_some_and(|finding| finding["status"] == "critical")
    });
    let summary = checked.finding("canary")["summary"].as_str().unwrap();
    assert!(summary.contains("CREATE ALTER"), "{summary}");
}
