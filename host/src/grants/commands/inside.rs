//! Finds a relative path in a granted directory without following a symbolic link, through one descriptor per step.

use std::{
    os::fd::OwnedFd,
    path::{Path, PathBuf},
};

use rustix::{
    fs::{AtFlags, FileType, Mode, OFlags, openat, statat},
    io::Errno,
};

/// A relative path in a granted directory. The policy has seen that no part of it is `.`, `..` or empty.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// The directory.
    pub root: PathBuf,
    /// The path in it.
    pub relative: PathBuf,
}

/// The directory that a path's last part stands in.
#[derive(Debug)]
pub(super) struct Parent {
    /// The open directory.
    pub(super) directory: OwnedFd,
    /// The last part.
    pub(super) name: PathBuf,
}

impl Place {
    /// The absolute path.
    pub fn path(&self) -> PathBuf {
        self.root.join(&self.relative)
    }

    /// Opens the directory that it stands in. Blocks on the file system.
    pub(super) fn parent(&self) -> Result<Parent, String> {
        let mut parts = self.relative.iter();
        let name = parts.next_back().ok_or_else(|| format!("{} is empty", self.relative.display()))?;
        let mut at = self.root.clone();
        // The operator's own path may lead through links; what a plugin names in it may not.
        let usual = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let mut directory = openat(rustix::fs::CWD, &at, usual, Mode::empty()).map_err(|why| cannot(&at, why))?;
        for part in parts {
            at.push(part);
            let opened = openat(&directory, part, usual | OFlags::NOFOLLOW, Mode::empty());
            directory = opened.map_err(|why| cannot(&at, why))?;
        }
        Ok(Parent { directory, name: name.into() })
    }

    /// Sees that it is a regular file, a directory, or nothing yet. Blocks on the file system.
    pub(super) fn check(&self) -> Result<(), String> {
        let Parent { directory, name } = self.parent()?;
        match statat(&directory, &name, AtFlags::SYMLINK_NOFOLLOW) {
            Err(Errno::NOENT) => Ok(()),
            Err(why) => Err(cannot(&self.path(), why)),
            Ok(found) => match FileType::from_raw_mode(found.st_mode) {
                FileType::RegularFile | FileType::Directory => Ok(()),
                FileType::Symlink => {
                    Err(format!("{} is a symbolic link, which is never followed", self.path().display()))
                }
                _ => Err(format!("{} is neither a file nor a directory", self.path().display())),
            },
        }
    }
}

fn cannot(path: &Path, why: Errno) -> String {
    let hint = match why {
        Errno::NOENT => ": create the directory first",
        // Which of the two a link gives depends on the system.
        Errno::LOOP | Errno::NOTDIR => {
            ": every part but the last must be a directory, symbolic links are never followed"
        }
        _ => "",
    };
    format!("cannot open {}: {}{hint}", path.display(), std::io::Error::from(why))
}
