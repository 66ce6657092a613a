//! The log's entries as they stand there, and those among them that somebody asks for; a part at a time, for a log may be larger than what can be
//! held, and each part costs no more than what it reads.

use std::collections::VecDeque;
use std::fmt;
use std::fs::File;
use std::io::{BufRead as _, BufReader, Read as _, Seek as _, SeekFrom};
use std::os::unix::fs::FileExt as _;
use std::path::Path;
use std::str::FromStr;

use jiff::Timestamp;
use rustix::fs::{FlockOperation, flock};

use super::{AuditError, Entry};

/// How much of the log is read for one page, in bytes, however little of it passes the filter.
pub const MOST_READ: u64 = 32 << 20;
/// How many unreadable lines before its entries [`last`] tells of.
const MOST_UNREADABLE: usize = 200;

/// Which entries. Everything that is none lets all through.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    /// Of a job.
    pub job: Option<String>,
    /// Of a proposal: its id, or the beginning of it.
    pub proposal: Option<String>,
    /// By the event's word: `begun`.
    pub event: Option<String>,
    /// From this moment on.
    pub since: Option<Timestamp>,
    /// Before this moment.
    pub until: Option<Timestamp>,
}

/// Where a line begins. It stays right while entries are appended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Place {
    /// Bytes before it.
    pub offset: u64,
    /// Lines before it.
    pub lines: u64,
}

/// An entry, and its line without the line end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    /// As pgreeve reads it.
    pub entry: Entry,
    /// As it stands in the log, byte for byte: its hash is of this.
    pub line: String,
}

/// A part of the log.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Page {
    /// In the log's order.
    pub entries: Vec<Found>,
    /// Lines that are no entries, or of a later pgreeve, counted from 1. `verify` says what is wrong with them.
    pub unreadable: Vec<u64>,
    /// Where it goes on; none: this was the end.
    pub next: Option<Place>,
}

impl fmt::Display for Place {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}-{}", self.offset, self.lines)
    }
}

impl FromStr for Place {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let (offset, lines) = text.split_once('-').ok_or(())?;
        Ok(Self { offset: offset.parse().map_err(|_| ())?, lines: lines.parse().map_err(|_| ())? })
    }
}

impl Filter {
    fn lets(&self, entry: &Entry) -> bool {
        let deed = entry.event.deed();
        let job = self.job.as_ref().is_none_or(|job| deed.is_some_and(|deed| deed.job == *job));
        let proposal =
            self.proposal.as_ref().is_none_or(|id| deed.is_some_and(|deed| deed.proposal.starts_with(id.as_str())));
        let event = self.event.as_ref().is_none_or(|word| entry.event.word() == word);
        let time = self.since.is_none_or(|since| entry.at >= since) && self.until.is_none_or(|until| entry.at < until);
        job && proposal && event && time
    }
}

/// At most so many of the entries that pass the filter, from a place on. A page may have fewer, or none, and still go on: no more than `most_read`
/// bytes are read for it. A log that is not there has none. Nothing where no line begins at that place: it is of another log.
pub fn page(
    path: &Path,
    filter: &Filter,
    from: Place,
    most: usize,
    most_read: u64,
) -> Result<Option<Page>, AuditError> {
    let mut page = Page::default();
    let read = lines(path, from, |place, line| {
        let full = match entry(line) {
            Some(found) if !filter.lets(&found.entry) => false,
            Some(found) => {
                let full = page.entries.len() >= most;
                if !full {
                    page.entries.push(found);
                }
                full
            }
            None => {
                let full = page.unreadable.len() >= most;
                if !full {
                    page.unreadable.push(place.lines + 1);
                }
                full
            }
        };
        let after = behind(place, line);
        if full {
            page.next = Some(place);
        } else if after.offset - from.offset >= most_read {
            page.next = Some(after);
        }
        page.next.is_none()
    })?;
    Ok((read != Read::Nowhere).then_some(page))
}

/// Where the last so many entries begin that pass the filter; and lines before that which cannot be read, the first of them. Reads the whole log.
pub fn last(path: &Path, filter: &Filter, many: usize) -> Result<(Place, Vec<u64>), AuditError> {
    let (mut found, mut end, mut unreadable) = (VecDeque::new(), Place::default(), Vec::new());
    lines(path, Place::default(), |place, line| {
        match entry(line) {
            Some(one) if filter.lets(&one.entry) => found.push_back(place),
            Some(_) => {}
            None if unreadable.len() < MOST_UNREADABLE => unreadable.push(place.lines + 1),
            None => {}
        }
        if found.len() > many {
            found.pop_front();
        }
        end = behind(place, line);
        true
    })?;
    let begin = found.front().copied().unwrap_or(end);
    unreadable.retain(|line| *line <= begin.lines);
    Ok((begin, unreadable))
}

fn entry(line: &[u8]) -> Option<Found> {
    let line = std::str::from_utf8(line.strip_suffix(b"\n").unwrap_or(line)).ok()?;
    Some(Found { entry: serde_json::from_str(line).ok()?, line: line.to_owned() })
}

/// The place behind a line.
fn behind(place: Place, line: &[u8]) -> Place {
    Place { offset: place.offset + line.len() as u64, lines: place.lines + 1 }
}

/// What came of reading.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Read {
    /// The log was read.
    Lines,
    /// There is no log.
    NoLog,
    /// No line begins at that place.
    Nowhere,
}

/// Shows each line from a place on with its place and its line end, while `go_on` wants more. What is being appended meanwhile is not looked at.
pub(super) fn lines(path: &Path, from: Place, mut go_on: impl FnMut(Place, &[u8]) -> bool) -> Result<Read, AuditError> {
    let mut file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Read::NoLog),
        Err(error) => return Err(AuditError::io("open", path)(error)),
    };
    let fail = || AuditError::io("read", path);
    // Whoever appends holds the lock until the line is whole.
    flock(&file, FlockOperation::LockShared).map_err(|errno| fail()(errno.into()))?;
    let length = file.metadata().map_err(fail())?.len();
    flock(&file, FlockOperation::Unlock).map_err(|errno| fail()(errno.into()))?;
    if from.offset > 0 {
        let mut before = [0];
        if from.offset > length {
            return Ok(Read::Nowhere);
        }
        file.read_exact_at(&mut before, from.offset - 1).map_err(fail())?;
        if before != *b"\n" {
            return Ok(Read::Nowhere);
        }
        file.seek(SeekFrom::Start(from.offset)).map_err(fail())?;
    }
    let mut reader = BufReader::new(file.take(length - from.offset));
    let (mut place, mut line) = (from, Vec::new());
    while reader.read_until(b'\n', &mut line).map_err(fail())? > 0 && go_on(place, &line) {
        place = behind(place, &line);
        line.clear();
    }
    Ok(Read::Lines)
}
