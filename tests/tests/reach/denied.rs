//! What is not granted, for every capability: the guest is told, the log says so, the run's record keeps it.

use pgreeve_tests::agent::Agent;
use serde_json::{Value, json};

use crate::bed::{answers, config, recorded};

/// A call of each capability that names something: the capability's name in `grant`, and the call.
fn calls(name: &str) -> Vec<(&'static str, Value)> {
    vec![
        ("postgres", json!({ "ask": "query", "name": name, "sql": "select 1" })),
        ("postgres", json!({ "ask": "identify", "name": name })),
        ("http", json!({ "ask": "get", "name": name, "path": "/" })),
        ("http", json!({ "ask": "head", "name": name, "path": "/" })),
        ("files", json!({ "ask": "entries", "name": name, "path": "" })),
        ("files", json!({ "ask": "metadata", "name": name, "path": "a" })),
        ("files", json!({ "ask": "read", "name": name, "path": "a", "length": 1 })),
        ("files", json!({ "ask": "sha256", "name": name, "path": "a" })),
        ("files", json!({ "ask": "free-space", "name": name })),
        ("objects", json!({ "ask": "objects", "name": name })),
        ("objects", json!({ "ask": "object", "name": name, "key": "a" })),
        ("objects", json!({ "ask": "fetch", "name": name, "key": "a", "length": 1 })),
        ("redis", json!({ "ask": "redis", "name": name, "arguments": ["PING"] })),
        ("commands", json!({ "ask": "run", "name": name })),
    ]
}

/// One granted name of each capability; nothing stands behind most of them.
const TABLES: &str = "[postgres.main]\ndsn = \"host=/nowhere user=nobody dbname=none\"\n[http.main]\norigin = \"http://127.0.0.1:1\"\nallow = [\"GET /\"]\n\
    [files.main]\npath = \"/tmp\"\n[redis.main]\nurl = \"unix:///nowhere\"\n\
    [objects.main]\nurl = \"s3://nowhere\"\nendpoint = \"https://127.0.0.1:1\"\naccess_key_env = \"HOME\"\nsecret_key_env = \"HOME\"\n[command.main]\nrun = [\"/bin/true\"]\neffect = \"read\"\n";
const GRANT: &str = "postgres = [\"main\"], http = [\"main\"], files = [\"main\"], objects = [\"main\"], redis = [\"main\"], commands = [\"main\"]";

/// Names that are not the granted one, however much they look like it to some.
const TRICKS: [&str; 16] = [
    "",
    "other",
    "Main",
    "MAIN",
    " main",
    "main ",
    "main\u{0}",
    "main\n",
    "main/",
    "./main",
    "main,other",
    "[\"main\"]",
    "*",
    "ma\u{200b}in",
    "main\u{301}",
    "<<main*100000>>",
];

#[test]
fn what_is_not_granted_at_all_is_denied_with_the_line_that_is_missing() {
    let calls = calls("main");
    let mut asked: Vec<Value> = calls.iter().map(|(_, call)| call.clone()).collect();
    asked.extend(["disks", "memory-usage", "load-average"].map(|ask| json!({ "ask": ask })));
    // The sections are there: only the grant is missing.
    let agent = Agent::new(&config(TABLES, "", &asked));
    let output = agent.command(&["check", "j", "--verbose"]).env("RUST_LOG", "warn").output().unwrap();
    let (said, log) = (String::from_utf8(output.stdout).unwrap(), String::from_utf8(output.stderr).unwrap());
    let run = recorded(&agent);
    let mut lines: Vec<String> = calls
        .iter()
        .map(|(capability, _)| {
            format!(
                "job \"j\" (plugin \"r\") is not granted \"main\" of {capability}: if it should be, \
                 add \"main\" to `grant = {{ {capability} = [...] }}` under [job.j] in agent.toml"
            )
        })
        .collect();
    lines.push(
        "job \"j\" (plugin \"r\") is not granted system: if it should be, write `grant = { system = true }` under [job.j] in agent.toml"
            .to_owned(),
    );
    lines.dedup();
    for line in &lines {
        assert!(said.contains(&format!("  denied   {line}")), "check -v does not say {line}:\n{said}");
        assert!(log.contains(line), "the log does not say {line}:\n{log}");
        assert!(run["denied"].as_array().unwrap().iter().any(|denied| denied == line), "{line} is not in {run:#}");
    }
    for call in ["postgres.query", "http.head", "files.sha256", "redis.command", "commands.run", "system.disks"] {
        let counted = run["calls"].as_array().unwrap().iter().find(|counted| counted["call"] == call);
        let counted = counted.unwrap_or_else(|| panic!("{call} is not in {run:#}"));
        assert_eq!((counted["count"].as_u64(), counted["errors"].as_u64()), (Some(1), Some(1)), "{call}");
        assert!(said.contains(&format!("  asked    {call}")), "{said}");
    }
    let answers = answers(&agent.check("j"));
    assert!(answers.iter().all(|answer| lines.contains(&answer.text) && answer.kind == "denied"), "{answers:#?}");
}

#[test]
fn a_name_that_is_not_the_granted_one_to_the_byte_is_denied() {
    let calls: Vec<Value> = TRICKS.iter().flat_map(|name| calls(name).into_iter().map(|(_, call)| call)).collect();
    let answers = answers(&Agent::new(&config(TABLES, GRANT, &calls)).check("j"));
    assert_eq!(answers.len(), TRICKS.len() * 14);
    for (call, answer) in calls.iter().zip(&answers) {
        assert!(answer.is("denied", "is not granted"), "{call}: {answer:?}");
        // As long as the name may be, the message is not, and no line of it can be forged.
        assert!(answer.text.len() < 400 && !answer.text.contains(char::is_control), "{answer:?}");
    }
}

#[test]
fn a_wanted_capability_is_optional_or_its_grant_is_required_where_it_is_missing() {
    // `reaches` wants all of them, none of them required.
    let valid = Agent::new(&config(TABLES, "", &[])).run(&["validate"]);
    assert!(valid.status.success(), "{}", String::from_utf8_lossy(&valid.stderr));
    // `replication` requires a database.
    let agent = Agent::new(
        "[agent]\nstate_dir = \"STATE\"\n[plugin.replication]\npath = \"PLUGINS/replication.wasm\"\n\
         [job.j]\nplugin = \"replication\"\nschedule = \"@daily\"\n",
    );
    let refused = agent.run(&["validate"]);
    let said = String::from_utf8_lossy(&refused.stderr).into_owned() + &String::from_utf8_lossy(&refused.stdout);
    assert_eq!(refused.status.code(), Some(1));
    assert!(said.contains("agent.toml:5:") && said.contains("does not grant postgres"), "{said}");
    assert!(said.contains("add grant = { postgres = ["), "{said}");
}
