//! Doing what was decided; one performer per kind. What comes back is honest about what is not known: `Refused` means that nothing was sent,
//! `Failed` that the other side said no, `Uncertain` that nobody can say.
//!
//! Dropping the future of [`perform`] ends what it does: a statement is cancelled, a process group killed, a connection closed. What it had
//! done by then is uncertain.

mod command;
mod file;
mod http;
mod redis;
mod rehearse;
mod sql;
#[cfg(test)]
mod tests;
mod upload;

use std::time::{Duration, Instant};

use super::what::What;
use crate::grants::error::Error;
use crate::grants::log::printable;
pub use rehearse::{Lock, Rehearsal, Rehearsed, rehearse};

/// The most that [`Done::detail`] holds, in bytes: the contract's number.
const MOST: usize = 4 << 10;
/// The most of one line of it.
const LINE: usize = 1 << 10;
/// The most of what the other side sent: an answer's body, a command's stdout.
const EXCERPT: usize = 2 << 10;

/// How an action ended, as the contract's `result-kind`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ended {
    /// It was carried out.
    Done,
    /// The other side refused or failed: what it was asked to do did not happen, or it says that it went wrong.
    Failed,
    /// Nobody can say whether it happened: the connection was lost or the time was over after it was sent.
    Uncertain,
    /// Nothing was sent.
    Refused,
}

/// What came of an action.
#[derive(Clone, Debug)]
pub struct Done {
    /// How it ended.
    pub ended: Ended,
    /// What was seen, at most 4 KiB: rows touched, the end of a command's stderr, the status and body of an HTTP answer; or why not.
    pub detail: String,
    /// From the first attempt to connect to the end.
    pub took: Duration,
}

/// For what something is done: in messages, and in what servers show of their connections.
#[derive(Clone, Debug)]
pub struct Acting {
    /// The job.
    pub job: String,
    /// The action's id in the manifest.
    pub action: String,
    /// The proposal's id.
    pub proposal: String,
}

/// How it ended, and what was seen.
type Seen = (Ended, String);

/// Does it, within the time-outs of what it is done with.
pub async fn perform(what: &What, as_: &Acting) -> Done {
    let started = Instant::now();
    let (ended, detail) = match what {
        What::Sql { scope, statements, timeout, transactional } => {
            sql::perform(scope, statements, *timeout, *transactional, &as_.name()).await
        }
        What::Command { command, arguments } => command::perform(command, arguments).await,
        What::Http { endpoint, method, path, body } => http::perform(endpoint, *method, path, body.as_deref()).await,
        What::Remove { directory, path, pattern, keep } => file::removed(directory, path, pattern, *keep).await,
        What::Rename { directory, from, to } => file::renamed(directory, from, to).await,
        What::Upload { store, directory, before, last, timeout } => {
            upload::perform(store, directory, before, last, *timeout).await
        }
        What::Redis { server, arguments } => redis::perform(server, arguments, &as_.name()).await,
    };
    Done { ended, detail: cut(&detail, MOST), took: started.elapsed() }
}

impl Acting {
    /// What servers show: `pgreeve/act JOB/ACTION`. PostgreSQL cuts it off after 63 bytes.
    fn name(&self) -> String {
        format!("pgreeve/act {}/{}", self.job, self.action)
    }
}

/// An error with the other side's further words and what to do.
fn said(error: &Error) -> String {
    let text = match error {
        Error::Remote { detail, hint, .. } => {
            let more = [detail, hint].into_iter().flatten().map(|more| format!("; {more}")).collect::<String>();
            format!("{error}{more}")
        }
        _ => error.to_string(),
    };
    printable(&text, LINE)
}

/// The beginning of what the other side sent, line by line with nothing that could forge or reorder one.
fn excerpt(bytes: &[u8]) -> String {
    let part = bytes.get(..EXCERPT.min(bytes.len())).unwrap_or_default();
    let text = String::from_utf8_lossy(part);
    let lines: Vec<String> = text.trim_end().lines().map(|line| printable(line, EXCERPT)).collect();
    let more = if part.len() < bytes.len() { "…" } else { "" };
    cut(&format!("{}{more}", lines.join("\n")), EXCERPT)
}

/// At most so many bytes, and a sign where something is missing.
fn cut(text: &str, most: usize) -> String {
    if text.len() <= most {
        return text.to_owned();
    }
    let mut end = most.saturating_sub('…'.len_utf8());
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    format!("{}…", text.get(..end).unwrap_or_default())
}
