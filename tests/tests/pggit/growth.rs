//! Sizes, the archive, and VACUUM.

use crate::actions::{acting, await_verified};
use crate::bed::{look, majors, quiet, script, some, watch};

/// Rows of the history of one table, of which all but a thousand are older than a hundred days; they chain.
pub(crate) const LONG: &str = "
    CREATE TABLE app.long (id int);
    INSERT INTO pggit.history (object_id, change_type, change_severity, old_version, new_version, created_at)
    SELECT o.id, 'ALTER', 'MINOR', n, n + 1, now() - CASE WHEN n < 5000 THEN interval '100 days' ELSE interval '1 hour' END
    FROM pggit.objects o, generate_series(2, 5999) n WHERE o.full_name = 'app.long' ORDER BY n;
    UPDATE pggit.history SET created_at = now() - interval '100 days' WHERE id < (SELECT max(id) - 1000 FROM pggit.history);
    UPDATE pggit.objects SET version = 6000 WHERE full_name = 'app.long' AND object_type = 'TABLE'";

#[test]
fn a_long_history_goes_to_the_archive_and_is_none_the_less_whole() {
    for major in majors() {
        let server = script(major);
        server.exec(LONG);
        let settings = "groups = [\"history\", \"growth\"], history_warning = 3000, history_critical = 1000000";
        let watching = watch(&server, settings);
        let checked = look(&watching);
        for key in ["history-size", "history-archive"] {
            assert_eq!(checked.status_of(key), "warning", "{major}: {:#}", checked.json);
        }
        for key in ["history-chain", "history-rows"] {
            assert_eq!(checked.status_of(key), "ok", "{major}: {:#}", checked.json);
        }
        let before = server.sql("SELECT count(*), max(id) FROM pggit.history");
        let objects = "SELECT count(DISTINCT object_id) FROM pggit.history";
        let recorded = server.sql(objects);
        let agent = acting(&server, settings, "archive-history = \"auto\"");
        let daemon = agent.start();
        await_verified(&agent, "archive-history");
        drop(daemon);
        assert_eq!(server.sql(objects), recorded, "{major}: of each object a row stays");
        let both = "SELECT count(*), max(id) FROM (SELECT id FROM pggit.history UNION ALL SELECT id FROM pggit.history_archive) h";
        assert_eq!(server.sql(both), before, "{major}: none is lost");
        assert!(server.holds("SELECT count(*) > 4000 FROM pggit.history_archive"), "{major}");
        let moved_back = "SELECT count(*) = 0 FROM pggit.history_archive WHERE created_at > now() - interval '90 days'";
        assert!(server.holds(moved_back), "{major}: only old ones go");
        quiet(&watching, "what the earlier agent saw is there, in the archive");
        server.exec("DELETE FROM pggit.history_archive WHERE id = (SELECT min(id) + 50 FROM pggit.history_archive)");
        assert_eq!(look(&watching).status_of("history-rows"), "critical", "{major}: and is watched there");
    }
}

#[test]
fn thresholds_of_length_and_share_are_settings() {
    let server = script(majors()[0]);
    server.exec(LONG);
    for (settings, key, status, says) in [
        ("history_warning = 5000", "history-size", "warning", "5000 and more"),
        ("history_warning = 5000, history_critical = 6000", "history-size", "critical", "6000 and more"),
        ("share_from = \"1MiB\", share_warning = 0.01", "size-share", "warning", "more than 1 %"),
        ("share_from = \"1MiB\", share_warning = 1.0", "size-share", "ok", "of the database"),
        ("history_warning = 50000", "forecast/share", "ok", "too few samples"),
    ] {
        let checked = look(&watch(&server, &format!("groups = [\"growth\"], {settings}")));
        let finding = checked.finding(key);
        assert_eq!(finding["status"], status, "{settings}: {finding:#}");
        assert!(finding["summary"].as_str().unwrap().contains(says), "{settings}: {finding:#}");
    }
    quiet(&watch(&server, "groups = [\"growth\"]"), "defaults");
}

#[test]
fn a_table_that_autovacuum_passes_by_is_vacuumed() {
    for major in some() {
        let server = script(major);
        server.exec("ALTER TABLE pggit.history SET (autovacuum_enabled = off)");
        server.exec(LONG);
        server.exec("UPDATE pggit.history SET old_hash = 'x'");
        let agent = acting(
            &server,
            "groups = [\"growth\"], dead_rows = 1000, dead_longest = \"0s\"",
            "vacuum-analyze = \"auto\"",
        );
        let _daemon = agent.start();
        await_verified(&agent, "vacuum-analyze");
        assert!(server.holds("SELECT last_vacuum IS NOT NULL AND last_analyze IS NOT NULL FROM pg_stat_user_tables WHERE relname = 'history'"));
    }
}
