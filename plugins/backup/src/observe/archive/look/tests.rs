//! Archives in memory, of files that every read is counted of.

use std::ops::Range;

use pgreeve_sdk::{Limit, RemoteError};

use super::*;

/// Bytes of a block of zstd, of which 16 MiB that cannot be packed have 128.
const BLOCK: u32 = 128 << 10;

/// A file of zstd (RFC 8878) with so many blocks that are not packed, and the size that it unpacks to.
fn zstd(blocks: u32) -> Vec<u8> {
    // A frame with a size of four bytes and no checksum.
    let mut file = vec![0x28, 0xB5, 0x2F, 0xFD, 0b1010_0000];
    file.extend((blocks * BLOCK).to_le_bytes());
    for number in 1..=blocks {
        let header = BLOCK << 3 | u32::from(number == blocks);
        file.extend(header.to_le_bytes().iter().take(3));
        file.resize(file.len() + BLOCK as usize, 7);
    }
    file
}

/// An archive of zstd's files by position, all alike but for those that are named.
struct Ground {
    archive: Archive,
    whole: Vec<u8>,
    others: BTreeMap<u64, Vec<u8>>,
    reads: u32,
}

impl Ground {
    fn new(blocks: u32, positions: Range<u64>, others: &[(u64, Vec<u8>)]) -> Self {
        let mut ground = Self {
            archive: Archive::default(),
            whole: zstd(blocks),
            others: others.iter().cloned().collect(),
            reads: 0,
        };
        ground.list(positions);
        ground
    }

    /// What a listing shows at the begin of a run.
    fn list(&mut self, positions: Range<u64>) {
        self.archive = Archive::default();
        let segment = |position| {
            let size = self.others.get(&position).unwrap_or(&self.whole).len() as u64;
            (position, Segment { size, modified: 0, ending: Some("zst"), frame: None })
        };
        self.archive.segments.insert(1, positions.map(segment).collect());
    }

    /// A run that may make so many reads.
    fn run(&mut self, looked: &mut Looked, most: u32) {
        self.reads = 0;
        look(&mut self.archive, looked, None, |path, offset, length| {
            self.reads += 1;
            if self.reads > most {
                return Err(Error::LimitExceeded(Limit::Bytes));
            }
            let position = u64::from_str_radix(&path[8..24], 16).unwrap();
            let file = self.others.get(&position).unwrap_or(&self.whole);
            let from = usize::try_from(offset).unwrap().min(file.len());
            Ok(file[from..file.len().min(from + length as usize)].to_vec())
        });
    }

    fn looked_at(&self) -> BTreeSet<u64> {
        let all = self.archive.segments[&1].iter();
        all.filter(|(_, segment)| segment.frame.is_some()).map(|(position, _)| *position).collect()
    }
}

fn cut(blocks: u32) -> Vec<u8> {
    let mut file = zstd(blocks);
    file.truncate(file.len() - 1);
    file
}

#[test]
fn a_broken_segment_stays_so_whatever_comes_after_it_and_until_it_is_mended() {
    let mut ground = Ground::new(128, 0..20, &[(19, cut(128))]);
    let mut looked = Looked::default();
    for newest in 20..40 {
        ground.run(&mut looked, u32::MAX);
        let seen = ground.archive.segments[&1][&19].frame.map(|frame| frame.wrong(16 << 20).is_some());
        let said = ground.archive.still_broken.get(&(1, 19)).map(String::as_str);
        assert!(seen == Some(true) || said == Some("it is cut short"), "{newest}: {seen:?} {said:?}");
        ground.list(0..newest);
    }
    // A run that may read nothing knows it still.
    ground.run(&mut looked, 0);
    assert_eq!(ground.archive.still_broken.len(), 1);
    ground.others.clear();
    ground.list(0..40);
    let mut runs = 0;
    while !looked.found.is_empty() {
        ground.run(&mut looked, u32::MAX);
        runs += 1;
        assert!(runs <= 3, "it has its turn in one of three runs");
    }
}

#[test]
fn every_segment_has_its_turn_and_no_run_reads_for_long_whatever_a_segment_takes() {
    // Segments of 16 and of 64 MiB, of which one is as much as a run may read, with a broken one that is looked at again and again.
    for (blocks, most) in [(1, READS), (128, READS + 129), (512, READS + 513)] {
        let mut ground = Ground::new(blocks, 0..60, &[(30, cut(blocks))]);
        let mut looked = Looked { segment_bytes: Some(u64::from(blocks * BLOCK)), ..Looked::default() };
        let mut seen = BTreeSet::new();
        for _ in 0..300 {
            ground.list(0..60);
            ground.run(&mut looked, u32::MAX);
            assert!(ground.reads <= most, "{blocks} blocks: {} reads", ground.reads);
            seen.extend(ground.looked_at());
        }
        assert_eq!(seen, (0..60).collect(), "{blocks} blocks");
        assert_eq!(looked.found.len(), 1, "{blocks} blocks");
    }
}

#[test]
fn a_segment_that_unpacks_to_another_size_is_remembered_as_a_broken_one_is() {
    let mut ground = Ground::new(128, 0..4, &[(0, zstd(64))]);
    let mut looked = Looked::default();
    ground.run(&mut looked, u32::MAX);
    while ground.archive.segments[&1][&0].frame.is_none() {
        ground.list(0..4);
        ground.run(&mut looked, u32::MAX);
    }
    ground.list(0..4);
    ground.run(&mut looked, 0);
    assert_eq!(ground.archive.still_broken.get(&(1, 0)).map(String::as_str), Some("it does not unpack to a segment"));
    // Where the server says that this is the size, it is the others that are wrong.
    looked.know(Some(8 << 20));
    for _ in 0..9 {
        ground.list(0..4);
        ground.run(&mut looked, u32::MAX);
    }
    assert!(looked.found.iter().all(|known| known.key != (1, 0)), "{looked:?}");
}

#[test]
fn one_that_was_just_being_written_is_not_held_against_the_file_that_came_of_it() {
    let mut ground = Ground::new(128, 0..2, &[(1, cut(128))]);
    let mut looked = Looked::default();
    ground.run(&mut looked, u32::MAX);
    ground.others.clear();
    ground.list(0..2);
    ground.run(&mut looked, 0);
    assert!(ground.archive.still_broken.is_empty() && looked.found.len() == 1, "{looked:?}");
}

#[test]
fn what_cannot_be_read_is_counted_with_the_first_reason_and_what_is_gone_is_not() {
    let mut ground = Ground::new(1, 0..3, &[]);
    let mut looked = Looked::default();
    let remote = |code: &str| {
        let code = code.to_owned();
        Error::Remote(RemoteError { code, message: String::new(), detail: None, hint: None })
    };
    look(&mut ground.archive, &mut looked, None, |path, _, _| {
        Err(remote(if path.starts_with("000000010000000000000001") { "ENOENT" } else { "EACCES" }))
    });
    assert_eq!((ground.archive.unread, &ground.archive.an_unread), (2, &Some(remote("EACCES"))));
}
