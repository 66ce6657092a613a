//! Removes what is recognisably of ours and belongs to no backup: payloads and records without a manifest, and leftovers of killed runs.

use std::path::PathBuf;
use std::time::{Duration, SystemTime};

use serde_json::{Value, json};

use crate::answer::{Outcome, cannot};
use crate::directory::{Directory, bytes, remove};
use crate::name::Name;
use crate::prove::Scratch;
use crate::work::{PROVING, TAKING, clear_takes, leftovers};

/// Endings, after the name, of what lies beside a manifest.
const OURS: [&str; 7] = ["", ".dump", ".sql", ".content.json", ".proof.json", ".verified.json", ".copied.json"];

/// What the command line says.
#[derive(Debug)]
pub(crate) struct Request {
    pub(crate) inside: PathBuf,
    pub(crate) dry_run: bool,
    pub(crate) older_than: Duration,
}

/// Sweeps one directory.
pub(crate) fn run(request: &Request) -> Outcome<Value> {
    let directory = Directory::open(&request.inside)?;
    let (mut removed, mut kept, mut freed) = (Vec::new(), Vec::new(), 0);
    for entry in directory.entries()? {
        let Some((name, rest)) = Name::of_entry(&entry) else { continue };
        if !OURS.contains(&rest) {
            continue;
        }
        let path = directory.join(&entry);
        // The work directory first: it goes after the manifest has come.
        if directory.has(&name.entry(TAKING)) || directory.has(&name.entry("json")) {
            continue;
        }
        let Ok(found) = path.symlink_metadata() else { continue };
        let size = bytes(&path).unwrap_or(0);
        let keep = |why: String| json!({ "entry": entry, "bytes": size, "why": why });
        let age = found.modified().ok().and_then(|at| SystemTime::now().duration_since(at).ok()).unwrap_or_default();
        if !found.is_file() && !found.is_dir() {
            kept.push(keep("it is neither a file nor a directory, so it is none of ours".to_owned()));
        } else if age < request.older_than {
            kept.push(keep(format!(
                "it has no manifest, but is younger than {}",
                humantime::format_duration(request.older_than)
            )));
        } else {
            if !request.dry_run {
                remove(&path).map_err(cannot(format_args!("remove {}", path.display())))?;
            }
            freed += size;
            removed.push(keep("it has no manifest: expired, or its take was killed".to_owned()));
        }
    }
    if !request.dry_run {
        let takes = clear_takes(&directory)?;
        removed.extend(
            takes.into_iter().map(|entry| json!({ "entry": entry, "bytes": 0, "why": "left by a killed take" })),
        );
    }
    let moment = directory.lock()?;
    for leftover in leftovers(&directory, PROVING, &moment)? {
        let size = bytes(&leftover.path).unwrap_or(0);
        if let Some(database) = Scratch::read(&leftover.path).database {
            let why =
                format!("left by a killed prove with the scratch database {database}; the next `prove` removes both");
            kept.push(json!({ "entry": leftover.entry, "bytes": size, "why": why }));
            continue;
        }
        if !request.dry_run {
            Scratch::read(&leftover.path).remove_files()?;
            leftover.remove()?;
        }
        freed += size;
        removed.push(json!({ "entry": leftover.entry, "bytes": size, "why": "left by a killed prove" }));
    }
    Ok(json!({ "removed": removed, "kept": kept, "freed_bytes": freed, "dry_run": request.dry_run }))
}
