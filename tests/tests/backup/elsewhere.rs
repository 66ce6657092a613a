//! The backup that is needed is in another place: a copy in a second directory, or in object storage. The plan names it, and its commands lead back.

use std::fs;
use std::path::Path;
use std::process::Command;

use pgreeve_tests::agent::pgreeve;
use pgreeve_tests::testbed::{S3, Server, give};
use serde_json::Value;

use crate::base::{archive, archiving};
use crate::bed::{Store, furnish, major, server, sql};
use crate::recovery::{Restored, commands, plan, succeeds};

/// Moves all entries of a backup; `to` gets the directories that it needs.
fn carry(store: &Store, name: &str, to: impl Fn(&str) -> std::path::PathBuf) {
    for entry in store.entries().into_iter().filter(|entry| entry.starts_with(name)) {
        let from = store.join(&entry);
        let below: Vec<String> = match from.is_dir() {
            true => fs::read_dir(&from)
                .unwrap()
                .map(|inner| format!("{entry}/{}", inner.unwrap().file_name().to_str().unwrap()))
                .collect(),
            false => vec![entry.clone()],
        };
        for path in below {
            let place = to(&path);
            fs::create_dir_all(place.parent().unwrap()).unwrap();
            fs::copy(store.join(&path), place).unwrap();
        }
        if from.is_dir() { fs::remove_dir_all(from).unwrap() } else { fs::remove_file(from).unwrap() }
    }
}

/// A server with a base backup, a row after it, and a moment; then a second base backup, which comes too late for that moment.
fn two_bases(store: &Store) -> (Server, [String; 2], String) {
    let server = archiving(major(), store);
    server.exec("CREATE TABLE t AS SELECT 1 AS n");
    let base = || store.good(&server, &["take", "--kind=base"])["name"].as_str().unwrap().to_owned();
    let first = base();
    server.exec("INSERT INTO t VALUES (2)");
    let utc = "to_char(clock_timestamp() AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS.US') || '+00'";
    let moment = server.value(&format!("SELECT {utc}")).unwrap();
    server.exec("INSERT INTO t VALUES (3)");
    let second = base();
    archive(&server);
    (server, [first, second], moment)
}

/// Runs the steps of a plan, in which the data of the moment are looked at.
fn followed(store: &Store, answer: &Value, rows: &str) {
    let restored = Restored(store.directory("new").join("data"));
    let mut looked = false;
    for command in commands(answer) {
        if command.contains("pg_promote") {
            assert_eq!(restored.rows(), rows);
            looked = true;
        }
        succeeds(&command);
    }
    assert!(looked);
}

#[test]
fn a_base_backup_that_only_the_copy_has_leads_to_the_moment() {
    let store = Store::new();
    let (server, [first, second], moment) = two_bases(&store);
    let place = store.directory("copies");
    store.good(&server, &["copy", "--to", place.to_str().unwrap()]);
    // Here it is nearer.
    assert_eq!(plan(&store, &server, &moment).json["place"], Value::Null);
    carry(&store, &first, |path| store.directory("gone").join(path));
    let answer = plan(&store, &server, &moment);
    assert_eq!((answer.exit, &answer.json["backup"]), (0, &first.as_str().into()), "{answer:#?}");
    let told = answer.json["text"].as_str().unwrap();
    assert!(told.contains(&format!("which is in the copy in {} and not here", place.display())), "{told}");
    followed(&store, &answer.json, "2");

    // The disk of the copies is not mounted; and a damaged backup here is no reason not to take the copy.
    let away = store.directory("unmounted").join("copies");
    fs::rename(&place, &away).unwrap();
    let told = plan(&store, &server, &moment);
    let says = format!("copies were brought to {}, which cannot be looked into", place.display());
    assert!(told.exit == 1 && told.message().contains(&says), "{told:?}");
    fs::rename(&away, &place).unwrap();
    fs::write(store.join(&format!("{second}/base.tar.gz")), "").unwrap();
    let late = plan(&store, &server, "2099-01-01T00:00:00Z");
    assert_eq!(late.json["backup"], second.as_str());
    assert!(late.json["place"].as_str().unwrap().contains("copies"), "{late:#?}");
}

#[test]
fn a_dump_of_another_place_is_named_and_restored_from_there() {
    let (server, store) = (server(), Store::new());
    furnish(&server, "app", "UTF8");
    let name = store.take(&server, "app");
    store.good(&server, &["take", "--kind=globals"]);
    let place = store.directory("copies");
    store.good(&server, &["copy", "--to", place.to_str().unwrap()]);
    for entry in store.entries() {
        fs::remove_file(store.join(&entry)).unwrap();
    }
    let bin = store.programs(&server, &[]).display().to_string();
    let ask = ["restore-plan", "--format=json", "--of=app", "--bindir", &bin];
    let none = store.run(&server, &ask);
    assert!(
        none.exit == 1 && none.message().contains("--copies") && none.message().contains("pgreeve backup"),
        "{none:?}"
    );
    let found = store.good(&server, &[&ask[..], &["--copies", place.to_str().unwrap()]].concat());
    assert_eq!(found["backup"], name.as_str());
    let other = crate::bed::server();
    let where_to = format!("export PGHOST={} PGPORT={} PGUSER=postgres; ", other.socket_dir().display(), other.port());
    for command in commands(&found) {
        succeeds(&format!("{where_to}{command}"));
    }
    assert_eq!(sql(&other, "app", "SELECT count(*) FROM part"), "500");
}

/// `pgreeve`, as whoever runs the tests, for whom the store's keys are.
fn pgreeve_says(config: &Path, arguments: &[&str]) -> (Option<i32>, String) {
    let output = Command::new(pgreeve()).arg("--config").arg(config).args(arguments).output().unwrap();
    (output.status.code(), String::from_utf8([output.stdout, output.stderr].concat()).unwrap())
}

#[test]
fn a_base_backup_that_only_the_object_store_has_is_fetched_and_leads_to_the_moment() {
    let Some(mut s3) = S3::start() else { return };
    let store = Store::new();
    let (server, [first, second], moment) = two_bases(&store);
    carry(&store, &first, |path| s3.object(path));
    pgreeve_tests::agent::give_all(&s3.object(""));
    let config = store.directory("agent").join("agent.toml");
    // What is wrong with the rest of the file does not matter now.
    fs::write(&config, format!("{}[job.broken]\nplugin = \"gone\"\n", s3.table("off", ""))).unwrap();
    let (inside, wal) = (store.path().display().to_string(), store.directory("wal").display().to_string());
    let (bin, data) = (store.programs(&server, &[]).display().to_string(), store.directory("new").join("data"));
    let inside = format!("--in={inside}");
    let data = data.display().to_string();
    let words = [
        "backup",
        "restore-plan",
        &inside,
        "--to",
        &moment,
        "--wal-archive",
        &wal,
        "--bindir",
        &bin,
        "--data-dir",
        &data,
    ];
    let (exit, told) = pgreeve_says(&config, &words);
    assert_eq!(exit, Some(0), "{told}");
    assert!(
        told.starts_with(&format!("Restore from {first}, which is in the object store off and not here")),
        "{told}"
    );
    let printed: Vec<&str> = told.lines().filter_map(|line| line.strip_prefix("     ")).collect();
    let [fetch, again] = printed.as_slice() else { panic!("{told}") };
    assert!(fetch.starts_with("pgreeve --config ") && fetch.contains(" objects fetch off "), "{fetch}");
    let path = format!("{}:{}", pgreeve().parent().unwrap().display(), std::env::var("PATH").unwrap());
    let typed = |line: &str| Command::new("bash").args(["-c", line]).env("PATH", &path).output().unwrap();
    let fetched = typed(fetch);
    assert!(fetched.status.success(), "{}", String::from_utf8_lossy(&fetched.stderr));
    pgreeve_tests::agent::give_all(&store.path());
    store.good(&server, &["verify"]);
    let planned = typed(&format!("{again} --format=json"));
    let planned: Value = serde_json::from_slice(&planned.stdout).unwrap();
    assert_eq!((&planned["backup"], &planned["place"]), (&first.as_str().into(), &Value::Null), "{planned:#}");
    followed(&store, &planned, "2");

    // Nothing is written over, and what the store does not have is said.
    let (exit, told) =
        pgreeve_says(&config, &["objects", "fetch", "off", &first, "--into", &store.path().display().to_string()]);
    assert!(exit == Some(1) && told.contains("is there already"), "{told}");
    let (exit, told) = pgreeve_says(&config, &["objects", "fetch", "off", &second, "--into", "/tmp"]);
    assert!(exit == Some(1) && told.contains("nothing in object store \"off\""), "{told}");
    let (exit, told) = pgreeve_says(&config, &["objects", "list", "off"]);
    assert!(exit == Some(0) && told.contains(&format!("{first}/base.tar.gz")), "{told}");
    let (exit, told) = pgreeve_says(&config, &["objects", "list", "on"]);
    assert!(exit == Some(1) && told.contains("there are: off"), "{told}");
    // Out of sight: the plan goes on with what is here, and says so.
    s3.kill();
    let (_, told) = pgreeve_says(&config, &words);
    assert!(
        told.contains(&first) && told.contains("the plan knows nothing of the copies in object store \"off\""),
        "{told}"
    );
}

#[test]
fn what_the_store_lost_on_the_way_gets_no_name() {
    let Some(s3) = S3::start() else { return };
    let store = Store::new();
    let config = store.directory("agent").join("agent.toml");
    fs::write(&config, s3.table("off", "")).unwrap();
    fs::create_dir_all(s3.object("x").parent().unwrap()).unwrap();
    for key in ["full-a-20200101T000000Z.dump", "full-a-20200101T000000Z.json"] {
        fs::write(s3.object(key), vec![7; 100_000]).unwrap();
        give(&s3.object(key)).unwrap();
    }
    let into = store.directory("into");
    // The second name is taken by a directory.
    fs::create_dir(into.join("full-a-20200101T000000Z.json")).unwrap();
    let fetch = ["objects", "fetch", "off", "full-a", "--into", into.to_str().unwrap()];
    assert_eq!(pgreeve_says(&config, &fetch).0, Some(1));
    assert_eq!(fs::read_dir(&into).unwrap().count(), 1, "all is looked at before the first byte");
    fs::remove_dir(into.join("full-a-20200101T000000Z.json")).unwrap();
    // No file may grow past 50,000 bytes, as on a full disk.
    let mut limited = Command::new("prlimit");
    limited.arg("--fsize=50000").arg(pgreeve()).arg("--config").arg(&config).args(fetch);
    let output = limited.output().unwrap();
    assert!(!output.status.success(), "{output:?}");
    let left = fs::read_dir(&into).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    assert!(left.into_iter().all(|name| name.ends_with(".fetching")));
    let (exit, told) = pgreeve_says(&config, &fetch);
    assert!(exit == Some(0) && told.contains("fetched 2 objects"), "{told}");
    assert_eq!(fs::read_dir(&into).unwrap().count(), 2);
}
