//! A directory of backups elsewhere: another disk, a mounted share. It is of the same format, so every verb works on it.

use std::fs::{self, DirBuilder, File};
use std::io;
use std::os::unix::fs::DirBuilderExt;
use std::path::Path;

use super::Parcel;
use crate::answer::{Failure, Kind as Why, Outcome, cannot};
use crate::directory::{Directory, remove, sync_tree};
use crate::manifest::Digested;
use crate::name::Name;
use crate::space;
use crate::whole;
use crate::work::{TAKING, Work, clear_takes};

/// The other directory.
pub(super) struct Folder(Directory);

impl Folder {
    pub(super) fn open(path: &str, from: &Directory) -> Outcome<Self> {
        if path.contains("://") {
            let why = format!(
                "{path} is no directory: object storage is the agent's, [objects.NAME] and `upload = true` in agent.toml"
            );
            return Err(Failure::new(Why::Refused, why));
        }
        let directory = Directory::open(Path::new(path))?;
        if directory.path() == from.path() {
            return Err(Failure::new(
                Why::Refused,
                format!("{path} is the directory of backups itself: name another disk or host"),
            ));
        }
        clear_takes(&directory)?;
        Ok(Self(directory))
    }

    /// Whether this very manifest is there.
    pub(super) fn has(&self, name: &Name, manifest: &[u8]) -> Outcome<bool> {
        Ok(fs::read(self.0.join(&name.entry("json"))).is_ok_and(|found| found == manifest))
    }

    /// Brings the backup there and reads all of it back; returns only when what arrived is what was sent.
    pub(super) fn bring(&self, parcel: &Parcel<'_>) -> Outcome<()> {
        space::check(self.0.path(), parcel.manifest.bytes, "the copy")?;
        let work = Work::begin(&self.0, parcel.name, TAKING)?;
        for file in &parcel.files {
            let to = work.join(&file.path);
            let copied = parent(&to).and_then(|()| copy(&parcel.directory.join(&file.path), &to));
            copied.map_err(cannot(format_args!("copy {} to {}", file.path, self.0.path().display())))?;
        }
        // Of an earlier copy whose manifest never came.
        let entries = [parcel.manifest.payload.clone(), parcel.name.entry("content.json")];
        sync_tree(work.path()).map_err(cannot(format_args!("sync {}", work.path().display())))?;
        for file in &parcel.files {
            let found =
                whole::file_digest(&work.join(&file.path)).map_err(cannot(format_args!("read back {}", file.path)))?;
            if found != (Digested { bytes: file.bytes, sha256: file.sha256.clone() }) {
                let why = format!(
                    "{} did not arrive in {} as it was sent: look at that disk",
                    file.path,
                    self.0.path().display()
                );
                return Err(Failure::new(Why::Failed, why));
            }
        }
        for entry in &entries {
            let to = self.0.join(entry);
            let moved = remove(&to).and_then(|()| fs::rename(work.join(entry), &to));
            moved.map_err(cannot(format_args!("give {} its name", to.display())))?;
        }
        self.0.sync()?;
        let manifest = parcel.name.entry("json");
        let text = fs::read(parcel.directory.join(&manifest)).map_err(cannot(format_args!("read {manifest}")))?;
        self.0.write(&manifest, &text)
    }
}

fn parent(path: &Path) -> io::Result<()> {
    path.parent().map_or(Ok(()), |parent| DirBuilder::new().mode(0o700).recursive(true).create(parent))
}

fn copy(from: &Path, to: &Path) -> io::Result<()> {
    let (mut from, mut to) = (File::open(from)?, File::create_new(to)?);
    io::copy(&mut from, &mut to).map(|_| ())
}
