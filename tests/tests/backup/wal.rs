//! Archived WAL as it lies there in practice: compressed in several ways, of several timelines, with pieces of segments and damaged ones among it.

use std::fs;
use std::path::Path;
use std::time::{Duration, SystemTime};

use pgreeve_tests::testbed::{Options, Server, StandbyOptions, Stop, give};

use crate::base::{archive, archiving};
use crate::bed::{Store, major};
use crate::recovery::{Restored, commands, plan, succeeds};

const COMPRESSIONS: [(&str, &str); 5] =
    [("gzip", "gz"), ("zstd", "zst"), ("lz4", "lz4"), ("bzip2", "bz2"), ("xz", "xz")];

/// Names of the archive's plain or compressed segments, in order.
fn segments(wal: &Path) -> Vec<String> {
    let mut names: Vec<String> =
        fs::read_dir(wal).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.retain(|name| name.split('.').next().is_some_and(|stem| stem.len() == 24) && !name.contains(".backup"));
    names.sort();
    names
}

/// Lets the server archive with this program from now on.
fn compress(server: &Server, wal: &Path, program: &str, ending: &str) {
    let wal = wal.display();
    let command = format!("{program} -c %p > {wal}/%f.{ending}.new && mv {wal}/%f.{ending}.new {wal}/%f.{ending}");
    server.set(&[("archive_command", &command)]);
}

#[test]
fn compressed_segments_are_replayed_by_proof_and_plan() {
    let store = Store::new();
    let server = archiving(major(), &store);
    let wal = store.directory("wal");
    let place = wal.display().to_string();
    server.exec("CREATE TABLE t AS SELECT 0 AS n");
    archive(&server);
    store.good(&server, &["take", "--kind=base"]);
    // A plain one, then one of each compression whose program is installed.
    let mut rows = 1;
    for (program, ending) in COMPRESSIONS {
        server.exec(&format!("INSERT INTO t VALUES ({rows})"));
        rows += 1;
        archive(&server);
        if Path::new("/usr/bin").join(program).is_file() {
            compress(&server, &wal, program, ending);
        }
    }
    server.exec(&format!("INSERT INTO t VALUES ({rows})"));
    rows += 1;
    archive(&server);
    assert!(segments(&wal).iter().any(|name| name.ends_with(".gz")), "{:?}", segments(&wal));
    let query = format!("--query=SELECT count(*) = {rows} FROM t");
    store.good(&server, &["prove", "--kind=base", "--wal-archive", &place, &query]);

    // Too late to be reached: the steps lead to the end of WAL.
    let answer = plan(&store, &server, "2099-01-01T00:00:00Z");
    assert!(answer.json["text"].as_str().unwrap().contains("gzip"), "{answer:#?}");
    let restored = Restored(store.directory("new").join("data"));
    let mut looked = false;
    for command in commands(&answer.json) {
        if command.contains("pg_promote") {
            assert_eq!(restored.rows(), rows.to_string());
            looked = true;
        }
        succeeds(&command);
    }
    assert!(looked);
}

#[test]
fn a_segment_that_was_cut_short_or_exchanged_is_a_gap_however_it_is_compressed() {
    let store = Store::new();
    let server = archiving(major(), &store);
    let wal = store.directory("wal");
    let place = wal.display().to_string();
    server.exec("CREATE TABLE t AS SELECT 0 AS n");
    store.good(&server, &["take", "--kind=base"]);
    // Two plain ones, then one of each compression whose program is installed, then two more.
    archive(&server);
    archive(&server);
    for (program, ending) in COMPRESSIONS {
        if Path::new("/usr/bin").join(program).is_file() {
            compress(&server, &wal, program, ending);
        }
        server.exec("INSERT INTO t SELECT generate_series(1, 10000)");
        archive(&server);
    }
    archive(&server);
    archive(&server);
    let prove = ["prove", "--kind=base", "--no-amcheck", "--wal-archive", &place];
    store.good(&server, &prove);
    let all = segments(&wal);
    let mut damaged = 0;
    for name in &all[2..all.len() - 2] {
        let (victim, neighbour) = (wal.join(name), wal.join(&all[1]));
        let kept = fs::read(&victim).unwrap();
        let half = kept[..kept.len() / 2].to_vec();
        for bytes in [half, kept[..kept.len() - 1].to_vec(), b"nonsense".to_vec(), fs::read(neighbour).unwrap()] {
            fs::write(&victim, bytes).unwrap();
            let told = plan(&store, &server, "2099-01-01T00:00:00Z");
            let stem = name.split('.').next().unwrap();
            let says = format!("segment {stem} is not whole (");
            assert!(told.exit == 1 && told.message().contains(&says), "{name}: {told:?}");
            damaged += 1;
        }
        let found = store.bad(&server, &prove);
        assert_eq!(found.failed(), ["wal"], "{name}: {found:#?}");
        assert!(found.message().contains("is damaged"), "{name}: {found:?}");
        fs::write(&victim, kept).unwrap();
    }
    assert!(damaged >= 8, "{all:?}");
    store.good(&server, &prove);
    // One that is missing, while later ones are there, ends what can be replayed too.
    fs::rename(wal.join(&all[2]), store.directory("away").join("segment")).unwrap();
    assert_eq!(store.bad(&server, &prove).failed(), ["wal"]);
}

#[test]
fn a_segment_that_is_just_being_archived_fails_no_restore_test() {
    let store = Store::new();
    let server = archiving(major(), &store);
    let wal = store.directory("wal");
    let place = wal.display().to_string();
    server.exec("CREATE TABLE t AS SELECT 0 AS n");
    store.good(&server, &["take", "--kind=base"]);
    server.exec("INSERT INTO t VALUES (1)");
    archive(&server);
    let whole = fs::read(wal.join(segments(&wal).last().unwrap())).unwrap();
    server.exec("INSERT INTO t VALUES (2)");
    let next = server.value("SELECT pg_walfile_name(pg_current_wal_lsn())").unwrap();
    // As `gzip < %p > …` and `cp %p …` have it for a moment: half of it, and nothing yet.
    let packed = std::process::Command::new("gzip").arg("-c").arg(wal.join(segments(&wal).last().unwrap())).output();
    let packed = packed.unwrap().stdout;
    let prove = ["prove", "--kind=base", "--no-amcheck", "--query=SELECT count(*) = 2 FROM t", "--wal-archive", &place];
    for (name, bytes) in [
        (format!("{next}.gz"), &packed[..packed.len() / 2]),
        (format!("{next}.gz"), &[]),
        (next.clone(), &whole[..whole.len() / 2]),
    ] {
        let file = wal.join(name);
        fs::write(&file, bytes).unwrap();
        give(&file).unwrap();
        store.good(&server, &prove);
        let told = plan(&store, &server, "2099-01-01T00:00:00Z");
        assert!(told.message().contains("within the last 15 minutes"), "{told:?}");
        // Nobody writes to it any more: it stays as it is.
        let old = SystemTime::now() - Duration::from_secs(16 * 60);
        fs::File::options().write(true).open(&file).unwrap().set_modified(old).unwrap();
        let found = store.bad(&server, &prove);
        assert!(found.failed() == ["wal"] && found.message().contains("is damaged"), "{found:#?}");
        fs::remove_file(&file).unwrap();
    }
}

#[test]
fn a_changed_record_within_a_segment_is_found_by_the_proof() {
    let store = Store::new();
    let server = archiving(major(), &store);
    let wal = store.directory("wal");
    let place = wal.display().to_string();
    server.exec("CREATE TABLE t AS SELECT 0 AS n");
    store.good(&server, &["take", "--kind=base"]);
    for n in 1..6 {
        server.exec(&format!("INSERT INTO t VALUES ({n})"));
        archive(&server);
    }
    let prove = ["prove", "--kind=base", "--wal-archive", &place];
    store.good(&server, &prove);
    let all = segments(&wal);
    let victim = wal.join(&all[all.len() - 4]);
    let mut bytes = fs::read(&victim).unwrap();
    // Behind the header of its first page.
    bytes[60..4000].fill(0xA5);
    fs::write(&victim, bytes).unwrap();
    let found = store.bad(&server, &prove);
    assert_eq!(found.failed(), ["wal"], "{found:#?}");
    assert!(found.message().contains("is damaged"), "{found:?}");
}

#[test]
fn plan_and_proof_go_over_to_the_timeline_of_a_promoted_standby() {
    let store = Store::new();
    let primary = archiving(major(), &store);
    let wal = store.directory("wal");
    primary.exec("CREATE TABLE t AS SELECT 1 AS n");
    store.good(&primary, &["take", "--kind=base"]);
    let mut primary = primary;
    let standby = primary.standby("s1", &StandbyOptions::default());
    primary.exec("INSERT INTO t VALUES (2)");
    archive(&primary);
    primary.exec("INSERT INTO t VALUES (3)");
    standby.catch_up_with(&primary);
    primary.stop(Stop::Immediate);
    standby.promote();
    compress(&standby, &wal, "gzip", "gz");
    standby.exec("INSERT INTO t VALUES (4)");
    archive(&standby);
    let names: Vec<String> =
        fs::read_dir(&wal).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    assert!(names.iter().any(|name| name.contains(".history")), "{names:?}");
    let place = wal.display().to_string();
    let prove = ["prove", "--kind=base", "--wal-archive", &place, "--query=SELECT count(*) = 4 FROM t"];
    store.good(&standby, &prove);
    let late = plan(&store, &standby, "2099-01-01T00:00:00Z");
    assert!(late.message().contains("segment 00000002"), "{late:?}");
}

#[test]
fn an_archive_of_usual_segments_and_the_beginning_of_one() {
    let store = Store::new();
    let wal = store.directory("wal");
    let place = wal.display().to_string();
    let command = format!("cp %p {place}/%f.new && mv {place}/%f.new {place}/%f");
    let settings = [("archive_mode", "on"), ("archive_command", command.as_str())];
    let server = Server::start(major(), &Options { settings: &settings, segment_mb: 16, own_system_identifier: true });
    server.exec("CREATE TABLE t AS SELECT 0 AS n");
    store.good(&server, &["take", "--kind=base"]);
    for n in 1..4 {
        server.exec(&format!("INSERT INTO t VALUES ({n})"));
        archive(&server);
    }
    store.good(&server, &["prove", "--kind=base", "--wal-archive", &place, "--query=SELECT count(*) = 4 FROM t"]);
    // The one before the last is only a piece, as a promoted standby leaves it.
    let all = segments(&wal);
    let victim = &all[all.len() - 2];
    fs::rename(wal.join(victim), wal.join(format!("{victim}.partial"))).unwrap();
    let gap = plan(&store, &server, "2099-01-01T00:00:00Z");
    assert_eq!(gap.exit, 1, "{gap:?}");
    assert!(gap.message().contains(victim) && gap.message().contains(".partial"), "{gap:?}");
    // Every segment is of one size, which is not the cluster's: none of them counts.
    for name in segments(&wal) {
        fs::File::options().write(true).open(wal.join(name)).unwrap().set_len(1 << 20).unwrap();
    }
    let cut = plan(&store, &server, "2099-01-01T00:00:00Z");
    assert!(cut.message().contains("not whole (it is cut short)"), "{cut:?}");
}
