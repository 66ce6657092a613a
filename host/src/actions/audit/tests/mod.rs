//! The log on a real disk: what is found wrong, what is recovered from, and what stays good when the disk does not.

mod full_disk;
mod paging;
mod tampering;
mod torn;

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use jiff::Timestamp;

use super::read::last_in;
use super::*;
use crate::actions::journal::Note;
use crate::report::{Finding, Pair, Proposal, Status};

fn note(event: &'static str, job: &str, proposal: &str) -> Note {
    let finding = Finding {
        key: "lag/a".into(),
        check: "lag".into(),
        status: Status::Warning,
        reason: None,
        subject: None,
        summary: "late\nby \"much\"".into(),
        detail: None,
        advice: None,
        evidence: Vec::new(),
    };
    let told = Proposal {
        action: "fix".into(),
        arguments: vec![Pair { name: "slot".into(), value: "ä\u{0}'".into() }],
        target: "main".into(),
        clears: vec!["lag/a".into()],
        reason: "it is late".into(),
    };
    Note {
        event,
        job: job.into(),
        proposal: proposal.into(),
        plugin: "p".repeat(64),
        told: Some(told),
        lines: vec!["SELECT 1".into()],
        findings: vec![finding],
        ..Note::default()
    }
}

fn event(word: &'static str, job: &str, proposal: &str) -> Event {
    Event::of(note(word, job, proposal), "c".repeat(64)).unwrap()
}

/// A log of a few entries of several kinds.
fn written(state_dir: &Path) -> Audit {
    let mut audit = Audit::open(state_dir).unwrap();
    audit.append(&Event::Configured { configuration: "c".repeat(64), why: "start".into() }).unwrap();
    audit.append(&event("begun", "watch", "p1")).unwrap();
    audit.append(&event("ended", "watch", "p1")).unwrap();
    audit.append(&Event::Resumed { who: "me".into(), why: None }).unwrap();
    audit.append(&event("proposed", "other", "p2")).unwrap();
    audit
}

/// The entries of a log that pass the filter, and its unreadable lines.
fn read(path: &Path, filter: &Filter) -> Result<(Vec<Entry>, Vec<u64>), AuditError> {
    let page = page(path, filter, Place::default(), usize::MAX, u64::MAX)?.unwrap();
    assert_eq!(page.next, None);
    Ok((page.entries.into_iter().map(|found| found.entry).collect(), page.unreadable))
}

fn verified(path: &Path, head: &Head) -> bool {
    verify(path, Some(head)).unwrap() == Verdict::Verified(head.clone())
}

#[test]
fn entries_come_back_as_they_were_written_and_go_on_after_a_restart() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join(FILE);
    assert_eq!(verify(&path, None).unwrap(), Verdict::Verified(Head::none()));
    assert_eq!(read(&path, &Filter::default()).unwrap(), Default::default());
    let audit = written(dir.path());
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    assert!(verified(&path, &audit.head()));
    drop(audit);
    let mut again = Audit::open(dir.path()).unwrap();
    let entry = again.append(&event("settled", "watch", "p1")).unwrap();
    assert_eq!((entry.seq, again.head().seq), (6, 6));
    assert!(verified(&path, &again.head()));
    let (entries, unreadable) = read(&path, &Filter::default()).unwrap();
    assert_eq!((entries.len(), unreadable.len()), (6, 0));
    assert_eq!(entries[5], entry);
    assert_eq!(entries[1].event, event("begun", "watch", "p1"));
    let deed = entries[2].event.deed().unwrap();
    assert!(deed.before.is_empty() && deed.after.len() == 1, "{deed:?}");
}

#[test]
fn entries_are_found_by_job_proposal_event_and_time() {
    let dir = tempfile::tempdir().unwrap();
    drop(written(dir.path()));
    let path = dir.path().join(FILE);
    let found =
        |filter: Filter| -> Vec<u64> { read(&path, &filter).unwrap().0.iter().map(|entry| entry.seq).collect() };
    let text = |text: &str| Some(text.to_owned());
    assert_eq!(found(Filter { job: text("watch"), ..Filter::default() }), [2, 3]);
    assert_eq!(found(Filter { proposal: text("p"), ..Filter::default() }), [2, 3, 5]);
    assert_eq!(found(Filter { event: text("resumed"), ..Filter::default() }), [4]);
    assert_eq!(found(Filter { job: text("watch"), event: text("proposed"), ..Filter::default() }), [0; 0]);
    let third = read(&path, &Filter::default()).unwrap().0[2].at;
    assert_eq!(found(Filter { since: Some(third), ..Filter::default() }), [3, 4, 5]);
    assert_eq!(found(Filter { until: Some(third), ..Filter::default() }), [1, 2]);
    assert_eq!(found(Filter { since: Some(Timestamp::MAX), ..Filter::default() }), [0; 0]);
}

#[test]
fn every_note_that_is_made_has_its_event() {
    for word in [
        "proposed",
        "approved",
        "rejected",
        "expired",
        "stale",
        "unconfirmed",
        "begun",
        "ended",
        "settled",
        "uncertain",
    ] {
        let event = event(word, "a", "b");
        assert_eq!(event.word(), word);
        let value = serde_json::to_value(&event).unwrap();
        assert_eq!(value["event"], word);
        assert_eq!(serde_json::from_value::<Event>(value).unwrap(), event);
    }
    assert_eq!(Event::of(note("else", "a", "b"), String::new()), Err("else"));
}

#[test]
fn the_documented_command_computes_the_hash() {
    let dir = tempfile::tempdir().unwrap();
    let head = written(dir.path()).head();
    let script = r#"sed -n 5p "$0" | sed -E 's/,"hash":"[0-9a-f]{64}"\}$/}/' | tr -d '\n' | sha256sum"#;
    let out = std::process::Command::new("sh").args(["-c", script]).arg(dir.path().join(FILE)).output().unwrap();
    assert_eq!(String::from_utf8(out.stdout).unwrap().split(' ').next(), Some(head.hash.as_str()));
}

#[test]
fn two_writers_chain_to_each_other() {
    let dir = tempfile::tempdir().unwrap();
    let (mut one, mut other) = (Audit::open(dir.path()).unwrap(), Audit::open(dir.path()).unwrap());
    let writer = |audit: &mut Audit| {
        for _ in 0..20 {
            audit.append(&Event::Resumed { who: "me".into(), why: None }).unwrap();
        }
    };
    std::thread::scope(|scope| {
        scope.spawn(|| writer(&mut one));
        scope.spawn(|| writer(&mut other));
    });
    let head = if one.head().seq > other.head().seq { one.head() } else { other.head() };
    assert_eq!(head.seq, 40);
    assert!(verified(&dir.path().join(FILE), &head));
}

#[tokio::test]
async fn a_handle_begins_when_it_can_and_its_clones_write_to_the_same_log() {
    let dir = tempfile::tempdir().unwrap();
    let state_dir = dir.path().join("state");
    fs::write(&state_dir, "in the way").unwrap();
    let handle = AuditHandle::new(&state_dir, Head::none());
    assert!(matches!(handle.append(note("begun", "a", "b"), String::new()).await, Err(AuditError::Io { .. })));
    fs::remove_file(&state_dir).unwrap();
    let notes = (0..10).map(|_| {
        let handle = handle.clone();
        tokio::spawn(async move { handle.append(note("begun", "a", "b"), String::new()).await.unwrap().seq })
    });
    let mut numbers = Vec::new();
    for number in notes.collect::<Vec<_>>() {
        numbers.push(number.await.unwrap());
    }
    numbers.sort_unstable();
    assert_eq!(numbers, (1..=10).collect::<Vec<u64>>());
    assert!(verified(&state_dir.join(FILE), &handle.head().await.unwrap()));
    assert!(matches!(handle.append(note("else", "a", "b"), String::new()).await, Err(AuditError::Unfit(_))));
}

/// One entry through the agent's handle, as after a start.
async fn restarted(state_dir: &Path, known: Head) {
    let handle = AuditHandle::new(state_dir, known);
    handle.record(Event::Configured { configuration: "c".repeat(64), why: "start".into() }).await.unwrap();
}

#[tokio::test]
async fn a_log_that_lacks_what_was_written_says_so_for_ever() {
    let dir = tempfile::tempdir_in("/dev/shm").unwrap();
    let log = dir.path().join(FILE);
    let known = written(dir.path()).head();
    let whole = fs::read(&log).unwrap();
    let lines: Vec<&[u8]> = whole.split_inclusive(|byte| *byte == b'\n').collect();
    let wrong = || matches!(verify(&log, None).unwrap(), Verdict::Wrong { .. });
    // The next entry, and one after it: what the store keeps then is of this log.
    restarted(dir.path(), known.clone()).await;
    assert!(!wrong());
    // A log that grew after the store knew of it is whole.
    restarted(dir.path(), known.clone()).await;
    assert!(!wrong());
    for (what, left) in [("its tail", lines[..3].concat()), ("all of it", Vec::new())] {
        fs::write(&log, left).unwrap();
        restarted(dir.path(), known.clone()).await;
        assert!(wrong(), "{what} was cut off before the agent started");
    }
    // Another log, as long as the true one and sound by itself.
    fs::remove_file(&log).unwrap();
    let mut other = Audit::open(dir.path()).unwrap();
    for _ in 0..9 {
        other.append(&event("begun", "watch", "forged")).unwrap();
    }
    restarted(dir.path(), known).await;
    assert!(wrong(), "it was replaced");
}

#[tokio::test]
async fn a_log_that_was_put_beside_is_followed_by_another_and_must_stay_there() {
    let dir = tempfile::tempdir_in("/dev/shm").unwrap();
    let (log, old) = (dir.path().join(FILE), dir.path().join("audit-2026.jsonl"));
    let handle = AuditHandle::new(dir.path(), Head::none());
    let entry = || Event::Resumed { who: "me".into(), why: None };
    handle.record(entry()).await.unwrap();
    fs::rename(&log, &old).unwrap();
    // The agent that has it open finds that out, and begins another one.
    assert!(handle.record(entry()).await.is_err());
    handle.record(entry()).await.unwrap();
    assert!(matches!(verify(&log, None).unwrap(), Verdict::Verified(Head { seq: 2, .. })));
    fs::remove_file(&old).unwrap();
    assert!(matches!(verify(&log, None).unwrap(), Verdict::Wrong { line: 1, .. }));
}
