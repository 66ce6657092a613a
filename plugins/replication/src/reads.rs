//! `reads`: where an application reads from, if it says so. The operations guide's "above 30 s route reads to the primary", and back again when
//! the standby has caught up.
//!
//! The endpoint that the setting `reads` names answers `GET /reads` with `{"route": "standby"}` or `{"route": "primary"}`, and changes it by
//! `POST /reads/primary` and `POST /reads/standby`.

use pgreeve_sdk::{Answer, Error, Finding, Proposal, Status, http, proposal};
use serde::Deserialize;

use crate::actions::{READ_ELSEWHERE, READ_HERE};
use crate::view::View;

/// The check's id.
pub(crate) const ID: &str = "reads";

/// Where the application reads from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Route {
    Standby,
    Primary,
}

#[derive(Deserialize)]
struct Told {
    route: Route,
}

/// Asks the application.
pub(crate) fn ask(endpoint: &str) -> Answer<Route> {
    let answer = http::get(endpoint, "/reads")?;
    let said = |why: String| Error::Unreachable(format!("{endpoint}: GET /reads: {why}"));
    if answer.status != 200 {
        return Err(said(format!("status {}", answer.status)));
    }
    let told: Told = serde_json::from_slice(&answer.body).map_err(|error| said(format!("no route: {error}")))?;
    Ok(told.route)
}

/// Judges one scope by where reads go and by its answer on lag; and what to do about it.
pub(crate) fn check(
    view: &View<'_>,
    endpoint: Option<&str>,
    route: Option<&Answer<Route>>,
    findings: &[Finding],
) -> (Finding, Option<Proposal>) {
    let (Some(endpoint), Some(route)) = (endpoint, route) else {
        return (view.not_applicable(ID, "", "the setting `reads` names no endpoint"), None);
    };
    if view.seen.looks.is_none() {
        return (view.not_applicable(ID, "", "this is a primary"), None);
    }
    let route = match route {
        Ok(route) => *route,
        Err(error) => return (view.unanswered(ID, "", error), None),
    };
    let lag = findings.iter().find(|finding| finding.key == view.key("lag", ""));
    let (status, behind) =
        lag.map_or((Status::Unknown, "its lag is not judged"), |lag| (lag.status, lag.summary.as_str()));
    let key = view.key(ID, "");
    let ask =
        |action: &str, reason: &str| Some(proposal(action, endpoint, &[&key], reason).argument("standby", view.scope));
    match (route, status) {
        (Route::Standby, Status::Critical) => (
            view.finding(ID, "", Status::Critical, format!("reads go to a standby that is too far behind: {behind}"))
                .advise(format!("have them read from the primary: POST /reads/primary at {endpoint}")),
            ask(READ_ELSEWHERE, "the standby's lag is critical"),
        ),
        (Route::Primary, Status::Ok) => (
            view.finding(
                ID,
                "",
                Status::Warning,
                format!("reads go to the primary, and the standby is well: {behind}"),
            )
            .advise(format!("have them read from the standby again: POST /reads/standby at {endpoint}")),
            ask(READ_HERE, "the standby has caught up"),
        ),
        (Route::Standby, Status::Unknown) => (
            view.no_data(ID, "", format!("reads go to the standby, and how far it is behind is not known: {behind}")),
            None,
        ),
        (Route::Standby, _) => (view.ok(ID, "", format!("reads go to the standby: {behind}")), None),
        (Route::Primary, _) => (view.ok(ID, "", format!("reads go to the primary: {behind}")), None),
    }
}
