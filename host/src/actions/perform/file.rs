//! Removing and renaming a file.

use jiff::Timestamp;

use super::{Ended, LINE, Seen, said};
use crate::grants::files::{Acted, Directory, Fault, Removed, remove, rename};
use crate::grants::log::printable;

/// Removes a file that the rule lets go.
pub(super) async fn removed(directory: &Directory, path: &str, pattern: &str, keep: u32) -> Seen {
    match remove(directory, path, pattern, keep).await {
        Ok(Removed { entry, sha256, unsynced }) => {
            let modified =
                Timestamp::from_microsecond(entry.modified).map_or("?".to_owned(), |modified| modified.to_string());
            let digest = sha256.map(|digest| format!(", SHA-256 {digest}")).unwrap_or_default();
            let path = printable(path, LINE);
            (
                Ended::Done,
                format!("removed {path}: {} bytes, modified {modified}{digest}{}", entry.size, lasting(unsynced)),
            )
        }
        Err(fault) => failed(&fault),
    }
}

/// Renames a file within its directory.
pub(super) async fn renamed(directory: &Directory, from: &str, to: &str) -> Seen {
    match rename(directory, from, to).await {
        Ok(unsynced) => {
            let (from, to) = (printable(from, LINE), printable(to, LINE));
            (Ended::Done, format!("renamed {from} to {to}{}", lasting(unsynced)))
        }
        Err(fault) => failed(&fault),
    }
}

fn lasting(unsynced: Option<String>) -> String {
    unsynced
        .map(|why| format!("; the directory could not be synced, so a power cut may undo it: {why}"))
        .unwrap_or_default()
}

fn failed(Fault { acted, error }: &Fault) -> Seen {
    match acted {
        Acted::No => (Ended::Refused, said(error)),
        Acted::Refused => (Ended::Failed, said(error)),
        Acted::Unknown => {
            (Ended::Uncertain, format!("it was begun, and whether it was done is not known: {}", said(error)))
        }
    }
}
