//! What is measured, and how it went: a slot that keeps WAL, measured by real runs, listed and drawn.

use pgreeve_tests::agent::Agent;
use pgreeve_tests::testbed::{Options, Server, available};
use serde_json::Value;

use crate::bed::{Document, With, serve};

/// Whether a character is drawn with dots.
fn dotted(character: char) -> bool {
    ('\u{2801}'..='\u{28ff}').contains(&character)
}

#[test]
fn what_runs_measure_is_listed_and_drawn_with_an_agent_and_without() {
    let server = Server::start(available()[0], &Options::default());
    server.create_roles();
    server.exec("SELECT pg_create_physical_replication_slot('left_behind', true)");
    let agent = Agent::new(&format!(
        "[agent]\nstate_dir = \"STATE\"\n[postgres.main]\ndsn = {:?}\n\
         [plugin.replication]\npath = \"PLUGINS/replication.wasm\"\n\
         [job.replication]\nplugin = \"replication\"\nschedule = \"@yearly\"\ngrant = {{ postgres = [\"main\"] }}\n",
        server.dsn("observer", "postgres")
    ));
    let daemon = serve(&agent);
    let output = |arguments: &[&str]| String::from_utf8(agent.run(arguments).stdout).unwrap();
    assert!(output(&["metrics"]).contains("nothing is measured yet"));
    for _ in 0..2 {
        server.exec("SELECT pg_logical_emit_message(false, 'x', repeat('x', 1000000))");
        let run = agent.run(&["run-now", "replication", "--wait"]);
        assert!(run.status.code().is_some_and(|code| code < 3), "{}", String::from_utf8_lossy(&run.stdout));
    }

    let document = Document::of(&agent);
    let ask = |query: &str| document.ask(&agent, "get", "/v1/metrics", query, With::default()).json;
    let retained = |answer: &Value| {
        let metrics = answer["metrics"].as_array().unwrap();
        metrics.iter().find(|one| one["metric"] == "slot_retained_bytes").unwrap().clone()
    };
    let listed = retained(&ask("?job=replication"));
    assert_eq!((&listed["labels"]["slot"], &listed["unit"]), (&"left_behind".into(), &"bytes".into()));
    assert_eq!(listed["steps"], Value::Null);
    let went = ask("?metric=slot_retained_bytes&since=2026-01-01T00:00:00Z&steps=1");
    let step = &retained(&went)["steps"][0];
    let number = |value: &Value| value.as_f64().unwrap();
    assert_eq!(step["samples"], 2);
    assert!(number(&step["most"]) - number(&step["least"]) >= 1e6, "a megabyte between the two: {step:#}");
    assert_eq!(step["most"], listed["value"]);
    assert_eq!(ask("?job=nobody")["metrics"], serde_json::json!([]));
    // One at a time, until none follows.
    let (mut query, mut one_by_one) = ("?limit=1".to_owned(), 0);
    loop {
        let page = ask(&query);
        one_by_one += page["metrics"].as_array().unwrap().len();
        let Some(next) = page["next"].as_str() else { break };
        query = format!("?limit=1&cursor={next}");
    }
    assert_eq!(one_by_one, ask("")["metrics"].as_array().unwrap().len());

    let drawn = ["metrics", "slot_retained_bytes", "--label", "slot=left_behind", "--since", "1h"];
    let (table, picture) = (output(&["metrics"]), output(&drawn));
    assert!(table.contains("slot_retained_bytes") && table.contains("slot=left_behind"), "{table}");
    assert!(picture.starts_with("replication slot_retained_bytes scope=main slot=left_behind: "), "{picture}");
    assert!(picture.chars().any(dotted), "{picture}");
    assert!(output(&["metrics", "slot_retained_bytes", "--label", "slot=other"]).contains("no such number is kept"));
    drop(daemon);
    let left = agent.run(&drawn);
    assert!(String::from_utf8_lossy(&left.stderr).contains("what the last one left"));
    assert!(String::from_utf8_lossy(&left.stdout).chars().any(dotted));
}
