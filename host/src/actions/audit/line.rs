//! One line: how it is made, and whether it is one that follows another. Pure.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use super::Event;

/// What stands before the hash, which is the last member.
const MEMBER: &str = ",\"hash\":\"";
/// What stands behind it.
const END: &str = "\"}";
/// Hexadecimal digits of a hash.
const DIGITS: usize = 64;

/// The last entry of a log: what the next one is chained to. Kept elsewhere too, it shows that a log was cut off.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Head {
    /// The entry's number; 0: there is none yet.
    pub seq: u64,
    /// Its hash.
    pub hash: String,
}

/// An entry.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// Its number, from 1.
    pub seq: u64,
    /// When it was written, by the agent's clock.
    pub at: Timestamp,
    /// The hash of the entry before.
    pub prev: String,
    /// What happened.
    #[serde(flatten)]
    pub event: Event,
    /// Its own.
    pub hash: String,
}

/// An entry before it has a hash.
#[derive(Serialize)]
struct Body<'a> {
    seq: u64,
    at: Timestamp,
    prev: &'a str,
    #[serde(flatten)]
    event: &'a Event,
}

/// What of a line the chain needs.
#[derive(Deserialize)]
struct Chained {
    seq: u64,
    prev: String,
}

impl Head {
    /// Of a log without entries.
    pub fn none() -> Self {
        Self { seq: 0, hash: "0".repeat(DIGITS) }
    }

    /// As the store notes it: the number, a blank, the hash.
    pub fn noted(note: &str) -> Option<Self> {
        let (seq, hash) = note.split_once(' ')?;
        Some(Self { seq: seq.parse().ok()?, hash: hash.to_owned() })
    }
}

/// The entry that follows `head`, and its line without the line end.
pub(super) fn make(head: &Head, at: Timestamp, event: &Event) -> Result<(Entry, String), String> {
    let seq = head.seq.checked_add(1).ok_or("the numbers are used up")?;
    let body = serde_json::to_string(&Body { seq, at, prev: &head.hash, event }).map_err(|error| error.to_string())?;
    let hash = hash(&body);
    let open = body.strip_suffix('}').ok_or("it is no JSON object")?;
    let line = format!("{open}{MEMBER}{hash}{END}");
    Ok((Entry { seq, at, prev: head.hash.clone(), event: event.clone(), hash }, line))
}

/// The head after a line, if the line is whole and follows `before`; why not, otherwise.
pub(super) fn follow(before: &Head, line: &[u8]) -> Result<Head, String> {
    let (chained, hash) = whole(line)?;
    if chained.seq != before.seq + 1 {
        let due = before.seq + 1;
        return Err(format!("entry {} stands where entry {due} should: entries were removed or moved", chained.seq));
    }
    if chained.prev != before.hash {
        return Err("it does not follow the entry before it: one of them was replaced".to_owned());
    }
    Ok(Head { seq: chained.seq, hash })
}

/// The head after a line that is whole by itself, whatever stood before it.
pub(super) fn alone(line: &[u8]) -> Result<Head, String> {
    let (chained, hash) = whole(line)?;
    Ok(Head { seq: chained.seq, hash })
}

/// The entry that should be there and was not, of a line that says so.
pub(super) fn broken(line: &[u8]) -> Option<Head> {
    #[derive(Deserialize)]
    struct Broken {
        event: String,
        entry: u64,
        expected: String,
    }
    let broken: Broken = serde_json::from_slice(line).ok()?;
    (broken.event == "broken").then_some(Head { seq: broken.entry, hash: broken.expected })
}

/// The number that a line says it has.
pub(super) fn number(line: &[u8]) -> Option<u64> {
    serde_json::from_slice::<Chained>(line).ok().map(|chained| chained.seq)
}

fn whole(line: &[u8]) -> Result<(Chained, String), String> {
    let text = std::str::from_utf8(line).map_err(|_| "it is not UTF-8")?;
    let parts = text.strip_suffix(END).and_then(|rest| {
        let (rest, hash) = rest.split_at_checked(rest.len().checked_sub(DIGITS)?)?;
        Some((rest.strip_suffix(MEMBER)?, hash))
    });
    let (open, told) = parts.ok_or("it does not end in a hash")?;
    if hash(&format!("{open}}}")) != told {
        return Err("its hash is that of another text: it was altered".to_owned());
    }
    let chained = serde_json::from_str(text).map_err(|error| format!("it is no entry: {error}"))?;
    Ok((chained, told.to_owned()))
}

fn hash(text: &str) -> String {
    format!("{:x}", Sha256::digest(text.as_bytes()))
}
