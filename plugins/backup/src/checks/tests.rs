//! Judgements as tables, on observations made by hand; the rest is proved on real directories and servers in `tests/tests/backup_plugin`.

use std::collections::BTreeMap;

use pgreeve_sdk::{
    Argument, Cause, Context, Error, Finding, Outcome, Report, ResultKind, Role, Run, Server as Identity, Status, files,
};

use super::continuity::{Gap, Wal};
use super::{all, made_good};
use crate::memory::Memory;
use crate::moment::{SECOND, of_stamp};
use crate::name::{Kind, Name};
use crate::observe::{Archive, Archiver, Observed, Place, Ready, Seen, Segment, Sized};
use crate::sealed::{Content, Manifest, Sealed, Server, Verified};
use crate::settings::Settings;
use crate::shelf::{Backup, Entry, Opened, Shelf, What};
use crate::view::View;

pub(super) const DAY: i64 = 86_400 * SECOND;

pub(super) fn now() -> i64 {
    of_stamp("20261120T120000Z").unwrap()
}

/// A directory with a good full dump of `app` of each of these days ago; the newest was read again.
pub(super) fn observed(days: &[i64]) -> Observed {
    let mut shelf = Shelf::default();
    for day in days {
        let started = now() - day * DAY - 3600 * SECOND;
        let stamp = crate::moment::text(started).replace(['-', ':'], "").replace(' ', "T");
        let name = Name::parse(&format!("full-app-{stamp}")).unwrap();
        let file = |size| Entry { what: What::File, size, modified: started };
        shelf.entries.insert(format!("{name}.json"), file(900));
        shelf.entries.insert(format!("{name}.dump"), file(5000));
        shelf.entries.insert(format!("{name}.content.json"), file(70));
        let manifest = Manifest {
            name: name.to_string(),
            kind: Kind::Full,
            database: Some("app".into()),
            schemas: Vec::new(),
            started_us: started,
            finished_us: started + 60 * SECOND,
            duration_ms: 60_000,
            data_until_us: started,
            payload: format!("{name}.dump"),
            bytes: 5000,
            database_bytes: Some(50_000),
            content: Content { bytes: 70 },
            server: Server { system_identifier: None, timeline: None },
            lsn: None,
            summary: BTreeMap::new(),
            caveats: Vec::new(),
            caveats_left_out: 0,
        };
        let seal = format!("seal {day}");
        let verified =
            Verified { manifest_sha256: Some(seal.clone()), verified_us: now(), whole: true, problems: Vec::new() };
        let opened = Opened {
            manifest: Ok(Ok(Sealed { manifest, seal })),
            directory_bytes: None,
            proof: None,
            verified: Some(Ok(Ok(verified))),
        };
        shelf.backups.push(Backup { name, opened: Some(opened) });
    }
    let space = files::Space { total: 1 << 40, available: 1 << 39, inodes_total: 0, inodes_available: 0 };
    Observed {
        directory: Some(Place { grant: "backups".into(), shelf: Ok(shelf), space: Ok(space) }),
        server: None,
        archive: None,
        copies: None,
        disks: None,
        pgbackrest: None,
        barman: None,
        commands: Vec::new(),
        memory: Memory::default(),
    }
}

fn run(settings: &str) -> Run<Settings> {
    let context = Context {
        job: "backup".into(),
        now: now(),
        cause: Cause::Scheduled,
        settings: settings.into(),
        grants: Vec::new(),
        outcomes: Vec::new(),
    };
    Run { context, settings: serde_json::from_str(settings).unwrap() }
}

pub(super) fn judge(settings: &str, observed: &Observed) -> Report {
    let run = run(settings);
    all(&View::new(&run, observed))
}

pub(super) fn find<'a>(report: &'a Report, key: &str) -> &'a Finding {
    report.findings.iter().find(|finding| finding.key == key).unwrap_or_else(|| panic!("no {key}: {report:#?}"))
}

const EXPIRE: &str = r#"{"expire": true, "full": {"keep_count": 1}}"#;

#[test]
fn nothing_is_removed_while_the_clock_is_in_doubt() {
    let mut observed = observed(&[0, 40]);
    assert_eq!(judge(EXPIRE, &observed).proposals.len(), 1);
    observed.memory.went_back = 3600 * SECOND;
    let report = judge(EXPIRE, &observed);
    assert!(report.proposals.is_empty() && find(&report, "clock").status == Status::Warning);
    assert!(find(&report, "retention/full:app").summary.contains("clock"));
}

#[test]
fn a_clock_that_jumped_ahead_removes_nothing() {
    // By a clock that is a year ahead all are beyond their retention, and the newest is a year late.
    let observed = observed(&[365, 366, 367]);
    let report = judge(EXPIRE, &observed);
    assert!(report.proposals.is_empty(), "{report:#?}");
    assert!(find(&report, "retention/full:app").summary.contains("old ones stay"));
}

#[test]
fn the_report_of_a_run_has_no_key_twice_and_clears_only_what_it_says() {
    for settings in [
        "{}",
        EXPIRE,
        r#"{"take": ["full", "base"], "verify": true, "prove": ["full"], "watch": true, "expire": true}"#,
    ] {
        let report = judge(settings, &observed(&[0, 1, 40, 50]));
        let mut keys: Vec<&str> = report.findings.iter().map(|finding| finding.key.as_str()).collect();
        assert!(report.proposals.iter().flat_map(|it| &it.clears).all(|key| keys.contains(&key.as_str())));
        keys.sort_unstable();
        let all = keys.len();
        keys.dedup();
        assert_eq!(keys.len(), all, "{settings}");
        for finding in &report.findings {
            assert!(finding.status == Status::Ok || finding.advice.is_some(), "{finding:?}");
            assert!(super::ALL.iter().any(|(id, _, _)| *id == finding.check), "{finding:?}");
        }
    }
}

#[test]
fn a_backup_that_could_not_be_looked_at_is_neither_good_nor_damaged_and_nothing_is_taken_in_its_place() {
    let mut observed = observed(&[0]);
    let opened = observed.directory.as_mut().unwrap().shelf.as_mut().unwrap().backups[0].opened.as_mut().unwrap();
    opened.manifest = Err(Error::TimedOut("30 s".into()));
    observed.commands = vec!["backup-full".into()];
    let report = judge(r#"{"take": ["full"], "watch": true}"#, &observed);
    for key in ["age/full:app", "damage/full:app", "due/full:app"] {
        assert_eq!(find(&report, key).status, Status::Unknown, "{key}");
    }
    assert!(report.proposals.is_empty());
}

#[test]
fn a_failure_is_made_good_by_a_newer_backup_alone() {
    let outcome = |argument: &str| Outcome {
        proposal: "p".into(),
        action: "take-full".into(),
        target: "backup-full".into(),
        arguments: vec![Argument { name: "database".into(), value: argument.into() }],
        kind: ResultKind::Failed,
        detail: "exit status 5\nstderr: no room".into(),
    };
    let mut observed = observed(&[0]);
    for (ago, forgotten) in [(2 * 3600 * SECOND, true), (60 * SECOND, false)] {
        observed.memory = Memory::advance(None, now() - ago, &[outcome("app")]);
        let run = run("{}");
        assert_eq!(made_good(&View::new(&run, &observed)).len(), usize::from(forgotten), "{ago}");
    }
    let finding = judge("{}", &observed).findings.into_iter().find(|finding| finding.check == "failed").unwrap();
    assert!(finding.summary.ends_with("no room") && finding.advice.unwrap().contains("space"), "{}", finding.summary);
}

/// A server with these databases, by name and size.
fn server(sizes: &[(&str, i64)]) -> Seen {
    let sized = |(name, bytes): &(&str, i64)| Sized { name: (*name).to_owned(), bytes: Some(*bytes) };
    let server = Identity {
        version: 150_020,
        role: Role::Primary,
        system_identifier: 7,
        database: "postgres".into(),
        user: "observer".into(),
        extensions: Vec::new(),
    };
    Seen {
        server,
        databases: Ok(Vec::new()),
        sizes: Ok(sizes.iter().map(sized).collect()),
        archiver: Ok(Archiver::default()),
        ready: Ok(Ready::default()),
    }
}

#[test]
fn what_the_tool_would_refuse_for_want_of_room_is_not_proposed() {
    // `app` has grown from 50,000 bytes, of which the backup has 5000, to 50 GB; of `shop` there is none yet.
    let mut observed = observed(&[2]);
    observed.server = Some(("main".into(), Ok(server(&[("app", 50_000_000_000), ("shop", 10_000_000_000)]))));
    observed.commands = vec!["backup-full".into()];
    let settings = r#"{"take": ["full"], "databases": ["app", "shop"]}"#;
    // A fifth above five gigabytes and the whole of ten, each with a mebibyte more.
    for (available, proposed) in [
        (5_999_000_000, vec![]),
        (6_002_000_000, vec!["app"]),
        (10_000_000_000, vec!["app"]),
        (10_002_000_000, vec!["app", "shop"]),
    ] {
        observed.directory.as_mut().unwrap().space =
            Ok(files::Space { total: 1 << 40, available, inodes_total: 0, inodes_available: 0 });
        let report = judge(settings, &observed);
        let of: Vec<&str> = report.proposals.iter().map(|proposal| proposal.arguments[0].value.as_str()).collect();
        assert_eq!(of, proposed, "{available}");
        let critical = find(&report, "space/backups").status == Status::Critical;
        assert!(critical, "there is no room for both: {available}");
    }
}

fn archive(segments: &[(u32, u64)]) -> Archive {
    let mut archive = Archive::default();
    for (timeline, position) in segments {
        let segment = Segment { size: 16 << 20, modified: 0, ending: None, frame: None };
        archive.segments.entry(*timeline).or_default().insert(*position, segment);
    }
    archive
}

#[test]
fn gaps_are_found_where_the_digits_carry_over() {
    let archive = archive(&[(1, 0x1_0000_00FE), (1, 0x1_0000_00FF), (1, 0x2_0000_0000), (1, 0x2_0000_0003)]);
    let observed = observed(&[]);
    let run = run("{}");
    let wal = Wal::new(&View::new(&run, &observed), &archive);
    let first = 0x1FE;
    assert_eq!(wal.gaps(1, first, None), [Gap { first: 0x201, last: 0x202 }]);
    assert_eq!(wal.name(1, 0x202), "000000010000000200000002");
    assert_eq!(wal.gaps(1, first, Some(0x205)), [Gap { first: 0x201, last: 0x202 }, Gap { first: 0x204, last: 0x205 }]);
    assert_eq!(wal.gaps(1, first, Some(0x200)), []);
    assert_eq!(wal.of_lsn(0x2_0200_0000), 0x202);
}
