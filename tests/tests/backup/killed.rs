//! Killed at bad moments: the tool, its children, the server. No half backup ever looks whole, and the next run cleans up.

use std::fs;
use std::process::Child;
use std::thread;
use std::time::Duration;

use pgreeve_tests::testbed::{Server, Session, Stop, run_as_server_user};

use crate::bed::{Store, answer, furnish, server, some_entry_ends, sql};

const WAITS: &str = "SELECT count(*) > 0 FROM pg_locks WHERE NOT granted";
const NOBODY: &str = "SELECT count(*) = 0 FROM pg_stat_activity WHERE application_name ~ '^(pgreeve-backup|pg_dump|pg_restore|pg_basebackup)'";

/// A take whose pg_dump hangs: somebody holds a lock on a partitioned table, which pg_dump locks and the tool does not.
fn hanging_take(server: &Server, store: &Store) -> (Child, Session) {
    let holder = server.session("postgres");
    holder.sql("BEGIN; LOCK TABLE t");
    let take = store.start(server, &["take", "--kind=full", "--lock-wait=10min"]);
    server.wait_until("the take waits for the lock", || server.holds(WAITS));
    (take, holder)
}

/// All that looks like a backup is one.
fn only_whole_backups(server: &Server, store: &Store) {
    store.good(server, &["verify"]);
}

#[test]
fn a_killed_take_leaves_no_backup_and_the_next_one_cleans_up() {
    let (server, store) = (server(), Store::new());
    server.exec("CREATE TABLE t (n int) PARTITION BY RANGE (n)");
    let (mut take, holder) = hanging_take(&server, &store);
    take.kill().unwrap();
    take.wait().unwrap();
    assert!(some_entry_ends(&store.path(), ".partial"));
    assert!(!some_entry_ends(&store.path(), ".json"));
    holder.sql("ROLLBACK");
    server.wait_until("the children have ended too", || server.holds(NOBODY));
    let taken = store.good(&server, &["take", "--kind=full"]);
    assert_eq!(taken["leftovers_removed"].as_array().unwrap().len(), 1, "{taken:#}");
    assert!(!some_entry_ends(&store.path(), ".partial"));
}

#[test]
fn a_take_that_is_killed_at_any_moment_leaves_whole_backups_or_none() {
    let (server, store) = (server(), Store::new());
    furnish(&server, "app", "UTF8");
    let mut killed = 0;
    for step in 0..24_u32 {
        let kind = ["full", "base", "schema"][step as usize % 3];
        let mut take = store.start(&server, &["take", "--kind", kind, "--dbname=app"]);
        // The moments are spread over what a take lasts; which of them hits what is luck, and all have to be survived.
        thread::sleep(Duration::from_millis(u64::from(step * 12)));
        if take.try_wait().unwrap().is_none() {
            take.kill().unwrap();
            killed += 1;
        }
        take.wait().unwrap();
        only_whole_backups(&server, &store);
    }
    assert!(killed > 0, "every take was quicker than its killer");
    server.wait_until("the children have ended too", || server.holds(NOBODY));
    store.good(&server, &["sweep", "--older-than=0s"]);
    let listed = store.good(&server, &["list"]);
    assert_eq!(listed["others"], serde_json::json!([]));
    assert!(listed["backups"].as_array().unwrap().iter().all(|one| one["state"] == "complete"), "{listed:#}");
}

#[test]
fn a_server_that_crashes_under_the_dump_makes_it_fail_and_leaves_nothing() {
    let (mut server, store) = (server(), Store::new());
    server.exec("CREATE TABLE t (n int) PARTITION BY RANGE (n)");
    let (mut take, _holder) = hanging_take(&server, &store);
    server.stop(Stop::Immediate);
    assert_eq!(take.wait().unwrap().code(), Some(6));
    assert!(store.entries().is_empty(), "{:?}", store.entries());
    server.start_again();
    store.take(&server, "postgres");
}

#[test]
fn a_dump_program_that_is_killed_makes_the_take_fail_and_leaves_nothing() {
    let (server, store) = (server(), Store::new());
    furnish(&server, "app", "UTF8");
    let half = "if [ \"$1\" = --version ]; then exec REAL \"$@\"; fi; for a; do case $p in --file) f=$a;; esac; p=$a; done; REAL \"$@\"; truncate -s 2000 \"$f\"; kill -9 $$";
    let programs = store.programs(&server, &[("pg_dump", half)]);
    let answer = store.run(&server, &["take", "--kind=full", "--dbname=app", "--bindir", programs.to_str().unwrap()]);
    assert_eq!(answer.exit, 6, "{answer:?}");
    assert!(answer.message().contains("exit status: 137"), "{answer:?}");
    assert!(store.entries().is_empty());
}

#[test]
fn a_full_disk_makes_no_backup() {
    let (server, store) = (server(), Store::new());
    furnish(&server, "app", "UTF8");
    // No file may grow past 50,000 bytes: every write after that fails, as on a full disk.
    let tool = store.command(&server, &["take", "--kind=full", "--dbname=app", "--compress=0"]);
    let mut limited = std::process::Command::new("prlimit");
    limited.arg("--fsize=50000").arg(tool.get_program()).args(tool.get_args()).env_clear().current_dir("/");
    limited.envs(tool.get_envs().filter_map(|(name, value)| Some((name, value?))));
    let answer = answer(run_as_server_user(&mut limited));
    assert_eq!(answer.exit, 6, "{answer:?}");
    assert!(store.entries().is_empty(), "{:?}", store.entries());
}

#[test]
fn a_killed_proof_is_cleaned_up_by_the_next_one_and_no_other_database_is_touched() {
    let (server, store) = (server(), Store::new());
    furnish(&server, "app", "UTF8");
    let name = store.take(&server, "app");
    // Looks like a scratch database and is somebody's.
    let other = "pgreeve_prove_0123456789abcdef0123456789abcdef";
    server.exec(&format!("CREATE DATABASE {other}"));
    let hang = store.directory("programs").join("restored");
    let script = format!(
        "REAL \"$@\"; [ \"$1\" = --version ] || touch {}; [ \"$1\" = --version ] || exec sleep 1000",
        hang.display()
    );
    let programs = store.programs(&server, &[("pg_restore", &script)]);
    let mut prove = store.start(&server, &["prove", "--of=app", "--bindir", programs.to_str().unwrap()]);
    server.wait_until("the restore is done", || hang.exists());
    assert_eq!(scratch_databases(&server).len(), 2);
    let busy = store.run(&server, &["prove", "--of=app"]);
    assert_eq!(busy.exit, 7, "{busy:?}");
    prove.kill().unwrap();
    prove.wait().unwrap();
    assert_eq!(scratch_databases(&server).len(), 2);
    assert!(!store.join(&format!("{name}.proof.json")).exists());
    // The lock goes with the last child, which the kernel ends with the tool.
    server.wait_until("the leftovers can be cleaned up", || store.run(&server, &["prove", "--of=app"]).exit == 0);
    assert_eq!(scratch_databases(&server), [other]);
    assert!(store.join(&format!("{name}.proof.json")).exists());
    assert!(!some_entry_ends(&store.path(), ".proving"));
}

fn scratch_databases(server: &Server) -> Vec<String> {
    let names = sql(server, "postgres", "SELECT datname FROM pg_database WHERE datname LIKE 'pgreeve\\_%' ORDER BY 1");
    names.lines().map(str::to_owned).collect()
}

#[test]
fn a_server_that_crashes_under_a_proof_proves_nothing_and_the_scratch_goes_later() {
    let (mut server, store) = (server(), Store::new());
    furnish(&server, "app", "UTF8");
    let name = store.take(&server, "app");
    let mark = store.directory("programs").join("restored");
    let script = format!(
        "REAL \"$@\"; if [ \"$1\" != --version ]; then touch {0}; while [ -e {0} ]; do sleep 0.05; done; fi",
        mark.display()
    );
    let programs = store.programs(&server, &[("pg_restore", &script)]);
    let mut prove = store.start(&server, &["prove", "--of=app", "--bindir", programs.to_str().unwrap()]);
    server.wait_until("the restore is done", || mark.exists());
    server.stop(Stop::Immediate);
    fs::remove_file(&mark).unwrap();
    let code = prove.wait().unwrap().code().unwrap();
    assert!([3, 6].contains(&code), "{code}");
    assert!(!store.join(&format!("{name}.proof.json")).exists());
    server.start_again();
    assert_eq!(scratch_databases(&server).len(), 1);
    store.good(&server, &["prove", "--of=app"]);
    assert!(scratch_databases(&server).is_empty());
}

#[test]
fn a_killed_proof_of_a_base_backup_leaves_no_server_and_the_next_one_cleans_up() {
    let (server, store) = (server(), Store::new());
    let name = store.good(&server, &["take", "--kind=base"])["name"].as_str().unwrap().to_owned();
    let mark = store.directory("programs").join("checking");
    let script = format!("touch {}; exec sleep 1000", mark.display());
    let programs = store.programs(&server, &[("pg_amcheck", &script)]);
    let scratch = store.directory("scratch");
    let arguments =
        ["prove", "--kind=base", "--scratch", scratch.to_str().unwrap(), "--bindir", programs.to_str().unwrap()];
    let mut prove = store.start(&server, &arguments);
    server.wait_until("the scratch server is up", || mark.exists());
    let unpacked = scratch.join(format!("{name}.unpacked/data"));
    let pid = fs::read_to_string(unpacked.join("postmaster.pid")).unwrap().lines().next().unwrap().to_owned();
    prove.kill().unwrap();
    prove.wait().unwrap();
    server.wait_until("the scratch server has ended", || !std::path::Path::new("/proc").join(&pid).exists());
    assert!(unpacked.exists());
    let proved = ["prove", "--kind=base", "--scratch", scratch.to_str().unwrap()];
    server.wait_until("the leftovers can be cleaned up", || store.run(&server, &proved).exit == 0);
    assert!(fs::read_dir(&scratch).unwrap().next().is_none());
    assert!(!some_entry_ends(&store.path(), ".proving"));
}
