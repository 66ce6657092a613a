//! The archiver: failing, failed once, never archived, hanging, configured to nothing.

use pgreeve_tests::testbed::{Major, Server, available};

use crate::bed::{await_status, expect, look, primary, quiet, some, standby, text, watch};

fn archiving(major: Major, command: &str) -> Server {
    primary(major, &[("archive_mode", "on"), ("archive_command", command)])
}

fn switch(server: &Server) {
    server.exec("INSERT INTO t VALUES (1)");
    server.exec("SELECT pg_switch_wal()");
}

#[test]
fn an_archiver_that_never_archived_and_always_fails_is_critical_and_clears() {
    for major in available() {
        let primary = archiving(major, "false");
        let agent = watch(&primary, "");
        switch(&primary);
        let checked = await_status(&agent, "archiver", "critical");
        assert!(text(&checked, "archiver").contains("nothing archived so far"), "{major:?}: {:#}", checked.json);
        assert!(
            checked.status_of("archive-backlog") == "ok"
                && !text(&checked, "archive-backlog").starts_with("no segment"),
            "{:#}",
            checked.json
        );
        primary.set(&[("archive_command", "true")]);
        await_status(&agent, "archiver", "ok");
        assert!(primary.holds("SELECT failed_count > 0 FROM pg_stat_archiver"), "an old failure is no outage");
        quiet(&agent, &format!("{major:?} repaired"));
    }
}

#[test]
fn an_archiver_that_hangs_is_found_though_nothing_fails() {
    for major in some() {
        let primary = archiving(major, "sleep 1000");
        switch(&primary);
        await_status(&watch(&primary, "archive_age_warning = \"500ms\""), "archiver", "warning");
        let agent = watch(&primary, "archive_age_warning = \"500ms\", archive_age_critical = \"1500ms\"");
        let checked = await_status(&agent, "archiver", "critical");
        assert!(text(&checked, "archiver").contains("hangs"), "{major:?}: {:#}", checked.json);
        assert!(primary.holds("SELECT failed_count = 0 FROM pg_stat_archiver"));
    }
}

#[test]
fn archiving_to_nothing_is_critical_before_anything_has_failed() {
    for major in available() {
        let primary = archiving(major, "");
        let said = expect(&watch(&primary, ""), "archiver", "critical", &format!("{major:?}"));
        assert!(said.contains("configured to nothing"), "{said}");
    }
}

#[test]
fn a_library_beside_a_command_stops_the_archiver_from_16_on() {
    for major in available().into_iter().filter(|major| *major >= Major(16)) {
        let primary = primary(
            major,
            &[("archive_mode", "on"), ("archive_command", "true"), ("archive_library", "basic_archive")],
        );
        expect(&watch(&primary, ""), "archiver", "critical", &format!("{major:?}"));
    }
}

#[test]
fn many_segments_in_a_row_are_archived_and_quiet() {
    for major in some() {
        let primary = archiving(major, "true");
        let agent = watch(&primary, "");
        quiet(&agent, &format!("{major:?}: nothing to archive yet"));
        primary.write_wal(20);
        quiet(&agent, &format!("{major:?}: a burst"));
        await_status(&agent, "archiver", "ok");
    }
}

#[test]
fn a_standby_archives_only_if_it_is_told_always() {
    for major in some() {
        let primary = archiving(major, "true");
        let s1 = standby(&primary, "s1", &[("archive_command", "false")]);
        let s2 = standby(&primary, "s2", &[("archive_mode", "always"), ("archive_command", "false")]);
        switch(&primary);
        s1.catch_up_with(&primary);
        await_status(&watch(&s2, ""), "archiver", "critical");
        let checked = look(&watch(&s1, ""));
        assert_eq!(checked.finding("archiver")["reason"], "not-applicable", "{major:?}: {:#}", checked.json);
    }
}

#[test]
fn a_library_alone_archives_from_15_on() {
    for major in available().into_iter().filter(|major| *major >= Major(15)) {
        let archive = open_directory();
        let primary = primary(
            major,
            &[
                ("archive_mode", "on"),
                ("archive_library", "basic_archive"),
                ("basic_archive.archive_directory", &archive.path().display().to_string()),
            ],
        );
        switch(&primary);
        primary
            .wait_until("the segment is archived", || primary.holds("SELECT archived_count > 0 FROM pg_stat_archiver"));
        quiet(&watch(&primary, ""), &format!("{major}"));
    }
}

#[test]
fn a_timeline_history_file_is_archived_like_a_segment() {
    for major in some() {
        let primary = archiving(major, "true");
        let s1 = standby(&primary, "s1", &[]);
        s1.promote();
        s1.wait_until("the history is archived", || {
            s1.holds("SELECT archived_count > 0 FROM pg_stat_archiver")
                && !s1.holds("SELECT count(*) > 0 FROM pg_ls_archive_statusdir() WHERE name = '00000002.history.ready'")
        });
        quiet(&watch(&s1, ""), &format!("{major}"));
    }
}

#[test]
fn segments_that_wait_are_counted_where_they_are_marked() {
    for major in available() {
        let primary = archiving(major, "false");
        (0..3).for_each(|_| switch(&primary));
        let marked = "SELECT count(*) FROM pg_ls_archive_statusdir() WHERE name LIKE '%.ready'";
        let marked = primary.value(marked).unwrap();
        let settings = "archive_backlog_warning = 2, archive_backlog_critical = 3, \
                        lag_healthy = \"1ms\", lag_warning = \"2ms\", lag_critical = \"3ms\"";
        let checked = await_status(&watch(&primary, settings), "archive-backlog", "critical");
        let said = text(&checked, "archive-backlog");
        assert!(said.starts_with(&format!("{marked} segments wait")), "{major}: {marked} are marked: {said}");
    }
}

/// A directory that the server may write to.
fn open_directory() -> tempfile::TempDir {
    let directory = tempfile::tempdir().unwrap();
    std::fs::set_permissions(directory.path(), std::os::unix::fs::PermissionsExt::from_mode(0o777)).unwrap();
    directory
}
