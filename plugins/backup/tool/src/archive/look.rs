//! Looks into the files of an archive: whether each is whole, as far as a few bytes of it tell, within a time that a person waits.

use std::cell::{OnceCell, RefCell};
use std::collections::BTreeMap;
use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::time::{Duration, Instant};

use pgreeve_frames::Frame;

use super::{Archive, Stored};
use crate::progress::Progress;

/// Reads of one segment's file, for the headers of its blocks: one of 1 GiB in the smallest that zstd makes has not as many.
const READS: u32 = 100_000;
/// For all files of an archive together: a plan is waited for. 10,000 segments of zstd are 1.3 million reads, minutes on a disk that is busy.
const WITHIN: Duration = Duration::from_secs(20);

/// What was looked into.
#[derive(Debug)]
pub(super) struct Looks {
    pub(super) within: Duration,
    until: OnceCell<Instant>,
    /// What is wrong with a segment, by its name.
    seen: RefCell<BTreeMap<String, Option<&'static str>>>,
}

impl Default for Looks {
    fn default() -> Self {
        Self { within: WITHIN, until: OnceCell::new(), seen: RefCell::default() }
    }
}

/// What looking into segments that follow one another found.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Found {
    /// The earliest that is not whole, by its place among them, and what is wrong with it.
    pub(super) damaged: Option<(usize, &'static str)>,
    /// So many at the beginning were not looked into: the time was up.
    pub(super) unseen: usize,
}

impl Archive {
    /// Looks into segments from the last back: what is newest was looked at by nobody yet.
    pub(super) fn look_back(&self, names: &[String]) -> Found {
        let until = *self.looks.until.get_or_init(|| Instant::now() + self.looks.within);
        let mut progress = Progress::of("looking into archived WAL, the newest first", names.len());
        let mut found = Found::default();
        for (index, name) in names.iter().enumerate().rev() {
            let before = self.looks.seen.borrow().get(name).copied();
            let Some(wrong) = before.or_else(|| self.look(name, until)) else {
                found.unseen = index + 1;
                break;
            };
            self.looks.seen.borrow_mut().insert(name.clone(), wrong);
            found.damaged = wrong.map(|wrong| (index, wrong)).or(found.damaged);
            progress.done(names.len() - index);
        }
        found
    }

    /// What is wrong with a segment, as far as a few bytes of it tell; the outer `None`: the time is up.
    fn look(&self, name: &str, until: Instant) -> Option<Option<&'static str>> {
        let late = || Instant::now() >= until;
        let stored = self.files.get(name)?;
        if late() {
            return None;
        }
        match self.frame(name, *stored, late) {
            Ok(frame) => Some(frame.wrong(self.segment_bytes)),
            Err(why) if why.kind() == io::ErrorKind::TimedOut && late() => None,
            Err(_) => Some(Some("it cannot be read")),
        }
    }

    fn frame(&self, name: &str, stored: Stored, late: impl Fn() -> bool) -> io::Result<Frame> {
        let ending = stored.compression.map(|one| one.ending);
        let file = File::open(self.path.join(ending.map_or(name.to_owned(), |ending| format!("{name}.{ending}"))))?;
        let read = |offset: u64, length: u32| {
            if late() {
                return Err(io::ErrorKind::TimedOut.into());
            }
            let mut bytes = vec![0; length as usize];
            let read = file.read_at(&mut bytes, offset)?;
            bytes.truncate(read);
            Ok(bytes)
        };
        match ending {
            Some(ending) => pgreeve_frames::compressed(ending, stored.bytes, READS, read),
            None => {
                let digits = |from: usize, to: usize| u64::from_str_radix(name.get(from..to).unwrap_or_default(), 16);
                let timeline = digits(0, 8).ok().and_then(|timeline| u32::try_from(timeline).ok()).unwrap_or(0);
                let position = digits(8, 24).unwrap_or(0);
                pgreeve_frames::plain(timeline, position, self.cluster, stored.bytes, read)
            }
        }
    }
}
