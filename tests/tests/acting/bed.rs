//! A server with `todo` and `effects`, and an agent that does what `todo` says.

use std::time::{Duration, Instant};

use pgreeve_tests::agent::Agent;
use pgreeve_tests::testbed::{Major, Options, Server};
use serde_json::Value;

pub(crate) struct Bed {
    pub(crate) server: Server,
    pub(crate) agent: Agent,
}

impl Bed {
    /// An agent whose job looks each second; `actions` is the inside of its `actions` table, `more` further tables.
    pub(crate) fn new(actions: &str, more: &str) -> Self {
        let server = Server::start(Major(15), &Options::default());
        server.create_roles();
        server.exec(
            "CREATE TABLE todo (id int PRIMARY KEY, action text, target text DEFAULT 'main', argument text);
             CREATE TABLE effects (at timestamptz DEFAULT clock_timestamp(), id int, note text, login text DEFAULT session_user);
             CREATE ROLE actor LOGIN; GRANT SELECT ON todo TO observer;
             GRANT SELECT, INSERT, DELETE ON todo TO actor; GRANT SELECT, INSERT ON effects TO actor",
        );
        let agent = Agent::new(&Self::config(&server, actions, more));
        Self { server, agent }
    }

    /// The configuration, to be given anew.
    pub(crate) fn config(server: &Server, actions: &str, more: &str) -> String {
        let (observer, actor) = (server.dsn("observer", "postgres"), server.dsn("actor", "postgres"));
        format!(
            "[agent]\nstate_dir = \"STATE\"\n[postgres.main]\ndsn = {observer:?}\nact_dsn = {actor:?}\n\
             [plugin.acts]\npath = \"PLUGINS/acts.wasm\"\n{more}\n\
             [job.acts]\nplugin = \"acts\"\nschedule = \"* * * * * *\"\ngrant = {{ postgres = [\"main\"] }}\nactions = {{ {actions} }}\n"
        )
    }

    /// Puts a row into `todo`.
    pub(crate) fn to_do(&self, id: u32, action: &str) {
        self.server.exec(&format!("INSERT INTO todo (id, action) VALUES ({id}, '{action}')"));
    }

    /// How often the effect of a row was seen.
    pub(crate) fn effects(&self, id: u32) -> u32 {
        self.server.value(&format!("SELECT count(*) FROM effects WHERE id = {id}")).unwrap().parse().unwrap()
    }

    /// All proposals.
    pub(crate) fn proposals(&self) -> Vec<Value> {
        self.agent.proposals()
    }

    /// The proposal for a row of `todo`, if there is one.
    pub(crate) fn proposal(&self, id: u32) -> Option<Value> {
        let key = format!("todo/{id}");
        self.proposals().into_iter().find(|proposal| proposal["clears"][0] == key.as_str())
    }

    /// Waits until the proposal for a row is in a state.
    pub(crate) fn await_state(&self, id: u32, state: &str) -> Value {
        let mut seen = None;
        await_that(&format!("the proposal for row {id} is {state}"), || {
            seen = self.proposal(id);
            seen.as_ref().is_some_and(|proposal| proposal["state"] == state)
        });
        seen.unwrap()
    }
}

/// Waits for a condition; panics after a minute.
pub(crate) fn await_that(what: &str, mut condition: impl FnMut() -> bool) {
    let began = Instant::now();
    while !condition() {
        assert!(began.elapsed() < Duration::from_secs(60), "not within a minute: {what}");
        std::thread::sleep(Duration::from_millis(100));
    }
}
