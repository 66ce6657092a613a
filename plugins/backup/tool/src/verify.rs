//! Reads every byte of stored backups again and says which are whole.

use std::path::PathBuf;

use serde_json::{Value, json};

use crate::answer::{Failure, Kind, Outcome};
use crate::directory::Directory;
use crate::manifest::FORMAT;
use crate::moment::Moment;
use crate::name::Name;
use crate::whole;

/// What the command line says.
#[derive(Debug)]
pub(crate) struct Request {
    pub(crate) inside: PathBuf,
    /// None: all.
    pub(crate) names: Vec<String>,
    pub(crate) record: bool,
}

/// Verifies backups; damaged if one is.
pub(crate) fn run(request: &Request) -> Outcome<Value> {
    let directory = Directory::open(&request.inside)?;
    let names = if request.names.is_empty() { backups(&directory)? } else { named(&directory, &request.names)? };
    let (mut answers, mut damaged, mut first, mut unseen) = (Vec::new(), Vec::new(), None, Vec::new());
    let mut unwritten = None;
    for name in names {
        let started = Moment::now();
        let mut looked = whole::look(&directory, &name);
        if let Some(failure) = looked.unknown() {
            unseen.push(failure);
            continue;
        }
        let whole = looked.problems.is_empty();
        if request.record {
            let now = Moment::now();
            let record = json!({
                "format": FORMAT, "name": name.as_str(), "manifest_sha256": looked.sealed.as_ref().map(|sealed| &sealed.sha256),
                "verified": now.text(), "verified_us": now.0, "whole": whole, "problems": looked.problems,
                "bytes_read": looked.bytes_read, "duration_ms": now.ms_since(started),
            });
            // A full disk must not hide what is found in the others.
            let written = directory.write(&name.entry("verified.json"), format!("{record:#}\n").as_bytes());
            unwritten = unwritten.or(written.err());
        }
        if !whole {
            first = first.or_else(|| looked.problems.first().cloned());
            damaged.push(name.to_string());
        }
        answers.push(json!({ "name": name.as_str(), "whole": whole, "problems": looked.problems, "bytes_read": looked.bytes_read }));
    }
    let Some(first) = first else {
        if let Some(failure) = unwritten {
            return Err(failure.with("backups", answers).with("damaged", damaged));
        }
        let count = unseen.len();
        let Some(failure) = unseen.into_iter().next() else {
            return Ok(json!({ "backups": answers, "damaged": damaged }));
        };
        let why = format!("nothing is known of {count} backups: {}", failure.message);
        return Err(Failure::new(failure.kind, why).with("backups", answers).with("damaged", damaged));
    };
    let more = if damaged.len() > 1 { format!(" ({} backups are damaged)", damaged.len()) } else { String::new() };
    let why = format!("damaged: {first}{more}; keep an older backup, take a new one now, and look at the disk");
    Err(Failure::new(Kind::Damaged, why).with("backups", answers).with("damaged", damaged))
}

/// All backups: whatever has a manifest.
pub(crate) fn backups(directory: &Directory) -> Outcome<Vec<Name>> {
    let entries = directory.entries()?;
    Ok(entries
        .iter()
        .filter_map(|entry| Name::of_entry(entry))
        .filter(|(_, rest)| *rest == ".json")
        .map(|(name, _)| name)
        .collect())
}

/// The backups of these names, which have to be there.
pub(crate) fn named(directory: &Directory, names: &[String]) -> Outcome<Vec<Name>> {
    names.iter().map(|text| by_name(directory, text)).collect()
}

/// The backup of this name, or of the manifest's file name or path.
pub(crate) fn by_name(directory: &Directory, text: &str) -> Outcome<Name> {
    let last = text.rsplit('/').next().unwrap_or(text);
    let name = Name::parse(last.strip_suffix(".json").unwrap_or(last));
    let found = name.filter(|name| directory.has(&name.entry("json")));
    found.ok_or_else(|| {
        let why = format!("there is no backup {text} in {}; `list` shows what is there", directory.path().display());
        Failure::new(Kind::Refused, why)
    })
}
