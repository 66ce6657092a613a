//! What the themes share: an agent with the cache job, and looking at its answers.

use std::time::{Duration, Instant};

use pgreeve_tests::agent::{Agent, Checked};

/// An agent whose job `cache` has these tables of agent.toml, this inside of a `grant` and this inside of `settings`.
pub(crate) fn agent(tables: &str, grant: &str, settings: &str) -> Agent {
    Agent::new(&config(tables, grant, settings))
}

/// An agent that looks each second, and carries out by itself what `actions` allows.
pub(crate) fn acting(tables: &str, grant: &str, settings: &str, actions: &str) -> Agent {
    let text = config(tables, grant, settings).replace("*/5 * * * *", "* * * * * *");
    Agent::new(&format!("{text}actions = {{ {actions} }}\n"))
}

/// Its configuration.
pub(crate) fn config(tables: &str, grant: &str, settings: &str) -> String {
    format!(
        "[agent]\nstate_dir = \"STATE\"\n{tables}\n[plugin.cache]\npath = \"PLUGINS/cache.wasm\"\n[job.cache]\nplugin = \"cache\"\n\
         schedule = \"*/5 * * * *\"\ngrant = {{ {grant} }}\nsettings = {{ {settings} }}\n"
    )
}

/// One run.
pub(crate) fn look(agent: &Agent) -> Checked {
    agent.check("cache")
}

/// Runs until the finding has the status; panics with the last answer after ten seconds.
pub(crate) fn await_status(agent: &Agent, key: &str, status: &str) -> Checked {
    agent.check_until("cache", &format!("{key} is {status}"), |checked| {
        checked.find(key).is_some_and(|finding| finding["status"] == status)
    })
}

/// One run in which the finding has to have the status, and its text these words.
#[track_caller]
pub(crate) fn expect(agent: &Agent, key: &str, status: &str, words: &str) -> Checked {
    let checked = look(agent);
    holds(&checked, key, status, words);
    checked
}

/// The finding has the status, its text these words, and advice if it is not well.
#[track_caller]
pub(crate) fn holds(checked: &Checked, key: &str, status: &str, words: &str) {
    assert_eq!(checked.status_of(key), status, "{key}: {:#}", checked.json);
    let text = text(checked, key);
    assert!(text.contains(words), "{key} does not say {words:?}: {text}");
    let advised = checked.finding(key)["advice"].as_str().is_some_and(|advice| !advice.is_empty());
    assert!(status == "ok" || advised, "{key} is {status} without advice: {text}");
}

/// Summary, reason, detail and advice of a finding.
pub(crate) fn text(checked: &Checked, key: &str) -> String {
    let finding = checked.finding(key);
    ["summary", "reason", "detail", "advice"].map(|part| finding[part].as_str().unwrap_or_default()).join("\n")
}

/// One run in which everything has to be well.
#[track_caller]
pub(crate) fn quiet(agent: &Agent, what: &str) -> Checked {
    let checked = look(agent);
    assert_eq!(checked.complaints(), Vec::<String>::new(), "{what}");
    checked
}

/// The proposals of a run: action, target, arguments' values and what is cleared.
pub(crate) fn proposals(checked: &Checked) -> Vec<(String, String, Vec<String>, Vec<String>)> {
    let text = |value: &serde_json::Value| value.as_str().unwrap().to_owned();
    let each = checked.json["proposals"].as_array().unwrap().iter().map(|proposal| {
        let arguments = proposal["arguments"].as_array().unwrap().iter().map(|argument| text(&argument["value"]));
        let clears = proposal["clears"].as_array().unwrap().iter().map(text);
        (text(&proposal["action"]), text(&proposal["target"]), arguments.collect(), clears.collect())
    });
    each.collect()
}

/// Waits for a condition, half a minute at most.
pub(crate) fn await_that(what: &str, mut condition: impl FnMut() -> bool) {
    let began = Instant::now();
    while !condition() {
        assert!(began.elapsed() < Duration::from_secs(30), "waited in vain for {what}");
        std::thread::sleep(Duration::from_millis(10));
    }
}
