//! Decisions over the API: a proposal approved and done, another rejected, all actions paused and resumed.

use pgreeve_tests::agent::Agent;
use pgreeve_tests::testbed::{Options, Server, available};
use serde_json::Value;

use crate::bed::{Document, With, await_that, serve};

/// A server with `todo` and `effects`, and an agent whose job proposes what `todo` says.
pub(crate) fn bed() -> (Server, Agent) {
    let server = Server::start(available()[0], &Options::default());
    server.create_roles();
    server.exec(
        "CREATE TABLE todo (id int PRIMARY KEY, action text, target text DEFAULT 'main', argument text);
         CREATE TABLE effects (at timestamptz DEFAULT clock_timestamp(), id int, note text, login text DEFAULT session_user);
         CREATE ROLE actor LOGIN; GRANT SELECT ON todo TO observer;
         GRANT SELECT, INSERT, DELETE ON todo TO actor; GRANT SELECT, INSERT ON effects TO actor",
    );
    let (observer, actor) = (server.dsn("observer", "postgres"), server.dsn("actor", "postgres"));
    let agent = Agent::new(&format!(
        "[agent]\nstate_dir = \"STATE\"\n[postgres.main]\ndsn = {observer:?}\nact_dsn = {actor:?}\n\
         [plugin.acts]\npath = \"PLUGINS/acts.wasm\"\n[job.acts]\nplugin = \"acts\"\nschedule = \"* * * * * *\"\n\
         grant = {{ postgres = [\"main\"] }}\nactions = {{ effect = \"approve\" }}\n"
    ));
    (server, agent)
}

#[test]
fn a_person_decides_and_it_is_known_who_and_why() {
    let (server, agent) = bed();
    let daemon = serve(&agent);
    let document = Document::of(&agent);
    let see = |path: &str, fill: &str| document.ask(&agent, "get", path, fill, With::default()).json;
    let order =
        |path: &str, fill: &str, body: &str| document.ask(&agent, "post", path, fill, With { body, ..With::default() });
    let effects = || server.value("SELECT count(*) FROM effects").unwrap();
    server.exec("INSERT INTO todo (id, action) VALUES (1, 'effect'), (2, 'effect'), (3, 'useless')");
    let of = |row: u32| -> Option<Value> {
        let key = format!("todo/{row}");
        let all = see("/v1/proposals", "?job=acts")["proposals"].as_array().unwrap().clone();
        all.into_iter().find(|proposal| proposal["clears"][0] == key.as_str())
    };
    await_that("three proposals", || [1, 2, 3].iter().all(|row| of(*row).is_some()));
    let [first, second, third] = [1, 2, 3].map(|row| of(row).unwrap()["id"].as_str().unwrap().to_owned());
    assert_eq!(see("/v1/proposals", "?limit=2")["proposals"].as_array().unwrap().len(), 2);

    // Policy leaves it to people: an approval would lead to nothing, and says so.
    let refused = order("/v1/proposals/{id}/approve", &third, r#"{"why": "try"}"#);
    assert!(refused.status == 409 && refused.json["detail"].as_str().unwrap().contains("policy of useless is propose"));

    let rejected = order("/v1/proposals/{id}/reject", &second, r#"{"why": "not on my watch"}"#);
    assert_eq!((rejected.status, rejected.json["state"].as_str()), (200, Some("rejected")));
    assert_eq!(rejected.json["why"], "not on my watch");

    // While all are paused, what is approved waits.
    assert_eq!(order("/v1/actions/pause", "", r#"{"why": "storage is being moved"}"#).status, 200);
    assert!(see("/v1/status", "")["actions_paused"].as_str().unwrap().contains("storage is being moved"));
    let approved = order("/v1/proposals/{id}/approve", &first, r#"{"why": "go"}"#);
    assert_eq!((approved.status, approved.json["state"].as_str()), (200, Some("approved")));
    let who = approved.json["who"].as_str().unwrap().to_owned();
    let looked = |then: &Value| see("/v1/proposals/{id}", &first)["seen"] != *then;
    for _ in 0..7 {
        let then = see("/v1/proposals/{id}", &first)["seen"].clone();
        await_that("another run", || looked(&then));
    }
    assert_eq!(effects().as_str(), "0");
    assert!(see("/v1/actions", "")["paused"].is_string());

    let resumed = order("/v1/actions/resume", "", r#"{"why": "done"}"#);
    assert_eq!((resumed.status, &resumed.json["paused"]), (200, &Value::Null));
    await_that("it is done", || see("/v1/proposals/{id}", &first)["state"] == "verified");
    assert_eq!(effects().as_str(), "1");
    let done = see("/v1/proposals/{id}", &first);
    assert_eq!(
        (done["attempts"][0]["who"].as_str(), done["attempts"][0]["verdict"].as_str()),
        (Some(who.as_str()), Some("verified"))
    );
    assert_eq!(see("/v1/proposals", "?state=rejected")["proposals"][0]["id"], second.as_str());
    assert_eq!(order("/v1/proposals/{id}/approve", &first, "").status, 409);
    daemon.wait_for(&format!("by {who}: go"));

    let runs = see("/v1/runs", "?limit=200");
    let confirmed = runs["runs"].as_array().unwrap().iter().find(|run| run["cause"] == "confirm").unwrap();
    let whole = see("/v1/runs/{id}", &confirmed["id"].to_string());
    assert!(whole["report"]["proposals"].as_array().unwrap().iter().any(|proposal| proposal["action"] == "effect"));
    assert!(see("/v1/findings", "?status=warning")["findings"].as_array().unwrap().len() >= 2);
    // All of it is in the audit log, with who and why, and the log is whole.
    let entries = |query: &str| see("/v1/audit", query)["entries"].as_array().unwrap().clone();
    for (event, key, value) in [
        ("paused", "why", "storage is being moved"),
        ("resumed", "why", "done"),
        ("rejected", "detail", "not on my watch"),
        ("approved", "detail", "go"),
    ] {
        let entry = entries(&format!("?event={event}"))[0].clone();
        assert_eq!((entry[key].as_str(), entry["who"].as_str()), (Some(value), Some(who.as_str())), "{entry:#}");
    }
    let events: Vec<String> = entries(&format!("?proposal={first}"))
        .iter()
        .map(|entry| entry["event"].as_str().unwrap().to_owned())
        .collect();
    assert_eq!(events, ["proposed", "approved", "begun", "ended", "settled"]);
    let page = see("/v1/audit", "?limit=1");
    let rest = see("/v1/audit", &format!("?limit=1&cursor={}", page["next"].as_str().unwrap()));
    assert_eq!((&page["entries"][0]["seq"], &rest["entries"][0]["seq"]), (&1.into(), &2.into()));
    assert_eq!(see("/v1/audit/verify", "")["verified"], true);
    see("/v1/jobs", "");
    see("/v1/jobs/{job}", "acts");
    see("/v1/metrics", "");
    assert_eq!(order("/v1/reload", "", "").status, 200);
    // The job's own runs are in the way now and then.
    await_that("a run", || order("/v1/jobs/{job}/run", "acts?wait=true", "").status == 200);
    await_that("a run begun", || order("/v1/jobs/{job}/run", "acts", "").status == 202);

    // Every good answer of the document has been seen by now.
    let seen = document.seen.borrow();
    for (path, methods) in document.json["paths"].as_object().unwrap() {
        for (method, operation) in methods.as_object().unwrap() {
            for status in operation["responses"].as_object().unwrap().keys().filter(|status| status.starts_with('2')) {
                let answer = (method.clone(), path.clone(), status.parse().unwrap());
                assert!(seen.contains(&answer), "{answer:?} was not tried");
            }
        }
    }
}

#[test]
fn the_commands_decide_too() {
    let (server, agent) = bed();
    let _daemon = serve(&agent);
    let run = |arguments: &[&str]| {
        let output = agent.run(arguments);
        (output.status.code(), String::from_utf8([output.stdout, output.stderr].concat()).unwrap())
    };
    server.exec("INSERT INTO todo (id, action) VALUES (1, 'effect')");
    let proposed = || agent.proposals().into_iter().next().unwrap_or_default();
    await_that("a proposal", || proposed()["id"].is_string());
    let id = proposed()["id"].as_str().unwrap()[..8].to_owned();
    let (code, said) = run(&["reject", &id, "--why", "no"]);
    assert!(code == Some(0) && said.contains("is rejected"), "{said}");
    let (code, said) = run(&["pause", "--for", "2h", "--why", "moving"]);
    assert!(code == Some(0) && said.contains("all actions are paused until") && said.contains("moving"), "{said}");
    let (code, said) = run(&["approve", &id, "--why", "yes"]);
    assert!(code == Some(0) && said.contains("is approved, until"), "{said}");
    assert!(run(&["status"]).1.contains("all actions are paused until"));
    assert_eq!(run(&["resume", "--why", "moved"]).0, Some(0));
    await_that("it is done", || proposed()["state"] == "verified");
    let (code, said) = run(&["approve", "ffffffff"]);
    assert!(code == Some(1) && said.contains("there is no proposal"), "{said}");
}
