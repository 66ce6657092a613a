//! Healthy servers stay quiet: primary, standby and cascading standby, idle and busy, freshly started.

use std::process::Command;
use std::thread;
use std::time::Duration;

use pgreeve_tests::testbed::{Major, StandbyOptions, available};

use crate::bed::{look, pair, primary, quiet, some, standby, watch};

const CHECKS: [&str; 20] = [
    "server",
    "receiver",
    "lag",
    "replay",
    "primary-lag",
    "commit-age",
    "standby",
    "expected",
    "slot-status",
    "slot-retention",
    "slot-inactive",
    "slot-time-to-lost",
    "subscriber",
    "subscription",
    "archiver",
    "archive-backlog",
    "xmin",
    "wal-level",
    "wal-senders",
    "sync",
];

#[test]
fn a_healthy_primary_standby_and_cascading_standby_are_quiet_idle_and_busy() {
    for major in available() {
        let (primary, s1) = pair(major);
        let c1 = standby(&s1, "c1", &[]);
        let agents = [
            ("primary", watch(&primary, "expect = [\"s1\"]")),
            ("standby", watch(&s1, "expect = [\"c1\"]")),
            ("cascade", watch(&c1, "")),
        ];
        for round in ["first", "second", "busy", "after"] {
            if round == "busy" {
                primary.write_wal(3);
            }
            for (role, agent) in &agents {
                quiet(agent, &format!("{major:?} {role}, {round} run"));
            }
        }
    }
}

#[test]
fn a_server_under_steady_load_is_quiet_and_so_is_its_standby() {
    for major in some() {
        let (primary, s1) = pair(major);
        let agents = [watch(&primary, ""), watch(&s1, "")];
        thread::scope(|scope| {
            let load = scope.spawn(|| (0..40).for_each(|_| primary.write_wal(1)));
            while !load.is_finished() {
                agents.iter().for_each(|agent| quiet(agent, &format!("{major:?} under load")));
            }
        });
    }
}

#[test]
fn every_check_answers_on_every_role() {
    for major in available() {
        let (primary, s1) = pair(major);
        for server in [&primary, &s1] {
            let checked = look(&watch(server, ""));
            for check in CHECKS {
                assert!(
                    checked.findings().iter().any(|finding| finding["check"] == check),
                    "{major:?}: no {check}: {:#}",
                    checked.json
                );
            }
        }
    }
}

#[test]
fn a_lone_primary_and_a_standby_without_a_slot_are_quiet() {
    for major in some() {
        let primary = primary(major, &[]);
        quiet(&watch(&primary, ""), &format!("{major:?} alone"));
        let s1 = primary.standby("s1", &StandbyOptions::default());
        s1.wait_until_streaming();
        quiet(&watch(&s1, ""), &format!("{major:?} without a slot"));
        quiet(&watch(&primary, ""), &format!("{major:?} its primary"));
    }
}

#[test]
fn an_idle_primary_is_no_lag_however_old_the_last_commit() {
    for major in some() {
        let (_primary, s1) = pair(major);
        let agent = watch(&s1, "lag_healthy = \"100ms\", lag_warning = \"200ms\", lag_critical = \"500ms\"");
        s1.wait_until("the last commit is older than every threshold", || {
            s1.holds("SELECT COALESCE(now() - pg_last_xact_replay_timestamp() > '1 s', true)")
        });
        quiet(&agent, &format!("{major:?} idle"));
        thread::sleep(Duration::from_millis(700)); // Idleness itself is what is tested.
        quiet(&agent, &format!("{major:?} still idle"));
    }
}

#[test]
fn a_standby_that_was_restarted_is_quiet_though_its_received_position_is_below_the_replayed_one() {
    for major in available() {
        let (primary, mut s1) = pair(major);
        primary.exec("INSERT INTO t VALUES (1)");
        s1.catch_up_with(&primary);
        let agent = watch(&s1, "");
        quiet(&agent, &format!("{major:?} before"));
        s1.restart();
        s1.wait_until_streaming();
        quiet(&agent, &format!("{major:?} restarted"));
        quiet(&watch(&s1, ""), &format!("{major:?} restarted, without memory"));
    }
}

#[test]
fn many_small_commits_with_a_synchronous_standby_a_cascade_and_an_archive_are_quiet() {
    for major in some() {
        // PostgreSQL's own defaults instead of the bed's quick ones.
        let defaults = [("wal_receiver_status_interval", "10s"), ("wal_retrieve_retry_interval", "5s")];
        let settings = [&defaults[..], &[("archive_mode", "on"), ("archive_command", "true")]].concat();
        let primary = primary(major, &settings);
        let s1 = standby(&primary, "s1", &[("hot_standby_feedback", "on")]);
        let c1 = standby(&s1, "c1", &[]);
        primary.set(&[("synchronous_standby_names", "ANY 1 (s1)"), ("max_slot_wal_keep_size", "1GB")]);
        let agents = [
            watch(&primary, "expect = [\"s1\"]"),
            watch(&s1, "expect = [\"c1\"], expect_commit_within = \"10s\""),
            watch(&c1, ""),
        ];
        let session = primary.session("postgres");
        session.sql("INSERT INTO t VALUES (0)");
        c1.catch_up_with(&primary);
        thread::scope(|scope| {
            let load =
                scope.spawn(|| (0..2000).for_each(|n| drop(session.sql(&format!("INSERT INTO t VALUES ({n})")))));
            while !load.is_finished() {
                agents.iter().for_each(|agent| quiet(agent, &format!("{major:?} under commits")));
            }
        });
        agents.iter().for_each(|agent| quiet(agent, &format!("{major:?} after the load")));
    }
}

#[test]
fn a_base_backup_is_no_standby() {
    for major in available() {
        let primary = primary(major, &[]);
        let command = if major < Major(15) { "BASE_BACKUP FAST" } else { "BASE_BACKUP (CHECKPOINT 'fast')" };
        let backup = primary.walsender("pg_basebackup", command);
        primary.wait_until("the backup runs", || {
            primary.holds("SELECT count(*) = 1 FROM pg_stat_replication WHERE state = 'backup'")
        });
        quiet(&watch(&primary, ""), &format!("{major} during a backup"));
        let checked = look(&watch(&primary, "expect = [\"pg_basebackup\"]"));
        assert_eq!(checked.finding("standby")["reason"], "not-applicable", "{major}: {:#}", checked.json);
        assert_eq!(checked.status_of("expected/pg_basebackup"), "critical", "{major}: {:#}", checked.json);
        drop(backup);
    }
}

#[test]
fn pg_basebackup_with_its_wal_stream_is_no_standby() {
    let Some(client) = Major(15).optional_program("pg_basebackup") else {
        println!("skipped: no pg_basebackup here");
        return;
    };
    let primary = primary(Major(15), &[]);
    let directory = tempfile::tempdir().unwrap();
    let mut backup = Command::new(client)
        .args(["-D", &directory.path().join("copy").display().to_string(), "-X", "stream", "--checkpoint=fast"])
        .args(["--max-rate=1M", "-h", &primary.socket_dir().display().to_string()])
        .args(["-p", &primary.port().to_string(), "-U", "postgres", "-w"])
        .spawn()
        .unwrap();
    primary.wait_until("both its walsenders are there", || {
        primary.holds("SELECT array_agg(state ORDER BY state) = '{backup,streaming}' FROM pg_stat_replication")
    });
    let agent = watch(&primary, "");
    for _ in 0..2 {
        primary.write_wal(1);
        quiet(&agent, "during pg_basebackup");
        assert_eq!(look(&agent).finding("standby")["reason"], "not-applicable");
    }
    backup.kill().unwrap();
    backup.wait().unwrap();
}

#[test]
fn a_wal_stream_is_no_standby() {
    let Some(client) = Major(15).optional_program("pg_receivewal") else {
        println!("skipped: no pg_receivewal here");
        return;
    };
    let primary = primary(Major(15), &[]);
    let directory = tempfile::tempdir().unwrap();
    let mut stream = Command::new(client)
        .args(["-D", &directory.path().display().to_string(), "-h", &primary.socket_dir().display().to_string()])
        .args(["-p", &primary.port().to_string(), "-U", "postgres", "-w"])
        .spawn()
        .unwrap();
    primary.wait_until("the stream is there", || {
        primary.sql("SELECT count(*) FROM pg_stat_replication WHERE state = 'streaming'")[0][0].as_deref() == Some("1")
    });
    primary.write_wal(2);
    let agent = watch(&primary, "");
    for _ in 0..2 {
        let checked = look(&agent);
        assert_eq!(checked.complaints(), Vec::<String>::new());
        assert!(checked.find("standby/pg_receivewal").is_none(), "{:#}", checked.json);
    }
    stream.kill().unwrap();
    stream.wait().unwrap();
}
