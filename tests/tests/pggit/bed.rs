//! What the themes share: servers with pgGit, an agent that watches them, and damage that is made, found and mended.

use pgreeve_tests::agent::{Agent, Checked};
use pgreeve_tests::testbed::{Major, Options, Server, available};

/// The fixture's files.
pub(crate) const CORE: &str = include_str!("../../pggit/core.sql");
pub(crate) const SCRIPT: &str = include_str!("../../pggit/script.sql");
pub(crate) const EXTENSION: &str = include_str!("../../pggit/extension.sql");
pub(crate) const FILE_013: &str = include_str!("../../pggit/file_013.sql");
pub(crate) const FILE_100: &str = include_str!("../../pggit/file_100.sql");
pub(crate) const V0_ROWS: &str = include_str!("../../pggit/v0_rows.sql");
pub(crate) const V0_ARRAYS: &str = include_str!("../../pggit/v0_arrays.sql");

/// A small schema made under pgGit.
pub(crate) const APPLICATION: &str = "
    CREATE SCHEMA app;
    CREATE TABLE app.customers (id serial PRIMARY KEY, name text NOT NULL, email varchar(200) UNIQUE);
    CREATE TABLE app.orders (id serial PRIMARY KEY, customer_id int REFERENCES app.customers (id), total numeric(10, 2) DEFAULT 0);
    CREATE INDEX orders_customer ON app.orders (customer_id);
    CREATE VIEW app.big_orders AS SELECT * FROM app.orders WHERE total > 1000;
    CREATE FUNCTION app.total(int) RETURNS numeric LANGUAGE sql AS 'SELECT sum(total) FROM app.orders WHERE customer_id = $1'";

/// A damage, where it is to be found, and how it is mended.
pub(crate) struct Damage {
    pub(crate) what: &'static str,
    /// SQL, one transaction.
    pub(crate) harm: &'static str,
    pub(crate) key: &'static str,
    pub(crate) status: &'static str,
    /// What the finding's summary has to say.
    pub(crate) says: &'static str,
    pub(crate) mend: &'static str,
}

/// The majors that pgGit is looked at on: 15, 17 and 18, as far as they are installed.
pub(crate) fn majors() -> Vec<Major> {
    available().into_iter().filter(|major| [15, 17, 18].map(Major).contains(major)).collect()
}

/// The oldest and the newest of them.
pub(crate) fn some() -> Vec<Major> {
    let all = majors();
    all.iter().copied().filter(|major| Some(major) == all.first() || Some(major) == all.last()).collect()
}

/// A server without pgGit, with an observer that may read all data.
pub(crate) fn bare(major: Major) -> Server {
    let server = Server::start(major, &Options::default());
    server.create_roles();
    server.exec("GRANT pg_read_all_data TO observer");
    server
}

/// A server with these files of the fixture, and a small schema of an application. The sequence that every fresh install
/// has behind is set.
pub(crate) fn install(major: Major, files: &[&str]) -> Server {
    let server = bare(major);
    files.iter().for_each(|file| server.exec(file));
    server.exec("SELECT setval('pggit.branches_id_seq', 1)");
    server.exec(APPLICATION);
    server
}

/// A server with the fixture of the script install.
pub(crate) fn script(major: Major) -> Server {
    install(major, &[CORE, SCRIPT])
}

/// The configuration of an agent with one job, `pggit`, that watches the server's database as a role; `settings` is the inside
/// of a TOML table, `more` further lines of the job.
pub(crate) fn config(server: &Server, user: &str, settings: &str, more: &str) -> String {
    let (observer, actor) = (server.dsn(user, "postgres"), server.dsn("postgres", "postgres"));
    // The fixture's functions are not those of a release, so the operator accepts them as they are at first.
    let bodies = server.sql(
        "SELECT md5(prosrc) FROM pg_proc WHERE pronamespace IN (to_regnamespace('pggit'), to_regnamespace('pggit_v0'))",
    );
    let bodies: Vec<String> = bodies.into_iter().flatten().flatten().collect();
    format!(
        "[agent]\nstate_dir = \"STATE\"\n[postgres.main]\ndsn = {observer:?}\nact_dsn = {actor:?}\nact_allow_superuser = true\n\
         [plugin.pggit-integrity]\npath = \"PLUGINS/pggit-integrity.wasm\"\n\
         [job.pggit]\nplugin = \"pggit-integrity\"\nschedule = \"* * * * * *\"\ngrant = {{ postgres = [\"main\"] }}\n\
         settings = {{ accepted_bodies = {bodies:?}, {settings} }}\n{more}\n"
    )
}

/// An agent that watches the server's database as the observer.
pub(crate) fn watch(server: &Server, settings: &str) -> Agent {
    Agent::new(&config(server, "observer", settings, ""))
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

/// Does each damage, wants it found as it says, and mends it; all is well before and after.
#[track_caller]
pub(crate) fn each_is_found(server: &Server, settings: &str, damages: &[Damage]) {
    let major = server.major();
    let agent = watch(server, settings);
    quiet(&agent, &format!("{major} before"));
    for damage in damages {
        let what = format!("{major}: {}", damage.what);
        server.exec(damage.harm);
        let checked = look(&agent);
        let finding = checked.find(damage.key);
        let finding = finding.unwrap_or_else(|| panic!("{what}: no {}: {:?}", damage.key, checked.complaints()));
        assert_eq!(finding["status"], damage.status, "{what}: {finding:#}");
        let summary = finding["summary"].as_str().unwrap();
        assert!(summary.contains(damage.says), "{what}: {summary:?} does not say {:?}", damage.says);
        for complaint in checked.findings().iter().filter(|finding| finding["status"] != "ok") {
            assert!(complaint["advice"].as_str().is_some_and(|advice| advice.len() > 20), "{what}: {complaint:#}");
        }
        server.exec(damage.mend);
        quiet(&agent, &format!("{what}, mended"));
    }
}
