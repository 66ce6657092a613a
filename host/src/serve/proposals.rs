//! Proposals over the API: what plugins want done, a page at a time, and each with what was tried.

use axum::Json;
use axum::extract::{Path, State};
use jiff::Timestamp;
use serde_json::{Value, json};

use super::App;
use super::asked::{Asked, Parameters, wrong_cursor};
use super::history;
use super::problem::{BAD_REQUEST, NOT_THERE, Problem};
use super::see::Answer;
use super::view;
use crate::store::{ProposalFilter, Standing, State as Word, Store, StoreError};

/// A page of proposals, first proposed last first, and the cursor of those that follow.
pub fn page(store: &Store, filter: &ProposalFilter) -> Result<Value, StoreError> {
    let found = store.list_proposals(filter)?;
    let cut = found.len() == filter.limit as usize;
    let next = found.last().filter(|_| cut).map(|last| format!("{}-{}", last.first.as_microsecond(), last.id));
    let document = |standing| Ok(view::proposal(standing, &store.attempts(&standing.id)?));
    let documents: Vec<Value> = found.iter().map(document).collect::<Result<_, StoreError>>()?;
    Ok(json!({ "proposals": documents, "next": next }))
}

/// A place in the list, as `next` has it.
fn after(cursor: &str) -> Option<(Timestamp, String)> {
    let (first, id) = cursor.split_once('-')?;
    let first = Timestamp::from_microsecond(first.parse().ok()?).ok()?;
    is_id(id).then(|| (first, id.to_owned()))
}

/// Whether it is an id or the beginning of one.
fn is_id(text: &str) -> bool {
    text.len() <= 32 && !text.is_empty() && text.bytes().all(|digit| digit.is_ascii_hexdigit())
}

pub(super) async fn list(State(app): State<App>, parameters: Parameters) -> Answer {
    let asked = Asked::of(parameters, &["job", "id", "state", "all", "limit", "cursor"])?;
    let limit = u32::try_from(asked.limit()?).unwrap_or(u32::MAX);
    let state = asked.state.as_deref().map(|word| {
        Word::from_word(word).ok_or_else(|| {
            BAD_REQUEST.problem(format!("{word:?} is no state"), "GET /v1/openapi.json lists the states of a proposal")
        })
    });
    let cursor = asked.cursor.map(|cursor| after(&cursor).ok_or_else(wrong_cursor));
    let all = asked.all == Some(true);
    let filter = ProposalFilter {
        job: asked.job,
        id: asked.id,
        state: state.transpose()?,
        all,
        after: cursor.transpose()?,
        limit,
    };
    Ok(Json(history::read(&app.state_dir, move |store| page(store, &filter)).await?))
}

pub(super) async fn one(State(app): State<App>, Path(id): Path<String>) -> Answer {
    let standing = called(&app, &id).await?;
    whole(&app, standing).await
}

/// A proposal with what was tried.
pub(super) async fn whole(app: &App, standing: Standing) -> Answer {
    let document =
        history::read(&app.state_dir, move |store| Ok(view::proposal(&standing, &store.attempts(&standing.id)?)));
    Ok(Json(document.await?))
}

/// The proposal whose id begins so.
pub(super) async fn called(app: &App, id: &str) -> Result<Standing, Problem> {
    let prefix = id.to_owned();
    let found = match is_id(id) {
        true => history::read(&app.state_dir, move |store| store.proposals_called(&prefix)).await?,
        false => Vec::new(),
    };
    let mut found = found.into_iter();
    match (found.next(), found.next()) {
        (Some(one), None) => Ok(one),
        (None, _) => Err(NOT_THERE.problem(format!("there is no proposal {id:?}"), "GET /v1/proposals lists them")),
        (Some(_), Some(_)) => {
            Err(BAD_REQUEST.problem(format!("several proposals begin with {id:?}"), "write more of its digits"))
        }
    }
}
