//! Removing and renaming, as actions: one regular file, found from the directory's descriptor, no symbolic link followed.
//!
//! Between the last look at a file and its removal somebody may put another in its place: whoever can do that could have removed it as well.

use std::fs::File;
use std::io::Read as _;
use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};

use rustix::fs::{
    AtFlags, FileType, Mode, OFlags, RawDir, RenameFlags, Stat, fstat, fsync, openat, renameat_with, statat, unlinkat,
};
use rustix::io::Errno;
use sha2::{Digest as _, Sha256};

use super::gate::Clock;
use super::keep::{self, Candidate};
use super::policy::{self, Relative};
use super::root::Root;
use super::{Directory, Entry, failure, listing};
use crate::grants::error::Error;

/// The largest file whose digest is taken before it goes, in bytes.
const LARGEST_HASHED: u64 = 1 << 30;
/// Bytes between two looks at the clock.
const STEP: usize = 256 << 10;
/// Names between two looks at the clock.
const NAMES: usize = 512;

/// Why it was not done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// How far it had come.
    pub acted: Acted,
    /// What went wrong.
    pub error: Error,
}

/// Whether something was changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Acted {
    /// Nothing was tried.
    No,
    /// It was tried, and the file system refused.
    Refused,
    /// It was tried, and the file system has not answered.
    Unknown,
}

/// A file that is gone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Removed {
    /// As it was.
    pub entry: Entry,
    /// Its SHA-256, if it had less than 1 GiB and its contents may be read.
    pub sha256: Option<String>,
    /// Why the removal may not outlive a power cut, if so.
    pub unsynced: Option<String>,
}

/// Removes a file that the rule lets go.
pub async fn remove(directory: &Directory, path: &str, pattern: &str, keep: u32) -> Result<Removed, Fault> {
    let no = |error| Fault { acted: Acted::No, error };
    keep::may_write(directory).map_err(no)?;
    let path = keep::target(directory, path).map_err(no)?;
    // What the name alone decides.
    keep::lets_go(&path, pattern, 0, &[]).map_err(no)?;
    let pattern = pattern.to_owned();
    work(directory, move |directory, turn, clock| {
        let parent = Root::open(directory)?.parent(directory, &path)?;
        let fail = |errno| failure::inside(directory, &path, "remove", errno, None);
        let stat = regular(directory, &parent, &path)?;
        keep::lets_go(&path, &pattern, keep, &candidates(directory, &parent, &path, clock)?)?;
        let sha256 = digest(directory, &parent, &path, &stat, clock)?;
        let now = regular(directory, &parent, &path)?;
        if (now.st_dev, now.st_ino) != (stat.st_dev, stat.st_ino) {
            return Err(fail(Errno::STALE));
        }
        turn.take(clock)?;
        unlinkat(&parent, path.name(), AtFlags::empty()).map_err(fail)?;
        let entry = listing::entry(path.as_str().to_owned(), &stat);
        Ok(Removed { entry, sha256, unsynced: fsync(&parent).err().map(failure::words) })
    })
    .await
}

/// Renames a file within its directory, never over another. Why the new name may not outlive a power cut, if so.
pub async fn rename(directory: &Directory, from: &str, to: &str) -> Result<Option<String>, Fault> {
    let no = |error| Fault { acted: Acted::No, error };
    keep::may_write(directory).map_err(no)?;
    let (from, to) = keep::rename(directory, from, to).map_err(no)?;
    work(directory, move |directory, turn, clock| {
        let parent = Root::open(directory)?.parent(directory, &from)?;
        regular(directory, &parent, &from)?;
        turn.take(clock)?;
        renameat_with(&parent, from.name(), &parent, to.name(), RenameFlags::NOREPLACE).map_err(|errno| {
            let subject = if errno == Errno::EXIST { &to } else { &from };
            failure::inside(directory, subject, "rename a file to or from", errno, None)
        })?;
        Ok(fsync(&parent).err().map(failure::words))
    })
    .await
}

/// Whose turn it is: the thread's to act, or the caller's to leave. Only one of them takes it, so that nothing is changed after the caller
/// was told that nothing will be.
#[derive(Clone, Default)]
struct Turn(Arc<AtomicU8>);

const ACTING: u8 = 1;
const LEFT: u8 = 2;

impl Turn {
    /// For the thread, right before it changes something.
    fn take(&self, clock: &Clock) -> Result<(), Error> {
        clock.check()?;
        let taken = self.0.compare_exchange(0, ACTING, Ordering::SeqCst, Ordering::SeqCst);
        taken.map(drop).map_err(|_| Error::TimedOut("nobody waits for it any more".to_owned()))
    }

    /// For the caller. Whether nothing was changed, and nothing will be.
    fn leave(&self) -> bool {
        self.0.compare_exchange(0, LEFT, Ordering::SeqCst, Ordering::SeqCst).is_ok()
    }
}

/// The caller's side, which leaves also where its future is dropped.
struct Caller(Turn);

impl Drop for Caller {
    fn drop(&mut self) {
        self.0.leave();
    }
}

/// Does it behind the directory's gate.
async fn work<T: Send + 'static>(
    directory: &Directory,
    work: impl FnOnce(&Directory, &Turn, &Clock) -> Result<T, Error> + Send + 'static,
) -> Result<T, Fault> {
    let name = &directory.name;
    let subject = format!("the directory {name:?} ({})", directory.path.display());
    let remedy = format!("`timeout` under [files.{name}] in agent.toml");
    let caller = Caller(Turn::default());
    let (owned, turn) = (directory.clone(), caller.0.clone());
    let run =
        directory.gate.run(directory.rules.timeout, &subject, &remedy, move |clock| Ok(work(&owned, &turn, clock)));
    let outcome = run.await;
    let nothing = caller.0.leave();
    let fault = |acted, error| Fault { acted: if nothing { Acted::No } else { acted }, error };
    match outcome {
        Ok(done) => done.map_err(|error| fault(Acted::Refused, error)),
        Err(error) => Err(fault(Acted::Unknown, error)),
    }
}

/// A regular file by its own name.
fn regular(directory: &Directory, parent: &OwnedFd, path: &Relative) -> Result<Stat, Error> {
    let stat = statat(parent, path.name(), AtFlags::SYMLINK_NOFOLLOW | AtFlags::NO_AUTOMOUNT)
        .map_err(|errno| failure::inside(directory, path, "look at", errno, None))?;
    match FileType::from_raw_mode(stat.st_mode) {
        FileType::RegularFile => Ok(stat),
        other => Err(Error::Denied(format!(
            "{} in the directory {:?} is {}: actions remove and rename regular files only, and no line in agent.toml changes that",
            policy::shown(path.as_str()),
            directory.name,
            match other {
                FileType::Directory => "a directory",
                FileType::Symlink => "a symbolic link",
                _ => "neither a file nor a directory",
            }
        ))),
    }
}

/// The regular files beside it.
fn candidates(
    directory: &Directory,
    parent: &OwnedFd,
    path: &Relative,
    clock: &Clock,
) -> Result<Vec<Candidate>, Error> {
    let fail = |errno| failure::inside(directory, path, "list what is beside", errno, None);
    let mut buffer = Vec::with_capacity(STEP);
    let mut raw = RawDir::new(parent, buffer.spare_capacity_mut());
    let mut there = Vec::new();
    for seen in 1.. {
        let Some(entry) = raw.next() else { break };
        let name = entry.map_err(fail)?.file_name().to_owned();
        if usize::is_multiple_of(seen, NAMES) {
            clock.check()?;
        }
        match statat(parent, &name, AtFlags::SYMLINK_NOFOLLOW | AtFlags::NO_AUTOMOUNT) {
            Ok(stat) if FileType::from_raw_mode(stat.st_mode) == FileType::RegularFile => {
                let modified = (stat.st_mtime, i64::try_from(stat.st_mtime_nsec).unwrap_or(0));
                there.push(Candidate { modified, name: name.into_bytes() });
            }
            // Gone since its name was read.
            Ok(_) | Err(Errno::NOENT) => {}
            Err(errno) => return Err(fail(errno)),
        }
    }
    Ok(there)
}

/// The file's digest, of what may be read and is not too large.
fn digest(
    directory: &Directory,
    parent: &OwnedFd,
    path: &Relative,
    stat: &Stat,
    clock: &Clock,
) -> Result<Option<String>, Error> {
    let entry = listing::entry(String::new(), stat);
    let names = stat.st_nlink > 1 && !directory.rules.hard_links;
    if entry.size >= LARGEST_HASHED || names {
        return Ok(None);
    }
    let fail = |errno| failure::inside(directory, path, "read", errno, None);
    let how = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC;
    let mut file = match openat(parent, path.name(), how, Mode::empty()) {
        Ok(file) => File::from(file),
        // Removing needs no right to read.
        Err(Errno::ACCESS) => return Ok(None),
        Err(errno) => return Err(fail(errno)),
    };
    let opened = fstat(&file).map_err(fail)?;
    if (opened.st_dev, opened.st_ino) != (stat.st_dev, stat.st_ino) {
        return Err(fail(Errno::STALE));
    }
    let (mut hash, mut buffer, mut left) = (Sha256::new(), vec![0; STEP], LARGEST_HASHED);
    loop {
        clock.check()?;
        let got = file.read(&mut buffer).map_err(|why| fail(Errno::from_io_error(&why).unwrap_or(Errno::IO)))?;
        hash.update(buffer.get(..got).unwrap_or_default());
        left = left.saturating_sub(got as u64);
        match (got, left) {
            (0, _) => return Ok(Some(format!("{:x}", hash.finalize()))),
            // It grows as fast as it is read.
            (_, 0) => return Ok(None),
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::channel;
    use std::time::Duration;

    use super::super::Rules;
    use super::*;

    fn hasty() -> Directory {
        let rules = Rules { timeout: Duration::from_millis(100), ..Rules::default() };
        Directory::new("dumps".into(), "/".into(), rules).unwrap()
    }

    #[tokio::test]
    async fn nothing_is_changed_after_the_caller_was_told_that_nothing_will_be() {
        let (go_on, hanging) = channel::<()>();
        let (tell, told) = channel();
        let directory = hasty();
        let fault = work(&directory, move |_, turn, clock| {
            let _ = hanging.recv();
            let taken = turn.take(clock);
            tell.send(taken.is_ok()).unwrap();
            taken
        });
        let fault = fault.await.unwrap_err();
        assert_eq!(fault.acted, Acted::No);
        assert!(matches!(fault.error, Error::TimedOut(_)), "{fault:?}");
        drop(go_on);
        assert_eq!(told.recv(), Ok(false));
    }

    #[tokio::test]
    async fn a_change_that_hangs_is_unknown() {
        let (go_on, hanging) = channel::<()>();
        let directory = hasty();
        let fault = work(&directory, move |_, turn, clock| {
            turn.take(clock)?;
            let _ = hanging.recv();
            Ok(())
        });
        assert_eq!(fault.await.unwrap_err().acted, Acted::Unknown);
        drop(go_on);
    }

    #[tokio::test]
    async fn a_caller_that_is_dropped_is_not_followed_either() {
        let (started, starting) = channel();
        let (go_on, hanging) = channel::<()>();
        let (tell, told) = channel();
        let directory = Directory::new("dumps".into(), "/".into(), Rules::default()).unwrap();
        let caller = tokio::spawn(async move {
            let work = work(&directory, move |_, turn, clock| {
                started.send(()).unwrap();
                let _ = hanging.recv();
                tell.send(turn.take(clock).is_ok()).unwrap();
                Ok(())
            });
            work.await
        });
        tokio::task::spawn_blocking(move || starting.recv()).await.unwrap().unwrap();
        caller.abort();
        assert!(caller.await.unwrap_err().is_cancelled());
        drop(go_on);
        assert_eq!(told.recv(), Ok(false));
    }
}
