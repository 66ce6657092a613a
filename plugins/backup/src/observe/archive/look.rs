//! A look into segments: their first bytes and, of compressed ones, their frame. A run looks at the newest, at those that were found broken before,
//! and goes on through the others where the run before it ended, so that each has its turn.

use std::collections::BTreeMap;
use std::ops::RangeInclusive;

use pgreeve_frames::{Frame, compressed, plain};
use pgreeve_sdk::{Error, files};
use serde::{Deserialize, Serialize};

use super::{Archive, Segment};

/// Reads of one run, each of 512 bytes at most. One segment takes one read if it is plain, two if it is packed by gzip, bzip2 or xz, one for each of
/// its blocks if by lz4 or zstd: 16 MiB have four of the former and 128 of the latter.
const READS: u32 = 1500;
/// Of one segment.
const OF_ONE: u32 = 600;
/// Looked at in each run.
const NEWEST: usize = 16;
/// Broken ones that are remembered.
const BROKEN: usize = 50;
/// Sizes that segments can have.
const SIZES: RangeInclusive<u64> = 1 << 20..=1 << 30;

/// Which segments were looked into, by timeline and position.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Looked {
    /// The last one of the turn, which goes from the newest to the oldest.
    #[serde(default)]
    last: Option<(u32, u64)>,
    #[serde(default)]
    broken: Vec<(u32, u64)>,
}

impl Looked {
    /// Nothing is remembered, as in a job without an archive.
    pub(crate) fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// Looks into as many segments as a run may.
pub(super) fn look(grant: &str, cluster: Option<u64>, archive: &mut Archive, looked: &mut Looked) {
    let mut reads = READS;
    looked
        .broken
        .retain(|(timeline, position)| archive.segments.get(timeline).is_some_and(|all| all.contains_key(position)));
    let Turn { always, next } = turn(archive, looked);
    let keys = always.into_iter().map(|key| (key, false)).chain(next.into_iter().map(|key| (key, true)));
    for (key, of_turn) in keys {
        let Some(segment) = archive.segments.get_mut(&key.0).and_then(|all| all.get_mut(&key.1)) else { continue };
        if reads < OF_ONE {
            break;
        }
        match one(grant, cluster, key, *segment, &mut reads) {
            Ok(frame) => {
                segment.frame = Some(frame);
                looked.broken.retain(|known| *known != key);
                if is_suspect(frame) && looked.broken.len() < BROKEN {
                    looked.broken.push(key);
                }
            }
            // pg_archivecleanup may have been there first.
            Err(Error::Remote(error)) if error.code == "ENOENT" => {}
            // Nothing more may be received in this run.
            Err(Error::LimitExceeded(_)) => break,
            Err(error) => {
                archive.unread += 1;
                archive.an_unread.get_or_insert_with(|| error.line());
            }
        }
        if of_turn {
            looked.last = Some(key);
        }
    }
}

/// In which order segments are looked at.
struct Turn {
    /// The newest, and those that were broken.
    always: Vec<(u32, u64)>,
    /// The others, on from where the last run ended, and around.
    next: Vec<(u32, u64)>,
}

fn turn(archive: &Archive, looked: &Looked) -> Turn {
    let of = |(timeline, all): (&u32, &BTreeMap<u64, Segment>)| -> Vec<_> {
        all.keys().map(|position| (*timeline, *position)).collect()
    };
    let mut keys: Vec<(u32, u64)> = archive.segments.iter().flat_map(of).collect();
    keys.reverse();
    let (newest, rest) = keys.split_at(NEWEST.min(keys.len()));
    let known = looked.broken.iter().filter(|key| !newest.contains(key));
    let always = newest.iter().chain(known).copied().collect();
    let (before, after) = rest.split_at(looked.last.map_or(0, |last| rest.partition_point(|key| *key >= last)));
    let next = after.iter().chain(before).filter(|key| !looked.broken.contains(key)).copied().collect();
    Turn { always, next }
}

fn one(
    grant: &str,
    cluster: Option<u64>,
    (timeline, position): (u32, u64),
    segment: Segment,
    reads: &mut u32,
) -> Result<Frame, Error> {
    let ending = segment.ending.map_or(String::new(), |ending| format!(".{ending}"));
    let path = format!("{timeline:08X}{position:016X}{ending}");
    let mut read = |offset, length| {
        *reads = reads.saturating_sub(1);
        files::read(grant, &path, offset, length)
    };
    match segment.ending {
        Some(ending) => compressed(ending, segment.size, OF_ONE, &mut read),
        None => plain(timeline, position, cluster, segment.size, &mut read),
    }
}

/// Whether it is worth another look: broken, or of no size that a segment has.
fn is_suspect(frame: Frame) -> bool {
    match frame {
        Frame::Broken(_) => true,
        Frame::Whole { unpacked: Some(bytes) } => !(bytes.is_power_of_two() && SIZES.contains(&bytes)),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn archive(numbers: std::ops::Range<u64>) -> Archive {
        let segment = Segment { size: 16 << 20, modified: 0, ending: None, frame: None };
        let mut archive = Archive::default();
        archive.segments.insert(1, numbers.map(|number| (number, segment)).collect());
        archive
    }

    #[test]
    fn every_segment_has_its_turn_and_the_newest_each_time() {
        let archive = archive(0..100);
        let mut looked = Looked::default();
        let positions = |looked: &Looked| {
            let Turn { always, next } = turn(&archive, looked);
            [always, next].map(|keys| keys.into_iter().map(|key| key.1).collect::<Vec<_>>())
        };
        let newest: Vec<u64> = (84..100).rev().collect();
        assert_eq!(positions(&looked), [newest.clone(), (0..84).rev().collect()]);
        // The run before this one came to 50, and 7 was broken.
        looked = Looked { last: Some((1, 50)), broken: vec![(1, 7)] };
        let [always, next] = positions(&looked);
        assert_eq!(always, [newest, vec![7]].concat());
        assert_eq!((next.len(), next.first(), next.last()), (83, Some(&49), Some(&50)));
        // At the end it begins anew.
        looked.last = Some((1, 0));
        assert_eq!(positions(&looked)[1].first(), Some(&83));
    }
}
