//! Commands as actions.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use super::{Ended, What, act};
use crate::grants::commands::{Argument, Command, Kind, Section};

fn section(run: &[&str]) -> Section {
    let run = run.iter().map(|text| (*text).to_owned()).collect();
    Section { name: "fix".into(), run, timeout: Some(Duration::from_secs(60)), ..Section::default() }
}

async fn run(section: Section, arguments: &[(&str, &str)]) -> (Ended, String) {
    let arguments = arguments.iter().map(|(name, value)| Argument { name: (*name).into(), value: (*value).into() });
    act(What::Command { command: Arc::new(Command::new(section).unwrap()), arguments: arguments.collect() }).await
}

fn path(root: &std::path::Path) -> BTreeMap<String, Kind> {
    [("file".to_owned(), Kind::Path { directory: "out".into(), root: root.into() })].into()
}

#[tokio::test]
async fn an_exit_status_of_0_is_done_and_any_other_is_failed() {
    let (ended, detail) = run(section(&["/bin/echo", "two\x1b", "words"]), &[]).await;
    assert_eq!((ended, detail.as_str()), (Ended::Done, "exit status 0\nstdout: two\\u{1b} words"));
    let (ended, detail) = run(section(&["/bin/ls", "/nonexistent"]), &[]).await;
    assert_eq!(ended, Ended::Failed);
    assert!(detail.starts_with("exit status 2\nstderr: ") && detail.contains("/nonexistent"), "{detail}");
    let (ended, detail) = run(section(&["/usr/bin/seq", "100000"]), &[]).await;
    assert_eq!(ended, Ended::Done);
    assert!(detail.ends_with('…') && detail.len() < 2200, "{}", detail.len());
}

#[tokio::test]
async fn a_file_is_named_with_its_digest() {
    let base = tempfile::tempdir().unwrap();
    let section = Section {
        stdout: Some("{file}".into()),
        parameters: path(base.path()),
        ..section(&["/usr/bin/printf", "abc"])
    };
    let (ended, detail) = run(section.clone(), &[("file", "a.dump")]).await;
    assert_eq!(ended, Ended::Done);
    // The first test vector of FIPS 180-2.
    let expected = "3 bytes, SHA-256 ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
    assert!(detail.contains("/a.dump, ") && detail.contains(expected), "{detail}");
    // It is there now, and no file is replaced: nothing is started.
    let (ended, detail) = run(section.clone(), &[("file", "a.dump")]).await;
    assert_eq!(ended, Ended::Refused, "{detail}");
    let (ended, detail) = run(section, &[("file", "../a.dump")]).await;
    assert_eq!(ended, Ended::Refused, "{detail}");
}

#[tokio::test]
async fn what_cannot_be_started_is_refused_and_what_was_stopped_is_uncertain() {
    let (ended, detail) = run(section(&["/nonexistent/program"]), &[]).await;
    assert_eq!(ended, Ended::Refused, "{detail}");
    let slow = Section { timeout: Some(Duration::from_millis(300)), ..section(&["/bin/sleep", "600"]) };
    let (ended, detail) = run(slow, &[]).await;
    assert_eq!(ended, Ended::Uncertain);
    assert!(detail.contains("its process group was killed"), "{detail}");
}
