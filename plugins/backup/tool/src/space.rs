//! Whether there is room, before anything is started.

use std::io;
use std::path::Path;

use rustix::fs::statvfs;

use crate::answer::{Failure, Kind, Outcome, cannot};
use crate::directory::Directory;
use crate::manifest::{self, Manifest};
use crate::name::Name;

/// Added to what the last backup of the same series needed.
const MARGIN_PERCENT: u64 = 20;
/// What small files and manifests take.
const SMALL: u64 = 1 << 20;

/// What a new backup of a series will need.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Estimate {
    pub(crate) bytes: u64,
    /// There is no earlier one to go by.
    pub(crate) first: bool,
}

/// What the newest one took, grown as the database has grown, and a fifth more; without one, `most`, which takes nothing for compressed.
pub(crate) fn estimate(directory: &Directory, name: &Name, database_bytes: u64, most: u64) -> Outcome<Estimate> {
    let Some(last) = newest(directory, name)? else { return Ok(Estimate { bytes: most + SMALL, first: true }) };
    let grown = u128::from(last.bytes) * u128::from(database_bytes.max(1)) / u128::from(last.database_bytes.max(1));
    let estimate = grown.max(u128::from(last.bytes)) * u128::from(100 + MARGIN_PERCENT) / 100;
    Ok(Estimate { bytes: u64::try_from(estimate).unwrap_or(u64::MAX).saturating_add(SMALL), first: false })
}

/// Refuses when the file system of `path` has less room than `needed`.
pub(crate) fn check(path: &Path, needed: u64, what: &str) -> Outcome<()> {
    let available = available(path)?;
    if available >= needed {
        return Ok(());
    }
    let (need, have) = (bytesize::ByteSize(needed), bytesize::ByteSize(available));
    let why = format!(
        "{what} needs about {need} in {} and {have} are free: free space, or name another directory",
        path.display()
    );
    Err(Failure::new(Kind::NoSpace, why).with("needed_bytes", needed).with("available_bytes", available))
}

/// Bytes that an unprivileged user can have.
fn available(path: &Path) -> Outcome<u64> {
    let found = statvfs(path)
        .map_err(io::Error::from)
        .map_err(cannot(format_args!("ask for the free space of {}", path.display())))?;
    Ok(found.f_bavail.saturating_mul(found.f_frsize))
}

fn newest(directory: &Directory, like: &Name) -> Outcome<Option<Manifest>> {
    let entries = directory.entries()?;
    let names = entries.iter().rev().filter_map(|entry| Name::of_entry(entry));
    let of_series = names.filter(|(name, rest)| *rest == ".json" && name.series() == like.series());
    Ok(of_series.filter_map(|(name, _)| manifest::read(directory, &name).ok()).map(|sealed| sealed.manifest).next())
}
