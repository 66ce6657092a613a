//! The directory of backups: what is in it, and files that appear in it whole or not at all.

use std::fs::{self, File};
use std::io::{self, Write};
use std::os::fd::OwnedFd;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use rustix::fs::{FlockOperation, Mode, OFlags, flock, open};

use crate::answer::{Failure, Kind, Outcome, cannot};

/// A directory of backups.
#[derive(Clone, Debug)]
pub(crate) struct Directory {
    path: PathBuf,
}

impl Directory {
    /// Opens an existing directory.
    pub(crate) fn open(path: &Path) -> Outcome<Self> {
        let refused = |why: String| Failure::new(Kind::Refused, format!("cannot use {}: {why}", path.display()));
        let real = path.canonicalize().map_err(|why| {
            let hint = if why.kind() == io::ErrorKind::NotFound {
                "; create it with mode 0700, owned by this user"
            } else {
                ""
            };
            refused(format!("{why}{hint}"))
        })?;
        if !real.is_dir() {
            return Err(refused("it is no directory".to_owned()));
        }
        Ok(Self { path: real })
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// The path of an entry.
    pub(crate) fn join(&self, entry: &str) -> PathBuf {
        self.path.join(entry)
    }

    /// Names of its entries, sorted. Names that are not UTF-8 are none of ours.
    pub(crate) fn entries(&self) -> Outcome<Vec<String>> {
        let listed = fs::read_dir(&self.path).and_then(Iterator::collect::<io::Result<Vec<_>>>);
        let entries = listed.map_err(cannot(format_args!("list {}", self.path.display())))?;
        let mut names: Vec<String> = entries.iter().filter_map(|entry| entry.file_name().into_string().ok()).collect();
        names.sort();
        Ok(names)
    }

    /// Whether there is an entry of this name, whatever it is.
    pub(crate) fn has(&self, entry: &str) -> bool {
        self.join(entry).symlink_metadata().is_ok()
    }

    /// A small file of a backup. What is no regular file is none: a symbolic link leads to something that is not kept here.
    pub(crate) fn read(&self, entry: &str) -> io::Result<Vec<u8>> {
        let path = self.join(entry);
        if !path.symlink_metadata()?.is_file() {
            return Err(io::Error::other("it is no regular file"));
        }
        fs::read(path)
    }

    /// Held while work directories are made or removed, and while small files are written: for moments only. The kernel lets go of it with
    /// the process.
    pub(crate) fn lock(&self) -> Outcome<OwnedFd> {
        let taken = open(&self.path, OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty())
            .and_then(|fd| flock(&fd, FlockOperation::LockExclusive).map(|()| fd));
        taken.map_err(io::Error::from).map_err(cannot(format_args!("lock {}", self.path.display())))
    }

    /// Writes a file that appears whole or not at all, in place of the one there was.
    pub(crate) fn write(&self, entry: &str, bytes: &[u8]) -> Outcome<()> {
        let _lock = self.lock()?;
        let temporary = self.join(&format!("{entry}.partial"));
        let written = write_synced(&temporary, bytes).and_then(|()| fs::rename(&temporary, self.join(entry)));
        if written.is_err() {
            // What cannot be removed is a leftover, which the next run removes.
            let _ = fs::remove_file(&temporary);
        }
        written.map_err(cannot(format_args!("write {}", self.join(entry).display())))?;
        self.sync()
    }

    /// Makes the directory's own entries durable.
    pub(crate) fn sync(&self) -> Outcome<()> {
        sync(&self.path).map_err(cannot(format_args!("sync {}", self.path.display())))
    }
}

/// Of an error of reading that says nothing about what is stored, but something about who reads, or about this moment (a disk or a mount that
/// does not answer, too many open files): what became of the reading.
pub(crate) fn unjudged(why: &io::Error) -> Option<Kind> {
    match why.kind() {
        io::ErrorKind::PermissionDenied => Some(Kind::Refused),
        io::ErrorKind::NotFound | io::ErrorKind::NotADirectory | io::ErrorKind::IsADirectory => None,
        // Others than the system's are ours, about what was found.
        _ => why.raw_os_error().map(|_| Kind::Failed),
    }
}

/// Writes a new file, mode 0600, to the disk.
pub(crate) fn write_synced(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut file = File::options().write(true).create(true).truncate(true).mode(0o600).open(path)?;
    file.write_all(bytes)?;
    file.sync_all()
}

/// Syncs one file or directory.
pub(crate) fn sync(path: &Path) -> io::Result<()> {
    File::open(path)?.sync_all()
}

/// Syncs a file, or a directory with all that is in it.
pub(crate) fn sync_tree(path: &Path) -> io::Result<()> {
    if path.symlink_metadata()?.is_dir() {
        for entry in fs::read_dir(path)? {
            sync_tree(&entry?.path())?;
        }
    }
    sync(path)
}

/// Removes a file or a directory with all that is in it; symbolic links are removed, not followed.
pub(crate) fn remove(path: &Path) -> io::Result<()> {
    match path.symlink_metadata() {
        Ok(found) if found.is_dir() => fs::remove_dir_all(path),
        Ok(_) => fs::remove_file(path),
        Err(why) if why.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(why) => Err(why),
    }
}

/// Bytes of a file, or of all files in a directory.
pub(crate) fn bytes(path: &Path) -> io::Result<u64> {
    let found = path.symlink_metadata()?;
    if !found.is_dir() {
        return Ok(found.len());
    }
    fs::read_dir(path)?.try_fold(0, |sum, entry| Ok(sum + bytes(&entry?.path())?))
}
