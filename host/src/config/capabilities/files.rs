//! `[files.NAME]`: a directory to read in, and where the operator says so, to remove and rename files in.

use std::path::PathBuf;
use std::time::Duration;

use crate::config::reader::{Problems, Section, note};
use crate::grants::files::{Directory, Rules};

/// Reads one directory.
pub(super) fn read(name: &str, mut section: Section<'_>, problems: &mut Problems) -> Option<Directory> {
    section.require("path", "\"/var/backups/pgreeve\"", problems);
    let place = section.span.clone();
    let path = section.text("path", problems);
    let usual = Rules::default();
    let rules = Rules {
        hard_links: section.boolean("hard_links", problems).unwrap_or(usual.hard_links),
        write: section.boolean("write", problems).unwrap_or(usual.write),
        max_entries: section.count("max_entries", problems).unwrap_or(usual.max_entries),
        max_hash: section.size_from("max_hash", 1, problems).unwrap_or(usual.max_hash),
        timeout: section.duration_from("timeout", Duration::from_millis(10), problems).unwrap_or(usual.timeout),
    };
    section.finish(problems);
    Directory::new(name.to_owned(), PathBuf::from(path?.value), rules)
        .map_err(|why| note(problems, place, format!("[files.{name}]: {why}"), "correct the table"))
        .ok()
}
