//! The archived WAL: names, sizes and times of segments in one directory, the beginnings and ends of some of them, and the history files that say
//! where a timeline left another.

mod look;

use std::collections::BTreeMap;

use pgreeve_frames::{ENDINGS, Frame};
use pgreeve_sdk::{Answer, Error, files};

use crate::moment::SECOND;

pub(crate) use look::Looked;

/// Entries that are looked at; a segment a minute for two months.
const ENTRIES: usize = 100_000;
/// A history file has a line for each promotion.
const HISTORY: u32 = 64 << 10;
/// PostgreSQL's own size of segments.
const USUAL: u64 = 16 << 20;
/// Seconds: a file that nobody has written to for so long is as long as it will be, and has the name that it will have.
pub(crate) const SETTLED: i64 = 900;

/// What is in the archive.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Archive {
    /// By timeline, then by the sixteen digits after the timeline as one number.
    pub(crate) segments: BTreeMap<u32, BTreeMap<u64, Segment>>,
    /// By the timeline whose history it is.
    pub(crate) histories: BTreeMap<u32, Result<Vec<History>, String>>,
    /// Entries that are neither WAL nor of it and are not just being written, and the first of them.
    pub(crate) foreign: usize,
    pub(crate) a_foreign: Option<String>,
    /// There are more entries than a run may look at.
    pub(crate) cut: bool,
    /// Segments that could not be looked into, and why the first could not.
    pub(crate) unread: usize,
    pub(crate) an_unread: Option<Error>,
    /// Segments that this run did not look into and an earlier one found broken, and why, by timeline and position.
    pub(crate) still_broken: BTreeMap<(u32, u64), String>,
}

impl Archive {
    /// The size of segments: as the server told it, or that of the first which is not compressed.
    pub(crate) fn segment_bytes(&self, told: Option<u64>) -> u64 {
        let plain = || {
            let mut all = self.segments.values().flat_map(BTreeMap::values);
            all.find(|segment| segment.ending.is_none() && segment.size.is_power_of_two()).map(|segment| segment.size)
        };
        told.filter(|bytes| bytes.is_power_of_two()).or_else(plain).unwrap_or(USUAL)
    }
}

/// An archived segment.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Segment {
    pub(crate) size: u64,
    /// Microseconds since 1970.
    pub(crate) modified: i64,
    /// How it is compressed: the ending of its name.
    pub(crate) ending: Option<&'static str>,
    /// What its first and last bytes say; none: this run did not look.
    pub(crate) frame: Option<Frame>,
}

/// Where a timeline ended and the next began.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct History {
    pub(crate) timeline: u32,
    /// Byte position.
    pub(crate) until: u64,
}

/// Reads the archive of the cluster with this system identifier at `now`, in microseconds, and remembers which segments it has looked into.
pub(crate) fn read(grant: &str, cluster: Option<u64>, now: i64, looked: &mut Looked) -> Answer<Archive> {
    let mut archive = Archive::default();
    let mut after: Option<String> = None;
    let mut seen = 0;
    let mut histories = Vec::new();
    loop {
        let page = files::entries(grant, "", after.as_deref())?;
        seen += page.entries.len();
        after = page.entries.last().map(|entry| entry.path.clone());
        for entry in page.entries {
            match sort(&entry.path) {
                Some(Sorted::Segment(timeline, position, ending)) if entry.kind == files::Kind::File => {
                    let segment = Segment { size: entry.size, modified: entry.modified, ending, frame: None };
                    let known = archive.segments.entry(timeline).or_default().entry(position).or_insert(segment);
                    // A segment and its compressed copy, one of which may just be being written.
                    if known.size == 0 || (known.ending.is_some() && segment.ending.is_none() && segment.size > 0) {
                        *known = segment;
                    }
                }
                Some(Sorted::History(timeline)) => histories.push((timeline, entry.path)),
                Some(Sorted::Other) => {}
                // What archive_command copies to before it gives the segment its name; a server's clock may be a little ahead.
                None if (now - entry.modified).abs() < SETTLED * SECOND => {}
                _ => {
                    archive.foreign += 1;
                    archive.a_foreign.get_or_insert(entry.path);
                }
            }
        }
        if !page.more || after.is_none() {
            break;
        }
        if seen >= ENTRIES {
            archive.cut = true;
            break;
        }
    }
    for (timeline, path) in histories {
        let text = files::read(grant, &path, 0, HISTORY)?;
        archive.histories.insert(timeline, history(&String::from_utf8_lossy(&text)));
    }
    look::look(&mut archive, looked, cluster, |path, offset, length| files::read(grant, path, offset, length));
    Ok(archive)
}

#[derive(Debug, PartialEq)]
enum Sorted {
    Segment(u32, u64, Option<&'static str>),
    History(u32),
    /// A backup's label, or the last, partial segment of a timeline.
    Other,
}

fn sort(name: &str) -> Option<Sorted> {
    let (stem, ending) = name.split_once('.').map_or((name, None), |(stem, ending)| (stem, Some(ending)));
    let hexadecimal = |text: &str| text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'A'..=b'F'));
    if !hexadecimal(stem) {
        return None;
    }
    let timeline = u32::from_str_radix(stem.get(..8)?, 16).ok()?;
    match (stem.len(), ending) {
        (8, Some("history")) => Some(Sorted::History(timeline)),
        (24, None) => Some(Sorted::Segment(timeline, u64::from_str_radix(stem.get(8..)?, 16).ok()?, None)),
        (24, Some(ending)) if ENDINGS.contains(&ending) => {
            let ending = ENDINGS.into_iter().find(|known| *known == ending);
            Some(Sorted::Segment(timeline, u64::from_str_radix(stem.get(8..)?, 16).ok()?, ending))
        }
        (24, Some(ending)) if ending.ends_with("backup") || ending.starts_with("partial") => Some(Sorted::Other),
        _ => None,
    }
}

/// Lines of `timeline <tab> position <tab> reason`; empty lines and comments are allowed.
fn history(text: &str) -> Result<Vec<History>, String> {
    text.lines()
        .map(str::trim)
        .filter(|line| !line.is_empty() && !line.starts_with('#'))
        .map(|line| {
            let mut words = line.split_whitespace();
            let timeline = words.next().and_then(|word| word.parse().ok());
            let until = words.next().and_then(lsn);
            timeline
                .zip(until)
                .map(|(timeline, until)| History { timeline, until })
                .ok_or_else(|| format!("{line:?} is no line of one"))
        })
        .collect()
}

/// A byte position from its text, such as `0/3000148`.
pub(crate) fn lsn(text: &str) -> Option<u64> {
    let (high, low) = text.split_once('/')?;
    Some((u64::from(u32::from_str_radix(high, 16).ok()?) << 32) | u64::from(u32::from_str_radix(low, 16).ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_in_an_archive_are_what_postgresql_calls_them() {
        assert_eq!(sort("00000001000000020000000A"), Some(Sorted::Segment(1, 0x2_0000_000A, None)));
        assert_eq!(sort("0000000200000002000000FF.gz"), Some(Sorted::Segment(2, 0x2_0000_00FF, Some("gz"))));
        assert_eq!(sort("00000002.history"), Some(Sorted::History(2)));
        assert_eq!(sort("000000010000000000000003.00000028.backup"), Some(Sorted::Other));
        assert_eq!(sort("000000010000000000000003.partial"), Some(Sorted::Other));
        for name in ["RECOVERYXLOG", "00000001000000020000000a", "00000001", "000000010000000000000003.tmp", ""] {
            assert_eq!(sort(name), None, "{name}");
        }
    }

    #[test]
    fn a_history_is_read_and_a_broken_one_is_said_to_be() {
        let read = history("1\t0/3000148\tno recovery target specified\n\n2\t1/0\tbefore\n").unwrap();
        assert_eq!(read, [History { timeline: 1, until: 0x300_0148 }, History { timeline: 2, until: 1 << 32 }]);
        assert!(history("1\tnowhere").is_err());
    }
}
