//! The original as an extension, where `PGREEVE_PGGIT_EXTENSION` names a checkout of it (tag v0.1.3, whose CREATE EXTENSION works) and
//! PostgreSQL 18 is there, which takes extensions from a directory of one's own.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;

use pgreeve_tests::testbed::{Major, Options, Server};
use tempfile::TempDir;

use crate::bed::{APPLICATION, look, majors, watch};
use crate::healthy::ORDINARY;

/// A server with pgGit by CREATE EXTENSION, and the directory that it came from.
fn extension() -> Option<(Server, TempDir)> {
    let checkout = std::env::var_os("PGREEVE_PGGIT_EXTENSION").map(PathBuf::from);
    let (Some(checkout), true) = (checkout, majors().contains(&Major(18))) else {
        println!("skipped: PGREEVE_PGGIT_EXTENSION names no checkout of pgGit, or PostgreSQL 18 is not there");
        return None;
    };
    let directory = tempfile::tempdir().unwrap();
    let files = directory.path().join("extension");
    fs::create_dir(&files).unwrap();
    for name in ["pggit.control", "pggit--0.1.3.sql"] {
        fs::copy(checkout.join(name), files.join(name)).unwrap();
        fs::set_permissions(files.join(name), fs::Permissions::from_mode(0o644)).unwrap();
    }
    for place in [directory.path(), &files] {
        fs::set_permissions(place, fs::Permissions::from_mode(0o755)).unwrap();
    }
    let path = format!("$system:{}", directory.path().display());
    let options = Options { settings: &[("extension_control_path", &path)], ..Options::default() };
    let server = Server::start(Major(18), &options);
    server.create_roles();
    server.exec("GRANT pg_read_all_data TO observer");
    server.exec("CREATE EXTENSION pggit CASCADE");
    server.exec("SELECT setval('pggit.branches_id_seq', 1)");
    server.exec(APPLICATION);
    Some((server, directory))
}

#[test]
fn the_extension_itself_is_quiet_in_all_groups_and_damage_is_found() {
    let Some((server, _directory)) = extension() else { return };
    // As it is installed: nothing is accepted by its fingerprint.
    let agent = watch(&server, "");
    let toml = fs::read_to_string(agent.config()).unwrap();
    let (before, rest) = toml.split_once("accepted_bodies = [").unwrap();
    let (_, after) = rest.split_once("], ").unwrap();
    fs::write(agent.config(), format!("{before}{after}")).unwrap();
    let quiet = |what: &str| {
        let checked = look(&agent);
        assert_eq!(checked.complaints(), Vec::<String>::new(), "{what}");
        checked
    };
    let checked = quiet("fresh");
    assert!(
        checked.finding("install")["summary"].as_str().unwrap().starts_with("extension 0.1.3"),
        "{:#}",
        checked.json
    );
    assert!(
        checked.finding("tables")["summary"].as_str().unwrap().contains("extension of v0.1.3"),
        "{:#}",
        checked.json
    );
    let session = server.session("postgres");
    let failed = ORDINARY.iter().filter(|statement| session.try_sql(statement).is_err()).count();
    assert!(failed < 10, "{failed} of the ordinary statements failed");
    quiet("after ordinary DDL");
    server.exec("SELECT pggit.create_branch('feature')");
    server.exec("SELECT pggit.create_commit('feature', 'one', 'SELECT 1')");
    quiet("after a branch and a commit");
    for (harm, key, mend) in [
        ("ALTER EXTENSION pggit DROP TABLE pggit.history", "members", "ALTER EXTENSION pggit ADD TABLE pggit.history"),
        (
            "ALTER SEQUENCE pggit.history_id_seq INCREMENT -1",
            "sequence/pggit.history_id_seq",
            "ALTER SEQUENCE pggit.history_id_seq INCREMENT 1",
        ),
        (
            "ALTER TABLE pggit.branches RENAME merged_by TO x",
            "table-columns",
            "ALTER TABLE pggit.branches RENAME x TO merged_by",
        ),
        (
            "UPDATE pggit.branches SET head_commit_hash = 'x', description = head_commit_hash WHERE name = 'feature'",
            "own-commits/heads",
            "UPDATE pggit.branches SET head_commit_hash = description, description = NULL WHERE name = 'feature'",
        ),
        (
            "UPDATE pggit.objects SET is_active = false WHERE full_name = 'app.customers'",
            "untracked",
            "UPDATE pggit.objects SET is_active = true WHERE full_name = 'app.customers'",
        ),
        (
            "UPDATE pggit.history SET created_by = 'x', new_hash = created_by WHERE id = 7",
            "history-rows",
            "UPDATE pggit.history SET created_by = new_hash, new_hash = NULL WHERE id = 7",
        ),
        ("DELETE FROM pggit.history WHERE id = (SELECT max(id) FROM pggit.history)", "history-chain", "SELECT 1"),
        (
            "SET session_replication_role = replica; DELETE FROM pggit.objects WHERE object_name = 'orders'",
            "orphans/pggit.history.object_id",
            "SELECT 1",
        ),
        ("DROP EXTENSION pggit CASCADE", "install/gone", "SELECT 1"),
    ] {
        server.exec(harm);
        let checked = look(&agent);
        let found = checked.find(key).is_some_and(|finding| finding["status"] != "ok");
        assert!(found, "{harm}: {:?}", checked.complaints());
        server.exec(mend);
        if mend != "SELECT 1" {
            quiet(mend);
        }
    }
}
