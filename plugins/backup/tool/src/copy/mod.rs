//! Copies whole backups to another directory and reads back what arrived there; to object storage the agent brings them. As in the directory itself the manifest comes last: what was cut off
//! half-way is no backup.

mod folder;

use std::path::PathBuf;

use serde_json::{Value, json};

use crate::answer::{Failure, Kind as Why, Outcome};
use crate::directory::Directory;
use crate::manifest::{FORMAT, FileEntry, Manifest, Sealed};
use crate::moment::Moment;
use crate::name::Name;
use crate::verify::{backups, named};
use crate::whole::{self, Looked};

/// What the command line says.
#[derive(Debug)]
pub(crate) struct Request {
    pub(crate) inside: PathBuf,
    /// None: all that the place lacks.
    pub(crate) names: Vec<String>,
    pub(crate) to: String,
}

/// A backup that was found whole, as it goes to another place: every file of it, the manifest last.
struct Parcel<'a> {
    directory: &'a Directory,
    name: &'a Name,
    manifest: &'a Manifest,
    /// Payload and content, with what they have to be when they arrive.
    files: Vec<FileEntry>,
}

/// Copies backups.
pub(crate) fn run(request: &Request) -> Outcome<Value> {
    let directory = Directory::open(&request.inside)?;
    let place = folder::Folder::open(&request.to, &directory)?;
    let names = if request.names.is_empty() { backups(&directory)? } else { named(&directory, &request.names)? };
    let (mut copied, mut present, mut failed, mut first) = (Vec::new(), Vec::new(), Vec::new(), None);
    for name in &names {
        let text = std::fs::read(directory.join(&name.entry("json"))).unwrap_or_default();
        if place.has(name, &text)? {
            present.push(name.to_string());
            continue;
        }
        match copy(&directory, name, &place, &request.to) {
            Ok(bytes) => copied.push(json!({ "name": name.as_str(), "bytes": bytes, "verified": true })),
            Err(failure) => {
                failed.push(json!({ "name": name.as_str(), "why": failure.message }));
                first = first.or(Some(failure));
            }
        }
    }
    match first {
        None => Ok(json!({ "copied": copied, "present": present, "failed": failed })),
        Some(failure) => Err(failure.with("copied", copied).with("present", present).with("failed", failed)),
    }
}

/// Copies one backup, if it is whole; returns its bytes.
fn copy(directory: &Directory, name: &Name, place: &folder::Folder, to: &str) -> Outcome<u64> {
    let mut looked = whole::look(directory, name);
    if let Some(failure) = looked.unknown() {
        return Err(Failure::new(failure.kind, format!("{name} is not copied: {}", failure.message)));
    }
    let Looked { sealed, content, problems, .. } = looked;
    let (Some(Sealed { manifest, sha256 }), Some(content), true) = (sealed, content, problems.is_empty()) else {
        let why = problems.first().cloned().unwrap_or_default();
        return Err(Failure::new(Why::Damaged, format!("{name} is not copied, for it is damaged: {why}")));
    };
    let mut files = content.files;
    files.extend(manifest.sha256.clone().map(|sha256| FileEntry {
        path: manifest.payload.clone(),
        bytes: manifest.bytes,
        sha256,
    }));
    let recorded = manifest.content.clone();
    files.push(FileEntry { path: name.entry("content.json"), bytes: recorded.bytes, sha256: recorded.sha256 });
    place.bring(&Parcel { directory, name, manifest: &manifest, files })?;
    record(directory, name, &sha256, to, manifest.bytes)?;
    Ok(manifest.bytes)
}

/// Writes `NAME.copied.json` anew, with this copy in place of an older one to the same place.
fn record(directory: &Directory, name: &Name, seal: &str, to: &str, bytes: u64) -> Outcome<()> {
    let entry = name.entry("copied.json");
    let before: Value = std::fs::read(directory.join(&entry))
        .ok()
        .and_then(|text| serde_json::from_slice(&text).ok())
        .unwrap_or_default();
    let of_this = before.get("manifest_sha256").and_then(Value::as_str) == Some(seal);
    let mut copies: Vec<Value> =
        before.get("copies").and_then(Value::as_array).filter(|_| of_this).cloned().unwrap_or_default();
    copies.retain(|copy| copy.get("to").and_then(Value::as_str) != Some(to));
    let now = Moment::now();
    copies.push(json!({ "to": to, "copied": now.text(), "copied_us": now.0, "bytes": bytes, "verified": true }));
    let record = json!({ "format": FORMAT, "name": name.as_str(), "manifest_sha256": seal, "copies": copies });
    directory.write(&entry, format!("{record:#}\n").as_bytes())
}
