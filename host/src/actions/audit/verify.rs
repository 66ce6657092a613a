//! Whether a log is as pgreeve wrote it, from its first line to its last.

use std::fmt;
use std::path::Path;

use super::AuditError;
use super::line::{self, Head};
use super::read::{Place, Read, lines};

/// What verifying showed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Every entry is as it was written, and none is missing as far as the chain and the head that was kept elsewhere tell.
    Verified(Head),
    /// The first that is wrong.
    Wrong {
        /// The line, from 1.
        line: u64,
        /// The number that it says it has, if it can be read.
        seq: Option<u64>,
        #[allow(missing_docs)]
        why: String,
    },
}

/// Follows the chain. `head` is what was last seen of the log and kept elsewhere; without it a log that was cut off at its end is taken for whole.
pub fn verify(path: &Path, head: Option<&Head>) -> Result<Verdict, AuditError> {
    let mut at = Head::none();
    let mut wrong = None;
    let read = lines(path, Place::default(), |place, line| {
        let number = place.lines + 1;
        let whole = line.strip_suffix(b"\n");
        let followed = match whole {
            Some(whole) => line::follow(&at, whole),
            None => Err("it has no line end: it was altered, or never acknowledged".to_owned()),
        };
        let followed = followed.and_then(|next| match head {
            Some(kept) if kept.seq == next.seq && kept.hash != next.hash => {
                Err("its hash is not the one that was kept elsewhere: the log was written anew".to_owned())
            }
            _ => Ok(next),
        });
        let followed = followed.and_then(|next| match whole.and_then(line::broken) {
            Some(lacks) if number > 1 || !is_beside(path, &lacks) => Err(format!(
                "entry {} was written before this one and is not in {}: it was cut off, replaced or removed",
                lacks.seq,
                if number > 1 { "the log" } else { "a log beside this one" }
            )),
            _ => Ok(next),
        });
        match followed {
            Ok(next) => at = next,
            Err(why) => {
                wrong = Some(Verdict::Wrong { line: number, seq: line::number(whole.unwrap_or(line)), why });
            }
        }
        wrong.is_none()
    })?;
    if let Some(wrong) = wrong {
        return Ok(wrong);
    }
    match head {
        Some(kept) if at.seq < kept.seq => Ok(Verdict::Wrong {
            line: at.seq + 1,
            seq: None,
            why: match read == Read::Lines {
                true => format!("it is not there, and entry {} was written: the log was cut off", kept.seq),
                false => format!("there is no log, and entry {} was written", kept.seq),
            },
        }),
        _ => Ok(Verdict::Verified(at)),
    }
}

/// Whether a log that was moved away within its directory, as `audit-….jsonl`, ends with this entry.
fn is_beside(path: &Path, last: &Head) -> bool {
    let entries = path.parent().and_then(|directory| std::fs::read_dir(directory).ok());
    entries.into_iter().flatten().flatten().any(|entry| {
        let name = entry.file_name();
        let name = name.to_string_lossy();
        let is_log = name.starts_with("audit") && name.ends_with(".jsonl") && entry.path() != path;
        is_log && matches!(end(&entry.path()), Ok(Some(head)) if head == *last)
    })
}

/// The last entry of a log, if its last line is one.
fn end(path: &Path) -> Result<Option<Head>, AuditError> {
    let mut last = None;
    lines(path, Place::default(), |_, line| {
        last = line::alone(line.strip_suffix(b"\n").unwrap_or(line)).ok();
        true
    })?;
    Ok(last)
}

/// For people.
impl fmt::Display for Verdict {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Verified(Head { seq: 0, .. }) => write!(out, "verified: no entries"),
            Self::Verified(Head { seq, hash }) => write!(out, "verified: {seq} entries, the last with hash {hash}"),
            Self::Wrong { line, seq, why } => {
                let seq = seq.map(|seq| format!(" (entry {seq})")).unwrap_or_default();
                write!(out, "wrong from line {line}{seq} on: {why}")
            }
        }
    }
}
