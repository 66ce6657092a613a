//! The whole loop of a cluster with base backups and archived WAL, by an agent that runs as the servers' user; two clusters on one agent; and what an
//! agent that runs as root is told.

use std::fs;
use std::process::Command;

use jiff::Timestamp;
use pgreeve_tests::agent::Agent;
use pgreeve_tests::testbed::{Major, Server, StandbyOptions, is_root, run_as_server_user};
use rustix::process::Signal;
use serde_json::Value;

use crate::bed::{DAY, Shelf, age, look_at, quiet, told};
use crate::field::{Cluster, alive, await_that, config, entries, record, settled, states};
use crate::rounds::tool;

const SETTINGS: &str = "databases = [\"app\"], expect = [\"full\", \"globals\", \"base\"], take = [\"full\", \"globals\", \"base\"], verify = true, \
     prove = [\"full\", \"base\"], expire = true, wal_archive = \"wal-main\", watch = true, same_disk = true, base = { keep_count = 1 }";

/// Ends the current segment and waits until it is in the archive.
fn archive(server: &Server) {
    let segment = server.value("SELECT pg_walfile_name(pg_current_wal_lsn())").unwrap();
    server.exec("SELECT pg_switch_wal()");
    let archived = format!("SELECT last_archived_wal >= '{segment}' FROM pg_stat_archiver");
    server.wait_until("the segment is archived", || server.holds(&archived));
}

#[test]
fn a_base_backup_is_taken_read_again_proved_with_its_wal_and_let_go() {
    let cluster = Cluster::start("main", Major(15));
    let place = cluster.shelf.path();
    let old = cluster.shelf.put("base-cluster", 40 * DAY, 5000);
    // What a take that was killed two days ago left.
    let left = place.join("base-cluster-20251001T020000Z.partial");
    fs::create_dir(&left).unwrap();
    fs::write(left.join("base.tar.gz"), "half").unwrap();
    for path in [old.payload(), old.beside("content.json"), left.clone()] {
        age(&path, 40 * DAY);
    }
    cluster.give();
    let agent = Agent::of_servers_user(&config(&[cluster.tables(), cluster.job(SETTINGS)]));
    let mut daemon = agent.start();
    let all = ["take-full", "take-globals", "take-base", "verify", "prove", "prove-base", "expire-base", "sweep"];
    await_that("everything is done", &agent, Some(&daemon), || settled(&agent, &all));
    daemon.signal(Signal::TERM);
    daemon.wait();
    assert_eq!(entries(&place, "base-cluster", "Z.json").len(), 1, "the old one is gone, and one was taken");
    assert!(!left.exists() && !old.payload().exists());
    let (path, mut proof) = record(&place, "base-cluster", ".proof.json");
    assert!(proof["passed"] == true && proof["target"] == "latest" && proof["method"] == "server", "{proof:#}");
    let nothing_left = || {
        assert_eq!(entries(&cluster.beside("scratch"), "", ""), Vec::<std::path::PathBuf>::new());
        assert!(entries(&place, "", ".proving").is_empty() && !alive(&cluster.beside("scratch")));
    };
    nothing_left();
    archive(&cluster.server);
    let checked = look_at(&agent, "main");
    quiet(&checked);
    assert!(told(&checked, "proof/base", "ok").contains("was restored"));
    // Three weeks without a restore test: the newest that passed is too old. A row that came after the base backup is in the archive alone.
    proof["proved_us"] = (Timestamp::now().as_microsecond() - 21 * DAY * 1_000_000).into();
    fs::write(&path, proof.to_string()).unwrap();
    cluster.give();
    let said = told(&look_at(&agent, "main"), "proof/base", "critical");
    assert!(said.contains("21 d") && said.contains("pgreeve-backup prove"), "{said}");
    cluster.server.exec("CREATE TABLE late AS SELECT 1 AS n");
    let inserted = Timestamp::now().as_microsecond();
    cluster.server.exec("INSERT INTO late VALUES (2)");
    archive(&cluster.server);
    let daemon = agent.start();
    await_that("it is proved again", &agent, Some(&daemon), || {
        record(&place, "base-cluster", ".proof.json").1["data_until_us"].as_i64().unwrap() >= inserted
    });
    await_that("everything is done again", &agent, Some(&daemon), || settled(&agent, &all));
    drop(daemon);
    nothing_left();
    quiet(&look_at(&agent, "main"));
}

#[test]
fn an_agent_that_runs_as_root_is_told_once_a_day_that_it_cannot_prove_a_base_backup() {
    if !is_root() {
        println!("skipped: this is about agents of root, and the tests run as another user");
        return;
    }
    let cluster = Cluster::start("main", Major(15));
    let settings = "databases = [\"app\"], take = [\"base\"], prove = [\"base\"], watch = true, expect = [\"base\"], same_disk = true";
    let agent = Agent::new(&config(&[cluster.tables(), cluster.job(settings)]));
    let daemon = agent.start();
    let attempts =
        || states(&agent).iter().filter(|(id, ..)| id == "prove-base").map(|(.., number)| number).sum::<usize>();
    await_that("it was tried", &agent, Some(&daemon), || {
        attempts() > 0 && states(&agent).iter().all(|(_, state, _)| state != "acting" && state != "open")
    });
    // Runs go on each second, and none of them tries again.
    let runs = || {
        let json: Value =
            serde_json::from_slice(&agent.run(&["runs", "--limit", "1000", "--format", "json"]).stdout).unwrap();
        json["runs"].as_array().unwrap().len()
    };
    let before = runs();
    await_that("five more runs", &agent, Some(&daemon), || runs() >= before + 5);
    let checked = look_at(&agent, "main");
    let said = told(&checked, "prove-due/base", "warning");
    assert!(said.contains("refuses to run as root") && said.contains("as the user that PostgreSQL runs as"), "{said}");
    told(&checked, "proof/base", "unknown");
    assert_eq!(attempts(), 1, "{}", daemon.log());
}

#[test]
fn one_agent_takes_and_proves_the_backups_of_two_clusters() {
    let clusters = [Cluster::start("main", Major(15)), Cluster::start("second", Major(15))];
    clusters[1].server.exec("CREATE DATABASE only_here");
    let settings = "take = [\"full\", \"globals\"], verify = true, prove = [\"full\"], watch = true, same_disk = true";
    let tables = clusters.iter().flat_map(|cluster| [cluster.tables(), cluster.job(settings)]).collect::<Vec<_>>();
    let agent = Agent::of_servers_user(&config(&tables));
    let daemon = agent.start();
    let of = |cluster: &Cluster, start: &str| entries(&cluster.shelf.path(), start, ".proof.json").len();
    await_that("all databases of both are proved", &agent, Some(&daemon), || {
        of(&clusters[0], "full-") == 2 && of(&clusters[1], "full-") == 3
    });
    await_that("everything is done", &agent, Some(&daemon), || settled(&agent, &["take-full", "prove"]));
    // What would be done says on whose behalf.
    let output = agent.run(&["proposals", "--all"]);
    let shown = String::from_utf8_lossy(&output.stdout).into_owned();
    drop(daemon);
    assert!(shown.contains(&clusters[1].shelf.path().display().to_string()), "{shown}");
    for cluster in &clusters {
        let identity = cluster.server.value("SELECT system_identifier FROM pg_control_system()").unwrap();
        for path in entries(&cluster.shelf.path(), "", "Z.json") {
            let text = fs::read_to_string(&path).unwrap();
            assert!(text.contains(&identity), "{} is of another cluster", path.display());
        }
        quiet(&look_at(&agent, cluster.name));
    }
    assert!(entries(&clusters[0].shelf.path(), "full-only_here", "").is_empty());
}

#[test]
fn two_agents_on_one_directory_do_not_get_into_each_others_way() {
    let cluster = Cluster::start("main", Major(15));
    let settings = "databases = [\"app\"], take = [\"full\", \"globals\"], verify = true, prove = [\"full\"], expire = true, watch = true, same_disk = true";
    let agents = [(); 2].map(|()| Agent::of_servers_user(&config(&[cluster.tables(), cluster.job(settings)])));
    let daemons = [agents[0].start(), agents[1].start()];
    for (agent, daemon) in agents.iter().zip(&daemons) {
        await_that("there is nothing left to do", agent, Some(daemon), || {
            !entries(&cluster.shelf.path(), "full-app", ".proof.json").is_empty()
                && !entries(&cluster.shelf.path(), "globals", ".verified.json").is_empty()
                && states(agent).iter().all(|(_, state, _)| state == "verified" || state == "gone")
        });
    }
    drop(daemons);
    // Both may have found it due in the same instant, and the second began when the first had ended; never more.
    assert!(entries(&cluster.shelf.path(), "full-app", "Z.json").len() <= 2);
    for agent in &agents {
        quiet(&look_at(agent, "main"));
    }
}

#[test]
fn a_series_that_is_being_taken_is_not_taken_a_second_time_meanwhile() {
    let cluster = Cluster::start("main", Major(15));
    let work = |database: &str| {
        let work = cluster.shelf.path().join(format!("full-{database}-20261120T020000Z.partial"));
        fs::create_dir(&work).unwrap();
        let lock = fs::File::create(work.join("lock")).unwrap();
        lock.lock().unwrap();
        (work, lock)
    };
    let (at_work, lock) = work("app");
    let (elsewhere, _lock_of_another_database) = work("postgres");
    cluster.give();
    let take = || {
        let mut take = Command::new(tool());
        take.args(["take", "--kind=full", "--dbname=app"]).arg(format!("--into={}", cluster.shelf.path().display()));
        take.env("PGHOST", cluster.server.socket_dir())
            .env("PGPORT", cluster.server.port().to_string())
            .env("PGUSER", "postgres");
        run_as_server_user(take.current_dir("/")).output().unwrap()
    };
    let busy = take();
    assert!(busy.status.code() == Some(7) && String::from_utf8_lossy(&busy.stderr).contains("is at work"), "{busy:?}");
    assert!(at_work.exists());
    // The kernel lets go of a dead one's lock: what it left goes, and another database's work stays.
    drop(lock);
    let taken = take();
    assert!(taken.status.success(), "{taken:?}");
    assert!(!at_work.exists() && elsewhere.exists());
}

#[test]
fn a_standby_is_backed_up_in_its_primarys_stead() {
    let primary = Cluster::start("main", Major(15));
    let standby = primary.server.standby("s1", &StandbyOptions::default());
    standby.catch_up_with(&primary.server);
    let cluster = Cluster { name: "standby", shelf: Shelf::new(), server: standby };
    cluster.beside("scratch");
    cluster.beside("wal");
    cluster.give();
    let settings = "databases = [\"app\"], expect = [\"full\", \"base\"], take = [\"full\", \"base\"], verify = true, prove = [\"base\"], watch = true, \
         same_disk = true, archives_itself = false";
    let agent = Agent::of_servers_user(&config(&[cluster.tables(), cluster.job(settings)]));
    let daemon = agent.start();
    await_that("it is taken and proved", &agent, Some(&daemon), || {
        // A base backup from a standby waits for a segment of the primary to end.
        primary.server.exec("SELECT pg_switch_wal()");
        settled(&agent, &["take-full", "take-base", "prove-base"])
    });
    drop(daemon);
    let (_, proof) = record(&cluster.shelf.path(), "base-cluster", ".proof.json");
    assert_eq!(proof["passed"], true, "{proof:#}");
    let checked = look_at(&agent, "standby");
    for key in ["age/full:app", "age/base", "proof/base", "damage/base"] {
        told(&checked, key, "ok");
    }
}
