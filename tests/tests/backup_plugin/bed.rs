//! Directories of backups made by hand, in the format of `plugins/backup/FORMAT.md`, and an agent that watches them.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use jiff::Timestamp;
use pgreeve_tests::agent::{Agent, Checked};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use tempfile::TempDir;

pub(crate) const HOUR: i64 = 3600;
pub(crate) const DAY: i64 = 24 * HOUR;

/// A directory of backups.
pub(crate) struct Shelf {
    root: TempDir,
}

/// One backup that was put there.
pub(crate) struct Put {
    pub(crate) name: String,
    pub(crate) seal: String,
    path: PathBuf,
    backup: Value,
}

fn microseconds(ago: i64) -> i64 {
    Timestamp::now().as_microsecond() - ago * 1_000_000
}

fn digest(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

impl Shelf {
    pub(crate) fn new() -> Self {
        let root = tempfile::tempdir().unwrap();
        fs::create_dir(root.path().join("backups")).unwrap();
        Self { root }
    }

    pub(crate) fn path(&self) -> PathBuf {
        self.root.path().join("backups")
    }

    /// Another directory beside it.
    pub(crate) fn beside(&self, name: &str) -> PathBuf {
        let path = self.root.path().join(name);
        fs::create_dir_all(&path).unwrap();
        path
    }

    /// A whole backup that ended so many seconds ago, with a payload of so many bytes.
    pub(crate) fn put(&self, series: &str, ago: i64, bytes: usize) -> Put {
        self.put_as(series, ago, bytes, |_| {})
    }

    /// The same with a changed manifest, whose seal is right.
    pub(crate) fn put_as(&self, series: &str, ago: i64, bytes: usize, change: impl FnOnce(&mut Value)) -> Put {
        let (kind, label) = series.split_once('-').unwrap();
        let (started, finished) = (microseconds(ago + 1), microseconds(ago));
        let stamp = Timestamp::from_microsecond(started).unwrap().strftime("%Y%m%dT%H%M%SZ").to_string();
        let name = format!("{series}-{stamp}");
        let payload = match kind {
            "globals" => format!("{name}.sql"),
            "base" => name.clone(),
            _ => format!("{name}.dump"),
        };
        let content = vec![b'1'; bytes];
        let mut files = Vec::new();
        if kind == "base" {
            fs::create_dir(self.path().join(&payload)).unwrap();
            for (file, part) in [("backup_manifest", &content[bytes / 2..]), ("base.tar.gz", &content[..bytes / 2])] {
                fs::write(self.path().join(&payload).join(file), part).unwrap();
                files.push(json!({ "path": format!("{name}/{file}"), "bytes": part.len(), "sha256": digest(part) }));
            }
        } else {
            fs::write(self.path().join(&payload), &content).unwrap();
        }
        let inventory = json!({ "files": files, "schemas": [], "tables": [], "objects": {}, "event_triggers": [], "extensions": [] });
        let inventory = inventory.to_string();
        let inventory = inventory.as_bytes();
        fs::write(self.path().join(format!("{name}.content.json")), inventory).unwrap();
        let text = |at: i64| Timestamp::from_microsecond(at).unwrap().to_string();
        let mut backup = json!({
            "format": 1, "name": name, "kind": kind, "method": "custom",
            "database": if ["full", "schema"].contains(&kind) { json!(label) } else { Value::Null },
            "schemas": [], "started": text(started), "started_us": started, "finished": text(finished), "finished_us": finished,
            "duration_ms": 1000, "data_until": text(started), "data_until_us": started, "payload": payload, "bytes": bytes,
            "sha256": if kind == "base" { Value::Null } else { json!(digest(&content)) }, "content": { "bytes": inventory.len(), "sha256": digest(inventory) },
            "estimated_bytes": bytes, "database_bytes": bytes,
            "server": { "version": "15.20", "version_num": 150_020, "major": 15, "system_identifier": null, "role": "primary",
                "timeline": if kind == "base" { json!(1) } else { Value::Null } },
            "client": { "program": "pg_dump (PostgreSQL) 15.20", "major": 15 }, "tool": "pgreeve-backup 0.1.0",
            "lsn": "0/3000000", "start_lsn": null, "start_segment": null,
            "summary": { "tables": 12, "rows": 1000 }, "caveats": [], "caveats_left_out": 0,
        });
        change(&mut backup);
        let mut put = Put { path: self.path(), name, seal: String::new(), backup };
        put.seal = put.seal_it();
        put
    }

    /// A quiet directory: a week of full dumps of `postgres` and of globals, the newest of each read again, the newest dump restored as a test.
    pub(crate) fn quiet() -> Self {
        let shelf = Self::new();
        for day in (0..7).rev() {
            let ago = day * DAY + HOUR;
            let full = shelf.put("full-postgres", ago, 50_000 + day as usize);
            let globals = shelf.put("globals-cluster", ago, 900);
            if day == 0 {
                full.verified(HOUR / 2, true);
                globals.verified(HOUR / 2, true);
                full.proof(HOUR / 2, true);
            }
        }
        shelf
    }

    /// Tables of an agent.toml that grant it, and a job `backup` with these grants beside it and these settings, both the inside of TOML tables.
    pub(crate) fn config(&self, tables: &str, grants: &str, settings: &str) -> String {
        format!(
            "[agent]\nstate_dir = \"STATE\"\n[files.backups]\npath = {:?}\n{tables}\n[plugin.backup]\npath = \"PLUGINS/backup.wasm\"\n\
             [job.backup]\nplugin = \"backup\"\nschedule = \"0 0 1 1 *\"\ncatch_up = \"never\"\ngrant = {{ files = [\"backups\"]{grants} }}\nsettings = {{ {settings} }}\n",
            self.path()
        )
    }

    /// An agent that looks at it, and at no server.
    pub(crate) fn agent(&self, settings: &str) -> Agent {
        Agent::new(&self.config("", "", settings))
    }
}

impl Put {
    /// Writes the manifest with a seal that holds.
    fn seal_it(&self) -> String {
        let body = serde_json::to_string_pretty(&self.backup).unwrap();
        let seal = digest(body.as_bytes());
        fs::write(self.manifest(), format!("{{\"sha256\": \"{seal}\", \"backup\": {body}}}\n")).unwrap();
        seal
    }

    pub(crate) fn manifest(&self) -> PathBuf {
        self.beside("json")
    }

    pub(crate) fn payload(&self) -> PathBuf {
        self.path.join(self.backup["payload"].as_str().unwrap())
    }

    pub(crate) fn beside(&self, ending: &str) -> PathBuf {
        self.path.join(format!("{}.{ending}", self.name))
    }

    /// A record of a verification so many seconds ago.
    pub(crate) fn verified(&self, ago: i64, whole: bool) {
        let problems: &[&str] = if whole { &[] } else { &["the payload's SHA-256 is another one"] };
        let record = json!({ "format": 1, "name": self.name, "manifest_sha256": self.seal, "verified": "", "verified_us": microseconds(ago),
            "whole": whole, "problems": problems, "bytes_read": 1, "duration_ms": 1 });
        fs::write(self.beside("verified.json"), record.to_string()).unwrap();
    }

    /// A restore test so many seconds ago, which took 40 s and brought back all but the last half hour.
    pub(crate) fn proof(&self, ago: i64, passed: bool) {
        let failures: &[&str] = if passed { &[] } else { &["public.orders: 0 rows, at least 1000 were dumped"] };
        let proof = json!({ "format": 1, "name": self.name, "manifest_sha256": self.seal, "passed": passed, "proved": "",
            "proved_us": microseconds(ago), "restore_ms": 40_000, "total_ms": 50_000, "data_until": "", "data_until_us": microseconds(ago + 1800),
            "age_s": 1800, "method": "database", "target": null, "assertions": [], "failures": failures, "notes": [] });
        fs::write(self.beside("proof.json"), proof.to_string()).unwrap();
    }
}

/// One run.
pub(crate) fn look(agent: &Agent) -> Checked {
    look_at(agent, "backup")
}

/// One run of a job of another name.
pub(crate) fn look_at(agent: &Agent, job: &str) -> Checked {
    agent.check(job)
}

/// Summary, detail and advice of a finding, which has to have the status; one that is not ok has to say what to do.
#[track_caller]
pub(crate) fn told(checked: &Checked, key: &str, status: &str) -> String {
    let finding = checked.finding(key);
    assert_eq!(finding["status"], status, "{key}: {:#}", checked.json);
    let part = |part: &str| finding[part].as_str().unwrap_or_default().to_owned();
    assert!(status == "ok" || !part("advice").is_empty(), "nothing to do about {key}: {finding:#}");
    [part("summary"), part("reason"), part("detail"), part("advice")].join("\n")
}

/// Everything is well.
#[track_caller]
pub(crate) fn quiet(checked: &Checked) {
    assert_eq!(checked.complaints(), Vec::<String>::new());
    assert_eq!(checked.status(), "ok", "{:#}", checked.json);
}

/// Action and arguments of each proposal, such as `take-full app`.
pub(crate) fn proposed(checked: &Checked) -> Vec<String> {
    let proposals = checked.json["proposals"].as_array().unwrap();
    let words = |proposal: &Value| {
        let arguments = proposal["arguments"]
            .as_array()
            .unwrap()
            .iter()
            .map(|pair| format!(" {}", pair["value"].as_str().unwrap()))
            .collect::<String>();
        format!("{}{arguments}", proposal["action"].as_str().unwrap())
    };
    proposals.iter().map(words).collect()
}

/// Makes an entry, and what is in it, so many seconds old.
pub(crate) fn age(path: &Path, ago: i64) {
    let seconds = microseconds(ago) / 1_000_000;
    let below = fs::read_dir(path).into_iter().flatten().map(|entry| entry.unwrap().path());
    for path in below.chain([path.to_owned()]) {
        assert!(Command::new("touch").arg("-d").arg(format!("@{seconds}")).arg(&path).status().unwrap().success());
    }
}

/// Commands that are granted and do nothing, for runs whose proposals are looked at.
pub(crate) fn commands() -> (String, String) {
    let names = ["full", "schema", "globals", "base", "verify", "verify-all", "prove", "prove-base", "sweep"];
    let placeholder = |name: &str| match name {
        "full" | "schema" => ", \"{database}\"]\nparameters = { database = \"identifier\" }",
        "verify" | "prove" | "prove-base" => ", \"{name}\"]\nparameters = { name = { text = 300 } }",
        _ => "]",
    };
    let tables =
        names.map(|name| format!("[command.backup-{name}]\nrun = [\"/bin/true\"{}\n", placeholder(name))).concat();
    (tables, format!(", commands = {:?}", names.map(|name| format!("backup-{name}"))))
}
