//! The log's entries, and those among them that somebody asks for.

use std::fs::File;
use std::io::{BufRead as _, BufReader, Read as _};
use std::path::Path;

use jiff::Timestamp;
use rustix::fs::{FlockOperation, flock};

use super::{AuditError, Entry};

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

/// What was found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Found {
    /// In the log's order.
    pub entries: Vec<Entry>,
    /// Lines that are no entries, or of a later pgreeve, counted from 1. `verify` says what is wrong with them.
    pub unreadable: Vec<u64>,
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

/// The entries of a log that pass the filter; a log that is not there has none.
pub fn read(path: &Path, filter: &Filter) -> Result<Found, AuditError> {
    let mut found = Found::default();
    lines(path, |number, line| {
        match serde_json::from_slice::<Entry>(line.strip_suffix(b"\n").unwrap_or(line)) {
            Ok(entry) if filter.lets(&entry) => found.entries.push(entry),
            Ok(_) => {}
            Err(_) => found.unreadable.push(number),
        }
        true
    })?;
    Ok(found)
}

/// At most so many of the entries that pass the filter, after the entry of this number; and whether there may be more. A log may be larger than
/// what can be held.
pub fn page(path: &Path, filter: &Filter, after: u64, most: usize) -> Result<(Found, bool), AuditError> {
    let (mut found, mut more) = (Found::default(), false);
    lines(path, |number, line| {
        match serde_json::from_slice::<Entry>(line.strip_suffix(b"\n").unwrap_or(line)) {
            Ok(entry) if entry.seq <= after || !filter.lets(&entry) => {}
            Ok(_) if found.entries.len() >= most => more = true,
            Ok(entry) => found.entries.push(entry),
            Err(_) if found.unreadable.len() < most => found.unreadable.push(number),
            Err(_) => {}
        }
        !more
    })?;
    Ok((found, more))
}

/// Shows each line with its number and its line end, until `take` has enough. What is being appended meanwhile is not looked at. Whether there
/// is a log.
pub(super) fn lines(path: &Path, mut take: impl FnMut(u64, &[u8]) -> bool) -> Result<bool, AuditError> {
    let file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(false),
        Err(error) => return Err(AuditError::io("open", path)(error)),
    };
    let fail = || AuditError::io("read", path);
    // Whoever appends holds the lock until the line is whole.
    flock(&file, FlockOperation::LockShared).map_err(|errno| fail()(errno.into()))?;
    let length = file.metadata().map_err(fail())?.len();
    flock(&file, FlockOperation::Unlock).map_err(|errno| fail()(errno.into()))?;
    let mut reader = BufReader::new(file.take(length));
    let mut line = Vec::new();
    for number in 1.. {
        line.clear();
        if reader.read_until(b'\n', &mut line).map_err(fail())? == 0 || !take(number, &line) {
            break;
        }
    }
    Ok(true)
}
