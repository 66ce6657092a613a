//! Every damage to a stored backup is found: by `verify` where bytes changed, by `prove` where the bytes were wrong from the start.

use std::fs::{self, File};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use pgreeve_tests::testbed::give;
use sha2::{Digest, Sha256};

use crate::bed::{Store, furnish, server, sql};

/// A way to damage a file.
type Damage = (&'static str, fn(&Path));

const DAMAGES: [Damage; 6] = [
    ("truncated", |file| {
        let length = fs::metadata(file).unwrap().len();
        File::options().write(true).open(file).unwrap().set_len(length / 2).unwrap();
    }),
    ("one byte short", |file| {
        let length = fs::metadata(file).unwrap().len();
        File::options().write(true).open(file).unwrap().set_len(length - 1).unwrap();
    }),
    ("one bit turned", |file| {
        let mut bytes = fs::read(file).unwrap();
        let middle = bytes.len() / 2;
        bytes[middle] ^= 1;
        fs::write(file, bytes).unwrap();
    }),
    ("emptied", |file| fs::write(file, "").unwrap()),
    ("longer", |file| {
        let mut bytes = fs::read(file).unwrap();
        bytes.push(b'\n');
        fs::write(file, bytes).unwrap();
    }),
    ("gone", |file| fs::remove_file(file).unwrap()),
];

#[test]
fn every_damage_to_every_file_of_a_backup_is_found() {
    let (server, store) = (server(), Store::new());
    furnish(&server, "app", "UTF8");
    let custom = store.take(&server, "app");
    let directory = store.good(&server, &["take", "--kind=full", "--dbname=postgres", "--format-of-dump=directory"]);
    let directory = directory["name"].as_str().unwrap().to_owned();
    let base = store.good(&server, &["take", "--kind=base"])["name"].as_str().unwrap().to_owned();
    let kept = store.directory("kept");
    let files = [
        (&custom, format!("{custom}.dump")),
        (&custom, format!("{custom}.json")),
        (&custom, format!("{custom}.content.json")),
        (&directory, format!("{directory}/toc.dat")),
        (&directory, format!("{directory}.content.json")),
        (&base, format!("{base}/base.tar.gz")),
        (&base, format!("{base}/pg_wal.tar.gz")),
        (&base, format!("{base}/backup_manifest")),
    ];
    for (name, entry) in &files {
        let (file, copy) = (store.join(entry), kept.join("file"));
        for (what, damage) in DAMAGES {
            if what == "gone" && entry.ends_with("Z.json") {
                continue; // That is how a backup expires.
            }
            fs::copy(&file, &copy).unwrap();
            damage(&file);
            let answer = store.bad(&server, &["verify"]);
            assert_eq!(answer.json["damaged"], serde_json::json!([name]), "{entry} {what}: {answer:#?}");
            let place = entry.rsplit('/').next().unwrap();
            assert!(answer.stderr.contains(place), "{entry} {what}: {answer:?}");
            let proved = store.bad(&server, &["prove", "--name", name]);
            assert_eq!(proved.failed(), ["whole"], "{entry} {what}");
            fs::copy(&copy, &file).unwrap();
            give(&file).unwrap();
        }
    }
    fs::write(store.join(&format!("{directory}/extra.dat")), "x").unwrap();
    let extra = store.bad(&server, &["verify"]);
    assert!(extra.message().contains("extra.dat"), "{extra:?}");
    fs::remove_file(store.join(&format!("{directory}/extra.dat"))).unwrap();
    store.good(&server, &["verify", "--record"]);
    let listed = store.good(&server, &["list"]);
    assert!(listed["backups"].as_array().unwrap().iter().all(|one| one["whole"] == true), "{listed:#}");
}

#[test]
fn the_newest_backup_is_proved_even_when_it_is_damaged() {
    let (server, store) = (server(), Store::new());
    store.take(&server, "postgres");
    let copy = fs::read(store.join(&store.entries()[0])).unwrap();
    assert!(!copy.is_empty());
    // A newer one, of which a power cut left an empty manifest.
    fs::write(store.join("full-postgres-20990101T000000Z.json"), "").unwrap();
    let answer = store.bad(&server, &["prove", "--of=postgres"]);
    assert_eq!(answer.json["name"], "full-postgres-20990101T000000Z");
    assert_eq!(answer.failed(), ["whole"]);
}

/// A dump that was wrong before it was hashed, and what its restore test finds.
fn wrong_from_the_start(script: &str) -> Vec<String> {
    let (server, store) = (server(), Store::new());
    furnish(&server, "app", "UTF8");
    sql(&server, "app", "CREATE TABLE victim AS SELECT n, 'victim row ' || n AS t FROM generate_series(1, 100) AS n");
    let programs = store.programs(&server, &[("pg_dump", script)]);
    let programs = programs.to_str().unwrap();
    let format = if script.contains("payload/") { "--format-of-dump=directory" } else { "--format-of-dump=custom" };
    store.good(&server, &["take", "--kind=full", "--dbname=app", "--compress=0", format, "--bindir", programs]);
    store.good(&server, &["verify"]);
    let proved = store.bad(&server, &["prove", "--of=app"]);
    assert_eq!(server.value("SELECT count(*) FROM pg_database WHERE datname LIKE 'pgreeve%'").as_deref(), Some("0"));
    proved.failed().into_iter().map(str::to_owned).collect()
}

/// Where pg_dump writes.
const FILE: &str = "REAL \"$@\" || exit 1; for a; do case $p in --file) f=$a;; esac; p=$a; done;";

#[test]
fn a_table_that_lost_a_row_in_the_dump_is_found() {
    let script = format!(
        "{FILE} [ \"$1\" = --version ] || sed -i '/victim row 77/d' \"$(grep -l 'victim row 77' \"$f\"/*.dat)\" # payload/"
    );
    assert_eq!(wrong_from_the_start(&script), ["rows"]);
}

#[test]
fn a_table_whose_data_no_longer_parses_is_found() {
    let script = format!(
        "{FILE} [ \"$1\" = --version ] || sed -i 's/^77\\t/seventy\\t/' \"$(grep -l 'victim row 77' \"$f\"/*.dat)\" # payload/"
    );
    assert_eq!(wrong_from_the_start(&script), ["restored", "rows"]);
}

#[test]
fn an_archive_with_a_damaged_block_is_found() {
    // As many bytes as before: the table of contents is sound, the data of one table is not.
    let script = format!("{FILE} [ \"$1\" = --version ] || sed -i 's/77\\tvictim row 77/77 victim row 77/' \"$f\"");
    assert_eq!(wrong_from_the_start(&script), ["restored", "rows"]);
}

#[test]
fn a_dump_without_some_tables_is_found() {
    let found = wrong_from_the_start(
        "if [ \"$1\" = --version ]; then exec REAL \"$@\"; fi; exec REAL --exclude-table=victim \"$@\"",
    );
    assert_eq!(found, ["tables", "objects"]);
}

#[test]
fn a_restore_that_prints_errors_and_exits_0_is_found() {
    let (server, store) = (server(), Store::new());
    furnish(&server, "app", "UTF8");
    store.take(&server, "app");
    let programs = store.programs(
        &server,
        &[(
            "pg_restore",
            "echo 'pg_restore: error: could not execute query: ERROR:  out of luck' >&2; REAL \"$@\"; exit 0",
        )],
    );
    let answer = store.bad(&server, &["prove", "--of=app", "--bindir", programs.to_str().unwrap()]);
    assert_eq!(answer.failed(), ["restored"]);
    assert!(answer.message().contains("out of luck"), "{answer:?}");
}

#[test]
fn a_dump_program_that_prints_errors_and_exits_0_makes_no_backup() {
    let (server, store) = (server(), Store::new());
    let script = "REAL \"$@\"; [ \"$1\" = --version ] || echo 'pg_dump: error: something went wrong' >&2; exit 0";
    let programs = store.programs(&server, &[("pg_dump", script)]);
    let answer = store.run(&server, &["take", "--kind=full", "--bindir", programs.to_str().unwrap()]);
    assert_eq!(answer.exit, 6, "{answer:?}");
    assert!(store.entries().is_empty());
}

#[test]
fn what_may_not_be_read_or_is_of_another_format_is_not_called_damaged() {
    let (server, store) = (server(), Store::new());
    let name = store.take(&server, "postgres");
    let not_judged = |what: &str| {
        for verb in [["verify", "--record"], ["prove", "--of=postgres"]] {
            let answer = store.run(&server, &verb);
            assert_eq!(answer.exit, 4, "{what}: {answer:?}");
        }
        for record in ["verified", "proof"] {
            assert!(!store.join(&format!("{name}.{record}.json")).exists(), "{what}: {record}");
        }
    };
    for ending in ["dump", "json", "content.json"] {
        let file = store.join(&format!("{name}.{ending}"));
        fs::set_permissions(&file, fs::Permissions::from_mode(0o000)).unwrap();
        not_judged(ending);
        fs::set_permissions(&file, fs::Permissions::from_mode(0o600)).unwrap();
    }
    let manifest = store.join(&format!("{name}.json"));
    let text = fs::read_to_string(&manifest).unwrap();
    let (_, body) = text.split_once("\"backup\": ").unwrap();
    let body = body.strip_suffix("}\n").unwrap();
    // As another version would write it, with a seal that holds.
    let sealed = |body: &str| {
        let seal: String = Sha256::digest(body).iter().map(|byte| format!("{byte:02x}")).collect();
        fs::write(&manifest, format!("{{\"sha256\": \"{seal}\", \"backup\": {body}}}\n")).unwrap();
    };
    sealed(&body.replace("\"format\": 1", "\"format\": 2"));
    not_judged("format 2");
    assert_eq!(store.good(&server, &["list"])["backups"][0]["state"], "not-judged");
    sealed(body);
    store.good(&server, &["verify"]);
    // A format that changed without the seal is damage.
    fs::write(&manifest, text.replace("\"format\": 1", "\"format\": 3")).unwrap();
    store.bad(&server, &["verify"]);
}

#[test]
fn a_program_that_is_cut_off_proves_nothing() {
    let (server, store) = (server(), Store::new());
    furnish(&server, "app", "UTF8");
    store.take(&server, "app");
    store.good(&server, &["take", "--kind=base"]);
    for (program, kind) in
        [("pg_restore", "full"), ("pg_amcheck", "full"), ("pg_verifybackup", "base"), ("pg_amcheck", "base")]
    {
        let script = "[ \"$1\" = --version ] && exec REAL \"$@\"; kill -SEGV $$";
        let programs = store.programs(&server, &[(program, script)]);
        let prove = ["prove", "--kind", kind, "--of=app", "--bindir", programs.to_str().unwrap()];
        let answer = store.run(&server, &prove);
        assert_eq!(answer.exit, 6, "{program}: {answer:?}");
        assert!(answer.message().contains("cut off"), "{answer:?}");
    }
    assert!(!store.entries().iter().any(|entry| entry.ends_with(".proof.json") || entry.ends_with(".proving")));
    assert_eq!(server.value("SELECT count(*) FROM pg_database WHERE datname LIKE 'pgreeve%'").as_deref(), Some("0"));
}

#[test]
fn files_of_equal_size_that_changed_places_and_holes_are_found() {
    let (server, store) = (server(), Store::new());
    furnish(&server, "app", "UTF8");
    let take = ["take", "--kind=full", "--dbname=app", "--format-of-dump=directory", "--compress=0"];
    sql(&server, "app", "CREATE TABLE one AS SELECT 'one' AS t; CREATE TABLE two AS SELECT 'two' AS t");
    let name = store.good(&server, &take)["name"].as_str().unwrap().to_owned();
    let files = fs::read_dir(store.join(&name)).unwrap().map(|entry| entry.unwrap().path());
    let of_size: Vec<_> = files
        .filter(|path| fs::read(path).is_ok_and(|text| text.starts_with(b"one\n") || text.starts_with(b"two\n")))
        .collect();
    let [one, two] = of_size.as_slice() else { panic!("{of_size:?}") };
    let swap = || {
        let (first, second) = (fs::read(one).unwrap(), fs::read(two).unwrap());
        assert_eq!(first.len(), second.len());
        fs::write(one, second).unwrap();
        fs::write(two, first).unwrap();
    };
    swap();
    assert_eq!(store.bad(&server, &["verify"]).json["backups"][0]["problems"].as_array().unwrap().len(), 2);
    swap();
    store.good(&server, &["verify"]);
    // A file system that lost a block after a power cut: as long as before, and zeros.
    let toc = store.join(&format!("{name}/toc.dat"));
    let length = fs::metadata(&toc).unwrap().len();
    fs::write(&toc, "").unwrap();
    File::options().write(true).open(&toc).unwrap().set_len(length).unwrap();
    assert!(store.bad(&server, &["verify"]).message().contains("toc.dat has changed"));
}

#[test]
fn a_symbolic_link_in_place_of_any_file_is_no_backup() {
    let (server, store) = (server(), Store::new());
    let name = store.take(&server, "postgres");
    for ending in ["dump", "json", "content.json"] {
        let (file, elsewhere) = (store.join(&format!("{name}.{ending}")), store.directory("elsewhere").join("file"));
        fs::rename(&file, &elsewhere).unwrap();
        std::os::unix::fs::symlink(&elsewhere, &file).unwrap();
        let found = store.bad(&server, &["verify"]);
        assert_eq!(found.json["damaged"], serde_json::json!([name]), "{ending}");
        assert_eq!(store.bad(&server, &["prove", "--name", &name]).failed(), ["whole"], "{ending}");
        let copies = store.directory("copies");
        store.bad(&server, &["copy", "--to", copies.to_str().unwrap()]);
        assert_eq!(fs::read_dir(&copies).unwrap().count(), 0, "{ending}");
        fs::remove_file(&file).unwrap();
        fs::rename(&elsewhere, &file).unwrap();
    }
    store.good(&server, &["verify"]);
}

#[test]
fn what_is_known_to_be_damaged_is_no_way_back() {
    let (server, store) = (server(), Store::new());
    let older = store.take(&server, "postgres");
    server.exec("CREATE TABLE t ()");
    let newer = store.take(&server, "postgres");
    let plan = || store.good(&server, &["restore-plan", "--format=json", "--of=postgres"])["backup"].clone();
    let file = store.join(&format!("{newer}.dump"));
    let kept = fs::read(&file).unwrap();
    let (_, bit) = DAMAGES[2];
    for look in [&["verify", "--record"][..], &["prove", "--of=postgres"]] {
        assert_eq!(plan(), newer.as_str());
        bit(&file);
        store.bad(&server, look);
        assert_eq!(plan(), older.as_str(), "{look:?}");
        // It was brought back from elsewhere, and looked at again.
        fs::write(&file, &kept).unwrap();
        store.good(&server, &["verify", "--record"]);
    }
}

#[test]
fn damage_is_told_also_where_no_record_of_it_can_be_written() {
    let (server, store) = (server(), Store::new());
    store.take(&server, "postgres");
    furnish(&server, "app", "UTF8");
    let other = store.take(&server, "app");
    fs::set_permissions(store.path(), fs::Permissions::from_mode(0o500)).unwrap();
    let told = store.run(&server, &["verify", "--record"]);
    assert!(told.exit == 6 && told.message().contains("cannot write"), "{told:?}");
    // The first whose record cannot be written is not the last that is read.
    let (_, bit) = DAMAGES[2];
    let newest = store.entries().into_iter().rfind(|entry| entry.ends_with(".dump")).unwrap();
    assert_ne!(newest, format!("{other}.dump"), "the order of names has changed");
    bit(&store.join(&newest));
    let told = store.bad(&server, &["verify", "--record"]);
    assert!(told.message().contains("has changed"), "{told:?}");
    fs::set_permissions(store.path(), fs::Permissions::from_mode(0o700)).unwrap();
}
