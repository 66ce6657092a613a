//! The backup that is needed is in another place: a copy in a second directory, or in object storage. The plan names it, and its commands lead back.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;

use pgreeve_tests::agent::pgreeve;
use pgreeve_tests::testbed::{S3, Server, give, run_as_server_user};
use serde_json::Value;

use crate::base::{archive, archiving};
use crate::bed::{Store, answer, furnish, major, server, sql};
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

    // What is there is not fetched again, and what the store does not have is said.
    let (exit, told) =
        pgreeve_says(&config, &["objects", "fetch", "off", &first, "--into", &store.path().display().to_string()]);
    assert!(exit == Some(0) && told.contains("fetched 0 objects") && told.contains("were there already"), "{told}");
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
fn a_base_backup_that_is_damaged_here_is_fetched_beside_it() {
    let Some(s3) = S3::start() else { return };
    let store = Store::new();
    let (server, [first, _], moment) = two_bases(&store);
    let kept = store.directory("kept");
    let files = store.entries().into_iter().filter(|entry| entry.starts_with(&first)).map(|entry| store.join(&entry));
    assert!(Command::new("cp").arg("-a").args(files).arg(&kept).status().unwrap().success());
    carry(&store, &first, |path| s3.object(path));
    pgreeve_tests::agent::give_all(&s3.object(""));
    // Here a page of it turned, which the last look found.
    assert!(Command::new("cp").arg("-a").arg(kept.join(".")).arg(store.path()).status().unwrap().success());
    let tar = store.join(&format!("{first}/base.tar.gz"));
    let mut bytes = fs::read(&tar).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    fs::write(&tar, bytes).unwrap();
    store.bad(&server, &["verify", "--record", "--name", &first]);
    let config = store.directory("agent").join("agent.toml");
    fs::write(&config, s3.table("off", "")).unwrap();

    let (inside, wal) = (format!("--in={}", store.path().display()), store.directory("wal").display().to_string());
    let bin = store.programs(&server, &[]).display().to_string();
    let data = store.directory("new").join("data").display().to_string();
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
    assert!(exit == Some(0) && told.contains("is damaged, and stays as it is"), "{told}");
    let printed: Vec<&str> = told.lines().filter_map(|line| line.strip_prefix("     ")).collect();
    let [make, fetch, again] = printed.as_slice() else { panic!("{told}") };
    let path = format!("{}:{}", pgreeve().parent().unwrap().display(), std::env::var("PATH").unwrap());
    let typed = |line: &str| Command::new("bash").args(["-c", line]).env("PATH", &path).output().unwrap();
    for line in [make, fetch] {
        let done = typed(line);
        assert!(done.status.success(), "{line}: {}", String::from_utf8_lossy(&done.stderr));
    }
    let beside = store.path().with_extension("fetched");
    pgreeve_tests::agent::give_all(&beside);
    let planned = typed(&format!("{again} --format=json"));
    let planned: Value = serde_json::from_slice(&planned.stdout).unwrap();
    let place = format!("the copy in {}", beside.display());
    assert_eq!(
        (&planned["backup"], &planned["place"]),
        (&first.as_str().into(), &place.as_str().into()),
        "{planned:#}"
    );
    followed(&store, &planned, "2");
}

#[test]
fn stores_that_could_not_be_looked_at_are_said() {
    let (server, store) = (server(), Store::new());
    let config = store.directory("agent").join("agent.toml");
    let inside = format!("--in={}", store.path().display());
    let says = |config: &Path| {
        let mut command = Command::new(pgreeve());
        command.arg("--config").arg(config).args(["backup", "restore-plan", &inside, "--format=json"]);
        answer(run_as_server_user(&mut command))
    };
    let store_table =
        |rest: &str| format!("[objects.off]\nurl = \"s3://backups\"\nendpoint = \"http://127.0.0.1:1\"\n{rest}");
    let keys = "allow_http = true\naccess_key_file = \"/nowhere/a\"\nsecret_key_file = \"/nowhere/b\"\n";
    // The one who runs the tests keeps it to himself.
    fs::write(&config, store_table(keys)).unwrap();
    fs::set_permissions(&config, fs::Permissions::from_mode(0o000)).unwrap();
    let denied = says(&config);
    assert!(
        denied.exit == 1 && denied.message().contains("object stores were not looked at: cannot read"),
        "{denied:?}"
    );
    assert!(!denied.message().contains("with the same words"), "{denied:?}");
    fs::set_permissions(&config, fs::Permissions::from_mode(0o644)).unwrap();
    for (text, expected) in [
        (store_table("colour = \"red\"\n"), "object stores were not looked at: off in"),
        ("[objects.off\nurl = 1\n".to_owned(), "object stores were not looked at: "),
        (store_table(keys), "the plan knows nothing of the copies in object store \"off\""),
    ] {
        fs::write(&config, text).unwrap();
        let told = says(&config);
        assert!(told.exit == 1 && told.message().contains(expected), "{expected}: {told:?}");
    }
    // Where there is no agent there are no stores; what can be planned without them is planned, and says the same.
    let none = says(Path::new("/nowhere/agent.toml"));
    assert!(!none.message().contains("object store"), "{none:?}");
    store.good(&server, &["take", "--kind=globals"]);
    store.take(&server, "postgres");
    fs::write(&config, store_table("colour = \"red\"\n")).unwrap();
    let planned = says(&config);
    let notes = planned.json["notes"].to_string();
    assert!(planned.exit == 0 && notes.contains("not looked at"), "{planned:?}");
}

#[test]
fn a_dump_that_verify_found_damaged_is_named_where_there_is_none_better() {
    let (server, store) = (server(), Store::new());
    let name = store.take(&server, "postgres");
    let ask = ["restore-plan", "--format=json", "--of=postgres"];
    assert_eq!(store.good(&server, &ask)["notes"], serde_json::json!([]));
    let dump = store.join(&format!("{name}.dump"));
    let mut bytes = fs::read(&dump).unwrap();
    let last = bytes.len() - 1;
    bytes[last] ^= 1;
    fs::write(&dump, &bytes).unwrap();
    store.bad(&server, &["verify", "--record"]);
    let none = store.bad(&server, &ask);
    let says = format!("there is no sound backup of postgres in {}", store.path().display());
    let but = format!("; {name} is there, and verify found it damaged on 2");
    assert!(none.message().contains(&says) && none.message().contains(&but), "{none:?}");
    assert!(none.message().contains("has changed: its SHA-256"), "{none:?}");
    // One that is older is planned with, and the newer is not kept back.
    fs::write(&dump, &bytes[..last]).unwrap();
    let other = store.bad(&server, &["restore-plan", "--format=json", "--of=other"]);
    assert!(!other.message().contains(&name), "{other:?}");
    let next = store.take(&server, "postgres");
    assert_eq!(store.good(&server, &ask)["notes"], serde_json::json!([]), "the newest is sound");
    let manifest = store.join(&format!("{next}.json"));
    fs::write(&manifest, "{").unwrap();
    let told = store.bad(&server, &ask);
    assert!(told.message().contains(&format!("{next}.json is damaged")), "{told:?}");
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
    // One that broke off goes on; what is there in another size is nothing of it.
    fs::remove_file(into.join("full-a-20200101T000000Z.json")).unwrap();
    let (exit, told) = pgreeve_says(&config, &fetch);
    assert!(
        exit == Some(0) && told.contains("fetched 1 objects") && told.contains("1 more were there already"),
        "{told}"
    );
    fs::remove_file(into.join("full-a-20200101T000000Z.json")).unwrap();
    fs::write(into.join("full-a-20200101T000000Z.dump"), "another").unwrap();
    let (exit, told) = pgreeve_says(&config, &fetch);
    assert!(exit == Some(1) && told.contains("has 7 bytes where the store has 100000"), "{told}");
    assert_eq!(fs::read_dir(&into).unwrap().count(), 1);
}
