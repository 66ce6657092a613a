//! Recorded runs of the in-tree plugins, from every major of PostgreSQL: the plugin as built reports the same, without any server.

#![allow(clippy::unwrap_used, clippy::panic)]

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use pgreeve_tests::agent::{cache_of, pgreeve, plugins};

const PLUGINS: [&str; 4] = ["replication", "cache", "pggit-integrity", "backup"];

fn recorded(plugin: &str) -> Vec<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let directory = root.join("plugins").join(plugin).join("recorded");
    let mut files: Vec<PathBuf> = std::fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    files
}

fn test(plugin: &str, files: &[PathBuf]) -> Output {
    let component = format!("{plugin}.wasm");
    let (cache, component) = (cache_of(&component), plugins().join(component));
    Command::new(pgreeve()).args(["plugin", "test", "--cache"]).args([cache, component]).args(files).output().unwrap()
}

#[test]
fn each_plugin_reports_as_it_was_recorded_on_every_major() {
    for plugin in PLUGINS {
        let files = recorded(plugin);
        let majors: BTreeSet<String> = files
            .iter()
            .map(|file| file.file_name().unwrap().to_string_lossy().split('-').next().unwrap().to_owned())
            .collect();
        assert_eq!(majors, BTreeSet::from(["14", "15", "16", "17", "18"].map(str::to_owned)), "{plugin}");
        let output = test(plugin, &files);
        let said = String::from_utf8(output.stdout).unwrap();
        assert_eq!(
            output.status.code(),
            Some(0),
            "{plugin}: record anew with `make record` if the plugin asks something new:\n{said}{}",
            String::from_utf8_lossy(&output.stderr)
        );
        assert_eq!(said.lines().filter(|line| line.starts_with("same ")).count(), files.len(), "{plugin}: {said}");
    }
}

#[test]
fn an_answer_that_was_changed_changes_the_report_and_is_shown() {
    let file = recorded("replication").into_iter().find(|file| file.ends_with("15-primary.jsonl")).unwrap();
    let text = std::fs::read_to_string(&file).unwrap();
    let directory = tempfile::tempdir().unwrap();
    let try_with = |name: &str, text: &str| {
        let path = directory.path().join(name);
        std::fs::write(&path, text).unwrap();
        test("replication", &[path])
    };
    assert!(text.contains("\"streaming\""), "the recording shows a streaming standby");
    let lied = try_with("lied", &text.replace("\"streaming\"", "\"catchup\""));
    let said = String::from_utf8(lied.stdout).unwrap();
    assert!(lied.status.code() == Some(1) && said.contains("differs") && said.contains("is   finding"), "{said}");
    // Half a file, a question that was another, an answer too few.
    let half = try_with("half", text.trim_end().rsplit_once('\n').unwrap().0);
    assert!(half.status.code() == Some(1) && String::from_utf8_lossy(&half.stderr).contains("not whole"));
    let asked = try_with("asked", &text.replacen("pg_stat_replication", "pg_stat_replicatiom", 1));
    assert!(String::from_utf8_lossy(&asked.stdout).contains("left the recording at host call"), "{asked:?}");
    let fewer: Vec<&str> = text.lines().enumerate().filter(|(number, _)| *number != 2).map(|(_, line)| line).collect();
    assert!(String::from_utf8_lossy(&try_with("fewer", &fewer.join("\n")).stdout).contains("left the recording"));
}
