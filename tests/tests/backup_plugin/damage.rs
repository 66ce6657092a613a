//! Damage: half-written, truncated, emptied, missing, lied about. None of it is ok, each is called what it is.

use std::fs;
use std::os::unix::fs::symlink;

use crate::bed::{DAY, HOUR, Put, Shelf, age, look, told};

type Damage = (&'static str, fn(&Put), &'static str);

const DAMAGES: [Damage; 11] = [
    ("an emptied manifest", |put| fs::write(put.manifest(), "").unwrap(), "manifest is empty"),
    ("a truncated manifest", |put| truncate(&put.manifest(), 300), "truncated"),
    ("a changed manifest", |put| change(put, "\"bytes\": 5000", "\"bytes\": 4000"), "seal does not hold"),
    ("a manifest that is none", |put| fs::write(put.manifest(), "{}").unwrap(), "does not begin"),
    (
        "a manifest that leads away",
        |put| {
            fs::rename(put.manifest(), put.beside("away")).unwrap();
            symlink(put.beside("away"), put.manifest()).unwrap();
        },
        "no regular file",
    ),
    ("a payload that is gone", |put| fs::remove_file(put.payload()).unwrap(), "is missing"),
    ("an emptied payload", |put| fs::write(put.payload(), "").unwrap(), "is empty"),
    ("a truncated payload", |put| truncate(&put.payload(), 4999), "has 4999 bytes, the manifest says 5000"),
    (
        "a payload that is a directory",
        |put| {
            fs::remove_file(put.payload()).unwrap();
            fs::create_dir(put.payload()).unwrap();
        },
        "no regular file",
    ),
    (
        "an inventory that is gone",
        |put| fs::remove_file(put.beside("content.json")).unwrap(),
        "content.json is missing",
    ),
    ("a verification that found it damaged", |put| put.verified(HOUR, false), "SHA-256 is another one"),
];

fn truncate(path: &std::path::Path, bytes: u64) {
    fs::OpenOptions::new().write(true).open(path).unwrap().set_len(bytes).unwrap();
}

fn change(put: &Put, from: &str, to: &str) {
    let text = fs::read_to_string(put.manifest()).unwrap();
    assert!(text.contains(from));
    fs::write(put.manifest(), text.replacen(from, to, 1)).unwrap();
}

#[test]
fn every_damage_to_the_newest_is_critical_and_its_age_is_that_of_the_one_before() {
    let shelf = Shelf::new();
    let agent = shelf.agent("expect = [\"full\"], databases = [\"app\"]");
    for (what, damage, said) in DAMAGES {
        let before = shelf.put("full-app", 30 * HOUR, 5000);
        let newest = shelf.put("full-app", HOUR, 5000);
        assert!(told(&look(&agent), "damage/full:app", "ok").contains("2 backups"));
        damage(&newest);
        let checked = look(&agent);
        let told_of = told(&checked, "damage/full:app", "critical");
        assert!(told_of.contains(said) && told_of.contains(&newest.name), "{what}: {told_of}");
        assert!(told(&checked, "age/full:app", "warning").contains("is damaged"), "{what}");
        damage(&before);
        let checked = look(&agent);
        assert!(told(&checked, "age/full:app", "critical").contains("none is good"), "{what}");
        assert!(told(&checked, "damage/full:app", "critical").contains("1 more"), "{what}");
        clear(&shelf);
    }
}

fn clear(shelf: &Shelf) {
    fs::remove_dir_all(shelf.path()).unwrap();
    fs::create_dir(shelf.path()).unwrap();
}

#[test]
fn damage_to_an_older_one_is_a_warning() {
    let shelf = Shelf::new();
    shelf.put("full-app", HOUR, 5000);
    let older = shelf.put("full-app", 2 * DAY, 5000);
    fs::write(older.payload(), "").unwrap();
    let checked = look(&shelf.agent("expect = [\"full\"]"));
    assert!(told(&checked, "damage/full:app", "warning").contains(&older.name));
    told(&checked, "age/full:app", "ok");
}

#[test]
fn manifests_that_lie_with_a_good_seal_are_not_believed() {
    for (change, said) in [
        (("bytes", serde_json::json!(0)), "payload is empty"),
        (("bytes", serde_json::json!(4000)), "the manifest says 4000"),
        (("name", serde_json::json!("full-app-20200101T000000Z")), "of another backup"),
        (("database", serde_json::json!("shop")), "of another backup"),
        (("payload", serde_json::json!("../../etc/passwd")), "no payload of it"),
        (("finished_us", serde_json::json!(5)), "before it began"),
    ] {
        let shelf = Shelf::new();
        shelf.put_as("full-app", HOUR, 5000, |backup| backup[change.0] = change.1.clone());
        let checked = look(&shelf.agent("expect = [\"full\"], databases = [\"app\"]"));
        let told_of = told(&checked, "damage/full:app", "critical");
        assert!(told_of.contains(said), "{change:?}: {told_of}");
        told(&checked, "age/full:app", "critical");
    }
}

#[test]
fn a_base_backup_that_lacks_a_file_or_has_one_too_many_is_damaged() {
    let shelf = Shelf::new();
    let base = shelf.put("base-cluster", HOUR, 5000);
    let agent = shelf.agent("expect = [\"base\"]");
    told(&look(&agent), "damage/base", "ok");
    fs::write(base.payload().join("more"), "x").unwrap();
    assert!(told(&look(&agent), "damage/base", "critical").contains("has 5001 bytes"));
    fs::remove_file(base.payload().join("more")).unwrap();
    fs::remove_file(base.payload().join("backup_manifest")).unwrap();
    assert!(told(&look(&agent), "damage/base", "critical").contains("has 2500 bytes"));
}

#[test]
fn what_is_no_backup_is_said_to_be_there_and_what_was_left_over_is_offered_to_be_swept() {
    let shelf = Shelf::new();
    shelf.put("full-app", HOUR, 5000);
    let (tables, grants) = crate::bed::commands();
    let agent =
        pgreeve_tests::agent::Agent::new(&shelf.config(&tables, &grants, "expect = [\"full\"], allow = [\"README\"]"));
    fs::write(shelf.path().join("README"), "").unwrap();
    told(&look(&agent), "directory/backups", "ok");
    fs::write(shelf.path().join("latest.sql.gz"), "").unwrap();
    fs::write(shelf.path().join("full-app-20261120T180802Z.dump.1"), "").unwrap();
    let said = told(&look(&agent), "directory/backups", "warning");
    assert!(said.contains("latest.sql.gz") && said.contains("dump.1"), "{said}");
    // Half-written: under way for some hours, then left over.
    let partial = shelf.path().join("full-app-20261120T180802Z.partial");
    fs::create_dir(&partial).unwrap();
    fs::write(partial.join("full-app-20261120T180802Z.dump"), "half").unwrap();
    assert!(told(&look(&agent), "leftovers", "ok").contains("under way"));
    age(&partial, 7 * HOUR);
    let checked = look(&agent);
    assert!(told(&checked, "leftovers", "warning").contains("20261120T180802Z.partial"));
    assert_eq!(crate::bed::proposed(&checked), ["sweep"]);
    // A payload without a manifest.
    fs::remove_dir_all(&partial).unwrap();
    let expired = shelf.put("full-app", 40 * DAY, 5000);
    fs::remove_file(expired.manifest()).unwrap();
    told(&look(&agent), "leftovers", "ok");
    age(&expired.payload(), 3 * HOUR);
    assert!(told(&look(&agent), "leftovers", "warning").contains(".dump"));
}

#[test]
fn a_restore_test_that_found_changed_bytes_and_so_restored_nothing_is_critical() {
    let shelf = Shelf::new();
    let put = shelf.put("full-app", HOUR, 5000);
    let agent = shelf.agent("expect = [\"full\"]");
    told(&look(&agent), "proof/full:app", "unknown");
    // As long as before: no listing shows it.
    let mut bytes = fs::read(put.payload()).unwrap();
    bytes[2500] ^= 1;
    fs::write(put.payload(), bytes).unwrap();
    let mut prove = std::process::Command::new(crate::rounds::tool());
    prove.args(["prove", "--name", &put.name]).arg(format!("--in={}", shelf.path().display()));
    assert_eq!(prove.output().unwrap().status.code(), Some(1));
    let said = told(&look(&agent), "proof/full:app", "critical");
    assert!(said.contains("failed") && said.contains("whole: "), "{said}");
}
