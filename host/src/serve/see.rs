//! What is read: of the agent, what it is doing; of the store, what was found.

use std::collections::BTreeSet;

use axum::Json;
use axum::extract::{Path, State};
use axum::http::header;
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};

use super::App;
use super::ask::{Ask, Ends, JobNow, Which};
use super::asked::{Asked, Parameters, wrong_cursor};
use super::history::{self, Cursor, Wanted};
use super::problem::{BAD_REQUEST, FAILED, NOT_THERE, Problem, STOPPING};
use super::view::{self, Line};
use crate::report::Status;
use crate::store::{RunId, Store, StoreError};

/// An answer, or why there is none.
pub(super) type Answer = Result<Json<Value>, Problem>;

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

pub(super) async fn policies(State(app): State<App>) -> Answer {
    Ok(Json(app.agent.ask(Ask::Policies).await?))
}
