//! Everything that can be asked, each with the right that it takes. docs/openapi.json lists the same; a test compares them.

use axum::Router;
use axum::http::{Method, Uri};
use axum::middleware::from_fn_with_state;
use axum::routing::{MethodRouter, get, post};

use super::problem::{NOT_THERE, Problem, WRONG_METHOD};
use super::{App, act, audit, metrics, proposals, see};
use crate::rights::Right::{self, Approve, Operate, Read};

/// Method, path, right, handler.
type Route = (&'static str, &'static str, Right, MethodRouter<App>);

fn routes() -> Vec<Route> {
    vec![
        ("get", "/v1/openapi.json", Read, get(see::document)),
        ("get", "/v1/status", Read, get(see::status)),
        ("get", "/v1/jobs", Read, get(see::jobs)),
        ("get", "/v1/jobs/{job}", Read, get(see::job)),
        ("post", "/v1/jobs/{job}/run", Operate, post(act::run)),
        ("get", "/v1/runs", Read, get(see::runs)),
        ("get", "/v1/runs/{id}", Read, get(see::run)),
        ("get", "/v1/findings", Read, get(see::findings)),
        ("get", "/v1/metrics", Read, get(metrics::list)),
        ("post", "/v1/reload", Operate, post(act::reload)),
        ("get", "/v1/proposals", Read, get(proposals::list)),
        ("get", "/v1/proposals/{id}", Read, get(proposals::one)),
        ("post", "/v1/proposals/{id}/approve", Approve, post(act::approve)),
        ("post", "/v1/proposals/{id}/reject", Approve, post(act::reject)),
        ("get", "/v1/actions", Read, get(see::policies)),
        ("post", "/v1/actions/pause", Approve, post(act::pause)),
        ("post", "/v1/actions/resume", Approve, post(act::resume)),
        ("get", "/v1/audit", Read, get(audit::list)),
        ("get", "/v1/audit/verify", Read, get(audit::verify)),
    ]
}

/// Method, path and right of every route, as the document has to have them.
pub fn table() -> Vec<(&'static str, &'static str, Right)> {
    routes().into_iter().map(|(method, path, right, _)| (method, path, right)).collect()
}

pub(super) fn router(app: App) -> Router {
    let mut router = Router::new();
    for (_, path, right, handler) in routes() {
        router = router.route(path, handler.layer(from_fn_with_state((app.clone(), right), super::guard::guard)));
    }
    router.fallback(not_there).method_not_allowed_fallback(wrong_method).with_state(app)
}

async fn not_there(uri: Uri) -> Problem {
    NOT_THERE.problem(format!("there is no {}", uri.path()), "GET /v1/openapi.json lists what there is")
}

async fn wrong_method(method: Method, uri: Uri) -> Problem {
    let detail = format!("{method} is not for {}", uri.path());
    WRONG_METHOD.problem(detail, "GET /v1/openapi.json lists what is")
}
