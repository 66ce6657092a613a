//! A command's output as a file that appears whole or not at all: written under a temporary name in the directory it is meant for,
//! synced, and given its name only then.

use std::{
    fs::File,
    io::{self, Write as _},
    path::{Path, PathBuf},
    sync::atomic::{AtomicU64, Ordering},
};

use rustix::{
    fs::{AtFlags, Mode, OFlags, RenameFlags, fsync, linkat, openat, renameat_with, statat, unlinkat},
    io::Errno,
};
use sha2::{Digest as _, Sha256};

use super::inside::{Parent, Place};

/// What a temporary name has before its number.
const MARK: &str = ".pgreeve-partial-";

/// Tells the temporary names of one agent apart.
static NUMBER: AtomicU64 = AtomicU64::new(0);

/// A file that was written whole.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Written {
    /// Its absolute path.
    pub path: PathBuf,
    /// Its size.
    pub bytes: u64,
    /// SHA-256 of its content, in lower-case hexadecimal.
    pub sha256: String,
}

/// Whether a file has the temporary name of an output that is being written: `.NAME.pgreeve-partial-PID-NUMBER`. One that no running agent
/// writes is left from an agent that was killed, and can be removed.
pub fn is_partial(name: &str) -> bool {
    name.starts_with('.') && name.contains(MARK)
}

/// A file under its temporary name; removed with this handle unless it was committed.
#[derive(Debug)]
pub(super) struct Partial {
    place: Place,
    parent: Parent,
    /// The name while it is written.
    temporary: PathBuf,
    file: File,
    bytes: u64,
    hash: Sha256,
}

impl Partial {
    /// Creates it, readable by the agent's user alone. A file that is there already under the final name is an error now, before the
    /// command has worked for hours. Blocks on the file system, as all of this does.
    pub(super) fn create(place: Place) -> Result<Self, String> {
        let parent = place.parent()?;
        match statat(&parent.directory, &parent.name, AtFlags::SYMLINK_NOFOLLOW) {
            Err(Errno::NOENT) => {}
            Ok(_) => return Err(format!("{} is there already, and no file is replaced", place.path().display())),
            Err(why) => return Err(format!("cannot look at {}: {}", place.path().display(), io::Error::from(why))),
        }
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        loop {
            let number = NUMBER.fetch_add(1, Ordering::Relaxed);
            let temporary = format!(".{}{MARK}{}-{number}", parent.name.display(), std::process::id());
            match openat(&parent.directory, &temporary, flags, Mode::RUSR | Mode::WUSR) {
                Ok(file) => {
                    let (temporary, file) = (temporary.into(), file.into());
                    return Ok(Self { place, parent, temporary, file, bytes: 0, hash: Sha256::new() });
                }
                // Left by an agent that was killed and had the same process id.
                Err(Errno::EXIST) => {}
                Err(why) => {
                    let directory = place.path().parent().map(Path::to_path_buf).unwrap_or_default();
                    return Err(format!("cannot create a file in {}: {}", directory.display(), io::Error::from(why)));
                }
            }
        }
    }

    pub(super) fn write(&mut self, chunk: &[u8]) -> io::Result<()> {
        self.file.write_all(chunk)?;
        self.hash.update(chunk);
        self.bytes += chunk.len() as u64;
        Ok(())
    }

    /// Syncs it and gives it its name, then syncs the directory. After an error nothing is there under either name.
    pub(super) fn commit(mut self) -> io::Result<Written> {
        self.file.sync_all()?;
        self.rename()?;
        if let Err(why) = fsync(&self.parent.directory) {
            // The name might not outlive a power cut, so the file is not promised and must not look as if it were.
            unlinkat(&self.parent.directory, &self.parent.name, AtFlags::empty())?;
            return Err(why.into());
        }
        let sha256 = format!("{:x}", std::mem::take(&mut self.hash).finalize());
        Ok(Written { path: self.place.path(), bytes: self.bytes, sha256 })
    }

    /// Never replaces a file.
    fn rename(&self) -> rustix::io::Result<()> {
        let (directory, name) = (&self.parent.directory, &self.parent.name);
        match renameat_with(directory, &self.temporary, directory, name, RenameFlags::NOREPLACE) {
            // NFS and some others cannot rename so; a second link is refused as well where the name is taken. The first one goes on drop.
            Err(Errno::INVAL | Errno::NOSYS | Errno::NOTSUP) => {
                linkat(directory, &self.temporary, directory, name, AtFlags::empty())
            }
            renamed => renamed,
        }
    }
}

/// Takes the temporary name away; after a commit there is none.
impl Drop for Partial {
    fn drop(&mut self) {
        let _ = unlinkat(&self.parent.directory, &self.temporary, AtFlags::empty());
    }
}
