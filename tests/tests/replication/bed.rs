//! What the themes share: servers with the observer's roles, and an agent that watches them.

use pgreeve_tests::agent::{Agent, Checked};
use pgreeve_tests::testbed::{Major, Options, Server, StandbyOptions, available};

/// The majors between which what is tested does not differ: the oldest, the one that is always there, the newest.
pub(crate) fn some() -> Vec<Major> {
    let all = available();
    all.iter()
        .copied()
        .filter(|major| *major == Major(15) || Some(major) == all.first() || Some(major) == all.last())
        .collect()
}

/// A primary with the observer's roles.
pub(crate) fn primary(major: Major, settings: &[(&str, &str)]) -> Server {
    let primary = Server::start(major, &Options { settings, ..Options::default() });
    primary.create_roles();
    primary.exec("CREATE TABLE t (n int)");
    primary
}

/// A primary, and a standby `s1` that streams from it through the slot `s1` and has replayed all.
pub(crate) fn pair(major: Major) -> (Server, Server) {
    let primary = primary(major, &[]);
    let standby = standby(&primary, "s1", &[]);
    (primary, standby)
}

/// A standby with a slot of its own name.
pub(crate) fn standby(upstream: &Server, name: &str, settings: &[(&str, &str)]) -> Server {
    let standby = upstream.standby(name, &StandbyOptions { slot: Some(name), settings, ..StandbyOptions::default() });
    standby.wait_until_streaming();
    standby.catch_up_with(upstream);
    standby
}

/// An agent that watches a server as the observer.
pub(crate) fn watch(server: &Server, settings: &str) -> Agent {
    watch_as(server, "observer", settings)
}

/// An agent that watches a server as a role.
pub(crate) fn watch_as(server: &Server, user: &str, settings: &str) -> Agent {
    Agent::replication(&[("main", server.dsn(user, "postgres"))], settings)
}

/// One run.
pub(crate) fn look(agent: &Agent) -> Checked {
    agent.check("replication")
}

/// Runs until the finding has the status; panics with the last answer after ten seconds.
pub(crate) fn await_status(agent: &Agent, key: &str, status: &str) -> Checked {
    agent.check_until("replication", &format!("{key} is {status}"), |checked| {
        checked.find(key).is_some_and(|finding| finding["status"] == status)
    })
}

/// One run in which the finding has to have the status; its summary, reason and advice come back as one text.
#[track_caller]
pub(crate) fn expect(agent: &Agent, key: &str, status: &str, what: &str) -> String {
    let checked = look(agent);
    assert_eq!(checked.status_of(key), status, "{what}: {:#}", checked.json);
    text(&checked, key)
}

/// Summary, reason and advice of a finding.
pub(crate) fn text(checked: &Checked, key: &str) -> String {
    let finding = checked.finding(key);
    ["summary", "reason", "advice"].map(|part| finding[part].as_str().unwrap_or_default()).join("\n")
}

/// The questions that a finding's advice has in SQL, ready to be run; commands such as `SELECT pg_cancel_backend(pid);`
/// are none.
pub(crate) fn advised_questions(checked: &Checked, key: &str) -> Vec<String> {
    let advice = checked.finding(key)["advice"].as_str().unwrap();
    let statements = advice.split_inclusive(';').filter(|part| part.ends_with(';'));
    let statements = statements.filter_map(|part| part.find("SELECT ").map(|start| part[start..].to_owned()));
    statements.filter(|sql| !sql.starts_with("SELECT pg_")).collect()
}

/// One run in which everything has to be well.
#[track_caller]
pub(crate) fn quiet(agent: &Agent, what: &str) {
    let checked = look(agent);
    assert_eq!(checked.complaints(), Vec::<String>::new(), "{what}");
    assert_eq!(checked.status(), "ok", "{what}: {:#}", checked.json);
}
