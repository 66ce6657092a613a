//! What a directory of archived WAL holds: from a segment on, without a gap, along the newest timeline, until when.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use crate::answer::{Outcome, cannot};
use crate::moment::Moment;
use crate::program::{self, Tools};

/// Segments that are looked through, from the end, for the time of a commit.
const LOOKED_AT: usize = 64;

/// A segment's place in the WAL.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Segment {
    timeline: u32,
    number: u64,
}

/// The segments that follow one another from a backup's first.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Run {
    /// File names, in order.
    pub(super) names: Vec<String>,
    /// The first one that is missing or cut short although later ones are there.
    pub(super) gap: Option<String>,
}

/// Segments and timeline histories of a directory.
#[derive(Debug)]
pub(super) struct Archive {
    path: PathBuf,
    /// Size of each file with a segment's name.
    files: BTreeMap<String, u64>,
    /// Text of each `.history` file, by timeline.
    histories: BTreeMap<u32, String>,
    segment_bytes: u64,
}

impl Archive {
    /// Lists a directory of plain segments.
    pub(super) fn read(path: &Path) -> Outcome<Self> {
        let (mut files, mut histories) = (BTreeMap::new(), BTreeMap::new());
        let listed = fs::read_dir(path).and_then(Iterator::collect::<Result<Vec<_>, _>>);
        for entry in listed.map_err(cannot(format_args!("list {}", path.display())))? {
            let Ok(name) = entry.file_name().into_string() else { continue };
            if is_segment(&name) {
                let size = entry.metadata().map_err(cannot(format_args!("look at {name}")))?.len();
                files.insert(name, size);
            } else if let Some(timeline) =
                name.strip_suffix(".history").and_then(|hex| u32::from_str_radix(hex, 16).ok())
            {
                let text = fs::read_to_string(entry.path()).map_err(cannot(format_args!("read {name}")))?;
                histories.insert(timeline, text);
            }
        }
        // All segments of a server have one size; a cut one is smaller.
        let segment_bytes = files.values().copied().max().unwrap_or(0);
        Ok(Self { path: path.to_owned(), files, histories, segment_bytes })
    }

    /// What follows from this segment on, as recovery with the latest timeline goes.
    pub(super) fn from(&self, first: &str) -> Run {
        let mut run = Run::default();
        let Some(mut at) = Segment::parse(first, self.segment_bytes) else { return run };
        let switches = self.switches(at.timeline);
        loop {
            // The switch happens within a segment, and the new timeline's file holds all of it.
            at.timeline = switches
                .iter()
                .rev()
                .find(|(_, number)| *number <= at.number)
                .map_or(at.timeline, |(timeline, _)| *timeline);
            let name = at.name(self.segment_bytes);
            if self.files.get(&name) != Some(&self.segment_bytes) {
                let later = self
                    .files
                    .keys()
                    .filter_map(|name| Segment::parse(name, self.segment_bytes))
                    .any(|one| one.number > at.number);
                run.gap = (later || self.files.contains_key(&name)).then_some(name);
                return run;
            }
            run.names.push(name);
            at.number += 1;
        }
    }

    /// Timelines that the newest history leads through after `timeline`, each with its first segment.
    fn switches(&self, timeline: u32) -> Vec<(u32, u64)> {
        for (&newest, text) in self.histories.iter().rev() {
            let lines: Vec<(u32, u64)> = text.lines().filter_map(|line| self.switch(line)).collect();
            let Some(ours) = lines.iter().position(|(parent, _)| *parent == timeline) else { continue };
            // Each line names a timeline and where it ended; what began there is the next line's, or the newest.
            let next = lines.iter().skip(1).map(|(parent, _)| *parent).chain([newest]);
            return lines.iter().zip(next).skip(ours).map(|((_, number), next)| (next, *number)).collect();
        }
        Vec::new()
    }

    /// `1<tab>0/3000000<tab>no recovery target specified`.
    fn switch(&self, line: &str) -> Option<(u32, u64)> {
        let mut words = line.split_whitespace();
        let timeline = words.next()?.parse().ok()?;
        Some((timeline, position(words.next()?)?.checked_div(self.segment_bytes)?))
    }

    /// When the last transaction that the run holds ended; `None` if none of the last segments holds one, or they cannot be read.
    pub(super) fn last_commit(&self, run: &Run, tools: &Tools) -> Option<Moment> {
        run.names.iter().rev().take(LOOKED_AT).find_map(|name| {
            let mut dump = tools.command("pg_waldump").ok()?;
            dump.arg("--rmgr=Transaction").arg(self.path.join(name)).env("TZ", "UTC");
            // At the end of the segment it complains that the next one is not named; what it printed before stands.
            let printed = program::run(dump, "pg_waldump").ok()?.stdout;
            printed.lines().rev().find_map(ended)
        })
    }
}

/// The time in `… desc: COMMIT 2026-11-20 18:35:45.844461 UTC; …`.
fn ended(line: &str) -> Option<Moment> {
    let (_, rest) = line.split_once("desc: COMMIT ").or_else(|| line.split_once("desc: ABORT "))?;
    let (time, _) = rest.split_once(" UTC")?;
    Moment::parse(time)
}

fn is_segment(name: &str) -> bool {
    name.len() == 24 && name.bytes().all(|byte| byte.is_ascii_digit() || (b'A'..=b'F').contains(&byte))
}

/// An LSN as a number.
fn position(lsn: &str) -> Option<u64> {
    let (high, low) = lsn.split_once('/')?;
    Some((u64::from_str_radix(high, 16).ok()? << 32) | u64::from_str_radix(low, 16).ok()?)
}

impl Segment {
    fn parse(name: &str, segment_bytes: u64) -> Option<Self> {
        let part = |from: usize| u32::from_str_radix(name.get(from..from + 8)?, 16).ok();
        let per_file = (1_u64 << 32).checked_div(segment_bytes)?;
        Some(Self { timeline: part(0)?, number: u64::from(part(8)?) * per_file + u64::from(part(16)?) })
    }

    fn name(self, segment_bytes: u64) -> String {
        let per_file = (1_u64 << 32).checked_div(segment_bytes).unwrap_or(1);
        format!("{:08X}{:08X}{:08X}", self.timeline, self.number / per_file, self.number % per_file)
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::{Archive, Run, ended};
    use crate::moment::Moment;

    /// An archive with segments of so many MiB.
    fn archive(segments: &[(&str, u64)], histories: &[(&str, &str)]) -> Archive {
        let dir = tempfile::tempdir().unwrap();
        for (name, size) in segments {
            fs::File::create(dir.path().join(name)).unwrap().set_len(size << 20).unwrap();
        }
        for (name, text) in histories {
            fs::write(dir.path().join(name), text).unwrap();
        }
        Archive::read(dir.path()).unwrap()
    }

    fn run(names: &[&str], gap: Option<&str>) -> Run {
        Run { names: names.iter().map(ToString::to_string).collect(), gap: gap.map(str::to_owned) }
    }

    const A: &str = "000000010000000000000FFE";
    const B: &str = "000000010000000000000FFF";
    const C: &str = "000000010000000100000000";
    const D: &str = "000000010000000100000001";

    #[test]
    fn segments_follow_one_another_over_the_end_of_a_log_file() {
        let whole = archive(&[(A, 1), (B, 1), (C, 1), ("notes", 1), ("000000010000000100000001.partial", 1)], &[]);
        assert_eq!(whole.from(A), run(&[A, B, C], None));
        assert_eq!(whole.from(C), run(&[C], None));
    }

    #[test]
    fn a_missing_or_cut_segment_is_a_gap_and_the_end_is_none() {
        assert_eq!(archive(&[(A, 1), (C, 1)], &[]).from(A), run(&[A], Some(B)));
        assert_eq!(archive(&[(A, 1), (B, 0), (C, 1)], &[]).from(A), run(&[A], Some(B)));
        assert_eq!(archive(&[(C, 1), (D, 0)], &[]).from(C), run(&[C], Some(D)));
        assert_eq!(archive(&[(C, 1)], &[]).from(A), run(&[], Some(A)));
        assert_eq!(archive(&[], &[]).from(A), run(&[], None));
    }

    #[test]
    fn recovery_goes_over_to_the_newest_timeline_where_the_old_one_ended() {
        let (second, later) = ("000000020000000100000000", "000000020000000100000001");
        let history = [("00000002.history", "1\t1/00000028\tno recovery target specified\n")];
        let switched = archive(&[(A, 1), (B, 1), (C, 1), (second, 1), (later, 1)], &history);
        assert_eq!(switched.from(A), run(&[A, B, second, later], None));
        assert_eq!(archive(&[(A, 1), (B, 1), (C, 1), (later, 1)], &history).from(A), run(&[A, B], Some(second)));
    }

    #[test]
    fn the_end_of_a_transaction_is_read_from_what_pg_waldump_prints() {
        let line = "rmgr: Transaction len (rec/tot):     34/    34, tx:        734, lsn: 0/01D012A0, prev 0/01D01260, desc: COMMIT 2026-11-20 18:35:45.844461 UTC";
        assert_eq!(ended(line), Moment::parse("2026-11-20T18:35:45.844461Z"));
        assert_eq!(ended("rmgr: Heap len"), None);
    }
}
