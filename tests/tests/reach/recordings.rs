//! Runs through every capability, recorded and replayed when nothing of what they reached is there any more.

use std::fs;
use std::io::{Read as _, Write as _};
use std::path::Path;
use std::process::{Command, Output};

use pgreeve_tests::agent::{Agent, cache_of, pgreeve, plugins};
use pgreeve_tests::testbed::{Options, Server, Stop, available};
use serde_json::{Value, json};

use crate::bed::config;

const GRANT: &str = "postgres = [\"main\"], http = [\"main\"], files = [\"main\"], commands = [\"main\"], redis = [\"main\"], system = true";

/// A recorded run that used every capability, with answers and errors of many kinds.
struct Recorded {
    directory: tempfile::TempDir,
    agent: Agent,
}

impl Recorded {
    fn new(redact: &[&str]) -> Self {
        let major = available().into_iter().find(|major| major.0 == 15).unwrap();
        let mut server = Server::start(major, &Options::default());
        server.create_roles();
        let directory = tempfile::tempdir().unwrap();
        let place = directory.path().join("place");
        fs::create_dir(&place).unwrap();
        fs::write(place.join("file"), "the password is xyzzy-17").unwrap();
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        std::thread::spawn(move || {
            let (mut connection, _) = listener.accept().unwrap();
            let _ = connection.read(&mut [0; 4096]);
            connection.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 8\r\n\r\nxyzzy-17").unwrap();
        });
        let tables = format!(
            "[postgres.main]\ndsn = {:?}\n[http.main]\norigin = \"http://127.0.0.1:{port}\"\nallow = [\"GET /\"]\n[files.main]\npath = {place:?}\n\
             [command.main]\nrun = [\"/bin/cat\", \"{{f}}\"]\nparameters = {{ f = {{ path = \"main\" }} }}\neffect = \"read\"\n[redis.main]\nurl = \"unix:///nowhere/socket\"\n",
            server.dsn("observer", "postgres")
        );
        let sql = "select 'xyzzy-17', now(), random(), array['xyzzy-17', null], 0.1::float8, 'nan'::float8";
        let calls = [
            json!({ "ask": "identify", "name": "main" }),
            json!({ "ask": "query", "name": "main", "sql": sql }),
            json!({ "ask": "query", "name": "main", "sql": "select $1::text, n from generate_series(1, 2000) n", "parameters": [{ "kind": "text", "value": "xyzzy-17" }] }),
            json!({ "ask": "query", "name": "main", "sql": "select 1/0" }),
            json!({ "ask": "query", "name": "other", "sql": "select 1" }),
            json!({ "ask": "query", "name": "main", "sql": "select generate_series(1, 5000)", "hold": 1 }),
            json!({ "ask": "get", "name": "main", "path": "/" }),
            json!({ "ask": "get", "name": "main", "path": "/forbidden" }),
            json!({ "ask": "read", "name": "main", "path": "file", "length": 100 }),
            json!({ "ask": "entries", "name": "main", "path": "" }),
            json!({ "ask": "free-space", "name": "main" }),
            json!({ "ask": "read", "name": "main", "path": "../x", "length": 1 }),
            json!({ "ask": "run", "name": "main", "arguments": [{ "name": "f", "value": "file" }] }),
            json!({ "ask": "run", "name": "main" }),
            json!({ "ask": "redis", "name": "main", "arguments": ["GET", "xyzzy-17"] }),
            json!({ "ask": "redis", "name": "main", "arguments": ["FLUSHALL"] }),
            json!({ "ask": "disks" }),
            json!({ "ask": "memory-usage" }),
            json!({ "ask": "load-average" }),
        ];
        let agent = Agent::new(&config(&tables, GRANT, &calls));
        let file = directory.path().join("run.jsonl");
        let mut command = agent.command(&["check", "j", "--format", "json", "--record", file.to_str().unwrap()]);
        for word in redact {
            command.args(["--redact", word]);
        }
        let output = command.output().unwrap();
        let answer: Value = serde_json::from_slice(&output.stdout)
            .unwrap_or_else(|error| panic!("{error}: {}", String::from_utf8_lossy(&output.stderr)));
        assert_eq!(answer["outcome"], "reported", "{answer:#}");
        server.stop(Stop::Immediate);
        fs::remove_dir_all(place).unwrap();
        Self { directory, agent }
    }

    fn file(&self) -> std::path::PathBuf {
        self.directory.path().join("run.jsonl")
    }

    fn text(&self) -> String {
        fs::read_to_string(self.file()).unwrap()
    }

    /// Replays this text in place of the recording.
    fn replay_as(&self, text: &str) -> Output {
        let changed = self.directory.path().join("changed.jsonl");
        fs::write(&changed, text).unwrap();
        replay(&changed)
    }
}

fn replay(file: &Path) -> Output {
    let (cache, component) = (cache_of("reaches.wasm"), plugins().join("reaches.wasm"));
    Command::new(pgreeve()).args(["plugin", "test", "--cache"]).args([cache, component]).arg(file).output().unwrap()
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr)
}

#[test]
fn a_run_through_every_capability_is_the_same_without_any_server() {
    let recorded = Recorded::new(&[]);
    let output = replay(&recorded.file());
    assert!(output.status.success() && said(&output).starts_with("same"), "{}", said(&output));
    let text = recorded.text();
    for capability in ["postgres", "http", "files", "commands", "redis", "system"] {
        assert!(text.contains(&format!("{{\"ask\":{{\"{capability}\":")), "{capability} is not in the recording");
    }
    // A file that is there is not written over.
    let again = recorded.agent.run(&["check", "j", "--record", recorded.file().to_str().unwrap()]);
    assert!(!again.status.success() && recorded.text() == text, "{}", said(&again));

    changed(&recorded, &text);
}

/// Recordings that are not what a run wrote, and a plugin that is not what it was.
fn changed(recorded: &Recorded, text: &str) {
    let lines: Vec<&str> = text.lines().collect();
    let last = lines.len();
    let cut = |to: usize| lines[..to].join("\n");
    let put = |number: usize, line: &str| {
        let mut lines = lines.clone();
        lines[number - 1] = line;
        lines.join("\n")
    };
    for (what, text, says) in [
        ("empty", String::new(), ":1: "),
        ("without its outcome", cut(last - 1), "the outcome is missing"),
        ("cut within a line", text[..text.len() - 20].to_owned(), &*format!(":{last}: ")),
        ("with nonsense", put(3, "nonsense"), ":3: "),
        (
            "with an unknown call",
            put(3, "{\"ask\":{\"shell\":{\"run\":\"id\"}},\"told\":{\"Ok\":null},\"elapsed_us\":1}"),
            ":3: ",
        ),
        ("of another form", put(1, &lines[0].replace("\"pgreeve_recording\":1", "\"pgreeve_recording\":2")), ":1: "),
        ("with something after its end", format!("{text}{}\n", lines[1]), "nothing may follow the outcome"),
        ("that is binary", "\u{0}\u{1}".to_owned(), ":1: "),
    ] {
        let output = recorded.replay_as(&text);
        assert!(!output.status.success() && said(&output).contains(says), "{what}: {}", said(&output));
        assert!(!said(&output).contains("same"), "{what}: {}", said(&output));
    }
    // A call left out, one too many, and another answer: the replay differs and says where.
    let mut without = lines.clone();
    without.remove(2);
    let mut twice = lines.clone();
    twice.insert(last - 1, lines[last - 2]);
    let answered = |line: &&str| match line.split_once("\"told\":") {
        Some((ask, told)) => format!("{ask}\"told\":{}", told.replace("xyzzy-17", "plugh-23")),
        None => (*line).to_owned(),
    };
    let other = lines.iter().map(answered).collect::<Vec<_>>().join("\n");
    for (what, text, says) in [
        ("a call left out", without.join("\n"), "left the recording at host call 2"),
        ("one too many", twice.join("\n"), "calls of its recording not made"),
        ("another answer", other, "finding"),
        (
            "the opposite order",
            put(1, &lines[0].replace("\"settings\":{", "\"settings\":{\"backwards\":true,")),
            "left the recording at host call 1",
        ),
    ] {
        let output = recorded.replay_as(&text);
        assert!(!output.status.success() && said(&output).starts_with("differs"), "{what}: {}", said(&output));
        assert!(said(&output).contains(says), "{what}: {}", said(&output));
    }
}

#[test]
fn a_redacted_text_is_nowhere_and_the_replay_is_the_same() {
    let recorded = Recorded::new(&["xyzzy-17", "observer"]);
    let text = recorded.text();
    for word in ["xyzzy-17", "observer"] {
        assert!(!text.contains(word), "{word} is in {}", text.lines().find(|line| line.contains(word)).unwrap());
    }
    let output = replay(&recorded.file());
    assert!(output.status.success() && said(&output).starts_with("same"), "{}", said(&output));
}
