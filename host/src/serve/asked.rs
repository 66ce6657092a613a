//! The parameters of a request for a list: each path takes some of them, and refuses the rest.

use axum::extract::Query;
use axum::extract::rejection::QueryRejection;
use jiff::Timestamp;
use serde::Deserialize;

use super::problem::{BAD_REQUEST, Problem};

/// How many of a list are answered at a time: by default, and at most.
const USUAL: usize = 50;
const MOST: usize = 200;

/// Everything that a list can be asked for.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Asked {
    pub(super) job: Option<String>,
    pub(super) status: Option<String>,
    pub(super) id: Option<String>,
    pub(super) state: Option<String>,
    pub(super) all: Option<bool>,
    pub(super) proposal: Option<String>,
    pub(super) event: Option<String>,
    pub(super) since: Option<String>,
    pub(super) until: Option<String>,
    pub(super) last: Option<usize>,
    pub(super) metric: Option<String>,
    pub(super) steps: Option<usize>,
    limit: Option<usize>,
    pub(super) cursor: Option<String>,
}

/// As they come with a request.
pub(super) type Parameters = Result<Query<Asked>, QueryRejection>;

impl Asked {
    /// Those of a path that takes these.
    pub(super) fn of(parameters: Parameters, takes: &[&str]) -> Result<Self, Problem> {
        let advice = format!("this path takes: {}", takes.join(", "));
        let Query(asked) = parameters.map_err(|error| BAD_REQUEST.problem(error.body_text(), &advice))?;
        let given = [
            ("job", asked.job.is_some()),
            ("status", asked.status.is_some()),
            ("id", asked.id.is_some()),
            ("state", asked.state.is_some()),
            ("all", asked.all.is_some()),
            ("proposal", asked.proposal.is_some()),
            ("event", asked.event.is_some()),
            ("since", asked.since.is_some()),
            ("until", asked.until.is_some()),
            ("last", asked.last.is_some()),
            ("metric", asked.metric.is_some()),
            ("steps", asked.steps.is_some()),
            ("limit", asked.limit.is_some()),
            ("cursor", asked.cursor.is_some()),
        ];
        match given.into_iter().find(|(name, given)| *given && !takes.contains(name)) {
            Some((name, _)) => Err(BAD_REQUEST.problem(format!("this path does not take {name}"), advice)),
            None => Ok(asked),
        }
    }

    /// How many.
    pub(super) fn limit(&self) -> Result<usize, Problem> {
        let limit = self.limit.unwrap_or(USUAL);
        let good = (1..=MOST).contains(&limit);
        good.then_some(limit).ok_or_else(|| {
            BAD_REQUEST.problem(format!("limit = {limit}"), format!("ask for 1 to {MOST}, and go on with `next`"))
        })
    }
}

/// A moment.
pub(super) fn time(text: Option<&str>) -> Result<Option<Timestamp>, Problem> {
    let wrong = |text| BAD_REQUEST.problem(format!("{text:?} is no time"), "write it as 2026-03-01T12:00:00Z");
    text.map(|text| text.parse().map_err(|_| wrong(text))).transpose()
}

/// A cursor that this list did not give.
pub(super) fn wrong_cursor() -> Problem {
    BAD_REQUEST.problem("the cursor is none that this list gave", "take `next` of the answer before, as it is")
}
