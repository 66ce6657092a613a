//! What the themes share: servers with pgGit, and an agent that watches them.

use pgreeve_tests::agent::{Agent, Checked};
use pgreeve_tests::testbed::{Major, Options, Server, available};

/// The fixture's files.
pub(crate) const CORE: &str = include_str!("../../pggit/core.sql");
pub(crate) const SCRIPT: &str = include_str!("../../pggit/script.sql");

/// The majors that pgGit is looked at on: 15, 17 and 18, as far as they are installed.
pub(crate) fn majors() -> Vec<Major> {
    available().into_iter().filter(|major| [15, 17, 18].map(Major).contains(major)).collect()
}

/// A server without pgGit, with an observer that may read all data.
pub(crate) fn bare(major: Major) -> Server {
    let server = Server::start(major, &Options::default());
    server.create_roles();
    server.exec("GRANT pg_read_all_data TO observer");
    server
}

/// A server with the fixture of the script install, and a small schema of an application.
pub(crate) fn script(major: Major) -> Server {
    let server = bare(major);
    server.exec(CORE);
    server.exec(SCRIPT);
    server.exec(APPLICATION);
    server
}

/// A small schema made under pgGit.
const APPLICATION: &str = "
    CREATE SCHEMA app;
    CREATE TABLE app.customers (id serial PRIMARY KEY, name text NOT NULL, email varchar(200) UNIQUE);
    CREATE TABLE app.orders (id serial PRIMARY KEY, customer_id int REFERENCES app.customers (id), total numeric(10, 2) DEFAULT 0);
    CREATE INDEX orders_customer ON app.orders (customer_id);
    CREATE VIEW app.big_orders AS SELECT * FROM app.orders WHERE total > 1000;
    CREATE FUNCTION app.total(int) RETURNS numeric LANGUAGE sql AS 'SELECT sum(total) FROM app.orders WHERE customer_id = $1'";

/// An agent with one job, `pggit`, that watches the server's database as the observer; `settings` is the inside of a TOML
/// table. The fixture's handlers are not those of a release, so they are accepted by name.
pub(crate) fn watch(server: &Server, settings: &str) -> Agent {
    watch_as(server, "observer", settings)
}

/// The same as another role.
pub(crate) fn watch_as(server: &Server, user: &str, settings: &str) -> Agent {
    let dsn = server.dsn(user, "postgres");
    Agent::new(&format!(
        "[agent]\nstate_dir = \"STATE\"\n[postgres.main]\ndsn = {dsn:?}\n[plugin.pggit-integrity]\npath = \"PLUGINS/pggit-integrity.wasm\"\n\
         [job.pggit]\nplugin = \"pggit-integrity\"\nschedule = \"*/15 * * * *\"\ngrant = {{ postgres = [\"main\"] }}\n\
         settings = {{ {settings} }}\n"
    ))
}

/// One run.
pub(crate) fn look(agent: &Agent) -> Checked {
    agent.check("pggit")
}

/// One run in which everything has to be well.
#[track_caller]
pub(crate) fn quiet(agent: &Agent, what: &str) -> Checked {
    let checked = look(agent);
    assert_eq!(checked.complaints(), Vec::<String>::new(), "{what}");
    assert_eq!(checked.status(), "ok", "{what}: {:#}", checked.json);
    checked
}
