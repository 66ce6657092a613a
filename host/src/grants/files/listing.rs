//! One page of a directory's entries: the smallest names after a given one, found in a single pass and in memory for one page only,
//! however many entries there are.

use std::collections::BTreeSet;
use std::os::fd::OwnedFd;

use rustix::fs::{AtFlags, FileType, RawDir, Stat, statat};
use rustix::io::Errno;

use super::gate::Clock;
use super::policy::{self, Relative};
use super::root::Root;
use super::{Directory, Entry, Kind, Listing, failure};
use crate::grants::error::Error;

/// Bytes of all paths of one page together, about: long names make shorter pages.
const ROOM: usize = 1 << 20;
/// Bytes of the buffer that the kernel fills with names.
const BUFFER: usize = 64 << 10;
/// Names between two looks at the clock.
const STEP: u32 = 512;

/// A page of the directory at `path`.
pub(super) fn page(
    root: &Root,
    directory: &Directory,
    path: &Relative,
    after: Option<&str>,
    clock: &Clock,
) -> Result<Listing, Error> {
    let fail = |errno| failure::inside(directory, path, "list", errno, None);
    let most = usize::try_from(directory.rules.max_entries).unwrap_or(usize::MAX);
    let mut after = after.map(str::to_owned);
    loop {
        let opened = root.list(directory, path)?;
        let mut selection = Selection::new(after, most, ROOM, path.as_str().len());
        names(&opened, &mut selection, clock, fail)?;
        let mut entries = Vec::with_capacity(selection.smallest.len());
        for name in &selection.smallest {
            clock.check()?;
            match statat(&opened, name.as_str(), AtFlags::SYMLINK_NOFOLLOW | AtFlags::NO_AUTOMOUNT) {
                Ok(stat) => entries.push(entry(joined(path.as_str(), name), &stat)),
                // Gone since its name was read.
                Err(Errno::NOENT) => {}
                Err(errno) => return Err(fail(errno)),
            }
        }
        // A page whose every entry went away while it was read would leave the guest without a name to go on from.
        if entries.is_empty() && selection.more {
            after = selection.smallest.pop_last();
            continue;
        }
        return Ok(Listing { entries, more: selection.more, skipped: selection.skipped });
    }
}

/// Offers every name to the selection.
fn names(
    opened: &OwnedFd,
    selection: &mut Selection,
    clock: &Clock,
    fail: impl Fn(Errno) -> Error,
) -> Result<(), Error> {
    let mut buffer = Vec::with_capacity(BUFFER);
    let mut raw = RawDir::new(opened, buffer.spare_capacity_mut());
    let mut seen = 0_u32;
    while let Some(entry) = raw.next() {
        // ENOENT: the directory was removed while it was being listed.
        let entry = entry.map_err(&fail)?;
        seen = seen.wrapping_add(1);
        if seen.is_multiple_of(STEP) {
            clock.check()?;
        }
        selection.offer(entry.file_name().to_bytes());
    }
    Ok(())
}

/// The smallest names seen so far, as many as fit on a page.
#[derive(Debug)]
struct Selection {
    after: Option<String>,
    most: usize,
    room: usize,
    /// Bytes that the directory's path adds to each name.
    prefix: usize,
    smallest: BTreeSet<String>,
    bytes: usize,
    more: bool,
    skipped: u32,
}

impl Selection {
    fn new(after: Option<String>, most: usize, room: usize, prefix: usize) -> Self {
        Self { after, most, room, prefix, smallest: BTreeSet::new(), bytes: 0, more: false, skipped: 0 }
    }

    fn offer(&mut self, name: &[u8]) {
        if matches!(name, b"." | b"..") {
            return;
        }
        let Ok(name) = std::str::from_utf8(name) else {
            self.skipped = self.skipped.saturating_add(1);
            return;
        };
        if self.after.as_deref().is_some_and(|after| name <= after) {
            return;
        }
        // Once something was left out, nothing above the page's end can come in.
        if self.more && self.smallest.last().is_some_and(|last| name > last.as_str()) {
            return;
        }
        // A directory that changes while it is listed may name an entry twice.
        if self.smallest.insert(name.to_owned()) {
            self.bytes += self.prefix + name.len();
        }
        while self.smallest.len() > 1 && (self.smallest.len() > self.most || self.bytes > self.room) {
            let Some(last) = self.smallest.pop_last() else { break };
            self.bytes -= self.prefix + last.len();
            self.more = true;
        }
    }
}

/// An entry as the contract has it.
pub(super) fn entry(path: String, stat: &Stat) -> Entry {
    let kind = policy::kind(FileType::from_raw_mode(stat.st_mode));
    let size = if kind == Kind::File { u64::try_from(stat.st_size).unwrap_or(0) } else { 0 };
    let fraction = i64::try_from(stat.st_mtime_nsec / 1000).unwrap_or(0);
    Entry { path, kind, size, modified: stat.st_mtime.saturating_mul(1_000_000).saturating_add(fraction) }
}

fn joined(path: &str, name: &str) -> String {
    if path.is_empty() { name.to_owned() } else { format!("{path}/{name}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Pages through names that come in the order given, as `entries` is called again and again.
    fn pages(names: &[&[u8]], most: usize, room: usize) -> (Vec<Vec<String>>, u32) {
        let (mut pages, mut after) = (Vec::new(), None);
        loop {
            let mut selection = Selection::new(after.clone(), most, room, 0);
            for name in names {
                selection.offer(name);
                assert!(selection.smallest.len() <= most);
            }
            after = selection.smallest.last().cloned();
            pages.push(selection.smallest.into_iter().collect());
            if !selection.more {
                return (pages, selection.skipped);
            }
        }
    }

    #[test]
    fn pages_hold_every_name_once_in_byte_order() {
        let names: [&[u8]; 9] = [b"b", b".", b"a", b"\xff", b"Z", b"\xc3\xa4", b"..", b"a", b"aa"];
        let sorted = ["Z", "a", "aa", "b", "ä"];
        for most in 1..7 {
            let (pages, skipped) = pages(&names, most, 1000);
            assert!(pages.iter().all(|page| page.len() <= most), "{pages:?}");
            assert_eq!(pages.concat(), sorted, "{most} a page");
            assert_eq!(skipped, 1);
        }
    }

    #[test]
    fn long_names_make_shorter_pages() {
        let long = "x".repeat(200);
        let names = [long.as_bytes(), b"y", b"a", b"b"];
        let (found, _) = pages(&names, 1000, 202);
        assert_eq!(found, [vec!["a".to_owned(), "b".to_owned(), long.clone()], vec!["y".to_owned()]]);
        // A name longer than the room still has a page of its own: nothing is ever unreachable.
        let (found, _) = pages(&names, 1000, 1);
        assert_eq!(found.concat(), ["a".to_owned(), "b".to_owned(), long, "y".to_owned()]);
    }
}
