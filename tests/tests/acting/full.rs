//! A state directory without room: what is not written down is not done, what was done is not told as undone, and all of it goes on when there is room.

use std::path::{Path, PathBuf};
use std::process::Command;

use rustix::process::Signal;

use crate::bed::{Bed, await_that};
use crate::races::said;

/// A small file system of its own, mounted on a directory until this is dropped.
struct Small(PathBuf);

impl Small {
    /// None where the tests may not mount, which is said.
    fn on(path: &Path) -> Option<Self> {
        std::fs::create_dir_all(path).unwrap();
        let mounted =
            Command::new("mount").args(["-t", "tmpfs", "-o", "size=16m,mode=0700", "tmpfs"]).arg(path).output();
        match mounted {
            Ok(output) if output.status.success() => Some(Self(path.to_owned())),
            other => {
                println!("skipped: no file system of its own can be mounted: {other:?}");
                None
            }
        }
    }

    /// Takes all of its room.
    fn fill(&self) {
        use std::io::Write as _;
        let mut file = std::fs::OpenOptions::new().create(true).append(true).open(self.0.join("filler")).unwrap();
        for size in [1 << 20, 1 << 12, 1] {
            while file.write_all(&vec![0; size]).is_ok() {}
        }
    }

    fn empty(&self) {
        std::fs::remove_file(self.0.join("filler")).unwrap();
    }
}

impl Drop for Small {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("--lazy").arg(&self.0).status();
    }
}

#[test]
fn without_room_an_approval_is_written_down_and_holds_or_is_refused_and_leads_to_nothing() {
    let bed = Bed::new("effect = { policy = \"approve\", max_per_hour = 1000 }", "");
    let Some(disk) = Small::on(&bed.agent.state_dir()) else { return };
    let daemon = bed.agent.start();
    bed.server.exec("INSERT INTO todo (id, action) SELECT id, 'effect' FROM generate_series(1, 60) id");
    let open = |row| bed.proposal(row).is_some_and(|proposal| proposal["state"] == "open");
    await_that("all are proposed", || bed.proposals().len() == 60 && (1..=60).all(open));
    let rows: Vec<(u32, String)> =
        (1..=60).map(|row| (row, bed.proposal(row).unwrap()["id"].as_str().unwrap().to_owned())).collect();
    assert!(bed.agent.run(&["pause", "--why", "test"]).status.success());
    disk.fill();
    // The files' last blocks have room for some; then there is none.
    let (mut held, mut refused) = (Vec::new(), Vec::new());
    for (row, id) in &rows {
        let approved = bed.agent.run(&["approve", id, "--why", "go"]);
        let told = said(&approved);
        if approved.status.success() {
            held.push(*row);
        } else {
            assert!(told.contains("make room on the file system"), "{told}");
            refused.push(*row);
        }
        if refused.len() == 3 {
            break;
        }
    }
    assert_eq!(refused.len(), 3, "there was room for all: {held:?}");
    daemon.wait_for("history is being lost");
    disk.empty();
    daemon.wait_for("history is recorded again");
    let state = |row: u32| bed.proposal(row).unwrap()["state"].clone();
    assert!(held.iter().all(|row| state(*row) == "approved"), "{held:?}");
    assert!(refused.iter().all(|row| state(*row) == "open"), "{refused:?}");
    assert!(bed.agent.run(&["resume", "--why", "there is room"]).status.success());
    for row in &held {
        bed.await_state(*row, "verified");
    }
    let seen = bed.proposal(refused[0]).unwrap()["seen"].clone();
    await_that("another run", || bed.proposal(refused[0]).unwrap()["seen"] != seen);
    assert!(held.iter().all(|row| bed.effects(*row) == 1) && refused.iter().all(|row| bed.effects(*row) == 0));
    let verified = bed.agent.run(&["audit", "verify"]);
    assert!(verified.status.success(), "{}", said(&verified));
}

#[test]
fn an_approval_that_cannot_be_written_to_the_log_does_not_hold() {
    let bed = Bed::new("effect = \"approve\"", "");
    let daemon = bed.agent.start();
    bed.to_do(1, "effect");
    let id = bed.await_state(1, "open")["id"].as_str().unwrap().to_owned();
    assert!(bed.agent.run(&["pause", "--why", "test"]).status.success());
    let log = bed.agent.state_dir().join("audit.jsonl");
    std::fs::rename(&log, log.with_file_name("taken-away")).unwrap();
    let approved = bed.agent.run(&["approve", &id, "--why", "go"]);
    let told = said(&approved);
    assert!(
        !approved.status.success() && told.contains("it is not approved") && told.contains("moved or removed"),
        "{told}"
    );
    bed.await_state(1, "open");
    assert!(bed.agent.run(&["resume", "--why", "go on"]).status.success());
    let seen = bed.proposal(1).unwrap()["seen"].clone();
    await_that("two more runs", || bed.proposal(1).unwrap()["seen"] != seen);
    assert_eq!(bed.effects(1), 0, "{}", daemon.log());
}

#[test]
fn an_automatic_action_waits_for_room_and_is_not_in_doubt_for_it() {
    let bed = Bed::new("effect = { policy = \"auto\", max_per_hour = 1000 }", "");
    let Some(disk) = Small::on(&bed.agent.state_dir()) else { return };
    let daemon = bed.agent.start();
    disk.fill();
    // Some may still be written down, and are done; each is proved, or not begun.
    bed.server.exec("INSERT INTO todo (id, action) SELECT id, 'effect' FROM generate_series(1, 40) id");
    let left = || bed.server.value("SELECT count(*) FROM todo").unwrap().parse::<u32>().unwrap();
    daemon.wait_until("that nothing is done", |log| {
        log.contains("so nothing is carried out") || log.contains("so it is not carried out")
    });
    assert!(left() > 0, "there was room for all");
    await_that("three runs are lost", || {
        let status = bed.agent.run(&["status", "--format", "json"]).stdout;
        let status: serde_json::Value = serde_json::from_slice(&status).unwrap();
        status["losing"]["runs"].as_u64().is_some_and(|runs| runs >= 3)
    });
    disk.empty();
    daemon.wait_for("history is recorded again");
    await_that("all are done", || left() == 0);
    assert!(bed.server.holds("SELECT count(*) = 40 AND count(DISTINCT id) = 40 FROM effects"), "{}", daemon.log());
    // It was said once, not at each run.
    let said = |what: &str| daemon.log().matches(what).count();
    assert_eq!(
        said("is not recorded, so nothing is carried out"),
        said("proposes is recorded again"),
        "{}",
        daemon.log()
    );

    assert!(bed.proposals().iter().all(|proposal| proposal["state"] != "uncertain"));
    assert!(bed.agent.run(&["audit", "verify"]).status.success());
}

#[test]
fn an_agent_that_starts_without_room_says_of_an_action_that_it_is_in_doubt_when_it_can() {
    let rules = "steps = { policy = \"auto\", max_per_hour = 1000 }";
    let bed = Bed::new(rules, "");
    let Some(disk) = Small::on(&bed.agent.state_dir()) else { return };
    let patient = Bed::config(&bed.server, rules, "").replace("[plugin.acts]", "lock_timeout = \"30s\"\n[plugin.acts]");
    bed.agent.configure(&patient);
    bed.to_do(1, "steps");
    let holder = bed.server.session("postgres");
    holder.sql("BEGIN");
    holder.sql("SELECT FROM todo WHERE id = 1 FOR UPDATE");
    let mut daemon = bed.agent.start();
    await_that("its first step is done", || bed.effects(1) == 1);
    daemon.signal(Signal::KILL);
    daemon.wait();
    bed.server.exec("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'actor'");
    holder.sql("COMMIT");
    disk.fill();
    let daemon = bed.agent.start();
    daemon.wait_for("history is being lost");
    disk.empty();
    daemon.wait_for("was carried out is not known, the agent ended meanwhile");
    bed.await_state(1, "uncertain");
    let seen = bed.proposal(1).unwrap()["seen"].clone();
    await_that("two more runs", || bed.proposal(1).unwrap()["seen"] != seen);
    assert_eq!(bed.effects(1), 1);
    await_that("it is in the audit log", || said(&bed.agent.run(&["audit"])).contains("uncertain"));
    assert!(bed.agent.run(&["audit", "verify"]).status.success());
}
