//! Errors as RFC 9457 wants them: `application/problem+json`, with what to do.

use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;

use crate::config::Located;

/// What went wrong.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Problem {
    /// What kind of problem: a word that programs can rely on, as a relative reference.
    #[serde(rename = "type")]
    kind: &'static str,
    /// The kind in words.
    title: &'static str,
    /// The HTTP status.
    status: u16,
    /// What went wrong this time.
    detail: String,
    /// What to do.
    advice: String,
    /// Mistakes in agent.toml.
    #[serde(skip_serializing_if = "Option::is_none")]
    problems: Option<Vec<Located>>,
}

/// A kind of problem: status, word, words.
pub(super) struct Kind(u16, &'static str, &'static str);

pub(super) const BAD_REQUEST: Kind = Kind(400, "bad-request", "the request cannot be understood");
pub(super) const WRONG_TOKEN: Kind = Kind(401, "wrong-token", "the token is not known");
pub(super) const NO_RIGHT: Kind = Kind(403, "no-right", "this takes another right");
pub(super) const NOT_THERE: Kind = Kind(404, "not-there", "there is no such thing");
pub(super) const WRONG_METHOD: Kind = Kind(405, "wrong-method", "this cannot be done there");
pub(super) const TOO_SLOW: Kind = Kind(408, "too-slow", "the request did not come in time");
pub(super) const CONFLICT: Kind = Kind(409, "conflict", "this cannot be done now");
pub(super) const TOO_LARGE: Kind = Kind(413, "too-large", "the request is too large");
pub(super) const MISTAKES: Kind = Kind(422, "mistakes", "the configuration is not taken");
pub(super) const FAILED: Kind = Kind(500, "failed", "it could not be done");
pub(super) const STOPPING: Kind = Kind(503, "stopping", "the agent ends");
pub(super) const BUSY: Kind = Kind(503, "busy", "too many connections");

impl Kind {
    /// A problem of this kind.
    pub(super) fn problem(&self, detail: impl Into<String>, advice: impl Into<String>) -> Problem {
        let Self(status, kind, title) = *self;
        Problem { kind, title, status, detail: detail.into(), advice: advice.into(), problems: None }
    }
}

impl Problem {
    /// With the mistakes of agent.toml.
    pub(super) fn with(self, problems: Vec<Located>) -> Self {
        Self { problems: Some(problems), ..self }
    }

    /// As a whole answer, for a connection that is not served.
    pub(super) fn raw(&self) -> String {
        let body = serde_json::to_string(self).unwrap_or_default();
        format!(
            "HTTP/1.1 {} -\r\ncontent-type: application/problem+json\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{body}",
            self.status,
            body.len()
        )
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let status = StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let mut response = (status, axum::Json(self)).into_response();
        let kind = header::HeaderValue::from_static("application/problem+json");
        response.headers_mut().insert(header::CONTENT_TYPE, kind);
        response
    }
}
