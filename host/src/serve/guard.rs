//! Before every handler: who asks, by the connection's peer and the request's token; whether it may; and the request's body, within limits.

use std::sync::Arc;

use axum::body::{Body, to_bytes};
use axum::extract::{Request, State};
use axum::http::{HeaderMap, header};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq as _;

use super::App;
use super::door::PATIENCE;
use super::problem::{NO_RIGHT, Problem, TOO_LARGE, TOO_SLOW, WRONG_TOKEN};
use crate::rights::{Peer, Presented, Refused, Right, Rules, Token, Who, decide};

/// The largest body, in bytes.
const MOST_BODY: usize = 64 << 10;

/// Lets a request through that has the right, with its sender's name and its whole body.
pub(super) async fn guard(State((app, right)): State<(App, Right)>, request: Request, next: Next) -> Response {
    let peer = request.extensions().get::<Arc<Peer>>().cloned().unwrap_or_default();
    let rules = Arc::clone(&app.rules.borrow());
    let who = match allowed(right, &peer, request.headers(), rules).await {
        Ok(who) => who,
        Err(problem) => return problem.into_response(),
    };
    let (mut parts, body) = request.into_parts();
    let Ok(body) = tokio::time::timeout(PATIENCE, to_bytes(body, MOST_BODY)).await else {
        let seconds = PATIENCE.as_secs();
        return TOO_SLOW.problem(format!("the body took longer than {seconds} s"), "send it at once").into_response();
    };
    let Ok(body) = body else {
        let detail = format!("the body has more than {MOST_BODY} bytes, or was cut short");
        return TOO_LARGE.problem(detail, "send less").into_response();
    };
    parts.extensions.insert(who);
    next.run(Request::from_parts(parts, Body::from(body))).await
}

async fn allowed(right: Right, peer: &Peer, headers: &HeaderMap, rules: Arc<Rules>) -> Result<Who, Problem> {
    let given = match headers.get(header::AUTHORIZATION) {
        None => None,
        Some(value) => {
            // The scheme's name is in any case; what is no bearer token is a wrong one.
            let scheme = value.as_bytes().get(..7).is_some_and(|scheme| scheme.eq_ignore_ascii_case(b"bearer "));
            Some(value.as_bytes().get(7..).filter(|_| scheme).unwrap_or_default().trim_ascii().to_vec())
        }
    };
    let (found, rules) = match given {
        None => (Some(None), rules),
        Some(given) => {
            // Secrets stand in files, which may be slow.
            let read = tokio::task::spawn_blocking(move || (known(&given, &rules.tokens).map(Some), rules)).await;
            read.unwrap_or_default()
        }
    };
    let presented = match &found {
        None => Presented::Wrong,
        Some(None) => Presented::Nothing,
        Some(Some(token)) => Presented::Token(token),
    };
    let agent = rustix::process::geteuid().as_raw();
    decide(right, peer, presented, &rules, agent).map_err(|refused| {
        tracing::warn!(uid = peer.uid, pid = peer.pid, "the local API refused a request: {refused}");
        problem(&refused, &rules)
    })
}

/// The token whose secret this is. Every one is compared, each in constant time.
fn known(given: &[u8], tokens: &[Token]) -> Option<Token> {
    let given = Sha256::digest(given);
    let mut found = None;
    for token in tokens {
        match token.secret.read() {
            Ok(secret) if bool::from(Sha256::digest(&secret).as_slice().ct_eq(given.as_slice())) => found = Some(token),
            Ok(_) => {}
            Err(error) => tracing::warn!("api.token.{} cannot be used: {error}", token.name),
        }
    }
    found.cloned()
}

fn problem(refused: &Refused, rules: &Rules) -> Problem {
    let (key, list) = match refused {
        Refused::WrongToken => {
            return WRONG_TOKEN
                .problem(refused.to_string(), "send the secret of one of them, or no Authorization at all");
        }
        Refused::NoRight { right: Right::Approve, .. } => ("approvers", &rules.approvers),
        Refused::NoRight { .. } => ("operators", &rules.operators),
    };
    let those = match list {
        None => "the agent's user and root".to_owned(),
        Some(list) if list.is_empty() => "nobody".to_owned(),
        Some(list) => list.iter().map(ToString::to_string).collect::<Vec<_>>().join(", "),
    };
    NO_RIGHT.problem(
        refused.to_string(),
        format!("those may: {those}; [api] {key} in agent.toml says so, and a reload takes it"),
    )
}
