//! Each action from its proposal to its proof, by a person's approval; and what is denied, or not needed any more, is not done.

use std::time::{Duration, Instant};

use pgreeve_tests::agent::Agent;
use pgreeve_tests::testbed::Server;
use serde_json::Value;

use crate::actions::{acting, await_verified};
use crate::bed::{config, majors, script};
use crate::growth::LONG;

const SETTINGS: &str = "groups = [\"tracking\", \"references\", \"structure\", \"proof\", \"growth\"], canary_every = \"1h\", \
    dead_rows = 1000, dead_longest = \"0s\", history_warning = 3000, history_critical = 1000000";

/// Each action, what makes it needed, and what is true when it was done.
const NEEDED: [(&str, &str, &str); 11] = [
    ("canary", "SELECT 1", "SELECT count(*) = 0 FROM pg_class WHERE relname LIKE 'pgreeve_canary%'"),
    (
        "enable-event-trigger",
        "ALTER EVENT TRIGGER pggit_drop_trigger DISABLE",
        "SELECT evtenabled = 'O' FROM pg_event_trigger WHERE evtname = 'pggit_drop_trigger'",
    ),
    (
        "enable-event-trigger-always",
        "ALTER EVENT TRIGGER pggit_metrics_trigger DISABLE",
        "SELECT evtenabled = 'A' FROM pg_event_trigger WHERE evtname = 'pggit_metrics_trigger'",
    ),
    (
        "resume-tracking",
        "SELECT pggit.pause_tracking('-1 second')",
        "SELECT count(*) = 1 FROM pggit.system_events WHERE event_type = 'tracking_resumed'",
    ),
    (
        "resume-after-emergency",
        "SELECT pggit.emergency_disable('-1 second')",
        "SELECT count(*) = 1 FROM pggit.system_events WHERE event_type = 'emergency_enable'",
    ),
    ("set-sequence", "SELECT setval('pggit.history_id_seq', 1)", "SELECT last_value > 20 FROM pggit.history_id_seq"),
    (
        "reindex",
        "SET allow_system_table_mods = on; UPDATE pg_index SET indisvalid = false WHERE indexrelid = 'pggit.idx_objects_parent'::regclass",
        "SELECT indisvalid FROM pg_index WHERE indexrelid = 'pggit.idx_objects_parent'::regclass",
    ),
    (
        "drop-invalid-index",
        "CREATE INDEX idx_history_object_ccnew ON pggit.branches (name); SET allow_system_table_mods = on;
        UPDATE pg_index SET indisvalid = false WHERE indexrelid = 'pggit.idx_history_object_ccnew'::regclass",
        "SELECT to_regclass('pggit.idx_history_object_ccnew') IS NULL",
    ),
    (
        "validate-foreign-key",
        "ALTER TABLE pggit.history DROP CONSTRAINT history_object_id_fkey, ADD CONSTRAINT history_object_id_fkey
        FOREIGN KEY (object_id) REFERENCES pggit.objects (id) ON DELETE CASCADE NOT VALID",
        "SELECT convalidated FROM pg_constraint WHERE conname = 'history_object_id_fkey'",
    ),
    ("archive-history", LONG, "SELECT count(*) > 4000 FROM pggit.history_archive"),
    (
        "vacuum-analyze",
        "DELETE FROM pggit.history_archive",
        "SELECT count(*) >= 1 FROM pg_stat_user_tables WHERE schemaname = 'pggit' AND last_vacuum IS NOT NULL AND last_analyze IS NOT NULL",
    ),
];

fn every(policy: &str) -> String {
    NEEDED.map(|(action, ..)| format!("{action} = \"{policy}\"")).join(", ")
}

/// Waits until a proposal of this action stands so; panics with all of them after a minute.
fn await_state(agent: &Agent, action: &str, state: &str) -> Value {
    let began = Instant::now();
    loop {
        let all = agent.proposals();
        let one = all.iter().find(|one| one["action"] == action && one["state"] == state);
        if let Some(found) = one {
            return found.clone();
        }
        assert!(began.elapsed() < Duration::from_secs(60), "{action} is not {state} within a minute: {all:#?}");
        std::thread::sleep(Duration::from_millis(100));
    }
}

fn await_more_runs(agent: &Agent, action: &str, state: &str) {
    for _ in 0..2 {
        let seen = await_state(agent, action, state)["seen"].clone();
        let began = Instant::now();
        while await_state(agent, action, state)["seen"] == seen {
            assert!(began.elapsed() < Duration::from_secs(60), "no run within a minute");
            std::thread::sleep(Duration::from_millis(100));
        }
    }
}

fn approve(agent: &Agent, proposal: &Value) -> bool {
    agent.run(&["approve", proposal["id"].as_str().unwrap()]).status.success()
}

#[test]
fn each_action_is_proposed_approved_done_and_verified() {
    let server = script(majors()[0]);
    // As no pause switches it off: resuming knows no ENABLE ALWAYS.
    server.exec("ALTER EVENT TRIGGER pggit_metrics_trigger ENABLE ALWAYS");
    let agent = acting(&server, SETTINGS, &every("approve"));
    agent.check("pggit");
    let _daemon = agent.start();
    for (action, harm, done) in NEEDED {
        server.exec(harm);
        let open = await_state(&agent, action, "open");
        assert!(approve(&agent, &open), "{action}");
        await_verified(&agent, action);
        server.wait_until(action, || server.holds(done));
    }
    server.exec("CREATE TABLE app.at_the_end (id int)");
}

#[test]
fn what_policy_denies_or_the_database_refuses_is_not_done() {
    let server = script(majors()[0]);
    let off = "SELECT evtenabled = 'D' FROM pg_event_trigger WHERE evtname = 'pggit_drop_trigger'";
    let behind = "SELECT last_value = 1 FROM pggit.history_id_seq";
    let denied: Vec<_> = NEEDED
        .iter()
        .filter(|(action, ..)| ["enable-event-trigger", "set-sequence", "archive-history"].contains(action))
        .collect();
    // The sequence last, as no DDL works after it.
    for (_, harm, _) in denied.iter().rev().filter(|(action, ..)| *action != "set-sequence") {
        server.exec(harm);
    }
    server.exec("SELECT setval('pggit.history_id_seq', 1)");
    let agent = acting(&server, SETTINGS, &every("deny"));
    let daemon = agent.start();
    for (action, ..) in &denied {
        let began = Instant::now();
        let listed = loop {
            if let Some(one) = agent.proposals().into_iter().find(|one| one["action"] == *action) {
                break one;
            }
            assert!(began.elapsed() < Duration::from_secs(60), "{action} is not listed");
            std::thread::sleep(Duration::from_millis(100));
        };
        assert!(!approve(&agent, &listed), "{action}: an approval that leads to nothing is refused");
        await_more_runs(&agent, action, listed["state"].as_str().unwrap());
    }
    let untouched = |what: &str| {
        assert!(server.holds(off) && server.holds(behind), "{what}");
        assert!(server.holds("SELECT count(*) = 0 FROM pggit.history_archive"), "{what}");
    };
    untouched("denied by policy");
    drop(daemon);

    // A login that owns nothing.
    server.exec("CREATE ROLE weak LOGIN; GRANT CONNECT ON DATABASE postgres TO weak");
    let toml = config(&server, "observer", SETTINGS, &format!("actions = {{ {} }}", every("auto")));
    let weak = Agent::new(&toml.replace(
        &format!("act_dsn = {:?}", server.dsn("postgres", "postgres")),
        &format!("act_dsn = {:?}", server.dsn("weak", "postgres")),
    ));
    let _daemon = weak.start();
    for (action, ..) in &denied {
        await_state(&weak, action, "failed");
    }
    untouched("refused by the database");
}

/// Approves while no action may begin, changes the world, and lets actions begin again.
fn overtaken(server: &Server, agent: &Agent, action: &str, meanwhile: &str) {
    let open = await_state(agent, action, "open");
    assert!(agent.run(&["pause", "--why", "test"]).status.success());
    assert!(approve(agent, &open), "{action}");
    server.exec(meanwhile);
    await_state(agent, action, "stale");
    assert!(agent.run(&["resume", "--why", "done"]).status.success());
}

#[test]
fn what_changed_between_approval_and_act_is_not_done() {
    let server = script(majors()[0]);
    let agent = acting(&server, "groups = [\"tracking\", \"structure\"]", &every("approve"));
    let _daemon = agent.start();
    server.exec("SELECT setval('pggit.history_id_seq', 1)");
    overtaken(&server, &agent, "set-sequence", "SELECT setval('pggit.history_id_seq', 5000)");
    server.exec("ALTER EVENT TRIGGER pggit_drop_trigger DISABLE");
    // Somebody pauses on purpose: what was a fault is meant now.
    overtaken(&server, &agent, "enable-event-trigger", "SELECT pggit.pause_tracking('1 hour')");
    server.exec("SET allow_system_table_mods = on; UPDATE pg_index SET indisvalid = false WHERE indexrelid = 'pggit.idx_objects_parent'::regclass");
    // One that is needed comes after the others would have.
    let open = await_state(&agent, "reindex", "open");
    assert!(approve(&agent, &open));
    await_verified(&agent, "reindex");
    assert!(server.holds("SELECT last_value = 5000 FROM pggit.history_id_seq"), "not set back");
    assert!(server.holds("SELECT bool_and(evtenabled = 'D') FROM pg_event_trigger WHERE evtname IN ('pggit_ddl_trigger', 'pggit_drop_trigger')"));
}
