//! Looks into archived segments: what was found broken stays found, and what could not be looked into, or is not a segment yet, is said as what it is.

use std::fs;
use std::os::unix::fs::{FileExt as _, PermissionsExt as _};
use std::path::Path;
use std::process::Command;

use pgreeve_tests::agent::{Agent, give_all};
use pgreeve_tests::testbed::{Major, Options, Server};

use crate::archive::{archive_one, archiving, base, open, watch};
use crate::bed::{HOUR, Shelf, age, look, told};

/// A segment as zstd packs one that it cannot make smaller: 128 blocks as they were, here of holes, so that it takes little room.
fn packed(path: &Path) {
    const BLOCK: u32 = 128 << 10;
    let file = fs::File::create(path).unwrap();
    // The magic number, then a frame with a size of four bytes and no checksum.
    file.write_all_at(&[0x28, 0xB5, 0x2F, 0xFD, 0b1010_0000], 0).unwrap();
    file.write_all_at(&(128 * BLOCK).to_le_bytes(), 5).unwrap();
    let mut at = 9;
    for number in 1..=128 {
        let header = BLOCK << 3 | u32::from(number == 128);
        file.write_all_at(&header.to_le_bytes()[..3], at).unwrap();
        at += 3 + u64::from(BLOCK);
    }
    file.set_len(at).unwrap();
    age(path, HOUR);
}

#[test]
fn a_packed_segment_that_was_cut_short_is_critical_until_it_is_mended_whatever_is_archived_after_it() {
    let shelf = Shelf::new();
    let archive = shelf.beside("wal");
    let path = |number: u32| archive.join(format!("00000001{number:016X}.zst"));
    (3..23).for_each(|number| packed(&path(number)));
    if Path::new("/usr/bin/zstd").is_file() {
        assert!(Command::new("zstd").arg("-tq").arg(path(3)).status().unwrap().success(), "it is zstd's format");
    }
    shelf.put_as("base-cluster", HOUR, 5000, |backup| backup["lsn"] = "0/3000000".into());
    let config = shelf.config(
        &format!("[files.wal]\npath = {archive:?}\n"),
        "",
        "wal_archive = \"wal\", expect = [\"base\"], archives_itself = false",
    );
    let agent = Agent::new(&config.replace("[\"backups\"]", "[\"backups\", \"wal\"]"));
    told(&look(&agent), "continuity/timeline-1", "ok");
    let cut = fs::OpenOptions::new().write(true).open(path(22)).unwrap();
    cut.set_len(1 << 20).unwrap();
    age(&path(22), HOUR);
    let is_broken = format!("{:024X} is not whole (it is cut short)", (1_u128 << 64) + 22);
    agent.check_until("backup", "it is found", |checked| checked.status_of("continuity/timeline-1") == "critical");
    for number in 23..43 {
        packed(&path(number));
        let said = told(&look(&agent), "continuity/timeline-1", "critical");
        assert!(said.starts_with(&is_broken), "{number}: {said}");
    }
    packed(&path(22));
    let checked =
        agent.check_until("backup", "it is mended", |checked| checked.status_of("continuity/timeline-1") == "ok");
    // It says that it did not look at all of them.
    assert!(told(&checked, "continuity/timeline-1", "ok").contains("of the 40 segments"), "{:#}", checked.json);
}

#[test]
fn a_segment_that_may_be_listed_and_not_read_is_not_called_whole() {
    let shelf = Shelf::new();
    let archive = shelf.beside("wal");
    let server = archiving(&archive, "5min");
    archive_one(&server);
    base(&shelf, &server, HOUR);
    let name = archive_one(&server);
    let agent = watch(&shelf, &server, &archive, "");
    told(&look(&agent), "continuity/timeline-1", "ok");
    // Two names for one file: what the grant does not let an agent read, whoever it runs as.
    let second = shelf.beside("away").join("second");
    fs::hard_link(archive.join(&name), &second).unwrap();
    let said = told(&look(&agent), "continuity/wal/contents", "unknown");
    assert!(said.contains("1 segment could not be looked into"), "{said}");
    assert!(said.contains("add hard_links = true under [files.wal]") && !said.contains("chmod"), "{said}");
    // The advice, followed.
    let allowed =
        fs::read_to_string(agent.config()).unwrap().replace("[files.wal]\n", "[files.wal]\nhard_links = true\n");
    agent.configure(&allowed);
    let checked = look(&agent);
    assert!(checked.find("continuity/wal/contents").is_none(), "{:#}", checked.json);
    told(&checked, "continuity/timeline-1", "ok");
}

#[test]
fn segments_that_the_agents_user_may_not_read_are_unknown_for_want_of_a_privilege() {
    let shelf = Shelf::new();
    let archive = shelf.beside("wal");
    packed(&archive.join("000000010000000000000003.zst"));
    fs::set_permissions(archive.join("000000010000000000000003.zst"), fs::Permissions::from_mode(0o000)).unwrap();
    give_all(archive.parent().unwrap());
    let config = shelf.config(
        &format!("[files.wal]\npath = {archive:?}\n"),
        "",
        "wal_archive = \"wal\", expect = [\"base\"], archives_itself = false",
    );
    let agent = Agent::of_servers_user(&config.replace("[\"backups\"]", "[\"backups\", \"wal\"]"));
    let checked = look(&agent);
    let said = told(&checked, "continuity/wal/contents", "unknown");
    assert!(said.contains("(EACCES)") && said.contains("chmod g+r"), "{said}");
    assert_eq!(checked.finding("continuity/wal/contents")["reason"], "no-privilege");
}

/// The `archive_command` of docs/recovery.md, with another directory in its place.
fn of_the_page(archive: &Path) -> String {
    let page = include_str!("../../../docs/recovery.md");
    let line = page.lines().find_map(|line| line.strip_prefix("archive_command = '")).unwrap();
    let command = line.strip_suffix('\'').unwrap();
    assert!(command.contains("/var/lib/postgresql/wal"), "{command}");
    command.replace("/var/lib/postgresql/wal", &archive.display().to_string())
}

#[test]
fn the_archive_command_of_the_page_goes_on_after_a_crash_before_its_success_was_noted() {
    let shelf = Shelf::new();
    let archive = shelf.beside("wal");
    open(&archive);
    let command = of_the_page(&archive);
    let settings = [
        ("archive_mode", "on"),
        ("archive_command", command.as_str()),
        ("archive_timeout", "5min"),
        ("wal_keep_size", "1GB"),
    ];
    let server = Server::start(Major(15), &Options { settings: &settings, ..Options::default() });
    server.create_roles();
    server.exec("CREATE TABLE t (n int)");
    let name = archive_one(&server);
    // The segment is in the archive, and the server does not know.
    let noted = |ending: &str| server.data_dir().join(format!("pg_wal/archive_status/{name}.{ending}"));
    server.wait_until("it is noted", || noted("done").exists());
    fs::rename(noted("done"), noted("ready")).unwrap();
    archive_one(&server);
    server.wait_until("it is noted again", || noted("done").exists());
    assert_eq!(server.value("SELECT failed_count FROM pg_stat_archiver").unwrap(), "0");
    // Another segment of that name is never written over.
    let kept = fs::read(archive.join(&name)).unwrap();
    fs::write(archive.join(&name), b"another").unwrap();
    fs::rename(noted("done"), noted("ready")).unwrap();
    server.exec("INSERT INTO t VALUES (1)");
    server.exec("SELECT pg_switch_wal()");
    server.wait_until("it fails", || server.holds("SELECT failed_count > 0 FROM pg_stat_archiver"));
    assert_eq!(fs::read(archive.join(&name)).unwrap(), b"another");
    fs::write(archive.join(&name), kept).unwrap();
}

#[test]
fn a_name_that_no_wal_has_is_told_when_nobody_has_written_to_it_for_a_while() {
    let shelf = Shelf::new();
    let archive = shelf.beside("wal");
    packed(&archive.join("000000010000000000000003.zst"));
    // What the page's archive_command is just copying to.
    let copied = archive.join("000000010000000000000004.new");
    fs::write(&copied, b"half of it").unwrap();
    let config = shelf.config(
        &format!("[files.wal]\npath = {archive:?}\n"),
        "",
        "wal_archive = \"wal\", expect = [\"base\"], archives_itself = false",
    );
    let agent = Agent::new(&config.replace("[\"backups\"]", "[\"backups\", \"wal\"]"));
    assert!(look(&agent).find("continuity").is_none());
    age(&copied, HOUR);
    let said = told(&look(&agent), "continuity", "warning");
    assert!(said.contains("1 name in the archive that no WAL has, such as 000000010000000000000004.new"), "{said}");
}
