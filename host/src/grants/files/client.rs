//! Answers a run's calls: opens each directory once, counts what the run receives, and keeps the work behind the directory's gate.

use std::collections::HashMap;
use std::sync::Arc;

use super::gate::Clock;
use super::policy::{self, Relative};
use super::root::{Last, Root};
use super::{Ask, Directory, Entry, Told, content, listing};
use crate::grants::error::{Error, Limit};

/// The part of a run's state that belongs to `files`: directories that it has opened, and the bytes it may still receive.
#[derive(Debug)]
pub struct Files {
    opened: HashMap<String, Arc<Root>>,
    left: u64,
}

/// What an entry of a listing costs besides its path, in bytes.
const PER_ENTRY: u64 = 32;

impl Files {
    /// Nothing opened, `bytes` to receive: contents of files, and names in listings.
    pub fn new(bytes: u64) -> Self {
        Self { opened: HashMap::new(), left: bytes }
    }

    /// Takes what an answer holds off the run's bytes.
    fn charge(&mut self, told: &Told) -> Result<(), Error> {
        let one = |entry: &Entry| entry.path.len() as u64 + PER_ENTRY;
        let bytes = match told {
            Told::Entries(listing) => listing.entries.iter().map(one).sum(),
            Told::Metadata(entry) => one(entry),
            Told::Read(bytes) => bytes.len() as u64,
            Told::Sha256(_) | Told::FreeSpace(_) => 0,
        };
        self.left = self.left.checked_sub(bytes).ok_or(Error::LimitExceeded(Limit::Bytes))?;
        Ok(())
    }
}

/// Answers one call on a granted directory. What it may take is the directory's time-out; it may be dropped at any moment.
pub async fn perform(part: &mut Files, directory: &Directory, ask: &Ask) -> Result<Told, Error> {
    let name = &directory.name;
    let path = Relative::new(name, ask.path())?;
    let subject = format!("the granted directory {name:?} ({})", directory.path.display());
    let remedy = format!("`timeout` under [files.{name}] in agent.toml");
    let (timeout, left, opened) = (directory.rules.timeout, part.left, part.opened.get(name).cloned());
    let (owned, asked) = (directory.clone(), ask.clone());
    let work = move |clock: &Clock| {
        let root = match opened {
            Some(root) => root,
            None => Arc::new(Root::open(&owned)?),
        };
        // A call that fails leaves the directory open all the same: it is opened once per run.
        let told = answer(&root, &owned, &path, &asked, left, clock);
        Ok((root, told))
    };
    let (root, told) = directory.gate.run(timeout, &subject, &remedy, work).await?;
    part.opened.entry(name.clone()).or_insert(root);
    let told = told?;
    part.charge(&told)?;
    Ok(told)
}

/// Blocks on the file system.
fn answer(
    root: &Root,
    directory: &Directory,
    path: &Relative,
    ask: &Ask,
    left: u64,
    clock: &Clock,
) -> Result<Told, Error> {
    match ask {
        Ask::Entries { after, .. } => {
            let after = policy::after(after.as_deref())?;
            listing::page(root, directory, path, after, clock).map(Told::Entries)
        }
        Ask::Metadata { .. } => {
            let (_, stat) = root.find(directory, path, Last::Itself, "look at")?;
            Ok(Told::Metadata(listing::entry(path.as_str().to_owned(), &stat)))
        }
        Ask::Read { offset, length, .. } => {
            content::read(root, directory, path, (*offset, *length), left, clock).map(Told::Read)
        }
        Ask::Sha256 { .. } => content::sha256(root, directory, path, clock).map(Told::Sha256),
        Ask::FreeSpace { .. } => root.space(directory).map(Told::FreeSpace),
    }
}
