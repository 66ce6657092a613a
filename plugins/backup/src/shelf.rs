//! The backup directory as it was seen: its entries, and what was read of each backup. From it series of backups are made, and of each backup
//! what it is worth. Pure.

use std::collections::BTreeMap;

use pgreeve_sdk::{Answer, Error};

use crate::moment::SECOND;
use crate::name::{Name, Series};
use crate::sealed::{Proof, Sealed, Verified};

/// How far ahead of the agent's clock a backup may have ended: the clocks of two hosts.
const AHEAD: i64 = 300 * SECOND;

/// What an entry of the directory is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum What {
    File,
    Directory,
    /// A symbolic link, a socket and so on.
    Other,
}

/// An entry of the directory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Entry {
    pub(crate) what: What,
    /// Bytes of a file.
    pub(crate) size: u64,
    /// Microseconds since 1970.
    pub(crate) modified: i64,
}

/// What was seen of the directory.
#[derive(Debug, Default)]
pub(crate) struct Shelf {
    /// By name.
    pub(crate) entries: BTreeMap<String, Entry>,
    /// Names that are not UTF-8.
    pub(crate) skipped: u32,
    /// The listing was longer than this run may read.
    pub(crate) cut: bool,
    /// Of each backup, in the order of their names.
    pub(crate) backups: Vec<Backup>,
    /// Each `.partial` and `.proving` directory; none where it could not be looked into.
    pub(crate) under_way: BTreeMap<String, Option<UnderWay>>,
}

/// Work under way, or what a killed tool left of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct UnderWay {
    /// The last change in the directory, in microseconds.
    pub(crate) changed: i64,
    /// The scratch database of a restore test; only another `prove` on that server removes it.
    pub(crate) database: Option<String>,
}

/// One backup: its manifest stands in the directory.
#[derive(Debug)]
pub(crate) struct Backup {
    pub(crate) name: Name,
    /// None: not opened in this run, there are too many.
    pub(crate) opened: Option<Opened>,
}

/// What was read of a backup.
#[derive(Debug)]
pub(crate) struct Opened {
    /// The outer error: it could not be read. The inner one: what is wrong with it.
    pub(crate) manifest: Answer<Result<Sealed, String>>,
    /// Bytes of all files of a payload directory; none where the payload is no directory.
    pub(crate) directory_bytes: Option<Answer<u64>>,
    /// None where there is no such file.
    pub(crate) proof: Option<Answer<Result<Proof, String>>>,
    pub(crate) verified: Option<Answer<Result<Verified, String>>>,
}

/// What a backup is worth.
#[derive(Debug)]
pub(crate) enum Worth<'a> {
    /// All that can be seen without reading the payload is right, and no verification spoke against it.
    Good(&'a Sealed),
    /// What is wrong with it; its manifest, where that can be read.
    Damaged(String, Option<&'a Sealed>),
    /// Of another cluster, by its system identifier.
    Elsewhere,
    /// Ended in the future: a clock was or is wrong.
    Future(&'a Sealed),
    /// Could not be looked at.
    Unread(&'a Error),
    /// Not opened in this run.
    Closed,
}

impl Shelf {
    /// The backups of each series, newest first.
    pub(crate) fn series(&self) -> BTreeMap<&Series, Vec<&Backup>> {
        let mut series: BTreeMap<&Series, Vec<&Backup>> = BTreeMap::new();
        for backup in &self.backups {
            series.entry(&backup.name.series).or_default().push(backup);
        }
        series.values_mut().for_each(|backups| backups.sort_by_key(|backup| std::cmp::Reverse(backup.name.started)));
        series
    }

    /// What a backup is worth at this moment, to the cluster with this identifier.
    pub(crate) fn worth<'a>(&'a self, backup: &'a Backup, cluster: Option<u64>, now: i64) -> Worth<'a> {
        let Some(opened) = &backup.opened else { return Worth::Closed };
        let sealed = match &opened.manifest {
            Err(error) => return Worth::Unread(error),
            Ok(Err(wrong)) => return Worth::Damaged(wrong.clone(), None),
            Ok(Ok(sealed)) => sealed,
        };
        let manifest = &sealed.manifest;
        let theirs = manifest.server.system_identifier.as_deref();
        if let (Some(ours), Some(theirs)) = (cluster, theirs)
            && ours.to_string() != theirs
        {
            return Worth::Elsewhere;
        }
        if let Some(wrong) = self.wrong(backup, sealed) {
            return Worth::Damaged(wrong, Some(sealed));
        }
        match &opened.directory_bytes {
            Some(Err(error)) => return Worth::Unread(error),
            Some(Ok(bytes)) if *bytes != manifest.bytes => {
                let wrong = format!("{} has {bytes} bytes, the manifest says {}", manifest.payload, manifest.bytes);
                return Worth::Damaged(wrong, Some(sealed));
            }
            _ => {}
        }
        if let Some(Ok(Ok(verified))) = &opened.verified
            && !verified.whole
            && verified.manifest_sha256.as_deref().is_none_or(|seal| seal == sealed.seal)
        {
            let problem = verified.problems.first().map_or("damage", String::as_str);
            return Worth::Damaged(format!("the last verification found: {problem}"), Some(sealed));
        }
        if manifest.finished_us > now + AHEAD { Worth::Future(sealed) } else { Worth::Good(sealed) }
    }

    /// What is wrong with it by names and sizes alone.
    fn wrong(&self, backup: &Backup, sealed: &Sealed) -> Option<String> {
        let (name, manifest) = (backup.name.as_str(), &sealed.manifest);
        let of_another = manifest.name != name
            || manifest.kind != backup.name.series.kind
            || Series::of(manifest.kind, manifest.database.as_deref().unwrap_or("cluster")) != backup.name.series;
        if of_another {
            return Some(format!("the manifest is of another backup, {}", manifest.name));
        }
        if ![name.to_owned(), format!("{name}.dump"), format!("{name}.sql")].contains(&manifest.payload) {
            return Some(format!("{} is no payload of it", manifest.payload));
        }
        if manifest.bytes == 0 {
            return Some("the manifest says that the payload is empty".to_owned());
        }
        if manifest.finished_us < manifest.started_us {
            return Some("it ended before it began: the clock was set back meanwhile".to_owned());
        }
        let content = format!("{name}.content.json");
        for (path, size) in [(&manifest.payload, manifest.bytes), (&content, manifest.content.bytes)] {
            match self.entries.get(path) {
                None => return Some(format!("{path} is missing")),
                Some(Entry { what: What::File, size: 0, .. }) => return Some(format!("{path} is empty")),
                Some(entry) if entry.what == What::File && entry.size != size => {
                    return Some(format!("{path} has {} bytes, the manifest says {size}", entry.size));
                }
                Some(entry) => {
                    let directory = *path == name;
                    if entry.what != if directory { What::Directory } else { What::File } {
                        return Some(format!("{path} is no {}", if directory { "directory" } else { "regular file" }));
                    }
                }
            }
        }
        None
    }
}

impl Backup {
    /// The record of a verification of this very manifest, if there is one.
    pub(crate) fn verified(&self, sealed: &Sealed) -> Option<&Verified> {
        match &self.opened.as_ref()?.verified {
            Some(Ok(Ok(verified))) if verified.manifest_sha256.as_deref() == Some(&sealed.seal) => Some(verified),
            _ => None,
        }
    }

    /// The newest restore test of this very manifest, if there is one.
    pub(crate) fn proof(&self, sealed: &Sealed) -> Option<&Proof> {
        match &self.opened.as_ref()?.proof {
            Some(Ok(Ok(proof))) if proof.manifest_sha256.as_deref() == Some(&sealed.seal) => Some(proof),
            _ => None,
        }
    }

    /// Whether all its bytes were read again and found right, or it was restored.
    pub(crate) fn is_verified(&self, sealed: &Sealed) -> bool {
        self.verified(sealed).is_some_and(|verified| verified.whole)
            || self.proof(sealed).is_some_and(|proof| proof.passed)
    }
}
