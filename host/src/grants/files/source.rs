//! Files on their way to elsewhere, for actions: which there are beneath some paths, and the pieces of one after the other. Regular files only,
//! found from the directory's descriptor, no symbolic link followed: a copy that leaves something out is no copy, so anything else is refused.

use std::fs::File;
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::fs::FileExt as _;
use std::sync::Arc;

use rustix::fs::{Advice, AtFlags, FileType, Mode, OFlags, RawDir, Stat, fadvise, fstat, openat, statat};
use rustix::io::Errno;

use super::gate::Clock;
use super::policy::{self, Relative, shown};
use super::root::Root;
use super::{Directory, failure};
use crate::grants::error::Error;

/// Files of one upload.
const MOST: usize = 100_000;
/// Bytes between two looks at the clock.
const STEP: usize = 1 << 20;
/// Bytes of the buffer that the kernel fills with names.
const NAMES: usize = 64 << 10;

/// A regular file that was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::grants) struct Found {
    /// Relative to the directory.
    pub(in crate::grants) path: String,
    /// Bytes.
    pub(in crate::grants) size: u64,
}

/// The files at and below some paths, which are files or directories, those of a directory in the byte order of their paths; then `last`, which is
/// a file and left out before. Each once.
pub(in crate::grants) async fn survey(
    directory: &Directory,
    before: &[String],
    last: &str,
) -> Result<Vec<Found>, Error> {
    let (before, last) = (before.to_vec(), last.to_owned());
    at_the_gate(directory, move |directory, clock| {
        let root = Root::open(directory)?;
        let mut found: Vec<Found> = Vec::new();
        for path in &before {
            let mut below = below(&root, directory, named(directory, path)?, clock)?;
            below.sort_by(|a, b| a.path.cmp(&b.path));
            found.extend(below);
            if found.len() > MOST {
                return Err(Error::Denied(format!("there are more than {MOST} files, and no upload has so many")));
            }
        }
        let last = named(directory, &last)?;
        let (parent, stat) = look(&root, directory, &last)?;
        drop(parent);
        regular(directory, &last, &stat)?;
        let mut seen = std::collections::HashSet::from([last.as_str().to_owned()]);
        found.retain(|file| seen.insert(file.path.clone()));
        found.push(Found { path: last.as_str().to_owned(), size: size(&stat) });
        Ok(found)
    })
    .await
}

/// A file that is read piece by piece.
#[derive(Debug)]
pub(in crate::grants) struct Source {
    directory: Directory,
    path: Relative,
    file: Arc<File>,
    before: Stat,
}

impl Source {
    /// Opens a regular file.
    pub(in crate::grants) async fn open(directory: &Directory, path: &str) -> Result<Self, Error> {
        let relative = named(directory, path)?;
        let (file, before) = at_the_gate(directory, {
            let path = relative.clone();
            move |directory, _| {
                let (parent, stat) = look(&Root::open(directory)?, directory, &path)?;
                regular(directory, &path, &stat)?;
                let fail = |errno| failure::inside(directory, &path, "open", errno, None);
                let how = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC;
                let file = File::from(openat(&parent, path.name(), how, Mode::empty()).map_err(fail)?);
                let opened = fstat(&file).map_err(fail)?;
                if (opened.st_dev, opened.st_ino) != (stat.st_dev, stat.st_ino) {
                    return Err(changed(directory, &path));
                }
                // What is read once must not push the database's pages out of the cache.
                fadvise(&file, 0, None, Advice::NoReuse).ok();
                Ok((file, opened))
            }
        })
        .await?;
        Ok(Self { directory: directory.clone(), path: relative, file: Arc::new(file), before })
    }

    /// Bytes, when it was opened.
    pub(in crate::grants) fn size(&self) -> u64 {
        size(&self.before)
    }

    /// The bytes from `offset`, exactly so many. A file that has become shorter has changed.
    pub(in crate::grants) async fn piece(&self, offset: u64, length: usize) -> Result<Vec<u8>, Error> {
        let (file, path) = (Arc::clone(&self.file), self.path.clone());
        at_the_gate(&self.directory, move |directory, clock| {
            let mut bytes = vec![0; length];
            let (mut rest, mut at) = (bytes.as_mut_slice(), offset);
            while !rest.is_empty() {
                clock.check()?;
                let (next, _) = rest.split_at_mut(STEP.min(rest.len()));
                match file.read_at(next, at) {
                    Ok(0) => return Err(changed(directory, &path)),
                    Ok(got) => {
                        at = at.saturating_add(got as u64);
                        rest = rest.split_at_mut(got).1;
                    }
                    Err(why) if why.kind() == io::ErrorKind::Interrupted => {}
                    Err(why) => {
                        let errno = Errno::from_io_error(&why).unwrap_or(Errno::IO);
                        return Err(failure::inside(directory, &path, "read", errno, None));
                    }
                }
            }
            Ok(bytes)
        })
        .await
    }

    /// An error if it was written to since it was opened: what was read is then a file that never was.
    pub(in crate::grants) async fn unchanged(&self) -> Result<(), Error> {
        let (file, path, before) = (Arc::clone(&self.file), self.path.clone(), self.before);
        at_the_gate(&self.directory, move |directory, _| {
            let now = fstat(&*file).map_err(|errno| failure::inside(directory, &path, "look at", errno, None))?;
            let state = |stat: &Stat| (stat.st_size, stat.st_mtime, stat.st_mtime_nsec);
            if state(&now) == state(&before) { Ok(()) } else { Err(changed(directory, &path)) }
        })
        .await
    }
}

/// Does it behind the directory's gate, within its time-out.
async fn at_the_gate<T: Send + 'static>(
    directory: &Directory,
    work: impl FnOnce(&Directory, &Clock) -> Result<T, Error> + Send + 'static,
) -> Result<T, Error> {
    let name = &directory.name;
    let subject = format!("the directory {name:?} ({})", directory.path.display());
    let remedy = format!("`timeout` under [files.{name}] in agent.toml");
    let owned = directory.clone();
    directory.gate.run(directory.rules.timeout, &subject, &remedy, move |clock| work(&owned, clock)).await
}

/// A path that names something below the directory.
fn named(directory: &Directory, path: &str) -> Result<Relative, Error> {
    let relative = Relative::new(&directory.name, path)?;
    if relative.name().is_empty() {
        return Err(Error::Invalid("a path is empty: name what is to be uploaded".to_owned()));
    }
    Ok(relative)
}

fn look(root: &Root, directory: &Directory, path: &Relative) -> Result<(OwnedFd, Stat), Error> {
    let parent = root.parent(directory, path)?;
    let stat = statat(&parent, path.name(), AtFlags::SYMLINK_NOFOLLOW | AtFlags::NO_AUTOMOUNT)
        .map_err(|errno| failure::inside(directory, path, "look at", errno, None))?;
    Ok((parent, stat))
}

/// The files at or below a path.
fn below(root: &Root, directory: &Directory, path: Relative, clock: &Clock) -> Result<Vec<Found>, Error> {
    let (parent, stat) = look(root, directory, &path)?;
    drop(parent);
    let mut found = Vec::new();
    let mut open = Vec::new();
    sort(directory, path, &stat, &mut found, &mut open)?;
    while let Some(path) = open.pop() {
        let fail = |errno| failure::inside(directory, &path, "list", errno, None);
        let opened = root.plain(directory, &path)?;
        let mut buffer = Vec::with_capacity(NAMES);
        let mut raw = RawDir::new(&opened, buffer.spare_capacity_mut());
        while let Some(entry) = raw.next() {
            clock.check()?;
            let entry = entry.map_err(fail)?;
            let name = entry.file_name();
            if matches!(name.to_bytes(), b"." | b"..") {
                continue;
            }
            let text = name.to_str().map_err(|_| {
                Error::Denied(format!("a name in {} is not UTF-8, and no key can be", shown(path.as_str())))
            })?;
            let stat = statat(&opened, name, AtFlags::SYMLINK_NOFOLLOW | AtFlags::NO_AUTOMOUNT).map_err(fail)?;
            let inner = Relative::new(&directory.name, &format!("{}/{text}", path.as_str()))?;
            sort(directory, inner, &stat, &mut found, &mut open)?;
            if found.len() + open.len() > MOST {
                return Err(Error::Denied(format!(
                    "there are more than {MOST} files in {}, and no upload has so many",
                    shown(path.as_str())
                )));
            }
        }
    }
    Ok(found)
}

fn sort(
    directory: &Directory,
    path: Relative,
    stat: &Stat,
    found: &mut Vec<Found>,
    open: &mut Vec<Relative>,
) -> Result<(), Error> {
    if FileType::from_raw_mode(stat.st_mode) == FileType::Directory {
        open.push(path);
        return Ok(());
    }
    regular(directory, &path, stat)?;
    found.push(Found { path: path.as_str().to_owned(), size: size(stat) });
    Ok(())
}

/// Whether it is a regular file that may be read.
fn regular(directory: &Directory, path: &Relative, stat: &Stat) -> Result<(), Error> {
    let kind = FileType::from_raw_mode(stat.st_mode);
    if kind == FileType::Symlink {
        return Err(Error::Denied(format!(
            "{} in the directory {:?} is a symbolic link: uploads take regular files only, and no line in agent.toml changes that",
            shown(path.as_str()),
            directory.name
        )));
    }
    #[allow(clippy::useless_conversion, reason = "u32 on aarch64, u64 on x86_64")]
    policy::may_read(directory, path, kind, stat.st_nlink.into())
}

fn size(stat: &Stat) -> u64 {
    u64::try_from(stat.st_size).unwrap_or(0)
}

fn changed(directory: &Directory, path: &Relative) -> Error {
    Error::Remote {
        code: "changed".to_owned(),
        message: format!(
            "{} in the directory {:?} was written to while it was read",
            shown(path.as_str()),
            directory.name
        ),
        detail: None,
        hint: Some("let whatever writes it come to its end, then upload again".to_owned()),
    }
}
