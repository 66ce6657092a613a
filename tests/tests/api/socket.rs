//! The socket's life: made, replaced, refused, removed.

use std::os::unix::fs::PermissionsExt as _;

use pgreeve_tests::agent::Agent;
use rustix::process::Signal;

use crate::bed::{JOBS, With, ask, serve, socket};

#[test]
fn a_dead_agents_socket_is_replaced_and_a_living_ones_goes_with_it() {
    let agent = Agent::new(JOBS);
    let mut daemon = serve(&agent);
    daemon.signal(Signal::KILL);
    daemon.wait();
    assert!(socket(&agent).exists());
    let mut daemon = serve(&agent);
    assert_eq!(ask(&agent, "get", "/v1/status", With::default()).json["pid"], daemon.pid());
    daemon.signal(Signal::TERM);
    assert_eq!(daemon.wait(), Some(0));
    assert!(!socket(&agent).exists());
}

#[test]
fn an_agent_does_not_take_what_is_not_its_own_and_checks_go_on() {
    let agent = Agent::new(&JOBS.replace("@yearly", "* * * * * *"));
    // A file in the socket's place.
    std::fs::create_dir(agent.state_dir()).unwrap();
    std::fs::write(socket(&agent), "mine").unwrap();
    let daemon = agent.start();
    daemon.wait_for("is there and is no socket");
    daemon.wait_for("the local API is not served, checks go on");
    assert_eq!(std::fs::read_to_string(socket(&agent)).unwrap(), "mine");
    let status = agent.run(&["status"]);
    let said = String::from_utf8(status.stdout).unwrap();
    assert!(status.status.code() == Some(1) && said.contains("does not listen"), "{said}");
    drop(daemon);

    // A directory in which others could put another.
    let agent = Agent::new(JOBS);
    std::fs::create_dir(agent.state_dir()).unwrap();
    std::fs::set_permissions(agent.state_dir(), std::fs::Permissions::from_mode(0o777)).unwrap();
    let _daemon = agent.start();
    _daemon.wait_for("may be written by others");
    assert!(!socket(&agent).exists());

    // A socket on which somebody else listens.
    let agent = Agent::new(JOBS);
    std::fs::create_dir(agent.state_dir()).unwrap();
    let _other = std::os::unix::net::UnixListener::bind(socket(&agent)).unwrap();
    let daemon = agent.start();
    daemon.wait_for("another process listens");
    drop(daemon);
    assert!(socket(&agent).exists());
}

#[test]
fn a_group_that_is_not_there_opens_nothing() {
    let agent = Agent::new(&format!("{JOBS}[api]\ngroup = \"no-such-group\"\n"));
    let validated = agent.run(&["validate"]);
    let said = String::from_utf8(validated.stdout).unwrap();
    assert!(!validated.status.success() && said.contains("no-such-group"), "{said}");
    let daemon = agent.start();
    daemon.wait_for("there is no group \"no-such-group\"");
    assert!(!socket(&agent).exists());
}
