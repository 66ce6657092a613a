//! What is read: of the agent, what it is doing; of the store, what was found.

use std::collections::BTreeSet;

use axum::Json;
use axum::extract::{Path, Query, State};
use axum::http::header;
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use serde_json::{Value, json};

use super::App;
use super::ask::{Ask, Ends, JobNow, Which};
use super::history::{self, Cursor, Wanted};
use super::problem::{BAD_REQUEST, FAILED, NOT_THERE, Problem, STOPPING};
use super::view::{self, Line};
use crate::actions::audit::{self, AuditError, Filter, Verdict};
use crate::report::Status;
use crate::store::{RunId, State as Standing, Store, StoreError};

/// An answer, or why there is none.
pub(super) type Answer = Result<Json<Value>, Problem>;

/// How many of a list are answered at a time: by default, and at most.
const USUAL: usize = 50;
const MOST: usize = 200;

impl From<Ends> for Problem {
    fn from(_: Ends) -> Self {
        STOPPING.problem("the agent ends and answers no more", "ask again when it runs again")
    }
}

impl From<StoreError> for Problem {
    fn from(error: StoreError) -> Self {
        FAILED.problem(
            format!("history cannot be read: {error}"),
            "look at the agent's log and at the disk of its state_dir",
        )
    }
}

impl From<AuditError> for Problem {
    fn from(error: AuditError) -> Self {
        FAILED.problem(error.to_string(), "look at the disk of the agent's state_dir")
    }
}

/// What lists can be asked for; each takes some of it, and refuses the rest.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Asked {
    job: Option<String>,
    status: Option<String>,
    state: Option<String>,
    proposal: Option<String>,
    event: Option<String>,
    since: Option<String>,
    limit: Option<usize>,
    cursor: Option<String>,
}

/// The parameters of a request: those that this path takes.
type Parameters = Result<Query<Asked>, axum::extract::rejection::QueryRejection>;

impl Asked {
    fn of(parameters: Parameters, takes: &[&str]) -> Result<Self, Problem> {
        let advice = format!("this path takes: {}", takes.join(", "));
        let Query(asked) = parameters.map_err(|error| BAD_REQUEST.problem(error.body_text(), &advice))?;
        let given = [
            ("job", asked.job.is_some()),
            ("status", asked.status.is_some()),
            ("state", asked.state.is_some()),
            ("proposal", asked.proposal.is_some()),
            ("event", asked.event.is_some()),
            ("since", asked.since.is_some()),
            ("limit", asked.limit.is_some()),
            ("cursor", asked.cursor.is_some()),
        ];
        match given.into_iter().find(|(name, given)| *given && !takes.contains(name)) {
            Some((name, _)) => Err(BAD_REQUEST.problem(format!("this path does not take {name}"), advice)),
            None => Ok(asked),
        }
    }

    fn limit(&self) -> Result<usize, Problem> {
        let limit = self.limit.unwrap_or(USUAL);
        let good = (1..=MOST).contains(&limit);
        good.then_some(limit).ok_or_else(|| {
            BAD_REQUEST.problem(format!("limit = {limit}"), format!("ask for 1 to {MOST}, and go on with `next`"))
        })
    }
}

fn wrong_cursor() -> Problem {
    BAD_REQUEST.problem("the cursor is none that this list gave", "take `next` of the answer before, as it is")
}

fn no_job(job: &str) -> Problem {
    NOT_THERE.problem(format!("there is no job {job:?}"), "GET /v1/jobs lists them")
}

pub(super) async fn document() -> Response {
    ([(header::CONTENT_TYPE, "application/json")], super::DOCUMENT).into_response()
}

/// The names of the jobs.
async fn configured(app: &App) -> Result<BTreeSet<String>, Problem> {
    let jobs = app.agent.ask(|reply| Ask::Jobs(Which::Page(String::new(), usize::MAX), reply)).await?;
    Ok(jobs.into_iter().map(|job| job.job).collect())
}

pub(super) async fn status(State(app): State<App>) -> Answer {
    let now = app.agent.ask(Ask::Now).await?;
    let names = configured(&app).await?;
    // The agent answers for itself where its history cannot be read.
    let jobs = history::read(&app.state_dir, move |store| history::summary(store, &names)).await;
    let mut value = json!(now);
    if let Some(object) = value.as_object_mut() {
        object.insert("jobs".to_owned(), jobs.unwrap_or(Value::Null));
    }
    Ok(Json(value))
}

/// A job as the agent has it, with what history knows of it.
fn job_line(store: &Store, job: &JobNow) -> Result<Value, StoreError> {
    let mut value = json!(job);
    let last = view::last(store.job_runs(&job.job)?.as_ref());
    if let (Some(line), Value::Object(last)) = (value.as_object_mut(), last) {
        line.extend(last);
    }
    Ok(value)
}

pub(super) async fn jobs(State(app): State<App>, parameters: Parameters) -> Answer {
    let asked = Asked::of(parameters, &["limit", "cursor"])?;
    let (limit, after) = (asked.limit()?, asked.cursor.unwrap_or_default());
    let mut jobs = app.agent.ask(|reply| Ask::Jobs(Which::Page(after, limit + 1), reply)).await?;
    let more = jobs.len() > limit;
    jobs.truncate(limit);
    let next = jobs.last().filter(|_| more).map(|job| job.job.clone());
    let lines = history::read(&app.state_dir, move |store| {
        jobs.iter().map(|job| job_line(store, job)).collect::<Result<Vec<_>, _>>()
    });
    Ok(Json(json!({ "jobs": lines.await?, "next": next })))
}

pub(super) async fn job(State(app): State<App>, Path(name): Path<String>) -> Answer {
    let which = Which::One(name.clone());
    let found = app.agent.ask(|reply| Ask::Jobs(which, reply)).await?;
    let Some(job) = found.into_iter().next() else { return Err(no_job(&name)) };
    Ok(Json(history::read(&app.state_dir, move |store| job_line(store, &job)).await?))
}

pub(super) async fn runs(State(app): State<App>, parameters: Parameters) -> Answer {
    let asked = Asked::of(parameters, &["job", "limit", "cursor"])?;
    let limit = u32::try_from(asked.limit()?).unwrap_or(u32::MAX);
    let cursor: Option<Cursor> = asked.cursor.map(|cursor| cursor.parse()).transpose().map_err(|()| wrong_cursor())?;
    Ok(Json(history::read(&app.state_dir, move |store| history::runs(store, asked.job, cursor, limit)).await?))
}

pub(super) async fn run(State(app): State<App>, Path(id): Path<String>) -> Answer {
    let found = match id.parse() {
        Ok(number) => history::read(&app.state_dir, move |store| store.run(RunId::new(number))).await?,
        Err(_) => None,
    };
    let Some(run) = found else {
        let advice = "GET /v1/runs lists those that are kept; older ones were removed by age or size";
        return Err(NOT_THERE.problem(format!("there is no run {id:?}"), advice));
    };
    Ok(Json(view::run(Some(run.id), &run.start, run.end.as_ref(), Line::Whole)))
}

pub(super) async fn findings(State(app): State<App>, parameters: Parameters) -> Answer {
    let asked = Asked::of(parameters, &["job", "status", "limit", "cursor"])?;
    let limit = asked.limit()?;
    let status = asked.status.map(|word| {
        Status::from_word(&word).ok_or_else(|| {
            BAD_REQUEST.problem(format!("{word:?} is no status"), "write ok, warning, critical or unknown")
        })
    });
    let after = asked.cursor.map(|cursor| match cursor.split_once('/') {
        Some((job, key)) => Ok((job.to_owned(), key.to_owned())),
        None => Err(wrong_cursor()),
    });
    let jobs = configured(&app).await?;
    let wanted = Wanted { jobs, job: asked.job, status: status.transpose()?, after: after.transpose()?, limit };
    Ok(Json(history::read(&app.state_dir, move |store| history::findings(store, &wanted)).await?))
}

pub(super) async fn proposals(State(app): State<App>, parameters: Parameters) -> Answer {
    let asked = Asked::of(parameters, &["job", "state", "limit", "cursor"])?;
    let limit = asked.limit()?;
    // Those that stand, unless it is asked for others.
    let state = match asked.state.as_deref() {
        None => Ok(None),
        Some(word) => Standing::from_word(word).map(Some).ok_or_else(|| {
            BAD_REQUEST.problem(format!("{word:?} is no state"), "GET /v1/openapi.json lists the states of a proposal")
        }),
    }?;
    let (job, all) = (asked.job, state.is_some());
    let found = history::read(&app.state_dir, move |store| store.proposals(job.as_deref(), all)).await?;
    let mut found: Vec<_> =
        found.into_iter().filter(|standing| state.is_none_or(|state| standing.state == state)).collect();
    if let Some(cursor) = asked.cursor {
        let at = found.iter().position(|standing| standing.id == cursor).ok_or_else(wrong_cursor)?;
        found.drain(..=at);
    }
    let more = found.len() > limit;
    found.truncate(limit);
    let next = found.last().filter(|_| more).map(|last| last.id.clone());
    let documents = history::read(&app.state_dir, move |store| {
        let document = |standing| Ok(view::proposal(standing, &store.attempts(&standing.id)?));
        found.iter().map(document).collect::<Result<Vec<_>, _>>()
    });
    Ok(Json(json!({ "proposals": documents.await?, "next": next })))
}

pub(super) async fn proposal(State(app): State<App>, Path(id): Path<String>) -> Answer {
    let standing = one_proposal(&app, &id).await?;
    whole_proposal(&app, standing).await
}

/// A proposal with what was tried.
pub(super) async fn whole_proposal(app: &App, standing: crate::store::Standing) -> Answer {
    let document =
        history::read(&app.state_dir, move |store| Ok(view::proposal(&standing, &store.attempts(&standing.id)?)));
    Ok(Json(document.await?))
}

/// The proposal whose id begins so.
pub(super) async fn one_proposal(app: &App, id: &str) -> Result<crate::store::Standing, Problem> {
    let prefix = id.to_owned();
    let hexadecimal = id.len() <= 32 && !id.is_empty() && id.bytes().all(|digit| digit.is_ascii_hexdigit());
    let found = match hexadecimal {
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

pub(super) async fn policies(State(app): State<App>) -> Answer {
    Ok(Json(app.agent.ask(Ask::Policies).await?))
}

pub(super) async fn audit_log(State(app): State<App>, parameters: Parameters) -> Answer {
    let asked = Asked::of(parameters, &["job", "proposal", "event", "since", "limit", "cursor"])?;
    let limit = asked.limit()?;
    let after = asked.cursor.map_or(Ok(0), |cursor| cursor.parse().map_err(|_| wrong_cursor()))?;
    let time = |text: String| {
        text.parse()
            .map_err(|_| BAD_REQUEST.problem(format!("{text:?} is no time"), "write it as 2026-03-01T12:00:00Z"))
    };
    let since = asked.since.map(time).transpose()?;
    let filter = Filter { job: asked.job, proposal: asked.proposal, event: asked.event, since, until: None };
    let path = app.state_dir.join(audit::FILE);
    let (found, more) = history::blocking(move || audit::page(&path, &filter, after, limit)).await?;
    let next = found.entries.last().filter(|_| more).map(|last| last.seq.to_string());
    Ok(Json(json!({ "entries": found.entries, "unreadable": found.unreadable, "next": next })))
}

pub(super) async fn verify(State(app): State<App>) -> Answer {
    let path = app.state_dir.join(audit::FILE);
    let verdict = history::blocking(move || audit::verify(&path, None)).await?;
    let said = verdict.to_string();
    Ok(Json(match verdict {
        Verdict::Verified(head) => {
            json!({ "verified": true, "said": said, "head": { "seq": head.seq, "hash": head.hash }, "wrong": null })
        }
        Verdict::Wrong { line, seq, why } => {
            json!({ "verified": false, "said": said, "head": null, "wrong": { "line": line, "seq": seq, "why": why } })
        }
    }))
}
