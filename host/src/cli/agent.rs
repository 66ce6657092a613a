//! What commands have in common that speak to a running agent: asking it, and telling what it says from what it left.

use serde_json::{Value, json};

use crate::client::{Client, ClientError};

use super::{Failure, load, output};

/// Who answered.
pub(super) enum Answer<T> {
    /// The agent.
    Agent(T),
    /// Nobody: what there is to see is what an agent left.
    Nobody(Absent),
}

/// Why there is no agent to ask.
pub(super) struct Absent {
    /// In words.
    pub(super) why: String,
    /// One runs nevertheless, or may.
    pub(super) runs: bool,
}

impl Absent {
    /// Says on standard error that what is printed is not the agent's answer, and what it is.
    pub(super) fn note(&self, printed: &str) {
        output::error(&format!("{}: {printed}", self.why));
    }
}

/// Asks the agent. Who may not connect to its socket is told that: it is no sign that none runs.
pub(super) fn ask<T>(
    general: &load::General,
    ask: impl AsyncFnOnce(&Client) -> Result<T, ClientError>,
) -> Result<Answer<T>, Failure> {
    load::runtime()?.block_on(asked(general, ask))
}

/// The same, where there is a runtime.
pub(super) async fn asked<T>(
    general: &load::General,
    ask: impl AsyncFnOnce(&Client) -> Result<T, ClientError>,
) -> Result<Answer<T>, Failure> {
    match ask(&Client::new(&general.api.socket)).await {
        Ok(answer) => Ok(Answer::Agent(answer)),
        Err(ClientError::NoAgent { .. }) => Ok(Answer::Nobody(absent(general))),
        Err(error) => Err(error.into()),
    }
}

/// Orders something of the agent, which must be there.
pub(super) fn order<T>(
    general: &load::General,
    order: impl AsyncFnOnce(&Client) -> Result<T, ClientError>,
) -> Result<T, Failure> {
    match ask(general, order)? {
        Answer::Agent(done) => Ok(done),
        Answer::Nobody(absent) if absent.runs => Err(absent.why.into()),
        Answer::Nobody(absent) => {
            Err(format!("{}: start it first, by its service or by `pgreeve run`", absent.why).into())
        }
    }
}

/// Whether agent.toml is another than the agent has in force, of what the agent said of its configuration; said on standard error with what that
/// means here.
pub(super) fn changed(general: &load::General, config: &Value, means: &str) -> bool {
    let changed = config.get("sha256").and_then(Value::as_str) != Some(&general.sha256);
    if changed {
        let path = general.path.display();
        output::error(&format!("{path} is not what the agent has in force: {means}; `pgreeve reload` takes the file"));
    }
    changed
}

/// Adds to a JSON document whether it is the agent's answer, and if not, why not.
pub(super) fn told(document: Value, absent: Option<&Absent>) -> Value {
    let mut whole = json!({ "agent": absent.is_none() });
    if let (Some(whole), Value::Object(document)) = (whole.as_object_mut(), document) {
        whole.extend(absent.map(|absent| ("why".to_owned(), absent.why.as_str().into())));
        whole.extend(document);
    }
    whole
}

/// Says that there is no agent to ask: none at all, or one that does not serve.
fn absent(general: &load::General) -> Absent {
    let (state_dir, socket) = (general.agent.state_dir.display(), general.api.socket.display());
    match crate::store::AgentLock::holder(&general.agent.state_dir) {
        Ok(Some(pid)) => Absent {
            runs: true,
            why: format!(
                "the agent on {state_dir} (pid {pid}) does not listen on {socket}; its log says why, and `kill -HUP {pid}` makes it reload"
            ),
        },
        Ok(None) => Absent { runs: false, why: format!("no agent runs on {state_dir}") },
        Err(error) => Absent {
            runs: true,
            why: format!("no agent listens on {socket}, and whether one runs on {state_dir} cannot be told: {error}"),
        },
    }
}
