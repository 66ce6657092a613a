//! What is measured, and how it went: the numbers that reports bring along, as long as history keeps them.

use std::collections::BTreeMap;

use axum::Json;
use axum::extract::State;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use super::App;
use super::asked::{Asked, Parameters, time, wrong_cursor};
use super::history;
use super::problem::{BAD_REQUEST, Problem};
use super::see::Answer;
use crate::store::{Series, SeriesFilter, Step, Store, StoreError};

/// A time, cut into steps of equal length.
#[derive(Clone, Copy, Debug)]
pub struct Steps {
    /// Where the first begins.
    pub since: Timestamp,
    /// How long each is.
    pub each: SignedDuration,
}

impl Steps {
    /// So many from a time until another.
    pub fn between(since: Timestamp, until: Timestamp, count: u32) -> Self {
        let each = until.duration_since(since) / i32::try_from(count.max(1)).unwrap_or(i32::MAX);
        Self { since, each: each.max(SignedDuration::from_micros(1)) }
    }
}

/// Series in the store's order, each with its steps where they are wanted, and the cursor of those that follow.
pub fn page(store: &Store, filter: &SeriesFilter, steps: Option<Steps>) -> Result<Value, StoreError> {
    let found = store.series(filter)?;
    let next = found.last().filter(|_| found.len() == filter.limit).map(|last| last.id.to_string());
    let documents = found.iter().map(|series| {
        let mut document = line(series);
        if let (Some(Steps { since, each }), Some(line)) = (steps, document.as_object_mut()) {
            let went: Vec<Value> = store.steps(series.id, since, each)?.iter().map(step).collect();
            line.insert("steps".to_owned(), went.into());
        }
        Ok(document)
    });
    let documents = documents.collect::<Result<Vec<Value>, StoreError>>()?;
    let each = steps.map(|steps| steps.each.as_secs_f64());
    Ok(json!({ "metrics": documents, "step": each, "next": next }))
}

fn line(series: &Series) -> Value {
    let labels: BTreeMap<&str, &str> =
        series.labels.iter().map(|label| (label.name.as_str(), label.value.as_str())).collect();
    json!({
        "job": series.job, "metric": series.metric, "labels": labels, "unit": series.unit,
        "at": series.at, "value": series.value,
    })
}

fn step(step: &Step) -> Value {
    json!({ "at": step.at, "least": step.least, "most": step.most, "mean": step.mean, "samples": step.samples })
}

/// How many steps: by default, and at most.
const USUAL: usize = 144;
const MOST: usize = 1000;

pub(super) async fn list(State(app): State<App>, parameters: Parameters) -> Answer {
    let asked = Asked::of(parameters, &["job", "metric", "since", "steps", "limit", "cursor"])?;
    let limit = asked.limit()?;
    let now = Timestamp::now();
    let steps = match (time(asked.since.as_deref())?, asked.steps) {
        (Some(_), _) if asked.metric.is_none() => {
            return Err(BAD_REQUEST.problem("since without metric", "one metric at a time: name it"));
        }
        (Some(since), count) => Some(cut(since, now, count.unwrap_or(USUAL))?),
        (None, Some(_)) => return Err(BAD_REQUEST.problem("steps without since", "say since when, too")),
        (None, None) => None,
    };
    let after = asked.cursor.map(|cursor| cursor.parse().map_err(|_| wrong_cursor())).transpose()?;
    let filter = SeriesFilter { job: asked.job, metric: asked.metric, after, limit };
    Ok(Json(history::read(&app.state_dir, move |store| page(store, &filter, steps)).await?))
}

fn cut(since: Timestamp, now: Timestamp, count: usize) -> Result<Steps, Problem> {
    if since >= now {
        return Err(BAD_REQUEST.problem(format!("since = {since} is not past"), "name a time before now"));
    }
    let count = u32::try_from(count).ok().filter(|count| (1..=MOST).contains(&(*count as usize)));
    let count = count.ok_or_else(|| BAD_REQUEST.problem("too many or no steps", format!("ask for 1 to {MOST}")))?;
    Ok(Steps::between(since, now, count))
}
