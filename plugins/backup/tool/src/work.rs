//! Work under way: a directory `NAME.partial` or `NAME.proving` with a lock in it that the kernel drops when the last process of the work ends.
//! Children inherit the descriptor, so a free lock means that nobody of it lives.

use std::cell::Cell;
use std::fs::{self, DirBuilder};
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

use rustix::fs::{FlockOperation, Mode, OFlags, flock, open};

use crate::answer::{Failure, Kind, Outcome, cannot};
use crate::directory::{Directory, remove};
use crate::name::Name;

/// The work directory of a `take`.
pub(crate) const TAKING: &str = "partial";
/// The work directory of a `prove`.
pub(crate) const PROVING: &str = "proving";

/// A work directory of this process; removed when this is dropped.
#[derive(Debug)]
pub(crate) struct Work {
    path: PathBuf,
    keep: Cell<bool>,
    _lock: OwnedFd,
}

impl Work {
    /// Makes the work directory of a backup; busy if somebody else's is under way. A killed one's leftovers must have been removed before.
    pub(crate) fn begin(directory: &Directory, name: &Name, ending: &str) -> Outcome<Self> {
        let _moment = directory.lock()?;
        let path = directory.join(&name.entry(ending));
        if let Some(other) = under_way(directory, name, ending)? {
            return Err(Failure::new(Kind::Busy, format!("{other} is at work: the same is under way")));
        }
        match DirBuilder::new().mode(0o700).create(&path) {
            Err(why) if why.kind() == io::ErrorKind::AlreadyExists => {
                Err(Failure::new(Kind::Busy, format!("{} is there already: the same is under way", path.display())))
            }
            Err(why) => Err(cannot(format_args!("create {}", path.display()))(why)),
            Ok(()) => match lock(&path) {
                Some(lock) => Ok(Self { path, keep: Cell::new(false), _lock: lock }),
                None => Err(Failure::new(Kind::Failed, format!("cannot lock {}", path.display()))),
            },
        }
    }

    /// A path in it.
    pub(crate) fn join(&self, entry: &str) -> PathBuf {
        self.path.join(entry)
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Leaves it to the next run, as if this one had been killed: something that it records could not be removed.
    pub(crate) fn keep(&self) {
        self.keep.set(true);
    }
}

impl Drop for Work {
    fn drop(&mut self) {
        if !self.keep.get() {
            // What cannot be removed now is a leftover, which the next run removes.
            let _ = fs::remove_dir_all(&self.path);
        }
    }
}

/// Work directories with this ending whose lock is free, each locked by the caller from now on.
#[derive(Debug)]
pub(crate) struct Leftover {
    /// The directory.
    pub(crate) path: PathBuf,
    /// Its name in the backup directory.
    pub(crate) entry: String,
    _lock: Option<OwnedFd>,
}

impl Leftover {
    /// Removes it.
    pub(crate) fn remove(&self) -> Outcome<()> {
        remove(&self.path).map_err(cannot(format_args!("remove the leftover {}", self.path.display())))
    }
}

/// Work of the same kind on the same series whose lock is held: two agents whose clocks strike at once must not load the server twice.
fn under_way(directory: &Directory, name: &Name, ending: &str) -> Outcome<Option<String>> {
    let same = |entry: &String| {
        let found = Name::of_entry(entry);
        found.is_some_and(|(other, rest)| rest.strip_prefix('.') == Some(ending) && other.series() == name.series())
    };
    let held = |entry: &String| {
        let path = directory.join(entry);
        path.join("lock").exists() && lock(&path).is_none()
    };
    Ok(directory.entries()?.into_iter().filter(same).find(held))
}

/// Finds what killed runs left. Nobody else can begin or remove work while `_moment` is held by the caller.
pub(crate) fn leftovers(directory: &Directory, ending: &str, _moment: &OwnedFd) -> Outcome<Vec<Leftover>> {
    let mut found = Vec::new();
    for entry in directory.entries()? {
        let ours = Name::of_entry(&entry).is_some_and(|(_, rest)| rest.strip_prefix('.') == Some(ending));
        let path = directory.join(&entry);
        if !ours || !path.symlink_metadata().is_ok_and(|found| found.is_dir()) {
            continue;
        }
        // Killed between making the directory and its lock: nobody can be at work in it, for that takes the directory's lock, which we hold.
        let unlocked = !path.join("lock").exists();
        let lock = lock(&path);
        if lock.is_some() || unlocked {
            found.push(Leftover { path, entry, _lock: lock });
        }
    }
    Ok(found)
}

/// Removes what killed takes left, and half-written small files; returns the entries.
pub(crate) fn clear_takes(directory: &Directory) -> Outcome<Vec<String>> {
    let moment = directory.lock()?;
    let mut removed = Vec::new();
    for leftover in leftovers(directory, TAKING, &moment)? {
        leftover.remove()?;
        removed.push(leftover.entry);
    }
    for entry in directory.entries()? {
        // Whoever writes one holds the directory's lock, so this one's writer is gone.
        let half =
            Name::of_entry(&entry).is_some_and(|(_, rest)| rest.ends_with(".json.partial") || rest == ".json.partial");
        if half {
            remove(&directory.join(&entry)).map_err(cannot(format_args!("remove the leftover {entry}")))?;
            removed.push(entry);
        }
    }
    Ok(removed)
}

/// Takes the lock in a work directory, `None` if somebody holds it. Not close-on-exec, on purpose.
fn lock(path: &Path) -> Option<OwnedFd> {
    let file =
        open(path.join("lock"), OFlags::RDWR | OFlags::CREATE | OFlags::NOFOLLOW, Mode::RUSR | Mode::WUSR).ok()?;
    flock(&file, FlockOperation::NonBlockingLockExclusive).ok().map(|()| file)
}
