//! Guests that attack the agent: each class contained, named, and without effect on anything else. `tests/guests/README.md` has the list.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic)]

mod answers;
mod component;
mod describe;
mod files;
mod handles;
mod load;
mod memories;
mod resources;
mod samples;
mod siege;
mod wasi;

use std::time::{Duration, Instant};

use pgreeve_tests::agent::{Agent, Checked};

/// An agent with one job, `m`, of this component.
fn agent(component: &[u8], limits: &str) -> Agent {
    let agent = Agent::new(&format!(
        "[agent]\nstate_dir = \"STATE\"\n[limits]\n{limits}\n[plugin.m]\npath = \"guest.wasm\"\n\
         [job.m]\nplugin = \"m\"\nschedule = \"@daily\"\n"
    ));
    std::fs::write(agent.config().with_file_name("guest.wasm"), component).unwrap();
    agent
}

/// What the agent says of a component that it does not load. The answer came in time, and nothing in it can forge a line or a colour.
fn refusal(component: &[u8]) -> String {
    let began = Instant::now();
    let output = agent(component, "").run(&["validate"]);
    let said = String::from_utf8([output.stdout, output.stderr].concat()).unwrap();
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(began.elapsed() < Duration::from_secs(45), "took {:?}", began.elapsed());
    assert!(said.len() < 64 << 10, "{} bytes of refusal", said.len());
    assert!(is_plain(&said), "{said:?}");
    said
}

/// Neither control characters but the line's end, nor characters that reorder or hide text.
fn is_plain(text: &str) -> bool {
    text.chars().all(|it| {
        it == '\n'
            || !(it.is_control()
                || matches!(it, '\u{61c}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}'))
    })
}

/// A run's answer and its log. It came long before `limits.wall` would have ended it.
fn run(component: &[u8], limits: &str) -> (Checked, String) {
    let began = Instant::now();
    let output =
        agent(component, limits).command(&["check", "m", "--format", "json"]).env("RUST_LOG", "info").output().unwrap();
    let log = String::from_utf8(output.stderr).unwrap();
    let json = serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{error}: {log}"));
    assert!(began.elapsed() < Duration::from_secs(45), "took {:?}", began.elapsed());
    assert!(is_plain(&log), "{log:?}");
    (Checked { exit: output.status.code().unwrap(), json }, log)
}

/// Runs a component whose run must be faulted, and looks for words in what is said of it.
fn faults(what: &str, component: &[u8], limits: &str, said: &str) {
    let (checked, _) = run(component, limits);
    let summary = checked.json["summary"].as_str().unwrap_or_default();
    assert_eq!((checked.exit, checked.json["outcome"].as_str()), (3, Some("faulted")), "{what}: {:#}", checked.json);
    assert!(summary.contains(said), "{what}: {summary}");
}
