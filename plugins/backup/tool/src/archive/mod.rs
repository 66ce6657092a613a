//! What a directory of archived WAL holds: from a segment on, without a gap, along the newest timeline, until when. One file per segment, plain or
//! compressed.

mod compression;
mod look;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

pub(crate) use self::compression::Compression;
use self::compression::{plain, proof_command, restore_command, unpacked};
use self::look::Looks;
use crate::answer::{Outcome, cannot};
use crate::manifest::{Content, Manifest};
use crate::moment::Moment;
use crate::program::{self, Tools};
use crate::take::segment;

/// What nobody wrote to for so long will not become whole by itself: the plugin's own measure.
const SETTLED: Duration = Duration::from_secs(900);
/// Segments that are looked through, from the end, for the time of a commit.
const LOOKED_AT: usize = 64;

/// A segment's place in the WAL.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Segment {
    timeline: u32,
    number: u64,
}

/// What PostgreSQL makes segments of where nobody says otherwise.
const USUAL_SEGMENT: u64 = 16 << 20;

/// A file of a segment.
#[derive(Clone, Copy, Debug)]
struct Stored {
    compression: Option<Compression>,
    bytes: u64,
    /// Nobody wrote to it for a while when it was listed.
    settled: bool,
}

/// The segments that follow one another from a backup's first.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Run {
    /// Names of segments, in order.
    pub(crate) names: Vec<String>,
    /// The first one that is missing, or not whole, although later ones are there.
    pub(crate) gap: Option<String>,
    /// Of a gap whose file is there, what is wrong with that.
    pub(crate) wrong: Option<&'static str>,
    /// The gap is the newest there is, and was written to a short while ago: it may be being archived.
    pub(crate) under_way: bool,
    /// So many of the names, the first ones, were not looked into: the time was up.
    pub(crate) unseen: usize,
}

/// Segments and timeline histories of a directory.
#[derive(Debug)]
pub(crate) struct Archive {
    path: PathBuf,
    /// The file of each segment; of a plain and a compressed one the plain, which recovery takes first.
    files: BTreeMap<String, Stored>,
    /// Text of each `.history` file, by timeline.
    histories: BTreeMap<u32, String>,
    /// Segments of which there is only a `.partial`.
    partial: Vec<String>,
    compressions: Vec<Compression>,
    segment_bytes: u64,
    /// System identifier of the cluster, where the backup has it.
    cluster: Option<u64>,
    looks: Looks,
}

/// Size of the cluster's segments: as the backup has it, or, of one that does not, as name and position of its first segment say.
fn segment_bytes(base: &Manifest, content: &Content) -> Option<u64> {
    let fits = |bytes: &u64| {
        let (start, timeline) = (base.start_lsn.as_deref()?, base.server.timeline?);
        (segment(timeline, start, *bytes) == base.start_segment).then_some(*bytes)
    };
    content.wal_segment_bytes.or_else(|| (20..=30).map(|power| 1 << power).find_map(|bytes| fits(&bytes)))
}

/// System identifier of the cluster, where the backup has it.
fn cluster(base: &Manifest) -> Option<u64> {
    base.server.system_identifier.as_ref().and_then(|text| text.parse().ok())
}

impl Archive {
    /// Lists a directory, as an archive for this base backup.
    pub(crate) fn of(path: &Path, base: &Manifest, content: &Content) -> Outcome<Self> {
        Ok(Self { cluster: cluster(base), ..Self::read(path, segment_bytes(base, content))? })
    }

    /// Whether it is an archive for this base backup too, so that what was looked at need not be looked at again.
    pub(crate) fn serves(&self, base: &Manifest, content: &Content) -> bool {
        self.cluster == cluster(base) && segment_bytes(base, content).is_none_or(|bytes| bytes == self.segment_bytes)
    }

    fn read(path: &Path, segment_bytes: Option<u64>) -> Outcome<Self> {
        let mut archive = Self {
            path: path.to_owned(),
            files: BTreeMap::new(),
            histories: BTreeMap::new(),
            partial: Vec::new(),
            compressions: Vec::new(),
            segment_bytes: 0,
            cluster: None,
            looks: Looks::default(),
        };
        let now = SystemTime::now();
        let listed = fs::read_dir(path).and_then(Iterator::collect::<Result<Vec<_>, _>>);
        for entry in listed.map_err(cannot(format_args!("list {}", path.display())))? {
            let Ok(file) = entry.file_name().into_string() else { continue };
            let (name, compression) = Compression::of(&file);
            if is_segment(name) {
                let about = entry.metadata().map_err(cannot(format_args!("look at {file}")))?;
                let settled = about.modified().ok().and_then(|at| now.duration_since(at).ok());
                let settled = settled.is_some_and(|since| since > SETTLED);
                let found = Stored { compression, bytes: about.len(), settled };
                let kept = archive.files.entry(name.to_owned()).or_insert(found);
                if compression.is_none() {
                    *kept = found;
                }
            } else if let Some(timeline) =
                name.strip_suffix(".history").and_then(|hex| u32::from_str_radix(hex, 16).ok())
            {
                let text = plain(&entry.path(), compression).map_err(cannot(format_args!("read {file}")))?;
                archive.histories.insert(timeline, String::from_utf8_lossy(&text).into_owned());
            } else if let Some(name) = name.strip_suffix(".partial").filter(|name| is_segment(name)) {
                archive.partial.push(name.to_owned());
                continue;
            } else {
                continue;
            }
            archive.compressions.extend(compression);
        }
        archive.compressions.sort();
        archive.compressions.dedup();
        // All segments of a server have one size; a cut one is smaller.
        let largest = archive.files.values().filter(|file| file.compression.is_none()).map(|file| file.bytes).max();
        archive.segment_bytes = segment_bytes.or(largest).unwrap_or(USUAL_SEGMENT);
        Ok(archive)
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// For the server's shell: fetches a segment.
    pub(crate) fn restore_command(&self) -> String {
        restore_command(&self.path, &self.compressions)
    }

    /// The same for a server that is to find out how far replay goes: what is no whole segment is not there, where it would give up at once.
    pub(crate) fn proof_command(&self) -> String {
        proof_command(&self.path, &self.compressions, self.segment_bytes)
    }

    /// The compressions of its files.
    pub(crate) fn compressions(&self) -> &[Compression] {
        &self.compressions
    }

    /// Whether a promoted standby left the beginning of this segment.
    pub(crate) fn has_beginning_of(&self, name: &str) -> bool {
        self.partial.iter().any(|partial| partial == name)
    }

    /// Whether WAL up to this position reaches into the last segment of a run, or the one before: what a program wrote may end there.
    pub(crate) fn reaches_end(&self, run: &Run, lsn: &str) -> bool {
        let last = run.names.last().and_then(|name| Segment::parse(name, self.segment_bytes));
        let reached = position(lsn).and_then(|lsn| lsn.checked_div(self.segment_bytes));
        last.zip(reached).is_none_or(|(last, reached)| reached + 1 >= last.number)
    }

    /// What follows from this segment on, as recovery with the latest timeline goes.
    pub(crate) fn from(&self, first: &str) -> Run {
        Segment::parse(first, self.segment_bytes).map_or_else(Run::default, |first| self.follow(first, first.number))
    }

    /// What follows from a position on that was replayed to from this segment; without one from the segment on.
    pub(crate) fn beyond(&self, first: &str, replayed: Option<&str>) -> Run {
        let reached = replayed.and_then(position).and_then(|lsn| lsn.checked_div(self.segment_bytes)).unwrap_or(0);
        let first = Segment::parse(first, self.segment_bytes);
        first.map_or_else(Run::default, |first| self.follow(first, reached.max(first.number)))
    }

    fn follow(&self, first: Segment, number: u64) -> Run {
        let (mut run, mut at) = (Run::default(), Segment { number, ..first });
        let switches = self.switches(at.timeline);
        let cut = |file: &Stored| file.compression.is_none() && file.bytes != self.segment_bytes;
        loop {
            // The switch happens within a segment, and the new timeline's file holds all of it.
            at.timeline = switches
                .iter()
                .rev()
                .find(|(_, number)| *number <= at.number)
                .map_or(at.timeline, |(timeline, _)| *timeline);
            let name = at.name(self.segment_bytes);
            let file = self.files.get(&name);
            if file.is_none_or(cut) {
                run.wrong = file.map(|_| "it is cut short");
                break;
            }
            run.names.push(name);
            at.number += 1;
        }
        let found = self.look_back(&run.names);
        run.unseen = found.unseen;
        if let Some((index, wrong)) = found.damaged {
            at = run.names.get(index).and_then(|name| Segment::parse(name, self.segment_bytes)).unwrap_or(at);
            run.names.truncate(index);
            run.wrong = Some(wrong);
        }
        let later = self
            .files
            .keys()
            .filter_map(|name| Segment::parse(name, self.segment_bytes))
            // What an older timeline went on to after this one left it comes after nothing of this one.
            .any(|one| one.timeline >= at.timeline && one.number > at.number);
        let name = at.name(self.segment_bytes);
        let file = self.files.get(&name);
        run.under_way = !later && file.is_some_and(|file| !file.settled);
        run.gap = (later || file.is_some()).then_some(name);
        run
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
    pub(crate) fn last_commit(&self, run: &Run, tools: &Tools) -> Option<Moment> {
        run.names.iter().rev().take(LOOKED_AT).find_map(|name| {
            let file = self.files.get(name)?;
            let mut dump = tools.command("pg_waldump").ok()?;
            // Written out plain where it is compressed: the file's name says which segment it is.
            let unpacked = unpacked(name, file.compression, &self.path);
            let path = unpacked.as_ref().map_or_else(|| self.path.join(name), |place| place.0.join(name));
            dump.arg("--rmgr=Transaction").arg(path).env("TZ", "UTC");
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
mod tests;
