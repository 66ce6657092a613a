//! A job that makes calls, and its answers.

use std::time::{Duration, Instant};

use pgreeve_tests::agent::{Agent, Checked};
use serde_json::Value;

/// What one call was answered.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Answer {
    /// `told`, or the error: `denied`, `limit-exceeded`, `unreachable`, `timed-out`, `invalid`, `remote`.
    pub(crate) kind: String,
    /// The code of a remote error, otherwise empty.
    pub(crate) code: String,
    /// The answer, or the error's words.
    pub(crate) text: String,
    /// Rows, bytes or items of an answer.
    pub(crate) count: usize,
}

/// agent.toml with one job, `j`, of the plugin `reaches`: these tables, this inside of `grant`, these calls.
pub(crate) fn config(tables: &str, grant: &str, calls: &[Value]) -> String {
    let calls: Vec<String> = calls.iter().map(toml).collect();
    format!(
        "[agent]\nstate_dir = \"STATE\"\n{tables}\n[plugin.r]\npath = \"PLUGINS/reaches.wasm\"\n[job.j]\nplugin = \"r\"\n\
         schedule = \"@daily\"\ngrant = {{ {grant} }}\nsettings = {{ calls = [{}] }}\n",
        calls.join(", ")
    )
}

/// The calls' answers, in their order.
pub(crate) fn ask(tables: &str, grant: &str, calls: &[Value]) -> Vec<Answer> {
    answers(&Agent::new(&config(tables, grant, calls)).check("j"))
}

/// The answers that a check reported.
pub(crate) fn answers(checked: &Checked) -> Vec<Answer> {
    assert_eq!(checked.json["outcome"], "reported", "{:#}", checked.json);
    checked.findings().iter().map(answer).collect()
}

fn answer(finding: &Value) -> Answer {
    let fact = |name: &str| {
        let facts = finding["evidence"].as_array().unwrap();
        let found = facts.iter().find(|fact| fact["name"] == name);
        found.map_or_else(String::new, |fact| fact["value"].as_str().unwrap().to_owned())
    };
    let kind = fact("kind");
    // A report's texts are made printable: an answer stands on one line.
    let text = if kind == "told" { fact("answer").replace("\\n", "\n") } else { fact("text") };
    Answer { kind, code: fact("code"), text, count: fact("count").parse().unwrap_or_default() }
}

impl Answer {
    /// Whether it is this kind of error, or has this code, and says this.
    pub(crate) fn is(&self, what: &str, says: &str) -> bool {
        (self.kind == what || (self.kind == "remote" && self.code == what)) && self.text.contains(says)
    }
}

/// Asks all calls in one run and holds each answer against what the table expects: a kind or a code, and a part of the text.
pub(crate) fn hold(tables: &str, grant: &str, table: &[(Value, &str, &str)]) {
    let calls: Vec<Value> = table.iter().map(|(call, ..)| call.clone()).collect();
    let answers = ask(tables, grant, &calls);
    assert_eq!(answers.len(), table.len());
    let wrong: Vec<String> = table
        .iter()
        .zip(&answers)
        .filter(|((_, what, says), answer)| !answer.is(what, says))
        .map(|((call, what, says), answer)| format!("{call}\n  wanted {what} {says:?}\n  got    {answer:?}"))
        .collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// The newest recorded run.
pub(crate) fn recorded(agent: &Agent) -> Value {
    let output = agent.run(&["runs", "--format", "json"]);
    let answer: Value = serde_json::from_slice(&output.stdout)
        .unwrap_or_else(|error| panic!("{error}: {}", String::from_utf8_lossy(&output.stderr)));
    answer["runs"][0].clone()
}

/// Waits for a condition, half a minute at most.
pub(crate) fn await_that(what: &str, mut condition: impl FnMut() -> bool) {
    let began = Instant::now();
    while !condition() {
        assert!(began.elapsed() < Duration::from_secs(30), "waited in vain for {what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// JSON as inline TOML, which has no null.
fn toml(value: &Value) -> String {
    match value {
        Value::Null => panic!("TOML has no null"),
        Value::Bool(_) | Value::Number(_) => value.to_string(),
        // JSON's escapes are TOML's; DEL is a character that TOML wants escaped and JSON does not.
        Value::String(_) => value.to_string().replace('\u{7f}', "\\u007f"),
        Value::Array(items) => format!("[{}]", items.iter().map(toml).collect::<Vec<_>>().join(", ")),
        Value::Object(fields) => {
            let field = |(key, value): (&String, &Value)| format!("{key} = {}", toml(value));
            format!("{{ {} }}", fields.iter().map(field).collect::<Vec<_>>().join(", "))
        }
    }
}
