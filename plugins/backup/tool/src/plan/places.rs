//! Where backups are: in the directory itself, in the second places that it was copied to, in object stores.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use serde_json::Value;

use super::Request;
use crate::answer::Outcome;
use crate::directory::{Directory, bytes};
use crate::manifest::{self, Manifest};
use crate::name::Name;
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
}

impl Places {
    pub(super) fn of(request: &Request, directory: &Directory) -> Outcome<Self> {
        let mut places = Self { all: Vec::new(), sound: Vec::new(), gone: Vec::new() };
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
            places.take(&listed, |_, _| true)?;
        }
        // Stable: of equals the nearest place comes last, and the last is chosen.
        places.sound.sort_by_key(|found| (found.manifest.data_until_us, std::cmp::Reverse(found.place)));
        Ok(places)
    }

    /// A directory with its backups. One that is known to be damaged is no way back.
    fn add(&mut self, directory: &Directory) -> Outcome<()> {
        let sound = |directory: &Directory, manifest: &Manifest| {
            let content = directory.join(&format!("{}.content.json", manifest.name));
            bytes(&directory.join(&manifest.payload)).is_ok_and(|found| found == manifest.bytes)
                && bytes(&content).is_ok_and(|found| found == manifest.content.bytes)
        };
        self.all.push(Place::Directory(directory.clone()));
        self.take(directory, sound)
    }

    fn take(&mut self, directory: &Directory, sound: impl Fn(&Directory, &Manifest) -> bool) -> Outcome<()> {
        let place = self.all.len() - 1;
        for name in backups(directory)? {
            let Ok(sealed) = manifest::read(directory, &name) else { continue };
            if is_known_bad(directory, &name, &sealed.sha256) {
                continue;
            }
            let known = self.sound.iter().any(|found| found.manifest.name == sealed.manifest.name);
            if !known && sound(directory, &sealed.manifest) {
                self.sound.push(Found { manifest: sealed.manifest, place });
            }
        }
        Ok(())
    }

    /// The place of a backup, in words; none for the directory that was asked about.
    pub(super) fn told(&self, found: &Found) -> Option<String> {
        match self.all.get(found.place) {
            Some(Place::Directory(copy)) if found.place > 0 => Some(format!("the copy in {}", copy.path().display())),
            Some(Place::Store(name)) => Some(format!("the object store {name}")),
            _ => None,
        }
    }
}

/// Whether the last look at its bytes found this very backup damaged, by the records beside it.
fn is_known_bad(directory: &Directory, name: &Name, seal: &str) -> bool {
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
        verified.get("whole").and_then(Value::as_bool) == Some(false)
    } else {
        not_begun
    }
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
