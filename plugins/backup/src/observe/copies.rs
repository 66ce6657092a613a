//! The copies in an object store: what lies beneath its prefix, and the newest manifests of each series there.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use pgreeve_sdk::{Answer, Error, Limit, objects};

use super::directory;
use crate::name::{Name, Series};
use crate::sealed::Sealed;

/// Objects; a prefix with more is not judged.
const OBJECTS: usize = 50_000;
/// Manifests of each series that are read.
const NEWEST: usize = 3;
/// Manifests that are read altogether: each is a request.
const READ: usize = 300;
/// A manifest is smaller than this, by the format.
const MANIFEST: u32 = 64 << 10;

/// The object store of the copies.
#[derive(Debug)]
pub(crate) struct Copies {
    pub(crate) store: String,
    pub(crate) seen: Answer<Seen>,
}

/// What lies there.
#[derive(Debug, Default)]
pub(crate) struct Seen {
    /// By key.
    pub(crate) objects: BTreeMap<String, Object>,
    /// What the newest manifests say; the inner error is what is wrong with one.
    pub(crate) manifests: BTreeMap<String, Answer<Result<Sealed, String>>>,
}

/// An object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Object {
    /// Bytes.
    pub(crate) size: u64,
    /// When it was put there, by the store's clock, in microseconds since 1970.
    pub(crate) modified: i64,
}

/// Lists the store and reads what its newest backups say of themselves.
pub(crate) fn read(store: &str) -> Copies {
    Copies { store: store.to_owned(), seen: look(store) }
}

fn look(store: &str) -> Answer<Seen> {
    let mut seen = Seen::default();
    let mut after: Option<String> = None;
    loop {
        let page = objects::entries(store, "", after.as_deref())?;
        after = page.objects.last().map(|object| object.key.clone());
        let of = |object: objects::Object| (object.key, Object { size: object.size, modified: object.modified });
        seen.objects.extend(page.objects.into_iter().map(of));
        if !page.more || after.is_none() {
            break;
        }
        if seen.objects.len() >= OBJECTS {
            return Err(Error::LimitExceeded(Limit::Rows));
        }
    }
    let mut series: BTreeMap<Series, Vec<Name>> = BTreeMap::new();
    for key in seen.objects.keys() {
        if let Some((name, ".json")) = Name::of_entry(key) {
            series.entry(name.series.clone()).or_default().push(name);
        }
    }
    let mut ranked: Vec<(usize, Name)> = Vec::new();
    for names in series.values_mut() {
        names.sort_by_key(|name| Reverse(name.started));
        ranked.extend(names.drain(..).take(NEWEST).enumerate());
    }
    // The newest of every series before the second of any.
    ranked.sort();
    for (_, name) in ranked.into_iter().take(READ) {
        let key = format!("{name}.json");
        let read = objects::read(store, &key, 0, MANIFEST).and_then(|bytes| directory::unsealed(&bytes));
        seen.manifests.insert(name.as_str().to_owned(), read);
    }
    Ok(seen)
}

impl Seen {
    /// What is wrong with a copy by names, sizes and times alone: an object that was put there after its manifest, which goes last, was put there
    /// by somebody else.
    pub(crate) fn wrong(&self, name: &Name, sealed: &Sealed) -> Option<String> {
        let manifest = &sealed.manifest;
        if manifest.name != name.as_str() {
            return Some(format!("its manifest is of another backup, {}", manifest.name));
        }
        let last = self.objects.get(&format!("{name}.json")).map_or(i64::MIN, |object| object.modified);
        let content = format!("{name}.content.json");
        let whole = |key: &str, bytes: u64, found: &[(&String, &Object)]| {
            let size: u64 = found.iter().map(|(_, object)| object.size).sum();
            if found.is_empty() {
                return Some(format!("{key} is missing"));
            }
            if size != bytes {
                return Some(format!("{key} has {size} bytes, its manifest says {bytes}"));
            }
            found
                .iter()
                .find(|(_, object)| object.modified > last)
                .map(|(key, _)| format!("{key} was put there anew after the copy was made"))
        };
        let one = |key: &String| self.objects.get_key_value(key).into_iter().collect::<Vec<_>>();
        let below: Vec<_> = if manifest.payload == name.as_str() {
            let start = format!("{}/", manifest.payload);
            self.objects.range(start.clone()..).take_while(|(key, _)| key.starts_with(&start)).collect()
        } else {
            one(&manifest.payload)
        };
        whole(&manifest.payload, manifest.bytes, &below)
            .or_else(|| whole(&content, manifest.content.bytes, &one(&content)))
    }
}
