//! Logins made by `pgreeve grants`, and what `pgreeve doctor` says of them.

use std::io::Write as _;
use std::process::{Command, Output, Stdio};

use pgreeve_tests::agent::Agent;
use pgreeve_tests::testbed::{Major, Options, Server};
use serde_json::Value;

/// Runs SQL as an operator does.
pub(crate) fn psql(server: &Server, sql: &str) -> Output {
    let program = Major(15).optional_program("psql").unwrap();
    let mut command = Command::new(program);
    command.args(["-X", "-v", "ON_ERROR_STOP=1", "-U", "postgres", "-d", "postgres", "-h"]).arg(server.socket_dir());
    command.arg("-p").arg(server.port().to_string());
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(sql.as_bytes()).unwrap();
    child.wait_with_output().unwrap()
}

/// Runs the statements that stand beside lines in a state.
pub(crate) fn mend(server: &Server, seen: &Seen, state: &str) {
    for line in seen.lines().filter(|line| line["state"] == state) {
        let mend = line["mend"].as_str().unwrap();
        server.try_sql(mend).unwrap_or_else(|error| panic!("{mend}: {error:?}"));
    }
}

/// What `pgreeve grants` prints.
pub(crate) fn grants(agent: &Agent, arguments: &[&str]) -> String {
    let output = agent.run(&[&["grants"], arguments].concat());
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

/// Gives the logins what they want, and does it again.
pub(crate) fn grant_twice(agent: &Agent, server: &Server, arguments: &[&str]) -> String {
    let script = grants(agent, arguments);
    for time in ["first", "second"] {
        let output = psql(server, &script);
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{} {time}: {said}\n{script}", server.major());
    }
    script
}

pub(crate) struct Seen {
    pub(crate) exit: i32,
    pub(crate) json: Value,
}

pub(crate) fn doctor(agent: &Agent) -> Seen {
    doctor_of(agent, &[])
}

pub(crate) fn doctor_of(agent: &Agent, arguments: &[&str]) -> Seen {
    let output = agent.run(&[&["doctor", "--format", "json"], arguments].concat());
    let json = serde_json::from_slice(&output.stdout)
        .unwrap_or_else(|error| panic!("no JSON ({error}): {}", String::from_utf8_lossy(&output.stderr)));
    Seen { exit: output.status.code().unwrap(), json }
}

impl Seen {
    /// All lines.
    pub(crate) fn lines(&self) -> impl Iterator<Item = &Value> {
        self.json["lines"].as_array().unwrap().iter()
    }

    /// Lines that are neither ok nor not applicable, nor what PostgreSQL itself grants to everybody, as `state what`.
    pub(crate) fn complaints(&self) -> Vec<String> {
        let quiet = ["ok", "not-applicable", "by-default"];
        let bad = self.lines().filter(|line| !quiet.contains(&line["state"].as_str().unwrap()));
        bad.map(|line| format!("{} {}", line["state"].as_str().unwrap(), line["what"].as_str().unwrap())).collect()
    }

    /// The line that says this.
    pub(crate) fn line(&self, what: &str) -> &Value {
        let found = self.lines().find(|line| line["what"].as_str().unwrap().starts_with(what));
        found.unwrap_or_else(|| panic!("nothing about {what:?}: {:#}", self.json))
    }

    pub(crate) fn state(&self, what: &str) -> &str {
        self.line(what)["state"].as_str().unwrap()
    }
}

/// A server with what the guest `rights` wants to look at, kept from everybody.
pub(crate) fn server(major: Major) -> Server {
    let server = Server::start(major, &Options::default());
    server.exec(
        "CREATE SCHEMA app; CREATE TYPE app.mood AS ENUM ('well');
         CREATE TABLE app.orders (id serial, note text); INSERT INTO app.orders (note) VALUES ('a'), ('b'), ('c');
         CREATE FUNCTION app.total(a integer, b text[], c app.mood) RETURNS integer LANGUAGE sql AS 'SELECT 1';
         REVOKE ALL ON FUNCTION app.total FROM PUBLIC",
    );
    server
}

/// An agent whose job runs the guest, with a login to look and one to act.
pub(crate) fn agent(server: &Server, actions: &str) -> Agent {
    let config = format!(
        "[agent]\nstate_dir = \"STATE\"\n[postgres.main]\ndsn = {:?}\nact_dsn = {:?}\n[plugin.rights]\npath = \"PLUGINS/rights.wasm\"\n\
         [job.rights]\nplugin = \"rights\"\nschedule = \"@daily\"\ngrant = {{ postgres = [\"main\"] }}\nactions = {{ {actions} }}\n",
        server.dsn("looks", "postgres"),
        server.dsn("acts", "postgres"),
    );
    let agent = Agent::new(&config);
    // Compiled once, for all that follows.
    agent.check("rights");
    agent
}

/// The actions that these tests let be carried out.
pub(crate) const CARRIED_OUT: &str = r#"vacuum = "approve", end = "auto", checkpoint = "deny""#;
