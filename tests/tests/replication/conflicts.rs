//! Replay that is blocked by who reads from the standby: the advice finds the culprit; and the other way round, a
//! standby that cancels the plugin's own questions.

use std::thread;

use pgreeve_tests::testbed::{Server, Session, available};

use crate::bed::{advised_questions, await_status, look, pair, quiet, text, watch};

const BLOCKED: &str = "SELECT count(*) = 1 FROM pg_stat_activity WHERE backend_type = 'startup' \
                       AND (wait_event LIKE 'RecoveryConflict%' OR wait_event_type = 'Lock')";

fn pid(session: &Session) -> String {
    session.sql("SELECT pg_backend_pid()")[0][0].clone().unwrap()
}

/// The process ids that the advice's questions give, asked as the observer, word for word.
fn found_by(standby: &Server, questions: &[String]) -> Vec<Vec<String>> {
    let session = standby.session("observer");
    let ids = |sql: &String| session.sql(sql).iter().filter_map(|row| row[0].clone()).collect();
    questions.iter().map(ids).collect()
}

#[test]
fn the_advice_about_a_blocked_replay_finds_the_session_that_blocks_it() {
    // What the session on the standby does, what the primary then does, and which of the questions has to find it.
    let snapshot = ("BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT count(*) FROM t", ["DELETE FROM t", "VACUUM t"], 0);
    let lock = ("BEGIN; SELECT count(*) FROM t", ["ALTER TABLE t ADD COLUMN m int", "INSERT INTO t VALUES (1)"], 1);
    for major in available() {
        let (primary, s1) = pair(major);
        s1.set(&[("max_standby_streaming_delay", "-1")]);
        let agent = watch(&s1, "");
        for (reads, writes, question) in [snapshot, lock] {
            primary.exec("INSERT INTO t SELECT generate_series(1, 100)");
            s1.catch_up_with(&primary);
            let (bystander, culprit) = (s1.session("postgres"), s1.session("postgres"));
            bystander.sql("SELECT 1");
            culprit.sql(reads);
            writes.iter().for_each(|sql| primary.exec(sql));
            s1.wait_until("replay is blocked", || s1.holds(BLOCKED));
            let checked = await_status(&agent, "replay", "warning");
            let questions = advised_questions(&checked, "replay");
            let found = found_by(&s1, &questions);
            assert!(found[question].contains(&pid(&culprit)), "{major} {reads}: {questions:#?} found {found:?}");
            assert!(!found[question].contains(&pid(&bystander)), "{major} {reads}: {found:?}");
            let end = text(&checked, "replay");
            assert!(end.contains("SELECT pg_terminate_backend(pid);"), "{end}");
            s1.exec(&format!("SELECT pg_terminate_backend({})", pid(&culprit)));
            s1.catch_up_with(&primary);
            quiet(&agent, &format!("{major} {reads}: ended as advised"));
        }
    }
}

#[test]
fn a_question_that_the_standby_cancels_is_asked_again_and_then_unknown_and_never_ok() {
    for major in available() {
        let (primary, s1) = pair(major);
        s1.set(&[("max_standby_streaming_delay", "0")]);
        let agent = watch(&s1, "");
        let conflict = || {
            primary.exec("INSERT INTO t VALUES (1)");
            primary.exec("DELETE FROM t");
            primary.exec("VACUUM t");
        };
        // Asked between two looks at a replay that stands; its snapshot is old when the conflict comes.
        let asks = "SELECT count(*) = 1 FROM pg_stat_activity WHERE usename = 'observer' AND wait_event = 'PgSleep'";
        let conflicts = "SELECT confl_snapshot FROM pg_stat_database_conflicts WHERE datname = 'postgres'";
        let cancelled = || s1.value(conflicts).unwrap().parse::<u32>().unwrap();
        for storm in [false, true] {
            let before = cancelled();
            s1.pause_replay();
            conflict();
            s1.wait_until("the conflict has come", || {
                s1.holds("SELECT pg_last_wal_receive_lsn() > pg_last_wal_replay_lsn()")
            });
            let checked = thread::scope(|scope| {
                let run = scope.spawn(|| look(&agent));
                s1.wait_until("it asks", || s1.holds(asks));
                // It is in the way of replay itself, and may be cancelled after it has taken effect.
                let _ = s1.try_sql("SELECT pg_wal_replay_resume()");
                while storm && !run.is_finished() {
                    conflict();
                }
                run.join().unwrap()
            });
            primary.wait_until("all is replayed", || {
                primary.holds("SELECT replay_lsn = pg_current_wal_lsn() FROM pg_stat_replication")
            });
            s1.wait_until("the conflict is counted", || cancelled() > before);
            for key in ["receiver", "lag", "replay"] {
                let finding = checked.finding(key);
                if storm {
                    assert_eq!(finding["reason"], "failed", "{major} cancelled twice: {finding:#}");
                    assert!(text(&checked, key).contains("the next run asks again"), "{finding:#}");
                } else {
                    assert_eq!(finding["status"], "ok", "{major} cancelled once, replayed since: {finding:#}");
                }
            }
            s1.catch_up_with(&primary);
            quiet(&agent, &format!("{major} without a conflict"));
        }
    }
}
