//! Names of HTTP endpoints that resolve to where no request may go: through the machine's own resolver and its /etc/hosts, which is
//! another one in a mount namespace of the agent's.

#![allow(clippy::print_stderr)]

use std::process::Command;

use pgreeve_tests::agent::{Agent, Checked};
use serde_json::{Value, json};

use crate::bed::{answers, config};
use crate::http::Server;

/// A command with another /etc/hosts; none where this machine lets nobody have a mount namespace.
fn with_hosts(command: &Command, hosts: &std::path::Path) -> Option<Command> {
    let unshare = |arguments: &[&str]| {
        let mut unshare = Command::new("unshare");
        // Who is not root is root in a user namespace.
        if !rustix::process::geteuid().is_root() {
            unshare.arg("--map-root-user");
        }
        unshare.arg("--mount");
        unshare.args(["sh", "-c", "mount --bind \"$0\" /etc/hosts && exec \"$@\""]).arg(hosts).args(arguments);
        unshare
    };
    let possible = unshare(&["true"]).output().is_ok_and(|output| output.status.success());
    possible.then(|| {
        let mut wrapped = unshare(&[]);
        wrapped.arg(command.get_program()).args(command.get_args());
        wrapped
    })
}

#[test]
fn a_name_that_resolves_to_where_no_request_may_go_is_denied_and_nobody_is_asked() {
    let server = Server::start();
    // A name, its addresses, whether private ones are allowed, the refusal. Linux takes 0.0.0.0 for this host.
    let table = [
        ("metadata.test", &["169.254.169.254"][..], true, "a cloud metadata address"),
        ("link.test", &["169.254.7.7"], true, "a link-local address"),
        ("link6.test", &["fe80::1"], true, "a link-local address"),
        ("mapped.test", &["::ffff:169.254.169.254"], true, "a cloud metadata address"),
        ("zero.test", &["0.0.0.0"], true, "an unspecified address"),
        ("loopback.test", &["127.0.0.1"], false, "a loopback address"),
        ("mapped-loopback.test", &["::ffff:127.0.0.1"], false, "a loopback address"),
        ("private.test", &["10.0.0.1"], false, "a private address"),
        ("both.test", &["127.0.0.1", "169.254.169.254"], true, "a cloud metadata address"),
        ("app.localhost", &["127.0.0.1"], false, "a loopback address"),
        ("localhost", &["169.254.169.254"], false, "a cloud metadata address"),
        ("allowed.test", &["127.0.0.1"], true, ""),
    ];
    let line = |(name, addresses, ..): &(&str, &[&str], bool, &str)| -> String {
        addresses.iter().map(|address| format!("{address} {name}\n")).collect()
    };
    let hosts = tempfile::NamedTempFile::new().unwrap();
    let secret = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(secret.path(), "key").unwrap();
    let key = secret.path();
    std::fs::write(hosts.path(), table.iter().map(line).collect::<String>()).unwrap();

    // An object store by the same name.
    let endpoint = |(number, (name, _, private, _)): (usize, &(&str, &[&str], bool, &str))| {
        format!(
            "[objects.e{number}]\nurl = \"s3://backups\"\nendpoint = \"http://{name}:{}\"\nallow_http = true\nallow_private = {private}\n\
             access_key_file = {key:?}\nsecret_key_file = {key:?}\n[http.e{number}]\norigin = \"http://{name}:{}\"\nallow = [\"GET /ok/**\"]\nallow_private = {private}\n",
            server.port, server.port
        )
    };
    let tables: String = table.iter().enumerate().map(endpoint).collect();
    let names: Vec<String> = (0..table.len()).map(|number| format!("e{number}")).collect();
    let mut calls: Vec<Value> =
        names.iter().map(|name| json!({ "ask": "get", "name": name, "path": format!("/ok/{name}/here") })).collect();
    // The last one is allowed, and no store.
    let refused = &names[..names.len() - 1];
    calls.extend(refused.iter().map(|name| json!({ "ask": "objects", "name": name })));
    let agent = Agent::new(&config(&tables, &format!("http = {names:?}, objects = {refused:?}"), &calls));
    let Some(mut check) = with_hosts(&agent.command(&["check", "j", "--format", "json"]), hosts.path()) else {
        eprintln!("SKIPPED: no mount namespace is to be had here, so names cannot be given other addresses");
        return;
    };
    let output = check.env_remove("RUST_LOG").output().unwrap();
    let json = serde_json::from_slice(&output.stdout)
        .unwrap_or_else(|error| panic!("{error}: {}", String::from_utf8_lossy(&output.stderr)));
    let answers = answers(&Checked { exit: output.status.code().unwrap(), json });
    assert_eq!(answers.len(), 2 * table.len() - 1);
    for ((name, _, _, said), answer) in table.iter().chain(&table).zip(&answers) {
        if said.is_empty() {
            assert!(answer.is("told", "200\n"), "{name}: {answer:?}");
        } else {
            assert!(
                answer.is("denied", said) && answer.text.contains(&format!("{name} resolves to")),
                "{name}: {answer:?}"
            );
        }
    }
    let last = table.len() - 1;
    assert_eq!(server.asked(), [format!("GET /ok/e{last}/here HTTP/1.1")]);
}
