//! Archives of files that begin as segments do.

use std::fs;
use std::os::unix::fs::FileExt;

use super::{Archive, Compression, Run, Segment, ended};
use crate::moment::Moment;

/// An archive whose files are there as long as it is: they are looked into.
struct Kept {
    archive: Archive,
    _directory: tempfile::TempDir,
}

impl std::ops::Deref for Kept {
    type Target = Archive;
    fn deref(&self) -> &Archive {
        &self.archive
    }
}

/// An archive with segments of so many MiB.
fn archive(segments: &[(&str, u64)], histories: &[(&str, &str)]) -> Kept {
    let dir = tempfile::tempdir().unwrap();
    for (name, size) in segments {
        begin(&dir.path().join(name), size << 20);
    }
    for (name, text) in histories {
        fs::write(dir.path().join(name), text).unwrap();
    }
    Kept { archive: Archive::read(dir.path(), Some(1 << 20)).unwrap(), _directory: dir }
}

fn run(names: &[&str], gap: Option<&str>) -> Run {
    let names = names.iter().map(ToString::to_string).collect();
    Run { names, gap: gap.map(str::to_owned), ..Run::default() }
}

/// What follows; what is wrong with a file, and whether it is being written, is asked by itself.
fn from(archive: &Archive, first: &str) -> Run {
    Run { wrong: None, under_way: false, ..archive.from(first) }
}

/// A segment of 1 MiB as a server begins it, or the same packed by gzip, as far as either is looked at.
fn begin(path: &std::path::Path, bytes: u64) {
    let name = path.file_name().unwrap().to_str().unwrap();
    let file = fs::File::create(path).unwrap();
    if name.ends_with(".gz") {
        file.write_all_at(&[0x1F, 0x8B, 8, 0], 0).unwrap();
        file.write_all_at(&(1_u32 << 20).to_le_bytes(), bytes.saturating_sub(4)).unwrap();
    } else if let Some(segment) = Segment::parse(name.split('.').next().unwrap(), 1 << 20) {
        let head = [0xD110_u16.to_le_bytes(), 2_u16.to_le_bytes()].concat();
        file.write_all_at(&head, 0).unwrap();
        file.write_all_at(&segment.timeline.to_le_bytes(), 4).unwrap();
        file.write_all_at(&(segment.number << 20).to_le_bytes(), 8).unwrap();
        file.write_all_at(&(1_u32 << 20).to_le_bytes(), 32).unwrap();
    }
    file.set_len(bytes).unwrap();
}

const A: &str = "000000010000000000000FFE";
const B: &str = "000000010000000000000FFF";
const C: &str = "000000010000000100000000";
const D: &str = "000000010000000100000001";

#[test]
fn segments_follow_one_another_over_the_end_of_a_log_file() {
    let whole = archive(&[(A, 1), (B, 1), (C, 1), ("notes", 1), ("000000010000000100000001.partial", 1)], &[]);
    assert_eq!(from(&whole, A), run(&[A, B, C], None));
    assert_eq!(from(&whole, C), run(&[C], None));
}

#[test]
fn a_missing_or_cut_segment_is_a_gap_and_the_end_is_none() {
    assert_eq!(from(&archive(&[(A, 1), (C, 1)], &[]), A), run(&[A], Some(B)));
    assert_eq!(from(&archive(&[(A, 1), (B, 0), (C, 1)], &[]), A), run(&[A], Some(B)));
    assert_eq!(from(&archive(&[(C, 1), (D, 0)], &[]), C), run(&[C], Some(D)));
    assert_eq!(from(&archive(&[(C, 1)], &[]), A), run(&[], Some(A)));
    assert_eq!(from(&archive(&[], &[]), A), run(&[], None));
}

#[test]
fn recovery_goes_over_to_the_newest_timeline_where_the_old_one_ended() {
    let (second, later) = ("000000020000000100000000", "000000020000000100000001");
    let history = [("00000002.history", "1\t1/00000028\tno recovery target specified\n")];
    let switched = archive(&[(A, 1), (B, 1), (C, 1), (second, 1), (later, 1)], &history);
    assert_eq!(from(&switched, A), run(&[A, B, second, later], None));
    assert_eq!(from(&archive(&[(A, 1), (B, 1), (C, 1), (later, 1)], &history), A), run(&[A, B], Some(second)));
    // The old timeline went on, and nothing of the new one is archived yet: that is its end and no gap.
    assert_eq!(from(&archive(&[(A, 1), (B, 1), (C, 1), (D, 1)], &history), A), run(&[A, B], None));
}

#[test]
fn compressed_segments_count_and_other_files_do_not() {
    let second = format!("{B}.gz");
    let files = [(A, 1), (second.as_str(), 2), ("000000010000000100000000.00000028.backup", 1), (D, 1)];
    let mixed = archive(&files, &[]);
    assert_eq!(from(&mixed, A), run(&[A, B], Some(C)));
    assert_eq!(mixed.compressions(), [Compression { ending: "gz", program: "gzip" }]);
    let empty = archive(&[(A, 1), (&second, 0), (C, 1)], &[]);
    assert_eq!(from(&empty, A), run(&[A], Some(B)));
    // A plain one that is cut short is what recovery would take.
    let both = archive(&[(A, 1), (&second, 1), (B, 0), (C, 1)], &[]);
    assert_eq!(from(&both, A), run(&[A], Some(B)));
    let partial = archive(&[(A, 1), (&format!("{B}.partial"), 1), (C, 1)], &[]);
    assert!(partial.from(A).gap.is_some_and(|gap| partial.has_beginning_of(&gap)));
}

#[test]
fn the_newest_one_may_be_being_written_as_long_as_it_changed_lately() {
    let second = format!("{B}.gz");
    let dir = tempfile::tempdir().unwrap();
    for (name, bytes) in [(A, 1 << 20), (second.as_str(), 9)] {
        begin(&dir.path().join(name), bytes);
    }
    let read = || Archive::read(dir.path(), Some(1 << 20)).unwrap().from(A);
    assert!(read().under_way && read().gap.as_deref() == Some(B), "{:?}", read());
    let age = |minutes: u64| {
        let at = std::time::SystemTime::now() - std::time::Duration::from_secs(60 * minutes);
        fs::File::options().write(true).open(dir.path().join(&second)).unwrap().set_modified(at).unwrap();
    };
    age(14);
    assert!(read().under_way);
    age(16);
    assert!(!read().under_way && read().gap.as_deref() == Some(B));
    // What came after it says that it is done.
    age(0);
    begin(&dir.path().join(C), 1 << 20);
    assert!(!read().under_way && read().gap.as_deref() == Some(B));
}

#[test]
fn what_was_replayed_is_not_asked_for_again() {
    let holes = archive(&[(A, 0), (C, 1), (D, 1)], &[]);
    let beyond = |lsn| Run { wrong: None, under_way: false, ..holes.beyond(A, lsn) };
    assert_eq!(beyond(None), run(&[], Some(A)));
    // 1 MiB a segment: C is at 1/0, and WAL up to there came from elsewhere.
    assert_eq!(beyond(Some("1/28")), run(&[C, D], None));
    assert_eq!(beyond(Some("0/FFF00028")), run(&[], Some(B)));
}

#[test]
fn within_no_time_sizes_are_seen_and_the_rest_is_said_to_be_unseen() {
    let packed = format!("{B}.gz");
    let files = [(A, 1), (packed.as_str(), 0), (C, 1), (D, 0)];
    let late = |within| {
        let mut kept = archive(&files, &[]);
        kept.archive.looks.within = within;
        kept
    };
    let told = late(std::time::Duration::ZERO).from(A);
    assert_eq!((&told.names[..], told.gap.as_deref(), told.unseen), (&[A, B, C].map(str::to_owned)[..], Some(D), 3));
    let kept = late(std::time::Duration::from_secs(600));
    assert_eq!(from(&kept, A), run(&[A], Some(B)));
    // What was looked into is known from then on, whatever becomes of the files.
    begin(&kept.archive.path.join(&packed), 2 << 20);
    assert_eq!(from(&kept, A), run(&[A], Some(B)));
}

#[test]
fn all_segments_of_another_size_than_the_clusters_are_cut_short() {
    let dir = tempfile::tempdir().unwrap();
    for name in [A, B] {
        fs::write(dir.path().join(name), "short").unwrap();
    }
    assert_eq!(from(&Archive::read(dir.path(), Some(1 << 20)).unwrap(), A), run(&[], Some(A)));
}

#[test]
fn the_end_of_a_transaction_is_read_from_what_pg_waldump_prints() {
    let line = "rmgr: Transaction len (rec/tot):     34/    34, tx:        734, lsn: 0/01D012A0, prev 0/01D01260, desc: COMMIT 2026-11-20 18:35:45.844461 UTC";
    assert_eq!(ended(line), Moment::parse("2026-11-20T18:35:45.844461Z"));
    assert_eq!(ended("rmgr: Heap len"), None);
}
