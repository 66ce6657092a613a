//! The log's entries as they stand there, and those among them that somebody asks for; a part at a time, for a log may be larger than what can be
//! held, and each part costs no more than what it reads.

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
/// How much of the log is read at a time from its end, in bytes; a longer line takes more.
const BLOCK: u64 = 1 << 20;
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

/// Where the last so many entries begin that pass the filter; and lines before that which cannot be read, the first of them. Entries are read from
/// the log's end, as many as it takes. Of those before them only the outside is looked at: whether they are what was written, `verify` says.
pub fn last(path: &Path, filter: &Filter, many: usize) -> Result<(Place, Vec<u64>), AuditError> {
    last_in(path, filter, many, BLOCK)
}

pub(super) fn last_in(path: &Path, filter: &Filter, many: usize, block: u64) -> Result<(Place, Vec<u64>), AuditError> {
    let Some((file, length)) = whole(path)? else { return Ok((Place::default(), Vec::new())) };
    let begin = begin_of(&file, length, block, many, |line| entry(line).is_some_and(|found| filter.lets(&found.entry)));
    let begin = begin.map_err(AuditError::io("read", path))?;
    let (mut place, mut unreadable) = (Place::default(), Vec::new());
    lines(path, place, |at, line| {
        if at.offset >= begin {
            return false;
        }
        if unreadable.len() < MOST_UNREADABLE && !looks_whole(line) && entry(line).is_none() {
            unreadable.push(at.lines + 1);
        }
        place = behind(at, line);
        true
    })?;
    Ok((place, unreadable))
}

/// Where the last so many lines begin that are wanted, looked for from the end, a block at a time; the end, where none is.
fn begin_of(file: &File, length: u64, block: u64, many: usize, wanted: impl Fn(&[u8]) -> bool) -> std::io::Result<u64> {
    let (mut found, mut begin, mut window) = (0, length, block);
    // Where the first line begins that was looked at.
    let mut looked = length;
    while found < many && looked > 0 {
        let from = looked.saturating_sub(window);
        let mut bytes = vec![0; usize::try_from(looked - from).unwrap_or(usize::MAX)];
        file.read_exact_at(&mut bytes, from)?;
        // The first line of a block may begin before it.
        let cut =
            if from == 0 { 0 } else { bytes.iter().position(|byte| *byte == b'\n').map_or(bytes.len(), |at| at + 1) };
        let whole = bytes.get(cut..).unwrap_or_default();
        if whole.is_empty() {
            window = window.saturating_mul(2);
            continue;
        }
        for line in whole.split_inclusive(|byte| *byte == b'\n').rev() {
            looked -= line.len() as u64;
            if found < many && wanted(line) {
                (found, begin) = (found + 1, looked);
            }
        }
        window = block;
    }
    Ok(begin)
}

/// Whether a line has the outside of an entry.
fn looks_whole(line: &[u8]) -> bool {
    line.starts_with(b"{\"seq\":") && line.ends_with(b"\"}\n")
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

/// The log, and how long it is up to the last line that is not being written; nothing where there is none.
fn whole(path: &Path) -> Result<Option<(File, u64)>, AuditError> {
    let file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(AuditError::io("open", path)(error)),
    };
    let fail = || AuditError::io("read", path);
    // Whoever appends holds the lock until the line is whole.
    flock(&file, FlockOperation::LockShared).map_err(|errno| fail()(errno.into()))?;
    let length = file.metadata().map_err(fail())?.len();
    flock(&file, FlockOperation::Unlock).map_err(|errno| fail()(errno.into()))?;
    Ok(Some((file, length)))
}

/// Shows each line from a place on with its place and its line end, while `go_on` wants more. What is being appended meanwhile is not looked at.
pub(super) fn lines(path: &Path, from: Place, mut go_on: impl FnMut(Place, &[u8]) -> bool) -> Result<Read, AuditError> {
    let fail = || AuditError::io("read", path);
    let Some((mut file, length)) = whole(path)? else { return Ok(Read::NoLog) };
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
