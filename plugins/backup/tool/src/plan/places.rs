//! Where backups are: in the directory itself, in the second places that it was copied to, in object stores.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use serde_json::Value;

use super::Request;
use crate::answer::Outcome;
use crate::directory::{Directory, bytes};
use crate::manifest::{self, Manifest};
use crate::moment::Moment;
use crate::name::{Kind, Name, label};
use crate::verify::backups;

/// A place.
#[derive(Debug)]
pub(super) enum Place {
    /// A directory with whole backups; the one that was asked about, or a copy of it.
    Directory(Directory),
    /// An object store, by its name: its backups have to be fetched.
    Store(String),
}

/// A sound backup.
#[derive(Debug)]
pub(super) struct Found {
    pub(super) manifest: Manifest,
    /// Of the places; 0 is the directory that was asked about.
    pub(super) place: usize,
}

/// All that there is.
#[derive(Debug)]
pub(super) struct Places {
    pub(super) all: Vec<Place>,
    /// The oldest first; of one that is in several places the nearest.
    pub(super) sound: Vec<Found>,
    /// Places that were copied to and cannot be looked into.
    pub(super) gone: Vec<String>,
    /// What is there and is no way back.
    left_out: Vec<LeftOut>,
}

/// A backup that is not sound.
#[derive(Debug)]
struct LeftOut {
    name: Name,
    place: usize,
    /// Of its data; 0 where its manifest does not tell.
    until_us: i64,
    why: String,
}

/// So many of those that are not sound are named, the newest.
const NAMED: usize = 3;

impl Places {
    pub(super) fn of(request: &Request, directory: &Directory) -> Outcome<Self> {
        let mut places = Self { all: Vec::new(), sound: Vec::new(), gone: Vec::new(), left_out: Vec::new() };
        let copied = copied(directory)?;
        let here = directory.path().to_owned();
        places.add(directory)?;
        let named = request.copies.iter().map(|path| path.display().to_string());
        for copy in named.chain(copied).collect::<BTreeSet<String>>() {
            match Directory::open(Path::new(&copy)) {
                Ok(copy) if copy.path() == here => {}
                Ok(copy) => places.add(&copy)?,
                Err(_) => places.gone.push(copy),
            }
        }
        for (name, manifests) in &request.stored {
            let listed = Directory::open(manifests)?;
            places.all.push(Place::Store(name.clone()));
            places.take(&listed, |_, _| None)?;
        }
        // Stable: of equals the nearest place comes last, and the last is chosen.
        places.sound.sort_by_key(|found| (found.manifest.data_until_us, std::cmp::Reverse(found.place)));
        Ok(places)
    }

    /// A directory with its backups. One that is known to be damaged is no way back.
    fn add(&mut self, directory: &Directory) -> Outcome<()> {
        let against = |directory: &Directory, manifest: &Manifest| {
            let content = format!("{}.content.json", manifest.name);
            [(&manifest.payload, manifest.bytes), (&content, manifest.content.bytes)].into_iter().find_map(
                |(entry, recorded)| match bytes(&directory.join(entry)) {
                    Ok(found) if found == recorded => None,
                    Ok(found) => Some(format!("{entry} has {found} bytes where {recorded} were recorded")),
                    Err(why) => Some(format!("{entry} cannot be read: {why}")),
                },
            )
        };
        self.all.push(Place::Directory(directory.clone()));
        self.take(directory, against)
    }

    /// `against`: what speaks against a backup beside its manifest and records.
    fn take(
        &mut self,
        directory: &Directory,
        against: impl Fn(&Directory, &Manifest) -> Option<String>,
    ) -> Outcome<()> {
        let place = self.all.len() - 1;
        for name in backups(directory)? {
            let sealed = match manifest::read(directory, &name) {
                Ok(sealed) => sealed,
                Err(why) => {
                    self.left_out.push(LeftOut { name, place, until_us: 0, why: why.why().to_owned() });
                    continue;
                }
            };
            if self.sound.iter().any(|found| found.manifest.name == sealed.manifest.name) {
                continue;
            }
            let wrong = known_bad(directory, &name, &sealed.sha256).or_else(|| against(directory, &sealed.manifest));
            match wrong {
                None => self.sound.push(Found { manifest: sealed.manifest, place }),
                Some(why) => {
                    self.left_out.push(LeftOut { name, place, until_us: sealed.manifest.data_until_us, why });
                }
            }
        }
        Ok(())
    }

    /// Backups that are no sound way back and may be one in part, a line each: base backups and those of the database, newer than what was found and
    /// not from after the time.
    pub(super) fn unsound(&self, request: &Request, than: Option<Moment>) -> Vec<String> {
        let series = request.of.as_ref().map(|of| format!("full-{}", label(of)));
        let wanted = |one: &&LeftOut| {
            let of = one.name.kind() == Kind::Full && series.as_ref().is_none_or(|series| one.name.series() == series);
            let unread = one.until_us == 0;
            let newer = unread || than.is_none_or(|than| one.until_us > than.0);
            let before = unread || request.to.is_none_or(|to| one.until_us <= to.0);
            let elsewhere = self.sound.iter().any(|found| found.manifest.name == one.name.as_str());
            (of || one.name.kind() == Kind::Base) && newer && before && !elsewhere
        };
        let mut found: Vec<&LeftOut> = self.left_out.iter().filter(wanted).collect();
        found.sort_by_key(|one| std::cmp::Reverse(one.until_us));
        let more = found.len().saturating_sub(NAMED);
        let line = |one: &LeftOut| {
            let place = self.words(one.place).map_or_else(|| "there".to_owned(), |place| format!("in {place}"));
            format!("{} is {place}, and {}", one.name, one.why)
        };
        let lines = found.into_iter().take(NAMED).map(line);
        lines.chain((more > 0).then(|| format!("{more} more backups are not sound: pgreeve-backup list"))).collect()
    }

    /// The place of a backup, in words; none for the directory that was asked about.
    pub(super) fn told(&self, found: &Found) -> Option<String> {
        self.words(found.place)
    }

    fn words(&self, place: usize) -> Option<String> {
        match self.all.get(place) {
            Some(Place::Directory(copy)) if place > 0 => Some(format!("the copy in {}", copy.path().display())),
            Some(Place::Store(name)) => Some(format!("the object store {name}")),
            _ => None,
        }
    }
}

/// What the last look at its bytes found wrong with this very backup, by the records beside it.
fn known_bad(directory: &Directory, name: &Name, seal: &str) -> Option<String> {
    let record = |ending: &str| -> Value {
        let text = directory.read(&name.entry(ending)).unwrap_or_default();
        let record: Value = serde_json::from_slice(&text).unwrap_or_default();
        if record.get("manifest_sha256").and_then(Value::as_str) == Some(seal) { record } else { Value::Null }
    };
    let at = |record: &Value, member: &str| record.get(member).and_then(Value::as_i64).unwrap_or(0);
    let (verified, proof) = (record("verified.json"), record("proof.json"));
    // A restore test that was not begun, for the files were not whole.
    let not_begun = proof.get("method").and_then(Value::as_str) == Some("none");
    if at(&verified, "verified_us") >= at(&proof, "proved_us") {
        let damaged = verified.get("whole").and_then(Value::as_bool) == Some(false);
        damaged.then(|| said(&verified, "verify", "verified", "problems"))
    } else {
        not_begun.then(|| said(&proof, "a restore test", "proved", "failures"))
    }
}

/// Who found it damaged, when, and what the first problem is.
fn said(record: &Value, who: &str, when: &str, problems: &str) -> String {
    let when = record.get(when).and_then(Value::as_str).unwrap_or("a day that is not known");
    let first = record.get(problems).and_then(|problems| problems.get(0)).and_then(Value::as_str).unwrap_or_default();
    format!("{who} found it damaged on {when}: {first}")
}

/// Directories that `copy` says it has copied to.
fn copied(directory: &Directory) -> Outcome<BTreeSet<String>> {
    let mut places = BTreeSet::new();
    for entry in directory.entries()?.iter().filter(|entry| entry.ends_with(".copied.json")) {
        let text = std::fs::read(directory.join(entry)).unwrap_or_default();
        let record: Value = serde_json::from_slice(&text).unwrap_or_default();
        let copies = record.get("copies").and_then(Value::as_array).into_iter().flatten();
        let to = copies.filter_map(|copy| copy.get("to")?.as_str()).map(PathBuf::from);
        places.extend(to.filter(|path| path.is_absolute()).map(|path| path.display().to_string()));
    }
    Ok(places)
}
