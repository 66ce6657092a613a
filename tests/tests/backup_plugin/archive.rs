//! Archived WAL: a real server's, with segments taken away, truncated and added, over a change of timeline.

use std::fs;
use std::path::Path;
use std::process::Command;

use pgreeve_tests::agent::{Agent, Checked};
use pgreeve_tests::testbed::{Major, Options, Server, StandbyOptions};

use crate::bed::{HOUR, Shelf, look, told};

/// A server that archives into a directory which both it and the agent may use.
pub(crate) fn archiving(archive: &Path, timeout: &str) -> Server {
    open(archive);
    // Never over another file, and again without harm: a promoted standby has segments that its primary archived.
    let command = format!("if test -f {0}/%f; then cmp -s %p {0}/%f; else cp %p {0}/%f; fi", archive.display());
    let settings = [("archive_mode", "on"), ("archive_command", command.as_str()), ("archive_timeout", timeout)];
    let server = Server::start(Major(15), &Options { settings: &settings, ..Options::default() });
    server.create_roles();
    server.exec("CREATE TABLE t (n int)");
    server
}

/// The servers' user writes there too.
pub(crate) fn open(archive: &Path) {
    use std::os::unix::fs::PermissionsExt;
    for path in [archive, archive.parent().unwrap()] {
        fs::set_permissions(path, fs::Permissions::from_mode(0o777)).unwrap();
    }
}

pub(crate) fn watch(shelf: &Shelf, server: &Server, archive: &Path, settings: &str) -> Agent {
    let tables =
        format!("[files.wal]\npath = {archive:?}\n[postgres.main]\ndsn = {:?}\n", server.dsn("observer", "postgres"));
    let config = shelf.config(
        &tables,
        ", postgres = [\"main\"]",
        &format!("wal_archive = \"wal\", expect = [\"base\"]{settings}"),
    );
    Agent::new(&config.replace("[\"backups\"]", "[\"backups\", \"wal\"]"))
}

/// Fills a segment and waits until all before it are archived; the name of the last one that was.
pub(crate) fn archive_one(server: &Server) -> String {
    let name = server.value("INSERT INTO t VALUES (1); SELECT pg_walfile_name(pg_switch_wal())").unwrap();
    server.wait_until("it is archived", || {
        server.holds(&format!("SELECT last_archived_wal >= '{name}' FROM pg_stat_archiver"))
    });
    name
}

/// A base backup that ended now, as the tool's manifest would have it.
pub(crate) fn base(shelf: &Shelf, server: &Server, ago: i64) {
    let lsn = server.value("SELECT pg_current_wal_lsn()").unwrap();
    let timeline: u32 = server.value("SELECT timeline_id FROM pg_control_checkpoint()").unwrap().parse().unwrap();
    shelf.put_as("base-cluster", ago, 5000, |backup| {
        backup["lsn"] = lsn.into();
        backup["server"]["timeline"] = timeline.into();
    });
}

fn evidence(checked: &Checked, name: &str) -> String {
    let facts = checked.finding("window")["evidence"].as_array().unwrap();
    facts.iter().find(|fact| fact["name"] == name).unwrap()["value"].as_str().unwrap().to_owned()
}

#[test]
fn a_whole_archive_is_a_window_of_two_moments_and_each_gap_is_named() {
    let shelf = Shelf::new();
    let archive = shelf.beside("wal");
    let server = archiving(&archive, "5min");
    archive_one(&server);
    let agent = watch(&shelf, &server, &archive, "");
    assert!(told(&look(&agent), "window", "critical").contains("no good base backup"));
    base(&shelf, &server, HOUR);
    let checked = look(&agent);
    told(&checked, "archiver/main", "ok");
    told(&checked, "window", "ok");
    let names: Vec<String> = (0..6).map(|_| archive_one(&server)).collect();
    let checked = look(&agent);
    assert!(told(&checked, "continuity/timeline-1", "ok").contains(&names[5]));
    let window = told(&checked, "window", "ok");
    assert!(window.contains("any moment from") && window.contains(" to "), "{window}");
    let from = evidence(&checked, "from");
    // One segment is gone, then two in a row; a truncated one is as good as none.
    let away = shelf.beside("away");
    fs::rename(archive.join(&names[3]), away.join(&names[3])).unwrap();
    let checked = look(&agent);
    assert!(told(&checked, "continuity/timeline-1", "critical").starts_with(&format!("{} is missing", names[3])));
    assert!(told(&checked, "window", "critical").contains("not what was archived since"));
    fs::rename(archive.join(&names[2]), away.join(&names[2])).unwrap();
    assert!(
        told(&look(&agent), "continuity/timeline-1", "critical")
            .contains(&format!("{} to {} (2 segments)", names[2], names[3]))
    );
    for name in &names[2..=3] {
        fs::rename(away.join(name), archive.join(name)).unwrap();
    }
    fs::OpenOptions::new().write(true).open(archive.join(&names[1])).unwrap().set_len(4096).unwrap();
    let said = told(&look(&agent), "continuity/timeline-1", "critical");
    assert!(said.starts_with(&format!("{} is not whole", names[1])) && said.contains("4 KiB"), "{said}");
    // A base backup after the gap: the present can be reached again, some of the past cannot.
    base(&shelf, &server, 0);
    archive_one(&server);
    let checked = look(&agent);
    told(&checked, "continuity/timeline-1", "warning");
    told(&checked, "window", "ok");
    assert!(
        evidence(&checked, "from") > from,
        "what the older base backup reached ends at the gap: {:#}",
        checked.json
    );
    // The newest segment is what no listing can miss by itself: the server says that it archived it.
    let last = archive_one(&server);
    fs::remove_file(archive.join(&last)).unwrap();
    assert!(told(&look(&agent), "continuity/timeline-1", "critical").contains(&last));
}

/// Programs that pack a segment, with the endings of their files; those that are installed.
fn packers() -> Vec<(&'static str, &'static str)> {
    let all = [("gzip", "gz"), ("zstd", "zst"), ("lz4", "lz4"), ("bzip2", "bz2"), ("xz", "xz")];
    all.into_iter().filter(|(program, _)| Path::new("/usr/bin").join(program).is_file()).collect()
}

#[test]
fn a_packed_segment_that_was_cut_short_and_a_plain_one_of_other_contents_are_not_whole() {
    let shelf = Shelf::new();
    let archive = shelf.beside("wal");
    let server = archiving(&archive, "5min");
    archive_one(&server);
    base(&shelf, &server, HOUR);
    let names: Vec<String> = (0..8).map(|_| archive_one(&server)).collect();
    let mut files = Vec::new();
    for ((program, ending), name) in packers().into_iter().zip(&names) {
        let (plain, file) = (archive.join(name), archive.join(format!("{name}.{ending}")));
        let done =
            Command::new(program).args(["-q", "-c"]).arg(&plain).stdout(fs::File::create(&file).unwrap()).status();
        assert!(done.unwrap().success(), "{program}");
        fs::remove_file(plain).unwrap();
        files.push((file, name.clone()));
    }
    assert!(files.len() >= 2, "neither gzip nor another is installed");
    let agent = watch(&shelf, &server, &archive, "");
    told(&look(&agent), "continuity/timeline-1", "ok");
    files.push((archive.join(&names[6]), names[6].clone()));
    for (file, name) in &files {
        let kept = fs::read(file).unwrap();
        let other = fs::read(archive.join(&names[7])).unwrap();
        let mut damages = vec![
            ("nonsense", b"nonsense".to_vec()),
            ("another segment", other),
            ("a byte short", kept[..kept.len() - 1].to_vec()),
        ];
        damages.push(("zeros", vec![0; kept.len()]));
        for (what, bytes) in damages {
            fs::write(file, bytes).unwrap();
            let checked = look(&agent);
            let said = told(&checked, "continuity/timeline-1", "critical");
            assert!(said.starts_with(&format!("{name} is not whole (")), "{what} in {}: {said}", file.display());
            told(&checked, "window", "critical");
        }
        fs::write(file, kept).unwrap();
        told(&look(&agent), "continuity/timeline-1", "ok");
    }
}

#[test]
fn a_promotion_begins_a_timeline_and_no_gap() {
    let shelf = Shelf::new();
    let archive = shelf.beside("wal");
    let primary = archiving(&archive, "5min");
    archive_one(&primary);
    base(&shelf, &primary, HOUR);
    let standby = primary.standby("s1", &StandbyOptions::default());
    archive_one(&primary);
    standby.wait_until_streaming();
    standby.catch_up_with(&primary);
    drop(primary);
    standby.promote();
    archive_one(&standby);
    standby.wait_until("its history is archived", || archive.join("00000002.history").exists());
    let agent = watch(&shelf, &standby, &archive, "");
    let checked = look(&agent);
    for timeline in [1, 2] {
        told(&checked, &format!("continuity/timeline-{timeline}"), "ok");
    }
    told(&checked, "window", "ok");
    let first = fs::read_dir(&archive).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let first = first.filter(|name| name.starts_with("00000002") && name.len() == 24).min().unwrap();
    archive_one(&standby);
    fs::remove_file(archive.join(&first)).unwrap();
    let checked = look(&agent);
    assert!(told(&checked, "window", "critical").contains("not what was archived since"), "{:#}", checked.json);
}

#[test]
fn an_archiver_that_cannot_keep_the_promise_is_told_before_anything_is_lost() {
    let shelf = Shelf::new();
    let archive = shelf.beside("wal");
    let server = archiving(&archive, "0");
    archive_one(&server);
    base(&shelf, &server, HOUR);
    let agent = watch(&shelf, &server, &archive, "");
    let said = told(&look(&agent), "archiver/main", "warning");
    assert!(said.contains("archive_timeout is 0") && said.contains("'900s'"), "{said}");
    // The advice, followed.
    server.set(&[("archive_timeout", "900s")]);
    told(&look(&agent), "archiver/main", "ok");
    server.set(&[("archive_timeout", "1h")]);
    assert!(told(&look(&agent), "archiver/main", "warning").contains("archive_timeout is 1 h"));
    // It fails; and it hangs, which fails nothing.
    server.set(&[("archive_command", "false"), ("archive_timeout", "5min")]);
    server.exec("INSERT INTO t VALUES (1)");
    server.exec("SELECT pg_switch_wal()");
    server.wait_until("it has failed", || server.holds("SELECT failed_count > 0 FROM pg_stat_archiver"));
    assert!(told(&look(&agent), "archiver/main", "critical").contains("archiving fails"));
    let hanging = watch(&shelf, &server, &archive, ", rpo = \"1s\"");
    server.set(&[("archive_command", "true")]);
    server.wait_until("it is archived", || {
        server.holds("SELECT last_archived_time > last_failed_time FROM pg_stat_archiver")
    });
    server.set(&[("archive_command", "sleep 1000")]);
    server.exec("INSERT INTO t VALUES (1)");
    server.exec("SELECT pg_switch_wal()");
    hanging.check_until("backup", "the wait is critical", |checked| checked.status_of("archiver/main") == "critical");
}

#[test]
fn an_archive_that_is_promised_and_off_is_critical() {
    let shelf = Shelf::new();
    let archive = shelf.beside("wal");
    let server = Server::start(Major(15), &Options::default());
    server.create_roles();
    let checked = look(&watch(&shelf, &server, &archive, ""));
    assert!(told(&checked, "archiver/main", "critical").contains("archive_mode is off"));
    told(&checked, "continuity/wal", "unknown");
}

#[test]
fn the_tools_own_base_backup_begins_a_window() {
    let shelf = Shelf::new();
    let archive = shelf.beside("wal");
    let server = archiving(&archive, "5min");
    for _ in 0..3 {
        archive_one(&server);
    }
    let taken = Command::new(crate::rounds::tool())
        .args(["take", "--kind=base"])
        .arg(format!("--into={}", shelf.path().display()))
        .env("PGHOST", server.socket_dir())
        .env("PGPORT", server.port().to_string())
        .env("PGUSER", "postgres")
        .output()
        .unwrap();
    assert!(taken.status.success(), "{}", String::from_utf8_lossy(&taken.stderr));
    archive_one(&server);
    let last = archive_one(&server);
    let agent = watch(&shelf, &server, &archive, "");
    let checked = look(&agent);
    for key in ["age/base", "damage/base", "continuity/timeline-1", "window"] {
        told(&checked, key, "ok");
    }
    // What was archived before it is in no window of it, and may go.
    let before =
        fs::read_dir(&archive).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).min().unwrap();
    fs::remove_file(archive.join(before)).unwrap();
    told(&look(&agent), "continuity/timeline-1", "ok");
    fs::remove_file(archive.join(&last)).unwrap();
    told(&look(&agent), "continuity/timeline-1", "critical");
}
