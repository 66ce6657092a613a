//! The directory of the backups: its listing, page by page, and the small files beside each backup, newest first, as many as a run may read.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use pgreeve_sdk::{Answer, Error, files};
use serde::Deserialize;

use crate::name::{Name, Series};
use crate::sealed::{self, Sealed, Wrong};
use crate::shelf::{Backup, Entry, Opened, Shelf, UnderWay, What};

/// A manifest is smaller than this, by the format.
const MANIFEST: u64 = 64 << 10;
/// A proof or a record of a verification that is larger is none.
const RECORD: u64 = 256 << 10;
/// Bytes that the small files of all backups together may have: most of what a run may receive, `[limits] bytes`.
const BYTES: u64 = 10 << 20;
/// Calls for them, of the run's `[limits] calls`.
const CALLS: u32 = 6000;
/// So many of each series are opened before older ones.
const NEWEST: i64 = 16;
/// Entries of the directory.
const ENTRIES: usize = 100_000;
/// Entries of payload directories, all together.
const BELOW: usize = 50_000;

/// Lists the directory and reads what its backups say of themselves.
pub(crate) fn read(grant: &str) -> Answer<Shelf> {
    let mut shelf = list(grant)?;
    let mut purse = Purse { bytes: BYTES, calls: CALLS, below: BELOW };
    let mut names: Vec<Name> = shelf.entries.keys().filter_map(|entry| manifest_of(entry)).collect();
    names.sort_by(|a, b| (&a.series, Reverse(a.started)).cmp(&(&b.series, Reverse(b.started))));
    let mut ranks: BTreeMap<Series, i64> = BTreeMap::new();
    let mut ranked: Vec<(i64, i64, Name)> = names
        .into_iter()
        .map(|name| {
            let rank = ranks.entry(name.series.clone()).or_default();
            *rank += 1;
            // The newest of every series before the second of any, and so on; then the oldest, which may have to go.
            ((*rank).min(NEWEST), if *rank < NEWEST { 0 } else { name.started }, name)
        })
        .collect();
    ranked.sort();
    shelf.backups = ranked
        .into_iter()
        .map(|(_, _, name)| Backup { opened: open(grant, &shelf.entries, &name, &mut purse), name })
        .collect();
    shelf.backups.sort_by(|a, b| a.name.cmp(&b.name));
    let names = shelf.entries.iter().filter(|(name, entry)| {
        entry.what == What::Directory && (name.ends_with(".partial") || name.ends_with(".proving"))
    });
    shelf.under_way = names.map(|(name, entry)| (name.clone(), under_way(grant, name, *entry))).collect();
    Ok(shelf)
}

fn manifest_of(entry: &str) -> Option<Name> {
    Name::of_entry(entry).filter(|(_, rest)| *rest == ".json").map(|(name, _)| name)
}

/// What a run may still spend.
struct Purse {
    bytes: u64,
    calls: u32,
    below: usize,
}

impl Purse {
    fn pay(&mut self, bytes: u64) -> bool {
        let pays = self.calls > 0 && self.bytes >= bytes;
        if pays {
            self.calls -= 1;
            self.bytes -= bytes;
        }
        pays
    }
}

fn list(grant: &str) -> Answer<Shelf> {
    let mut shelf = Shelf::default();
    let mut after: Option<String> = None;
    loop {
        let page = files::entries(grant, "", after.as_deref())?;
        shelf.skipped = page.skipped;
        after = page.entries.last().map(|entry| entry.path.clone());
        shelf.entries.extend(page.entries.into_iter().map(|entry| (entry.path.clone(), of(&entry))));
        if !page.more || after.is_none() {
            return Ok(shelf);
        }
        if shelf.entries.len() >= ENTRIES {
            shelf.cut = true;
            return Ok(shelf);
        }
    }
}

fn of(entry: &files::Entry) -> Entry {
    let what = match entry.kind {
        files::Kind::File => What::File,
        files::Kind::Directory => What::Directory,
        files::Kind::Symlink | files::Kind::Other => What::Other,
    };
    Entry { what, size: entry.size, modified: entry.modified }
}

/// What is read of one backup; none when no more may be spent.
fn open(grant: &str, entries: &BTreeMap<String, Entry>, name: &Name, purse: &mut Purse) -> Option<Opened> {
    let beside = |ending: &str| {
        let path = format!("{name}.{ending}");
        entries.get(&path).map(|entry| (path, *entry))
    };
    let (path, entry) = beside("json")?;
    let manifest = match entry {
        Entry { what: What::File, size, .. } if size <= MANIFEST => {
            if !purse.pay(size) {
                return None;
            }
            contents(grant, &path, size).and_then(|bytes| unsealed(&bytes))
        }
        Entry { what: What::File, size, .. } => Ok(Err(format!("the manifest has {size} bytes, which none has"))),
        _ => Ok(Err("the manifest is no regular file".to_owned())),
    };
    Some(Opened {
        directory_bytes: directory_bytes(grant, entries, &manifest, purse),
        proof: beside("proof.json").map(|(path, entry)| record(grant, &path, entry, purse)),
        verified: beside("verified.json").map(|(path, entry)| record(grant, &path, entry, purse)),
        manifest,
    })
}

fn record<T: for<'a> Deserialize<'a>>(
    grant: &str,
    path: &str,
    entry: Entry,
    purse: &mut Purse,
) -> Answer<Result<T, String>> {
    if entry.what != What::File || entry.size > RECORD {
        return Ok(Err(format!("{path} is no file of the tool")));
    }
    if !purse.pay(entry.size) {
        return Err(Error::LimitExceeded(pgreeve_sdk::Limit::Bytes));
    }
    Ok(sealed::record(&contents(grant, path, entry.size)?)
        .map_err(|wrong| format!("{path} cannot be understood: {wrong}")))
}

/// A manifest, or what is wrong with it.
pub(super) fn unsealed(bytes: &[u8]) -> Answer<Result<Sealed, String>> {
    match sealed::unseal(bytes) {
        Ok(sealed) => Ok(Ok(sealed)),
        Err(Wrong::Damaged(what)) => Ok(Err(what)),
        // Whether it is good, a plugin of its time could tell.
        Err(Wrong::Format(format)) => Err(Error::Invalid(format!(
            "its manifest is of format {format}, and this plugin judges format {} alone: install the plugin that belongs to the pgreeve-backup that took it",
            sealed::FORMAT
        ))),
    }
}

/// The whole file, which a rename may have replaced by another one meanwhile: a file is read to its end.
fn contents(grant: &str, path: &str, size: u64) -> Answer<Vec<u8>> {
    files::read(grant, path, 0, u32::try_from(size.max(MANIFEST)).unwrap_or(u32::MAX))
}

/// The bytes in a payload directory: a missing or truncated file in it shows here, a changed byte only to `verify`.
fn directory_bytes(
    grant: &str,
    entries: &BTreeMap<String, Entry>,
    manifest: &Answer<Result<Sealed, String>>,
    purse: &mut Purse,
) -> Option<Answer<u64>> {
    let Ok(Ok(sealed)) = manifest else { return None };
    let payload = &sealed.manifest.payload;
    let is_directory = entries.get(payload).is_some_and(|entry| entry.what == What::Directory);
    // A name that is no payload is damage, and not to be followed.
    if !is_directory || *payload != sealed.manifest.name || purse.below == 0 || !purse.pay(0) {
        return None;
    }
    let mut bytes = 0;
    let mut after: Option<String> = None;
    loop {
        let page = match files::entries(grant, payload, after.as_deref()) {
            Ok(page) => page,
            Err(error) => return Some(Err(error)),
        };
        bytes += page.entries.iter().map(|entry| entry.size).sum::<u64>();
        purse.below = purse.below.saturating_sub(page.entries.len());
        after = page.entries.last().and_then(|entry| entry.path.rsplit('/').next()).map(str::to_owned);
        if !page.more || after.is_none() {
            return Some(Ok(bytes));
        }
        if purse.below == 0 {
            return None;
        }
    }
}

/// A directory of work under way: its last change, or that of what is in it; and the scratch database that it records.
fn under_way(grant: &str, name: &str, entry: Entry) -> Option<UnderWay> {
    #[derive(Deserialize)]
    struct Record {
        database: Option<String>,
    }
    let page = files::entries(grant, name, None).ok()?;
    let changed = page.entries.iter().map(|entry| entry.modified).fold(entry.modified, i64::max);
    let record = format!("{name}/scratch.json");
    let database = page.entries.iter().any(|entry| entry.path == record).then(|| files::read(grant, &record, 0, 4096));
    let record: Option<Record> = database.and_then(|bytes| serde_json::from_slice(&bytes.ok()?).ok());
    Some(UnderWay { changed, database: record.and_then(|record| record.database) })
}
