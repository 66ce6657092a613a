//! What is ordered: a run, a reload, a decision. Each is known by who asked for it.

use axum::body::Bytes;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Path, Query, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use axum::{Extension, Json};
use jiff::Timestamp;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::json;

use super::App;
use super::ask::{Ask, CannotRun, NotDecided};
use super::problem::{BAD_REQUEST, CONFLICT, FAILED, MISTAKES, NOT_THERE, Problem};
use super::proposals::{called, whole};
use super::see::Answer;
use super::view::{self, Line};
use crate::rights::Who;

/// Longer reasons are cut by nobody: they are refused.
const LONGEST_WHY: usize = 500;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct HowToRun {
    /// Whether the answer waits for the run's end.
    #[serde(default)]
    wait: bool,
}

pub(super) async fn run(
    State(app): State<App>,
    Extension(who): Extension<Who>,
    Path(job): Path<String>,
    how: Result<Query<HowToRun>, QueryRejection>,
) -> Result<Response, Problem> {
    let Query(how) = how.map_err(|error| BAD_REQUEST.problem(error.body_text(), "this path takes: wait=true"))?;
    let name = job.clone();
    let asked = app.agent.ask(|reply| Ask::Run { job: name, who, reply }).await?.map_err(|cannot| match cannot {
        CannotRun::Unknown => NOT_THERE.problem(format!("there is no job {job:?}"), "GET /v1/jobs lists them"),
        CannotRun::Already(why) => CONFLICT.problem(
            format!("{job}: {why}"),
            "wait for its end: GET /v1/runs shows it, GET /v1/status what runs and waits",
        ),
    })?;
    let dropped = |_| {
        CONFLICT.problem(
            format!("{job}: the run did not take place: a reload dropped the job, or the agent ends"),
            "look at GET /v1/status",
        )
    };
    if how.wait {
        let run = asked.ended.await.map_err(dropped)?;
        return Ok(Json(view::run(run.id, &run.start, Some(&run.end), Line::Whole)).into_response());
    }
    // A run that has its slot is begun within moments, and then has its id.
    let id = if asked.started { asked.begun.await.map_err(dropped)? } else { None };
    let state = if asked.started { "running" } else { "waiting" };
    let answer = (StatusCode::ACCEPTED, Json(json!({ "job": job, "state": state, "run": id })));
    Ok(match id {
        Some(id) => ([(header::LOCATION, format!("/v1/runs/{id}"))], answer).into_response(),
        None => answer.into_response(),
    })
}

pub(super) async fn reload(State(app): State<App>, Extension(who): Extension<Who>) -> Answer {
    match app.agent.ask(|reply| Ask::Reload { who, reply }).await? {
        Ok(reloaded) => Ok(Json(json!(reloaded))),
        Err(refused) => {
            let advice = "correct the file and reload again; the configuration in force stays as it was";
            Err(MISTAKES.problem(refused.message, advice).with(refused.problems))
        }
    }
}

/// The body of an order that is written down.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Order {
    why: Option<String>,
    until: Option<Timestamp>,
}

/// A JSON body, whatever its content type is called; no body is an empty one.
fn body<T: DeserializeOwned + Default>(body: &Bytes) -> Result<T, Problem> {
    if body.is_empty() {
        return Ok(T::default());
    }
    let wrong = |error: serde_json::Error| {
        BAD_REQUEST
            .problem(format!("the body is not what is wanted: {error}"), "send a JSON object such as {\"why\": \"…\"}")
    };
    serde_json::from_slice(body).map_err(wrong)
}

impl Order {
    fn why(&self) -> Result<Option<String>, Problem> {
        match self.why.as_deref().map(str::trim) {
            Some(why) if why.len() > LONGEST_WHY || why.chars().any(char::is_control) => Err(BAD_REQUEST.problem(
                "`why` is no reason that can be recorded",
                format!("write one line, at most {LONGEST_WHY} bytes"),
            )),
            why => Ok(why.filter(|why| !why.is_empty()).map(str::to_owned)),
        }
    }

    fn because(&self) -> Result<String, Problem> {
        self.why()?.ok_or_else(|| BAD_REQUEST.problem("`why` is missing", "send {\"why\": \"…\"}: it is recorded"))
    }

    fn without_until(&self) -> Result<(), Problem> {
        match self.until {
            None => Ok(()),
            Some(_) => Err(BAD_REQUEST.problem("this takes no `until`", "send {\"why\": \"…\"}")),
        }
    }
}

pub(super) async fn approve(app: State<App>, who: Extension<Who>, id: Path<String>, order: Bytes) -> Answer {
    decide(app, who, id, &order, true).await
}

pub(super) async fn reject(app: State<App>, who: Extension<Who>, id: Path<String>, order: Bytes) -> Answer {
    decide(app, who, id, &order, false).await
}

async fn decide(
    State(app): State<App>,
    Extension(who): Extension<Who>,
    Path(id): Path<String>,
    order: &Bytes,
    approve: bool,
) -> Answer {
    let order: Order = body(order)?;
    order.without_until()?;
    let why = order.why()?;
    let id = called(&app, &id).await?.id;
    let decided = app.agent.ask(|reply| Ask::Decide { id: id.clone(), approve, why, who, reply }).await?;
    let standing = decided.map_err(|not| match not {
        NotDecided::State(why) => {
            CONFLICT.problem(format!("proposal {id}: {why}"), format!("GET /v1/proposals/{id} says how it stands"))
        }
        NotDecided::Failed(why) => {
            FAILED.problem(format!("proposal {id}: {why}"), "look at the agent's log and at the disk of its state_dir")
        }
    })?;
    whole(&app, standing).await
}

pub(super) async fn pause(State(app): State<App>, Extension(who): Extension<Who>, order: Bytes) -> Answer {
    let order: Order = body(&order)?;
    let (until, why) = (order.until, order.because()?);
    if until.is_some_and(|until| until <= Timestamp::now()) {
        return Err(BAD_REQUEST
            .problem("`until` is over already", "name a time that is to come, or none for a pause without end"));
    }
    let paused = app.agent.ask(|reply| Ask::Pause { until, why, who, reply }).await?;
    written(&app, paused).await
}

pub(super) async fn resume(State(app): State<App>, Extension(who): Extension<Who>, order: Bytes) -> Answer {
    let order: Order = body(&order)?;
    order.without_until()?;
    let why = order.because()?;
    let resumed = app.agent.ask(|reply| Ask::Resume { why, who, reply }).await?;
    written(&app, resumed).await
}

/// The policies in force after an order that was written down.
async fn written(app: &App, done: Result<(), String>) -> Answer {
    done.map_err(|why| FAILED.problem(why, "look at the agent's log and at the disk of its state_dir"))?;
    Ok(Json(app.agent.ask(Ask::Policies).await?))
}
