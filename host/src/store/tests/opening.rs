//! Opening: rights, refusals, and one agent for each directory.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use super::*;

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o777
}

#[test]
fn only_the_owner_may_read_what_the_store_makes() {
    let parent = tempfile::tempdir().unwrap();
    let state_dir = parent.path().join("state");
    let mut store = Store::open(&state_dir).unwrap();
    store.begin_run(&start("a", 0)).unwrap();
    let _lock = AgentLock::take(&state_dir).unwrap();
    assert_eq!(mode(&state_dir), 0o700);
    for file in ["pgreeve.db", "pgreeve.db-wal", "pgreeve.db-shm", "agent.lock"] {
        assert_eq!(mode(&state_dir.join(file)), 0o600, "{file}");
    }
}

#[test]
fn the_settings_are_those_that_the_promises_rest_on() {
    let dir = tempfile::tempdir().unwrap();
    drop(Store::open(dir.path()).unwrap());
    let store = Store::open(dir.path()).unwrap();
    let setting = |name| store.connection.pragma_query_value(None, name, |row| row.get::<_, i64>(0)).unwrap();
    let journal: String = store.connection.pragma_query_value(None, "journal_mode", |row| row.get(0)).unwrap();
    assert_eq!(journal, "wal");
    assert_eq!([setting("auto_vacuum"), setting("synchronous"), setting("foreign_keys")], [2, 1, 1]);
    assert_eq!(setting("user_version"), schema::known());
}

#[test]
fn a_store_keeps_what_it_holds_when_opened_again() {
    let dir = tempfile::tempdir().unwrap();
    let run = Store::open(dir.path()).unwrap().begin_run(&start("a", 0)).unwrap();
    let store = Store::open(dir.path()).unwrap();
    assert_eq!(store.run(run).unwrap().unwrap().start, start("a", 0));
}

#[test]
fn a_new_store_can_be_opened_by_many_at_once() {
    for _ in 0..20 {
        let dir = tempfile::tempdir().unwrap();
        let together = std::sync::Barrier::new(8);
        std::thread::scope(|scope| {
            for number in 0..8 {
                let (dir, together) = (dir.path(), &together);
                scope.spawn(move || {
                    together.wait();
                    Store::open(dir).unwrap().begin_run(&start("a", number)).unwrap();
                });
            }
        });
        assert_eq!(Store::open_reader(dir.path()).unwrap().runs(&everything()).unwrap().len(), 8);
    }
}

#[test]
fn a_damaged_file_is_refused_with_what_to_do_and_left_as_it_is() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("pgreeve.db");
    let garbage = "not a database at all. ".repeat(500);
    fs::write(&path, &garbage).unwrap();
    for opened in [Store::open(dir.path()), Store::open_reader(dir.path())] {
        let error = opened.unwrap_err();
        assert!(matches!(error, StoreError::Damaged { .. }), "{error:?}");
        let message = error.to_string();
        assert!(message.contains(path.to_str().unwrap()) && message.contains("Move it away"), "{message}");
    }
    assert_eq!(fs::read_to_string(&path).unwrap(), garbage);
}

#[test]
fn damage_inside_the_file_is_found_by_verifying() {
    let dir = tempfile::tempdir().unwrap();
    let mut store = Store::open(dir.path()).unwrap();
    for number in 0..200 {
        let run = reported(vec![finding("lag/standby1", Status::Ok); 20]);
        store.record_run(&start("a", number), &end(number, run), &[]).unwrap();
    }
    store.verify().unwrap();
    drop(store);
    let path = dir.path().join("pgreeve.db");
    let mut bytes = fs::read(&path).unwrap();
    let middle = bytes.len() / 2 / 4096 * 4096;
    bytes[middle..middle + 4096].fill(0xAA);
    fs::write(&path, &bytes).unwrap();
    let error = Store::open(dir.path()).unwrap().verify().unwrap_err();
    assert!(matches!(error, StoreError::Damaged { .. }), "{error:?}");
    assert!(fs::read(&path).unwrap() == bytes, "the damaged file was changed");
}

#[test]
fn a_truncated_file_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    drop(Store::open(dir.path()).unwrap());
    let path = dir.path().join("pgreeve.db");
    fs::OpenOptions::new().write(true).open(&path).unwrap().set_len(3 * 4096).unwrap();
    let error = Store::open(dir.path()).and_then(|store| store.verify()).unwrap_err();
    assert!(matches!(error, StoreError::Damaged { .. }), "{error:?}");
}

#[test]
fn a_newer_schema_is_refused_and_left_as_it_is() {
    let dir = tempfile::tempdir().unwrap();
    let newer = schema::known() + 1;
    let store = Store::open(dir.path()).unwrap();
    store.connection.pragma_update(None, "user_version", newer).unwrap();
    drop(store);
    let bytes = fs::read(dir.path().join("pgreeve.db")).unwrap();
    for opened in [Store::open(dir.path()), Store::open_reader(dir.path())] {
        let message = opened.unwrap_err().to_string();
        assert!(message.contains(&format!("schema version {newer}, this pgreeve knows")), "{message}");
    }
    assert!(fs::read(dir.path().join("pgreeve.db")).unwrap() == bytes, "the newer file was changed");
}

#[test]
fn the_database_of_another_program_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let other = Connection::open(dir.path().join("pgreeve.db")).unwrap();
    other.execute_batch("CREATE TABLE theirs (id INTEGER)").unwrap();
    assert!(matches!(Store::open(dir.path()), Err(StoreError::Foreign { .. })));
    assert!(matches!(Store::open_reader(dir.path()), Err(StoreError::Foreign { .. })));
}

#[test]
fn a_reader_makes_nothing() {
    let dir = tempfile::tempdir().unwrap();
    assert!(matches!(Store::open_reader(dir.path()), Err(StoreError::Absent { .. })));
    assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 0);
}

#[test]
fn a_reader_writes_nothing() {
    let dir = tempfile::tempdir().unwrap();
    drop(Store::open(dir.path()).unwrap());
    let mut reader = Store::open_reader(dir.path()).unwrap();
    assert!(reader.begin_run(&start("a", 0)).is_err());
}

#[test]
fn a_directory_that_cannot_be_made_is_named() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("file");
    fs::write(&file, "").unwrap();
    let message = Store::open(&file.join("state")).unwrap_err().to_string();
    assert!(message.contains(file.to_str().unwrap()), "{message}");
    assert!(AgentLock::take(&file).is_err());
}

#[test]
fn the_lock_is_free_again_when_dropped() {
    let dir = tempfile::tempdir().unwrap();
    let lock = AgentLock::take(dir.path()).unwrap();
    assert!(matches!(AgentLock::take(dir.path()), Err(LockError::Held { .. })));
    drop(lock);
    AgentLock::take(dir.path()).unwrap();
}
