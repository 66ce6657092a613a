//! What an operator's world does to a watch over backups: servers that are down, databases that come and go, settings that no longer fit, tools that are
//! newer than the plugin.

use std::fs::{self, Permissions};
use std::os::unix::fs::{PermissionsExt as _, chown, symlink};

use pgreeve_tests::agent::{Agent, give_all};
use pgreeve_tests::testbed::{Major, Options, Server, Stop, is_root};

use crate::bed::{DAY, HOUR, Shelf, commands, look, proposed, quiet, told};

fn server() -> Server {
    let server = Server::start(Major(15), &Options::default());
    server.create_roles();
    server
}

/// An agent that is granted a server and all commands.
fn agent(shelf: &Shelf, server: &Server, settings: &str) -> Agent {
    let (tables, grants) = commands();
    let tables = format!("{tables}[postgres.main]\ndsn = {:?}\n", server.dsn("observer", "postgres"));
    Agent::new(&shelf.config(&tables, &format!("{grants}, postgres = [\"main\"]"), settings))
}

#[test]
fn while_the_server_is_down_nothing_of_a_shared_directory_is_taken_for_its_own() {
    let shelf = Shelf::new();
    let mut server = server();
    let ours = server.value("SELECT system_identifier FROM pg_control_system()").unwrap();
    let of = |identifier: &str, ago: i64| {
        shelf.put_as("full-postgres", ago, 5000, |backup| backup["server"]["system_identifier"] = identifier.into())
    };
    // Ours is older than its retention and all that there is; the other cluster's is new and was read again.
    of(&ours, 45 * DAY);
    of("17", HOUR).verified(HOUR / 2, true);
    let settings = "expect = [\"full\"], expire = true, watch = true, full = { keep_count = 1 }";
    let (known, stranger) = (agent(&shelf, &server, settings), agent(&shelf, &server, settings));
    assert!(proposed(&look(&known)).is_empty());
    server.stop(Stop::Fast);
    let checked = look(&known);
    assert!(proposed(&checked).is_empty(), "{:#}", checked.json);
    told(&checked, "age/full:postgres", "critical");
    // One that never saw the server cannot tell whose they are.
    let checked = look(&stranger);
    assert!(proposed(&checked).is_empty(), "{:#}", checked.json);
    assert!(told(&checked, "retention/full:postgres", "warning").contains("several clusters"));
}

#[test]
fn a_new_database_is_no_emergency_until_its_first_backup_is_late() {
    let shelf = Shelf::new();
    let server = server();
    server.exec("CREATE DATABASE app");
    shelf.put("full-postgres", HOUR, 5000);
    let agent = agent(&shelf, &server, "expect = [\"full\"]");
    // What was there when the plugin first looked has had its time.
    told(&look(&agent), "age/full:app", "critical");
    server.exec("CREATE DATABASE shop");
    let said = told(&look(&agent), "age/full:shop", "warning");
    assert!(said.contains("the database is new"), "{said}");
    told(&look(&agent), "age/full:app", "critical");
}

#[test]
fn a_database_that_was_dropped_is_told_where_it_is_named_and_no_alarm_elsewhere() {
    let shelf = Shelf::new();
    let server = server();
    shelf.put("full-postgres", HOUR, 5000).verified(HOUR / 2, true);
    // Dropped long ago; its backups are beyond their time, and its last one stays whatever its age.
    for day in [60, 61, 62] {
        shelf.put("full-dropped", day * DAY, 5000).verified(DAY, true);
    }
    let settings = "expect = [\"full\"], expire = true, watch = true, take = [\"full\"], full = { keep_count = 1 }";
    let plain = agent(&shelf, &server, settings);
    let checked = look(&plain);
    assert!(checked.find("age/full:dropped").is_none() && checked.find("due/full:dropped").is_none());
    assert!(told(&checked, "retention/full:dropped", "ok").contains("no such database any more"));
    assert!(proposed(&checked).is_empty(), "{:#}", checked.json);
    let naming = agent(&shelf, &server, &format!("{settings}, databases = [\"postgres\", \"dropped\", \"never\"]"));
    let checked = look(&naming);
    for key in ["age/full:dropped", "age/full:never"] {
        assert!(told(&checked, key, "warning").contains("no such database"));
    }
    told(&checked, "due/full:never", "unknown");
    assert!(proposed(&checked).is_empty(), "what is not there cannot be taken: {:#}", checked.json);
}

#[test]
fn a_backup_of_a_newer_format_is_neither_damaged_nor_ok() {
    let shelf = Shelf::new();
    shelf.put("full-app", 2 * DAY, 5000);
    let newer = shelf.put_as("full-app", HOUR, 5000, |backup| backup["format"] = 2.into());
    let (tables, grants) = commands();
    let settings = "expect = [\"full\"], databases = [\"app\"], take = [\"full\"], expire = true, watch = true";
    let agent = Agent::new(&shelf.config(&tables, &grants, settings));
    let checked = look(&agent);
    for key in ["damage/full:app", "age/full:app", "due/full:app"] {
        told(&checked, key, "unknown");
    }
    let said = told(&checked, "damage/full:app", "unknown");
    assert!(said.contains(&newer.name) && said.contains("format 2") && said.contains("install the plugin"), "{said}");
    assert!(proposed(&checked).is_empty(), "{:#}", checked.json);
}

#[test]
fn a_directory_behind_a_symbolic_link_is_watched_and_one_that_is_empty_is_not_well() {
    let shelf = Shelf::quiet();
    let link = shelf.beside("elsewhere").join("link");
    symlink(shelf.path(), &link).unwrap();
    let config = |path: &std::path::Path| {
        shelf.config("", "", "databases = [\"postgres\"]").replace(&format!("{:?}", shelf.path()), &format!("{path:?}"))
    };
    let agent = Agent::new(&config(&link));
    quiet(&look(&agent));
    let empty = shelf.beside("empty");
    agent.configure(&config(&empty));
    let checked = look(&agent);
    told(&checked, "age/full:postgres", "critical");
    told(&checked, "age/globals", "critical");
    // A link that leads nowhere is a directory that cannot be looked at.
    fs::remove_file(&link).unwrap();
    symlink(shelf.beside("").join("gone"), &link).unwrap();
    agent.configure(&config(&link));
    let checked = look(&agent);
    assert_eq!(checked.exit, 3, "{:#}", checked.json);
}

#[test]
fn what_the_agents_user_may_not_read_is_unknown_and_nothing_is_taken_in_its_place() {
    if !is_root() {
        println!("skipped: this is about files of another user, which only root can make");
        return;
    }
    let shelf = Shelf::new();
    shelf.put("full-app", 20 * HOUR, 5000);
    let closed = shelf.put("full-app", HOUR, 5000);
    let (tables, grants) = commands();
    let settings = "expect = [\"full\"], databases = [\"app\"], take = [\"full\"], watch = true";
    give_all(shelf.path().parent().unwrap());
    chown(closed.manifest(), Some(0), Some(0)).unwrap();
    fs::set_permissions(closed.manifest(), Permissions::from_mode(0o600)).unwrap();
    let agent = Agent::of_servers_user(&shelf.config(&tables, &grants, settings));
    let checked = look(&agent);
    for key in ["damage/full:app", "due/full:app"] {
        assert!(told(&checked, key, "unknown").contains("denied"), "{:#}", checked.json);
    }
    assert!(proposed(&checked).is_empty(), "{:#}", checked.json);
    fs::set_permissions(shelf.path(), Permissions::from_mode(0o700)).unwrap();
    chown(shelf.path(), Some(0), Some(0)).unwrap();
    let checked = look(&agent);
    assert_eq!(checked.exit, 3, "{:#}", checked.json);
    assert!(told(&checked, "directory/backups", "unknown").contains("as the agent's user"));
}
