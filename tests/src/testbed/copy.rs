//! Copies a cluster's files, also while its server runs, giving the copy to the server's user.

use std::fs;
use std::io::{self, ErrorKind};
use std::path::Path;

use super::account;

/// What to do with a file or directory, told by its path below the directory that is copied.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Take {
    /// Copy it; of a directory also the contents.
    All,
    /// Make the directory, without its contents.
    Empty,
    /// Leave it out.
    Nothing,
}

/// Copies the directory `from` to `to`, which may exist. A running server removes files at any time: one that is gone
/// when its turn comes was not needed, because the WAL of the backup tells of its removal.
pub(super) fn tree(from: &Path, to: &Path, take: &dyn Fn(&Path) -> Take) {
    below(from, to, Path::new(""), take).unwrap_or_else(|error| {
        panic!("cannot copy {} to {}: {error}", from.display(), to.display());
    });
}

fn below(from: &Path, to: &Path, part: &Path, take: &dyn Fn(&Path) -> Take) -> io::Result<()> {
    let target = to.join(part);
    if !target.is_dir() {
        fs::create_dir(&target)?;
        fs::set_permissions(&target, fs::metadata(from.join(part))?.permissions())?;
        account::give(&target)?;
    }
    for entry in fs::read_dir(from.join(part))? {
        let entry = entry?;
        let part = part.join(entry.file_name());
        match (take(&part), entry.file_type()?.is_dir()) {
            (Take::Nothing, _) => {}
            (Take::All, true) => below(from, to, &part, take)?,
            (Take::Empty, _) => below(from, to, &part, &|_| Take::Nothing)?,
            (Take::All, false) => file(&from.join(&part), &to.join(&part))?,
        }
    }
    Ok(())
}

/// Copies one file, unless it is gone.
pub(super) fn file(from: &Path, to: &Path) -> io::Result<()> {
    match fs::copy(from, to) {
        Ok(_) => account::give(to),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
        Err(error) => Err(error),
    }
}
