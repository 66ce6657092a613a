//! The audit log over the API, a page at a time. Each entry is its line, byte for byte, so that what was fetched can be verified as the file can.

use std::path::Path;

use axum::Json;
use axum::extract::State;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use serde_json::{Value, json};

use super::App;
use super::asked::{Asked, Parameters, time, wrong_cursor};
use super::history;
use super::problem::{FAILED, Problem};
use super::see::Answer;
use crate::actions::acting::HEAD_NOTE;
use crate::actions::audit::{self, AuditError, FILE, Filter, Head, MOST_READ, Place, Verdict};

impl From<AuditError> for Problem {
    fn from(error: AuditError) -> Self {
        FAILED.problem(error.to_string(), "look at the disk of the agent's state_dir")
    }
}

/// A part of the log, oldest first.
#[derive(Debug, Default, Serialize, Deserialize)]
pub struct Page {
    /// Each as its line has it.
    pub entries: Vec<Box<RawValue>>,
    /// Lines that are no entries, counted from 1.
    pub unreadable: Vec<u64>,
    /// The cursor of what follows, which may be more even where this page is short or empty.
    pub next: Option<String>,
}

/// Which part.
#[derive(Clone, Debug, Default)]
pub struct Wanted {
    /// Of these entries.
    pub filter: Filter,
    /// The `next` of the page before.
    pub cursor: Option<String>,
    /// Without a cursor: the last so many alone.
    pub last: Option<usize>,
    /// At most so many in this page.
    pub limit: usize,
}

/// A page of a state directory's log; nothing where the cursor is none of this log.
pub fn page(state_dir: &Path, wanted: &Wanted) -> Result<Option<Page>, AuditError> {
    let path = state_dir.join(FILE);
    let (place, unreadable) = match (&wanted.cursor, wanted.last) {
        (Some(cursor), _) => match cursor.parse() {
            Ok(place) => (place, Vec::new()),
            Err(()) => return Ok(None),
        },
        (None, Some(many)) => audit::last(&path, &wanted.filter, many)?,
        (None, None) => (Place::default(), Vec::new()),
    };
    let Some(part) = audit::page(&path, &wanted.filter, place, wanted.limit, MOST_READ)? else { return Ok(None) };
    let entries = part.entries.into_iter().map(|found| RawValue::from_string(found.line)).collect::<Result<_, _>>();
    Ok(Some(Page {
        entries: entries.map_err(|error| AuditError::Unfit(error.to_string()))?,
        unreadable: unreadable.into_iter().chain(part.unreadable).collect(),
        next: part.next.map(|next| next.to_string()),
    }))
}

/// What the store notes of the log's last entry.
pub fn noted(store: &crate::store::Store) -> Result<Option<Head>, crate::store::StoreError> {
    Ok(store.note(HEAD_NOTE)?.and_then(|note| Head::noted(&note.value)))
}

pub(super) async fn list(State(app): State<App>, parameters: Parameters) -> Result<Json<Page>, Problem> {
    let takes = ["job", "proposal", "event", "since", "until", "last", "limit", "cursor"];
    let asked = Asked::of(parameters, &takes)?;
    let limit = asked.limit()?;
    let (since, until) = (time(asked.since.as_deref())?, time(asked.until.as_deref())?);
    let filter = Filter { job: asked.job, proposal: asked.proposal, event: asked.event, since, until };
    let wanted = Wanted { filter, cursor: asked.cursor, last: asked.last, limit };
    let state_dir = app.state_dir.clone();
    let found = history::blocking(move || page(&state_dir, &wanted)).await?;
    Ok(Json(found.ok_or_else(wrong_cursor)?))
}

pub(super) async fn verify(State(app): State<App>) -> Answer {
    // Before the log is read: an entry that is appended meanwhile is none that is missing.
    let head = history::read(&app.state_dir, noted).await?;
    let path = app.state_dir.join(FILE);
    let verdict = history::blocking(move || audit::verify(&path, head.as_ref())).await?;
    Ok(Json(said(&verdict)))
}

fn said(verdict: &Verdict) -> Value {
    let said = verdict.to_string();
    match verdict {
        Verdict::Verified(head) => {
            json!({ "verified": true, "said": said, "head": { "seq": head.seq, "hash": head.hash }, "wrong": null })
        }
        Verdict::Wrong { line, seq, why } => {
            json!({ "verified": false, "said": said, "head": null, "wrong": { "line": line, "seq": seq, "why": why } })
        }
    }
}
