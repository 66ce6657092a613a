//! Copies to another directory: what arrives is whole, and what was cut off is no backup.

use std::fs;

use pgreeve_tests::testbed::Server;

use crate::bed::{Store, furnish, server};

/// A store with a dump, a dump in directory format and a base backup; their names.
fn filled(store: &Store) -> (Server, [String; 3]) {
    let server = server();
    furnish(&server, "app", "UTF8");
    let name = |arguments: &[&str]| store.good(&server, arguments)["name"].as_str().unwrap().to_owned();
    let custom = name(&["take", "--kind=full", "--dbname=app"]);
    let directory = name(&["take", "--kind=full", "--dbname=postgres", "--format-of-dump=directory"]);
    let base = name(&["take", "--kind=base"]);
    (server, [custom, directory, base])
}

fn names(answer: &serde_json::Value, list: &str) -> Vec<String> {
    let list = answer[list].as_array().unwrap().iter();
    let mut names: Vec<String> =
        list.map(|one| one["name"].as_str().or_else(|| one.as_str()).unwrap().to_owned()).collect();
    names.sort();
    names
}

fn sorted(mut names: Vec<String>) -> Vec<String> {
    names.sort();
    names
}

#[test]
fn a_copy_in_another_directory_is_a_backup_like_the_first() {
    let store = Store::new();
    let (server, all) = filled(&store);
    let place = store.directory("copies");
    let to = ["copy", "--to", place.to_str().unwrap()];
    let copied = store.good(&server, &to);
    assert_eq!(names(&copied, "copied"), sorted(all.to_vec()));
    let again = store.good(&server, &to);
    assert_eq!((names(&again, "copied").len(), names(&again, "present").len()), (0, 3));
    let record = fs::read_to_string(store.join(&format!("{}.copied.json", all[0]))).unwrap();
    assert_eq!(record.matches("\"to\"").count(), 1, "{record}");

    // The first place burns down.
    for entry in store.entries() {
        let path = store.join(&entry);
        if path.is_dir() { fs::remove_dir_all(path).unwrap() } else { fs::remove_file(path).unwrap() }
    }
    for entry in fs::read_dir(&place).unwrap() {
        let entry = entry.unwrap();
        fs::rename(entry.path(), store.path().join(entry.file_name())).unwrap();
    }
    store.good(&server, &["verify"]);
    store.good(&server, &["prove", "--of=app"]);
    store.good(&server, &["prove", "--kind=base"]);
}

#[test]
fn a_damaged_backup_is_not_copied_and_the_others_are() {
    let store = Store::new();
    let (server, [custom, directory, base]) = filled(&store);
    fs::write(store.join(&format!("{custom}.dump")), "").unwrap();
    let place = store.directory("copies");
    let answer = store.bad(&server, &["copy", "--to", place.to_str().unwrap()]);
    assert_eq!(names(&answer.json, "copied"), sorted(vec![directory, base]));
    assert_eq!(names(&answer.json, "failed"), std::slice::from_ref(&custom));
    assert!(!place.join(format!("{custom}.json")).exists());
    let same = store.path().display().to_string();
    assert_eq!(store.run(&server, &["copy", "--to", &same]).exit, 4);
}

#[test]
fn object_storage_is_the_agents() {
    let store = Store::new();
    let server = server();
    let refused = store.run(&server, &["copy", "--to=s3://backups/host"]);
    assert!(refused.exit == 4 && refused.json["message"].as_str().unwrap().contains("[objects.NAME]"), "{refused:?}");
}
