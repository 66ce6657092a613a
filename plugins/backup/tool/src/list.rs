//! Says what is in the directory, without reading payloads.

use std::fs;
use std::path::Path;

use serde_json::{Value, json};

use crate::answer::Outcome;
use crate::directory::{Directory, bytes};
use crate::manifest::{self, Unread};
use crate::name::Name;
use crate::verify::backups;

/// Lists one directory.
pub(crate) fn run(inside: &Path) -> Outcome<Value> {
    let directory = Directory::open(inside)?;
    let names = backups(&directory)?;
    let others: Vec<Value> = directory.entries()?.iter().filter_map(|entry| other(entry, &names)).collect();
    let listed: Vec<Value> = names.iter().map(|name| describe(&directory, name)).collect();
    Ok(json!({ "backups": listed, "others": others }))
}

fn describe(directory: &Directory, name: &Name) -> Value {
    let mut answer = json!({ "name": name.as_str(), "kind": name.kind().word() });
    let sealed = manifest::read(directory, name);
    let add = |answer: &mut Value, more: Value| {
        if let (Some(answer), Value::Object(more)) = (answer.as_object_mut(), more) {
            answer.extend(more);
        }
    };
    match &sealed {
        Err(Unread::Damaged(why)) => add(&mut answer, json!({ "state": "manifest-damaged", "why": why })),
        Err(Unread::Unjudged(failure)) => add(&mut answer, json!({ "state": "not-judged", "why": failure.message })),
        Ok(sealed) => {
            let backup = &sealed.manifest;
            let state = match bytes(&directory.join(&backup.payload)) {
                Err(_) => "no-payload",
                Ok(found) if found != backup.bytes => "size-differs",
                Ok(_) => "complete",
            };
            let proof = beside(directory, name, "proof.json", &sealed.sha256);
            let verified = beside(directory, name, "verified.json", &sealed.sha256);
            add(
                &mut answer,
                json!({
                    "database": backup.database, "finished_us": backup.finished_us, "data_until_us": backup.data_until_us,
                    "bytes": backup.bytes, "state": state, "proved_us": proof.get("proved_us"), "passed": proof.get("passed"),
                    "verified_us": verified.get("verified_us"), "whole": verified.get("whole"), "caveats": backup.caveats,
                }),
            );
        }
    }
    answer
}

/// A small file beside the backup, if it is about this very manifest.
fn beside(directory: &Directory, name: &Name, ending: &str, seal: &str) -> Value {
    let text = fs::read(directory.join(&name.entry(ending))).unwrap_or_default();
    let parsed: Value = serde_json::from_slice(&text).unwrap_or_default();
    if parsed.get("manifest_sha256").and_then(Value::as_str) == Some(seal) { parsed } else { Value::Null }
}

fn other(entry: &str, names: &[Name]) -> Option<Value> {
    let what = match Name::of_entry(entry) {
        None => "not ours",
        Some((_, ".partial")) => "a take under way, or its leftovers",
        Some((_, ".proving")) => "a prove under way, or its leftovers",
        Some((_, rest)) if rest.ends_with(".partial") => "a file being written, or its leftovers",
        Some((name, _)) if names.contains(&name) => return None,
        Some(_) => "of a backup without a manifest: `sweep` removes it",
    };
    Some(json!({ "entry": entry, "what": what }))
}
