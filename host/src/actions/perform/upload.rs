//! Copying files into an object store.

use std::time::Duration;

use super::{Ended, LINE, Seen, said};
use crate::grants::error::Error;
use crate::grants::files::Directory;
use crate::grants::log::printable;
use crate::grants::objects::{Fault, Placed, Reached, Store, Uploaded, upload};

/// Objects that are listed one by one, from the last on: the last file tells the whole.
const LISTED: usize = 8;

/// Uploads all of it, the last file last.
pub(super) async fn perform(
    store: &Store,
    directory: &Directory,
    before: &[String],
    last: &str,
    within: Duration,
) -> Seen {
    match upload(store, directory, before, last, within).await {
        Ok(Uploaded { placed }) => (Ended::Done, told(store, &placed)),
        Err(fault) => failed(store, fault),
    }
}

/// What is there, and how that is known.
fn told(store: &Store, placed: &[Placed]) -> String {
    let bytes: u64 = placed.iter().filter(|one| one.sent).map(|one| one.bytes).sum();
    let sent = placed.iter().filter(|one| one.sent).count();
    let before = match placed.len() - sent {
        0 => String::new(),
        there => format!("; {there} were there already with the same content"),
    };
    let mut lines = vec![format!(
        "uploaded {sent} objects, {bytes} bytes, to {store}{before}; each was read back whole: size and SHA-256 are those of the file"
    )];
    for Placed { key, bytes, sha256, .. } in placed.iter().rev().take(LISTED) {
        lines.push(format!("{}: {bytes} bytes, SHA-256 {sha256}", printable(&store.url(key), LINE)));
    }
    if placed.len() > LISTED {
        lines.push(format!("and {} more", placed.len() - LISTED));
    }
    lines.join("\n")
}

fn failed(store: &Store, Fault { reached, error, placed, abandoned }: Fault) -> Seen {
    let unanswered = matches!(error, Error::Unreachable(_) | Error::TimedOut(_));
    let (ended, words) = match reached {
        Reached::Nothing => (Ended::Refused, said(&error)),
        Reached::Last if unanswered => (
            Ended::Uncertain,
            format!(
                "the last file was sent, and whether it arrived is not known: {}; doing it again looks first",
                said(&error)
            ),
        ),
        Reached::Before | Reached::Last => (Ended::Failed, said(&error)),
    };
    let mut lines = vec![words];
    if !placed.is_empty() {
        lines.push(format!(
            "{} objects are in {store} by now, and stay; without the last file they do not look whole, and doing it again goes on from there",
            placed.len()
        ));
    }
    if let Some(abandoned) = abandoned {
        lines.push(format!(
            "{} could not be given up: abort it (aws s3api abort-multipart-upload), or let a lifecycle rule of the bucket do so",
            printable(&abandoned, LINE)
        ));
    }
    (ended, lines.join("\n"))
}
