//! Every route is in the document and the other way round, and every answer is as the document says.

use std::collections::BTreeSet;

use pgreeve_tests::agent::Agent;
use serde_json::Value;

use crate::bed::{Document, JOBS, With, ask, await_that, serve};

#[test]
fn every_route_is_in_the_document_and_the_other_way_round() {
    let document: Value = serde_json::from_str(pgreeve::serve::DOCUMENT).unwrap();
    let mut written = BTreeSet::new();
    for (path, methods) in document["paths"].as_object().unwrap() {
        for (method, operation) in methods.as_object().unwrap() {
            let right = operation["x-right"].as_str().unwrap();
            assert_eq!(operation["responses"]["403"].is_object(), right != "read", "{method} {path}");
            let placeholders = path.matches('{').count();
            let parameters = operation["parameters"].as_array().cloned().unwrap_or_default();
            assert_eq!(parameters.iter().filter(|parameter| parameter["in"] == "path").count(), placeholders, "{path}");
            written.insert((method.clone(), path.clone(), right.to_owned()));
        }
    }
    let served: BTreeSet<_> = pgreeve::serve::table()
        .into_iter()
        .map(|(method, path, right)| (method.to_owned(), path.to_owned(), right.word().to_owned()))
        .collect();
    assert_eq!(written, served);
}

#[test]
fn what_is_read_is_as_the_document_says() {
    let agent = Agent::new(JOBS);
    let daemon = serve(&agent);
    let document = Document::of(&agent);
    let see = |path: &str, fill: &str| document.ask(&agent, "get", path, fill, With::default());
    let run = |fill: &str| document.ask(&agent, "post", "/v1/jobs/{job}/run", fill, With::default());

    // Before anything has run: nobody looked.
    let status = see("/v1/status", "").json;
    assert_eq!((&status["pid"], &status["jobs"]["never_judged"]), (&daemon.pid().into(), &2.into()));
    assert_eq!(see("/v1/jobs/{job}", "quiet").json["status"], Value::Null);

    for _ in 0..3 {
        let ran = run("quiet?wait=true");
        assert_eq!((ran.status, ran.json["status"].as_str()), (200, Some("ok")), "{:#}", ran.json);
        assert_eq!((ran.json["cause"].as_str(), &ran.json["due"]), (Some("manual"), &Value::Null));
        let recorded = see("/v1/runs/{id}", &ran.json["id"].to_string());
        assert_eq!(recorded.json, ran.json);
    }
    let faulted = run("m?wait=true");
    assert_eq!(faulted.json["outcome"]["limit"], "wall", "{:#}", faulted.json);

    let jobs = see("/v1/jobs", "").json;
    let of = |job: usize, key: &str| jobs["jobs"][job][key].as_str().unwrap_or("null").to_owned();
    assert_eq!([of(0, "job"), of(0, "status"), of(1, "job"), of(1, "status")], ["m", "unknown", "quiet", "ok"]);
    assert_eq!(see("/v1/jobs/{job}", "quiet").json, jobs["jobs"][1]);
    let first = see("/v1/jobs", "?limit=1").json;
    assert_eq!((first["jobs"][0]["job"].as_str(), first["next"].as_str()), (Some("m"), Some("m")));
    assert_eq!(see("/v1/jobs", "?limit=1&cursor=m").json["jobs"][0]["job"], "quiet");

    // A list in pages is the list.
    let whole = see("/v1/runs", "?job=quiet").json;
    let mut pages = Vec::new();
    let mut query = "?job=quiet&limit=1".to_owned();
    loop {
        let page = see("/v1/runs", &query).json;
        pages.extend(page["runs"].as_array().unwrap().clone());
        let Some(next) = page["next"].as_str() else { break };
        query = format!("?job=quiet&limit=1&cursor={next}");
    }
    assert_eq!((pages.len(), &Value::Array(pages)), (3, &whole["runs"]));

    // What stands, and who gave no answer, whatever is asked for.
    let findings = see("/v1/findings", "?job=quiet").json;
    assert!(!findings["findings"].as_array().unwrap().is_empty() && findings["unanswered"] == serde_json::json!([]));
    assert!(findings["findings"].as_array().unwrap().iter().all(|finding| finding["summary"].is_string()));
    let critical = see("/v1/findings", "?status=critical").json;
    assert_eq!((critical["findings"].as_array().unwrap().len(), &critical["unanswered"][0]["job"]), (0, &"m".into()));

    assert_eq!(document.ask(&agent, "post", "/v1/reload", "", With::default()).status, 200);
    agent.configure(&JOBS.replace("[job.m]\n", "[job.m]\nnonsense = 1\n"));
    let refused = document.ask(&agent, "post", "/v1/reload", "", With::default());
    assert_eq!((refused.status, refused.json["problems"].as_array().unwrap().len()), (422, 1), "{:#}", refused.json);
    assert!(refused.json["problems"][0]["message"].as_str().unwrap().contains("nonsense"));
    let status = see("/v1/status", "").json;
    assert_eq!((&status["last_reload"]["taken"], &status["config"]["jobs"]), (&false.into(), &2.into()));

    for path in ["/v1/proposals", "/v1/actions", "/v1/metrics"] {
        assert_eq!(see(path, "").status, 200);
    }
}

#[test]
fn what_cannot_be_is_a_problem_with_advice() {
    let agent = Agent::new(JOBS);
    let _daemon = serve(&agent);
    let document = Document::of(&agent);
    let problem = |method: &str, path: &str, fill: &str, body: &str, status: u16, word: &str| {
        let answer = document.ask(&agent, method, path, fill, With { body, ..With::default() });
        let told = (answer.status, answer.kind.as_str(), answer.json["type"].as_str().unwrap());
        assert_eq!(told, (status, "application/problem+json", word), "{method} {path} {fill}");
    };
    for (path, fill) in [
        ("/v1/jobs/{job}", "nobody"),
        ("/v1/runs/{id}", "4711"),
        ("/v1/runs/{id}", "x"),
        ("/v1/proposals/{id}", "abc"),
        ("/v1/proposals/{id}", "%25"),
    ] {
        problem("get", path, fill, "", 404, "not-there");
    }
    problem("post", "/v1/jobs/{job}/run", "nobody", "", 404, "not-there");
    problem("post", "/v1/jobs/{job}/run", "quiet?wait=perhaps", "", 400, "bad-request");
    problem("post", "/v1/proposals/{id}/approve", "abc", "", 404, "not-there");
    for (path, query) in [
        ("/v1/jobs", "?limit=0"),
        ("/v1/jobs", "?limit=201"),
        ("/v1/jobs", "?job=quiet"),
        ("/v1/runs", "?cursor=nonsense"),
        ("/v1/runs", "?jobs=quiet"),
        ("/v1/findings", "?status=bad"),
        ("/v1/findings", "?cursor=nonsense"),
        ("/v1/metrics", "?since=2026-01-01T00:00:00Z"),
        ("/v1/metrics", "?metric=lag_bytes&since=yesterday"),
        ("/v1/metrics", "?metric=lag_bytes&since=9999-01-01T00:00:00Z"),
        ("/v1/metrics", "?metric=lag_bytes&since=2026-01-01T00:00:00Z&steps=0"),
        ("/v1/metrics", "?steps=3"),
        ("/v1/metrics", "?cursor=nonsense"),
        ("/v1/proposals", "?state=bad"),
        ("/v1/proposals", "?cursor=nonsense"),
    ] {
        problem("get", path, query, "", 400, "bad-request");
    }
    for (path, body) in [
        ("/v1/actions/pause", ""),
        ("/v1/actions/pause", "nonsense"),
        ("/v1/actions/pause", r#"{"why": " "}"#),
        ("/v1/actions/pause", r#"{"why": "a\nb"}"#),
        ("/v1/actions/pause", r#"{"why": "x", "until": "2020-01-01T00:00:00Z"}"#),
        ("/v1/actions/pause", r#"{"why": "x", "til": "2020-01-01T00:00:00Z"}"#),
        ("/v1/actions/resume", r#"{"why": "x", "until": "2030-01-01T00:00:00Z"}"#),
        ("/v1/actions/resume", "[]"),
    ] {
        problem("post", path, "", body, 400, "bad-request");
    }
    // These are of no path of the document.
    let nothing = ask(&agent, "get", "/v1/nothing", With::default());
    let wrong = ask(&agent, "delete", "/v1/status", With::default());
    for (answer, status) in [(nothing, 404), (wrong, 405)] {
        assert_eq!((answer.status, answer.kind.as_str()), (status, "application/problem+json"));
        assert!(answer.json["advice"].as_str().unwrap().contains("/v1/openapi.json"));
    }
}

#[test]
fn a_run_that_is_asked_for_keeps_to_the_slots() {
    let agent = Agent::new(JOBS);
    let _daemon = serve(&agent);
    let document = Document::of(&agent);
    let run = |fill: &str| document.ask(&agent, "post", "/v1/jobs/{job}/run", fill, With::default());
    let status = || ask(&agent, "get", "/v1/status", With::default()).json;
    let begun = run("m");
    assert_eq!((begun.status, begun.json["state"].as_str()), (202, Some("running")));
    assert_eq!(
        (status()["running"][0]["job"].as_str(), status()["running"][0]["cause"].as_str()),
        (Some("m"), Some("manual"))
    );
    assert_eq!(run("m").status, 409);
    // One slot: the other waits for it, and is made when it is free.
    let waits = run("quiet");
    assert_eq!((waits.status, waits.json["state"].as_str()), (202, Some("waiting")));
    assert_eq!((run("quiet?wait=true").status, status()["waiting"][0]["job"].as_str()), (409, Some("quiet")));
    await_that("the quiet job's run", || status()["jobs"]["ok"] == 1);
    assert_eq!(ask(&agent, "get", "/v1/runs?job=m", With::default()).json["runs"][0]["id"], begun.json["run"]);

    // A reload that drops a job drops the run that waits, and who waits for that is told.
    assert_eq!(run("m").status, 202);
    std::thread::scope(|scope| {
        let waiting = scope.spawn(|| ask(&agent, "post", "/v1/jobs/quiet/run?wait=true", With::default()));
        await_that("it waits", || status()["waiting"][0]["job"] == "quiet");
        let kept = JOBS.replace("[job.quiet]\nplugin = \"quiet\"\nschedule = \"@yearly\"\n", "");
        agent.configure(&kept);
        assert_eq!(document.ask(&agent, "post", "/v1/reload", "", With::default()).status, 200);
        let told = waiting.join().unwrap();
        assert_eq!((told.status, told.json["type"].as_str()), (409, Some("conflict")), "{:#}", told.json);
    });
}
