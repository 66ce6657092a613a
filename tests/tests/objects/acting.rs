//! The action through the agent: proposed, approved, done, verified, written down; denied; and killed in the middle.

use std::fs;
use std::path::Path;

use pgreeve_tests::agent::Agent;
use pgreeve_tests::testbed::{ACCESS_KEY, Major, Options, S3, SECRET_KEY, Server};
use rustix::process::Signal;
use serde_json::Value;

use crate::bed::{await_that, write};

struct Bed {
    server: Server,
    agent: Agent,
}

impl Bed {
    /// An agent that proposes to upload `dump` and `dump.json`; `tables` are the store and the directory.
    fn new(policy: &str, grant: &str, tables: &str) -> Self {
        let server = Server::start(Major(15), &Options::default());
        server.create_roles();
        server.exec(
            "CREATE TABLE todo (id int PRIMARY KEY, action text, target text, argument text); GRANT SELECT ON todo TO observer;
             INSERT INTO todo VALUES (1, 'upload', 'off', 'dump')",
        );
        let agent = Agent::new(&format!(
            "[agent]\nstate_dir = \"STATE\"\n[actions]\nverify_within = \"50s\"\n[postgres.main]\ndsn = {:?}\n{tables}\n\
             [plugin.acts]\npath = \"PLUGINS/acts.wasm\"\n[job.acts]\nplugin = \"acts\"\nschedule = \"* * * * * *\"\n\
             grant = {{ postgres = [\"main\"], {grant} }}\nactions = {{ upload = {policy} }}\n",
            server.dsn("observer", "postgres")
        ));
        Self { server, agent }
    }

    fn proposal(&self) -> Option<Value> {
        let output = self.agent.run(&["proposals", "--all", "--format", "json"]);
        let json: Value = serde_json::from_slice(&output.stdout).ok()?;
        json["proposals"].as_array()?.first().cloned()
    }

    fn await_state(&self, state: &str) -> Value {
        let mut seen = None;
        await_that(&format!("the proposal is {state}"), || {
            seen = self.proposal();
            seen.as_ref().is_some_and(|proposal| proposal["state"] == state)
        });
        seen.unwrap()
    }

    fn said(&self, arguments: &[&str]) -> String {
        let output = self.agent.run(arguments);
        String::from_utf8([output.stdout, output.stderr].concat()).unwrap()
    }
}

fn heap(directory: &Path) -> String {
    format!("[files.heap]\npath = {directory:?}\n")
}

/// A directory with a dump of so many bytes and its manifest.
fn dumped(bytes: usize) -> tempfile::TempDir {
    let directory = tempfile::tempdir().unwrap();
    write(directory.path(), "dump", bytes);
    write(directory.path(), "dump.json", 100);
    directory
}

const GRANT: &str = "files = [\"heap\"], objects = [\"off\"]";

#[test]
fn proposed_approved_done_verified_and_written_down() {
    let Some(s3) = S3::start() else { return };
    let directory = dumped(1 << 20);
    let tables = format!("{}{}", s3.table("off", "write = true"), heap(directory.path()));
    let bed = Bed::new("\"approve\"", GRANT, &tables);
    let daemon = bed.agent.start();
    let open = bed.await_state("open");
    let line = format!("upload {}/dump to {}/backups/host 1/pg/dump", directory.path().display(), s3.endpoint());
    for arguments in [&["plan", "acts"][..], &["proposals", "--verbose"]] {
        let said = bed.said(arguments);
        assert!(arguments[0] != "plan" || said.contains(&line), "{arguments:?}: {said}");
    }
    assert!(open["lines"].to_string().contains(&line), "{open:#}");
    // How much that is, before anybody approves it.
    let said = bed.said(&["plan", "acts"]);
    let carries = "carries 2 files, 1048676 bytes (1.0 MiB), to object store \"off\" (s3://backups/host 1/pg at ";
    assert!(said.contains(carries), "{said}");
    let plan: Value = serde_json::from_slice(&bed.agent.run(&["plan", "acts", "--format", "json"]).stdout).unwrap();
    assert_eq!(plan["plan"][0]["carries"], serde_json::json!({ "files": 2, "bytes": 1_048_676 }), "{plan:#}");
    assert_eq!(s3.objects(), Vec::<String>::new(), "nothing goes before somebody says so");
    let id = open["id"].as_str().unwrap();
    assert!(bed.agent.run(&["approve", id]).status.success());
    await_that("it is there", || s3.objects() == ["dump", "dump.json"]);
    bed.server.exec("DELETE FROM todo");
    let done = bed.await_state("verified");
    let detail = done["attempts"][0]["detail"].as_str().unwrap();
    assert!(detail.contains("uploaded 2 objects, 1048676 bytes") && detail.contains("read back whole"), "{detail}");
    assert!(fs::read(directory.path().join("dump")).unwrap() == fs::read(s3.object("dump")).unwrap());
    let audit = bed.said(&["audit", "--format", "json"]);
    assert!(audit.contains("/backups/host 1/pg/dump.json, when all others have arrived"), "{audit}");
    for (place, text) in [("the audit log", audit), ("the log", daemon.log()), ("proposals", done.to_string())] {
        assert!(!text.contains(SECRET_KEY) && !text.contains(ACCESS_KEY), "a key is in {place}");
    }
}

#[test]
fn without_the_operators_word_nothing_goes() {
    let Some(s3) = S3::start() else { return };
    let directory = dumped(100);
    let (off, heap) = (s3.table("off", "write = true"), heap(directory.path()));
    // The store is not granted; the directory is not.
    for (grant, says) in
        [("files = [\"heap\"]", "\\\"off\\\" of objects"), ("objects = [\"off\"]", "\\\"heap\\\" of files")]
    {
        let bed = Bed::new("\"propose\"", grant, &format!("{off}{heap}"));
        let _daemon = bed.agent.start();
        let refused = bed.await_state("refused");
        assert!(refused["why"].to_string().contains(says), "{refused:#}");
    }
    // The store is for looking: said when the configuration is read, for no action could be carried out.
    let bed = Bed::new("\"auto\"", GRANT, &format!("{}{heap}", s3.table("off", "")));
    let said = bed.said(&["validate"]);
    assert!(said.contains("add write = true under [objects.off]"), "{said}");
    assert_eq!(s3.objects(), Vec::<String>::new());
}

#[test]
fn killed_in_the_middle_nothing_looks_whole_and_the_next_start_goes_on() {
    let Some(s3) = S3::start() else { return };
    let directory = dumped(100 << 20);
    let tables = format!("{}{}", s3.table("off", "write = true\npart = \"5MiB\""), heap(directory.path()));
    let bed = Bed::new("{ policy = \"auto\", max_per_hour = 100 }", GRANT, &tables);
    let mut daemon = bed.agent.start();
    await_that("a part has arrived", || s3.beside().iter().any(|name| name.contains("upload")));
    // The store makes its file before the agent hears of it.
    daemon.wait_for("begins an upload in parts");
    daemon.signal(Signal::KILL);
    daemon.wait();
    assert!(daemon.log().contains("begins an upload in parts"), "{}", daemon.log());
    assert!(!s3.object("dump").exists() && !s3.object("dump.json").exists());
    let daemon = bed.agent.start();
    daemon.wait_for("was carried out is not known");
    await_that("it is there", || s3.objects() == ["dump", "dump.json"]);
    assert!(fs::read(directory.path().join("dump")).unwrap() == fs::read(s3.object("dump")).unwrap());
    bed.server.exec("DELETE FROM todo");
    bed.await_state("verified");
}
