//! A look into segments: their first bytes and, of compressed ones, their frame. Three kinds share the reads of a run: those that were found broken
//! before, the newest, and the others, which go on where the run before ended, so that each has its turn. What was found broken stays so until a look
//! finds it whole.

use std::collections::{BTreeMap, BTreeSet};

use pgreeve_frames::{Frame, compressed, plain};
use pgreeve_sdk::Error;
use serde::{Deserialize, Serialize};

use super::{Archive, Segment};

/// Reads after which a run begins with no other segment, each of 512 bytes at most. One segment takes one read if it is plain, two if it is packed by
/// gzip, bzip2 or xz, one for each of its blocks if by lz4 or zstd: 16 MiB have four of the former and 128 of the latter. A guest has no clock: this is
/// 16 s where a read takes 40 ms, as over a network, and with one large segment more it is within the usual limit of 60 s.
const READS: u32 = 400;
/// Of one segment.
const OF_ONE: u32 = 600;
/// Newest ones, which have a share in each run.
const NEWEST: usize = 16;
/// Broken ones that are remembered.
const BROKEN: usize = 50;

/// A segment's timeline and position.
type Key = (u32, u64);

/// What is remembered of the segments that were looked into.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Looked {
    /// The last one of the turn, which goes from the newest to the oldest.
    #[serde(default)]
    last: Option<Key>,
    /// Which kind comes first in the next run: where one segment takes all reads, each kind has one in three runs.
    #[serde(default)]
    first: usize,
    /// The one that was looked at longest ago comes first.
    #[serde(default)]
    found: Vec<Found>,
    /// The size of segments, as the server told it last.
    #[serde(default)]
    pub(crate) segment_bytes: Option<u64>,
}

/// A broken segment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Found {
    key: Key,
    size: u64,
    why: String,
}

impl Looked {
    /// Nothing is remembered, as in a job without an archive.
    pub(crate) fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// Takes in the size of segments, where the server told it.
    pub(crate) fn know(&mut self, segment_bytes: Option<i64>) {
        self.segment_bytes = segment_bytes.and_then(|bytes| u64::try_from(bytes).ok()).or(self.segment_bytes);
    }

    fn saw(&mut self, key: Key, size: u64, wrong: Option<&str>) {
        self.found.retain(|known| known.key != key);
        if let Some(why) = wrong.filter(|_| self.found.len() < BROKEN) {
            self.found.push(Found { key, size, why: why.to_owned() });
        }
    }
}

/// Looks into as many segments as a run may. `read` is given a name, an offset and a length.
pub(super) fn look(
    archive: &mut Archive,
    looked: &mut Looked,
    cluster: Option<u64>,
    mut read: impl FnMut(&str, u64, u32) -> Result<Vec<u8>, Error>,
) {
    let segment_bytes = archive.segment_bytes(looked.segment_bytes);
    looked.found.retain(|known| of(archive, known.key).is_some());
    let mut kinds = kinds(archive, looked);
    let first = looked.first % kinds.len();
    kinds.rotate_left(first);
    looked.first = first + 1;
    let (mut left, mut tried) = (READS, BTreeSet::new());
    'run: for (kind, others) in kinds.iter().zip((1..=3).rev()) {
        let kept = left - left.div_ceil(others);
        for key in &kind.keys {
            let Some(segment) = of(archive, *key) else { continue };
            if left <= kept {
                break;
            }
            // The newest are among the others too.
            if !tried.insert(*key) {
                continue;
            }
            match one(*key, *segment, cluster, |path, offset, length| {
                left = left.saturating_sub(1);
                read(path, offset, length)
            }) {
                Ok(frame) => {
                    segment.frame = Some(frame);
                    looked.saw(*key, segment.size, frame.wrong(segment_bytes));
                }
                // pg_archivecleanup may have been there first.
                Err(Error::Remote(error)) if error.code == "ENOENT" => {}
                // Nothing more may be received in this run.
                Err(Error::LimitExceeded(_)) => break 'run,
                Err(error) => {
                    archive.unread += 1;
                    archive.an_unread.get_or_insert(error);
                }
            }
            if kind.turn {
                looked.last = Some(*key);
            }
        }
    }
    for known in &looked.found {
        // Of another size it is another file, or was just being written.
        if of(archive, known.key).is_some_and(|segment| segment.frame.is_none() && segment.size == known.size) {
            archive.still_broken.insert(known.key, known.why.clone());
        }
    }
}

fn of(archive: &mut Archive, (timeline, position): Key) -> Option<&mut Segment> {
    archive.segments.get_mut(&timeline)?.get_mut(&position)
}

/// Segments that share the reads with the other kinds, in the order in which they are looked at.
struct OfKind {
    keys: Vec<Key>,
    /// The next run goes on where this one ends.
    turn: bool,
}

/// Those that were broken; the newest of the others; all others, on from where the last run ended, and around.
fn kinds(archive: &Archive, looked: &Looked) -> [OfKind; 3] {
    let keys = |(timeline, all): (&u32, &BTreeMap<u64, Segment>)| -> Vec<Key> {
        all.keys().map(|position| (*timeline, *position)).collect()
    };
    let mut all: Vec<Key> = archive.segments.iter().flat_map(keys).collect();
    all.reverse();
    let broken: Vec<Key> = looked.found.iter().map(|known| known.key).collect();
    all.retain(|key| !broken.contains(key));
    let newest = all.iter().take(NEWEST).copied().collect();
    let behind = looked.last.map_or(0, |last| all.partition_point(|key| *key >= last));
    all.rotate_left(behind);
    [(broken, false), (newest, false), (all, true)].map(|(keys, turn)| OfKind { keys, turn })
}

fn one(
    (timeline, position): Key,
    segment: Segment,
    cluster: Option<u64>,
    mut read: impl FnMut(&str, u64, u32) -> Result<Vec<u8>, Error>,
) -> Result<Frame, Error> {
    let ending = segment.ending.map_or(String::new(), |ending| format!(".{ending}"));
    let path = format!("{timeline:08X}{position:016X}{ending}");
    let read = |offset, length| read(&path, offset, length);
    match segment.ending {
        Some(ending) => compressed(ending, segment.size, OF_ONE, read),
        None => plain(timeline, position, cluster, segment.size, read),
    }
}

#[cfg(test)]
mod tests;
