//! An open granted directory: the descriptor from which every path of a run is looked up, and the only look-up there is.

use std::fs::File;
use std::os::fd::{AsFd, AsRawFd as _, OwnedFd};

use rustix::fs::{CWD, FileType, Mode, OFlags, ResolveFlags, Stat, fstat, fstatfs, fstatvfs, open, openat, openat2};
use rustix::io::Errno;

use super::policy::{self, Relative};
use super::{Directory, Space, failure};
use crate::grants::error::Error;

/// The kernel's own fence: nothing above the directory, no link into a process's files, no other file system.
const FENCE: ResolveFlags = ResolveFlags::BENEATH.union(ResolveFlags::NO_MAGICLINKS).union(ResolveFlags::NO_XDEV);

/// Look-ups that the kernel gave up because a directory was renamed at the same moment are repeated, this often.
const TRIES: usize = 128;

/// A granted directory as it was when the run first asked: if it is replaced meanwhile, this is still the old one.
#[derive(Debug)]
pub(super) struct Root(OwnedFd);

/// Whether a symbolic link at the end of a path is followed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Last {
    Followed,
    Itself,
}

impl Root {
    /// Opens the directory and makes sure that the kernel can keep look-ups inside it.
    pub(super) fn open(directory: &Directory) -> Result<Self, Error> {
        let fail = |errno| {
            let advice = match errno {
                Errno::ACCESS | Errno::PERM => {
                    format!(": {} lacks search permission on it or above it", failure::user())
                }
                _ => String::new(),
            };
            failure::whole(directory, &format!("{}{advice}", failure::words(errno)))
        };
        let how = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let fd = openat(CWD, &directory.path, how, Mode::empty()).map_err(fail)?;
        #[allow(
            clippy::cast_sign_loss,
            reason = "the kernel's magic numbers have 32 bits; C declares them signed on some platforms"
        )]
        let magic = u64::from(fstatfs(&fd).map_err(fail)?.f_type as u32);
        if let Some(kind) = policy::kernels_own(magic) {
            return Err(failure::whole(
                directory,
                &format!("it is {kind}, which is the kernel's own and holds no files to be read by plugins"),
            ));
        }
        match openat2(&fd, ".", how, Mode::empty(), FENCE) {
            Ok(_) => Ok(Self(fd)),
            // A seccomp filter that does not know the call answers ENOSYS, older ones EPERM.
            Err(Errno::NOSYS | Errno::PERM) => Err(failure::whole(
                directory,
                "this host has no openat2, without which nothing keeps a path inside it: it needs Linux 5.6, and a seccomp filter (of the \
                 container or SystemCallFilter=) that lets openat2 through",
            )),
            Err(errno) => Err(fail(errno)),
        }
    }

    /// A descriptor of an entry that can be looked at but not read from: nothing happens to a FIFO or a device by this.
    pub(super) fn find(
        &self,
        directory: &Directory,
        path: &Relative,
        last: Last,
        tried: &str,
    ) -> Result<(OwnedFd, Stat), Error> {
        let fail = |errno| failure::inside(directory, path, tried, errno, self.lacking(path, errno));
        let fd = self.look_up(path.for_kernel(), last).map_err(fail)?;
        let stat = fstat(&fd).map_err(fail)?;
        Ok((fd, stat))
    }

    /// A regular file, open for reading.
    pub(super) fn file(&self, directory: &Directory, path: &Relative) -> Result<(File, Stat), Error> {
        let (found, stat) = self.find(directory, path, Last::Followed, "open")?;
        policy::may_read(directory, path, FileType::from_raw_mode(stat.st_mode), names(&stat))?;
        // By way of the descriptor: whatever stands at the path by now, this is the file that was judged. O_NONBLOCK and O_NOCTTY would
        // only matter if it were not.
        let how = OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NOCTTY | OFlags::NONBLOCK;
        let file = match open(format!("/proc/self/fd/{}", found.as_raw_fd()), how, Mode::empty()) {
            Ok(file) => file,
            Err(Errno::NOENT | Errno::NOTDIR) => {
                return Err(failure::whole(
                    directory,
                    "files are opened by way of /proc/self/fd, and /proc is not mounted",
                ));
            }
            Err(errno) => return Err(failure::inside(directory, path, "open", errno, self.lacking(path, errno))),
        };
        let now = fstat(&file).map_err(|errno| failure::inside(directory, path, "look at", errno, None))?;
        if (now.st_dev, now.st_ino) != (stat.st_dev, stat.st_ino) {
            return Err(failure::whole(
                directory,
                "what stands at /proc is not procfs: another file was opened than the one asked for",
            ));
        }
        Ok((File::from(file), now))
    }

    /// A directory, open for listing.
    pub(super) fn list(&self, directory: &Directory, path: &Relative) -> Result<OwnedFd, Error> {
        let (found, _) = self.find(directory, path, Last::Followed, "list")?;
        let how = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        openat(&found, ".", how, Mode::empty())
            .map_err(|errno| failure::inside(directory, path, "list", errno, self.lacking(path, errno)))
    }

    /// The directory that a path's last name stands in, to change something there: no symbolic link is followed on the way, and it can be
    /// listed and synced.
    pub(super) fn parent(&self, directory: &Directory, path: &Relative) -> Result<OwnedFd, Error> {
        self.descend(directory, path, path.parent())
    }

    /// A directory of its own, the same way.
    pub(super) fn plain(&self, directory: &Directory, path: &Relative) -> Result<OwnedFd, Error> {
        self.descend(directory, path, path.for_kernel())
    }

    fn descend(&self, directory: &Directory, path: &Relative, to: &str) -> Result<OwnedFd, Error> {
        let how = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let mut tried = 0;
        loop {
            match openat2(&self.0, to, how, Mode::empty(), FENCE | ResolveFlags::NO_SYMLINKS) {
                Err(Errno::AGAIN | Errno::INTR) if tried < TRIES => tried += 1,
                Ok(found) => return Ok(found),
                Err(errno) => {
                    return Err(failure::inside(directory, path, "reach", errno, self.lacking(path, errno)));
                }
            }
        }
    }

    /// Room in the file system.
    pub(super) fn space(&self, directory: &Directory) -> Result<Space, Error> {
        space(&self.0).map_err(|errno| failure::whole(directory, &failure::words(errno)))
    }

    fn look_up(&self, path: &str, last: Last) -> Result<OwnedFd, Errno> {
        let mut how = OFlags::PATH | OFlags::CLOEXEC;
        if last == Last::Itself {
            how |= OFlags::NOFOLLOW;
        }
        let mut tried = 0;
        loop {
            match openat2(&self.0, path, how, Mode::empty(), FENCE) {
                Err(Errno::AGAIN | Errno::INTR) if tried < TRIES => tried += 1,
                other => return other,
            }
        }
    }

    /// Which permission is missing, seen from the outside in.
    fn lacking(&self, path: &Relative, errno: Errno) -> Option<String> {
        if errno != Errno::ACCESS {
            return None;
        }
        let mut above = "";
        // `.` in a directory needs search permission on it, and so does listing.
        let itself = format!("{}/.", path.for_kernel());
        for part in path.on_the_way().chain([itself.as_str()]) {
            if matches!(self.look_up(part, Last::Followed), Err(Errno::ACCESS)) {
                return Some(format!(
                    "{} lacks search permission (x) on the directory {}",
                    failure::user(),
                    policy::shown(above)
                ));
            }
            above = part;
        }
        Some(format!("{} lacks read permission (r) on {}", failure::user(), policy::shown(path.as_str())))
    }
}

/// Room in the file system that holds an open file or directory.
pub(in crate::grants) fn space(fd: impl AsFd) -> Result<Space, Errno> {
    let vfs = fstatvfs(fd)?;
    Ok(Space {
        total: vfs.f_blocks.saturating_mul(vfs.f_frsize),
        available: vfs.f_bavail.saturating_mul(vfs.f_frsize),
        inodes_total: vfs.f_files,
        inodes_available: vfs.f_favail,
    })
}

/// How many hard links a file has; the field's width differs between platforms.
#[allow(clippy::useless_conversion, reason = "u32 on aarch64, u64 on x86_64")]
fn names(stat: &Stat) -> u64 {
    stat.st_nlink.into()
}
