//! The loop is killed at random moments: the agent, the tool and its children, the server. Whatever happens, no backup looks whole that is not, the
//! newest good one stays, no database goes that was not made by a restore test, and the runs after it put everything right.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, SystemTime};

use jiff::Timestamp;
use pgreeve_tests::agent::{Agent, Daemon};
use pgreeve_tests::testbed::{Major, Stop, run_as_server_user};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

use crate::bed::{HOUR, age, look_at, told};
use crate::field::{Cluster, alive, await_that, config, entries, proposals, states};
use crate::rounds::tool;

/// How often something is killed; `PGREEVE_KILLS` says otherwise.
fn kills() -> u32 {
    std::env::var("PGREEVE_KILLS").ok().and_then(|kills| kills.parse().ok()).unwrap_or(8)
}

/// xorshift, from `PGREEVE_SEED` or the time.
struct Random(u64);

impl Random {
    fn new() -> Self {
        let time = SystemTime::UNIX_EPOCH.elapsed().unwrap().as_nanos() as u64;
        let seed = std::env::var("PGREEVE_SEED").ok().and_then(|seed| seed.parse().ok()).unwrap_or(time) | 1;
        println!("PGREEVE_SEED={seed}");
        Self(seed)
    }

    fn below(&mut self, most: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % most
    }
}

/// Processes of this cluster's loop: the tool, and what it started, by their ids. Never the server's or the agent's own.
fn at_work(cluster: &Cluster) -> Vec<(i32, String)> {
    let marks = [cluster.shelf.path(), cluster.beside("scratch")].map(|path| path.display().to_string());
    let port = cluster.server.port().to_string();
    let mut found = Vec::new();
    for entry in fs::read_dir("/proc").unwrap().flatten() {
        let Some(id) = entry.file_name().to_str().and_then(|name| name.parse::<i32>().ok()) else { continue };
        let line = fs::read(entry.path().join("cmdline")).unwrap_or_default();
        let line = String::from_utf8_lossy(&line).replace('\0', " ");
        let environment = fs::read(entry.path().join("environ")).unwrap_or_default();
        let ours = String::from_utf8_lossy(&environment).contains(&format!("PGPORT={port}\0"));
        let client =
            ["pg_dump", "pg_restore", "pg_basebackup", "psql", "pg_amcheck"].iter().any(|name| line.contains(name));
        if marks.iter().any(|mark| line.contains(mark.as_str())) || (ours && client) {
            found.push((id, line));
        }
    }
    found
}

/// What the tool says of all backups, or of one: names of those that are damaged; none if it cannot be asked about that one.
fn damaged(cluster: &Cluster, name: Option<&str>) -> Option<Vec<String>> {
    let mut verify = Command::new(tool());
    verify.arg("verify").arg("--in").arg(cluster.shelf.path()).current_dir("/");
    verify.args(name.map(|name| format!("--name={name}")));
    let output = run_as_server_user(&mut verify).output().unwrap();
    let said: Value = serde_json::from_slice(&output.stdout).unwrap();
    serde_json::from_value(said["damaged"].clone()).ok()
}

/// Every backup that the plugin calls the last good one is whole, by the tool that reads every byte; or a newer one has taken its place.
fn what_is_called_good_is_whole(cluster: &Cluster, agent: &Agent) {
    let checked = look_at(agent, "main");
    for series in ["full:app", "globals", "base"] {
        let finding = checked.find(&format!("age/{series}"));
        let Some(finding) = finding.filter(|finding| finding["status"] == "ok") else { continue };
        let fact = finding["evidence"].as_array().unwrap().iter().find(|fact| fact["name"] == "name").unwrap();
        let name = fact["value"].as_str().unwrap();
        match damaged(cluster, Some(name)) {
            Some(damaged) => assert_eq!(damaged, Vec::<String>::new(), "{finding:#}"),
            None => assert!(
                newest(cluster).values().any(|newer| newer > &name.to_owned()),
                "{name} is gone, and none is newer"
            ),
        }
    }
}

/// The newest backup of each series.
fn newest(cluster: &Cluster) -> BTreeMap<String, String> {
    let names = entries(&cluster.shelf.path(), "", "Z.json");
    let names = names.iter().map(|path| path.file_stem().unwrap().to_str().unwrap().to_owned());
    names.map(|name| (name.rsplit_once('-').unwrap().0.to_owned(), name)).collect()
}

fn kill(id: i32) {
    if let Some(pid) = Pid::from_raw(id) {
        // It may have ended meanwhile.
        let _ = kill_process(pid, Signal::KILL);
    }
}

/// Names of databases.
fn databases(cluster: &Cluster) -> BTreeSet<String> {
    let names = cluster.server.value("SELECT string_agg(datname, ' ' ORDER BY datname) FROM pg_database").unwrap();
    names.split(' ').map(str::to_owned).collect()
}

fn work_is_left(place: &Path) -> bool {
    !entries(place, "", ".partial").is_empty() || !entries(place, "", ".proving").is_empty()
}

const ALWAYS: &str = "databases = [\"app\"], expect = [\"full\", \"globals\", \"base\"], take = [\"full\", \"globals\", \"base\"], verify = true, \
     prove = [\"full\", \"base\"], expire = true, wal_archive = \"wal-main\", watch = true, same_disk = true, leftover_after = \"1h\"";

/// Everything is due all the time, and removed after some seconds.
const HASTE: &str = ", verify_every = \"4s\", prove_every = \"4s\", full = { every = \"3s\", keep = \"8s\", keep_count = 2 }, \
     globals = { every = \"3s\", keep = \"8s\", keep_count = 2 }, base = { every = \"4s\", keep = \"8s\", keep_count = 2 }";

fn configured(cluster: &Cluster, more: &str) -> String {
    let settings = format!("{ALWAYS}{more}");
    config(&[
        cluster.tables(),
        cluster.job(&settings),
        "[actions]\nmax_rounds = 40\nverify_within = \"1s\"\n".to_owned(),
    ])
}

#[test]
fn killed_at_any_moment_nothing_half_made_looks_whole_and_nothing_stays_behind() {
    let mut cluster = Cluster::start("main", Major(15));
    cluster.server.exec("CREATE DATABASE prove_me_not");
    let here = databases(&cluster);
    let agent = Agent::of_servers_user(&configured(&cluster, HASTE));
    fill(&cluster);
    let mut random = Random::new();
    let mut met: BTreeMap<String, u32> = BTreeMap::new();
    let mut last = newest(&cluster);
    let mut daemon = agent.start();
    for round in 0..kills() {
        // One of the verbs, wherever it is by then; all of them come round.
        let wanted = ["take", "--kind=base", "verify", "prove", "--wal-archive", "sweep"][random.below(6) as usize];
        await_that(&format!("{wanted} is at work"), &agent, Some(&daemon), || {
            approve_what_waits(&agent);
            wanted == "sweep"
                || at_work(&cluster).iter().any(|(_, line)| line.contains("pgreeve-backup") && line.contains(wanted))
        });
        std::thread::sleep(Duration::from_millis(random.below(900)));
        let working = at_work(&cluster);
        let verb = working
            .iter()
            .find_map(|(_, line)| line.split(' ').skip_while(|word| !word.ends_with("pgreeve-backup")).nth(1));
        let verb = verb.unwrap_or("between");
        match random.below(4) {
            0 => {
                *met.entry(format!("agent during {verb}")).or_default() += 1;
                daemon.signal(Signal::KILL);
                daemon.wait();
                daemon = agent.start();
            }
            1 => {
                *met.entry(format!("server during {verb}")).or_default() += 1;
                cluster.server.stop(Stop::Immediate);
                cluster.server.start_again();
            }
            _ => {
                if let Some((id, line)) = working.get(random.below(working.len().max(1) as u64) as usize) {
                    let program = line.split(' ').next().unwrap_or_default().rsplit('/').next().unwrap_or_default();
                    *met.entry(format!("{program} during {verb}")).or_default() += 1;
                    kill(*id);
                }
            }
        }
        what_is_called_good_is_whole(&cluster, &agent);
        let now = newest(&cluster);
        for (series, name) in &last {
            assert!(now.get(series) >= Some(name), "the newest of {series} is gone: {last:?} {now:?}");
        }
        last = now;
        if round % 4 == 3 || round + 1 == kills() {
            daemon = recovered(&cluster, &agent, daemon, &here);
        }
    }
    println!("{} kills: {met:#?}", kills());
}

fn fill(cluster: &Cluster) {
    let app = cluster.server.dsn("postgres", "app");
    let psql = Major(15).optional_program("psql").unwrap();
    let mut command = Command::new(psql);
    command.args(["-X", "-q", "-d", &app, "-c"]).arg(
        "CREATE TABLE t AS SELECT n, md5(n::text) AS a, md5((n + 1)::text) AS b FROM generate_series(1, 200000) AS n; ALTER TABLE t ADD PRIMARY KEY (n)",
    );
    assert!(run_as_server_user(command.current_dir("/")).status().unwrap().success());
}

/// After whatever was killed, an agent that runs puts it right: takes and proves again, and leaves nothing. What a person would approve is approved.
fn recovered(cluster: &Cluster, agent: &Agent, mut daemon: Daemon, here: &BTreeSet<String>) -> Daemon {
    let place = cluster.shelf.path();
    let since = Timestamp::now().as_microsecond();
    let proved = |start: &str| {
        let proofs = entries(&place, start, ".proof.json").into_iter().filter_map(|path| fs::read(path).ok());
        let mut proofs = proofs.filter_map(|bytes| serde_json::from_slice::<Value>(&bytes).ok());
        proofs.any(|proof| proof["passed"] == true && proof["proved_us"].as_i64().unwrap() > since)
    };
    await_that("all is proved again", agent, Some(&daemon), || {
        approve_what_waits(agent);
        proved("full-app") && proved("base-cluster")
    });
    daemon.signal(Signal::KILL);
    daemon.wait();
    let gone = || !alive(&place) && !alive(&cluster.beside("scratch"));
    await_that("the tool has ended", agent, None, gone);
    // What a killed run left is taken for one under way for hours: those are over.
    for left in entries(&place, "", "").iter().filter(|path| !path.display().to_string().ends_with(".json")) {
        age(left, 8 * HOUR);
    }
    cluster.give();
    agent.configure(&configured(cluster, ""));
    daemon = agent.start();
    await_that("nothing is left over", agent, Some(&daemon), || {
        approve_what_waits(agent);
        !work_is_left(&place) && entries(&cluster.beside("scratch"), "", "").is_empty()
    });
    await_that("nothing is left to do", agent, Some(&daemon), || {
        approve_what_waits(agent);
        states(agent).iter().all(|(_, state, _)| ["verified", "gone", "stale"].contains(&state.as_str()))
    });
    daemon.signal(Signal::TERM);
    daemon.wait();
    assert_eq!(databases(cluster), *here, "no scratch database stays, and no other goes");
    assert_eq!(damaged(cluster, None), Some(Vec::new()));
    let checked = look_at(agent, "main");
    for key in [
        "age/full:app",
        "age/globals",
        "age/base",
        "damage/full:app",
        "damage/base",
        "proof/full:app",
        "proof/base",
        "leftovers",
    ] {
        told(&checked, key, "ok");
    }
    agent.configure(&configured(cluster, HASTE));
    agent.start()
}

fn approve_what_waits(agent: &Agent) {
    for proposal in proposals(agent).into_iter().flatten() {
        if proposal["state"] == "failed" && proposal["attempts"].as_array().is_some_and(|attempts| attempts.len() >= 2)
        {
            agent.run(&["approve", proposal["id"].as_str().unwrap(), "--why", "looked at it"]);
        }
    }
}
