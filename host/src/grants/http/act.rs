//! A request that changes something, as an action: on an allowed line that names its method.

use super::client::Attempt;
use super::wire::Meter;
use super::{Endpoint, Method, Told, policy};
use crate::grants::error::Error;

/// What an answer may take on the wire besides its body: head, trailers, framing.
const BESIDE_THE_BODY: u64 = 1 << 20;

/// An answer, as far as it came.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Acted {
    /// Its status, 100 to 599. No redirect is followed.
    pub status: u16,
    /// Its body; empty where it is not shown.
    pub body: Vec<u8>,
    /// Why the body is not shown: it was too long or cut short, or repeats a secret that was sent.
    pub withheld: Option<Error>,
}

/// Why there is no answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// A part of the request may have reached the server, and with it the whole.
    pub sent: bool,
    /// What went wrong.
    pub error: Error,
}

/// Sends one request with POST, PUT, PATCH or DELETE; `body` is JSON.
pub async fn act(endpoint: &Endpoint, method: Method, path: &str, body: Option<&str>) -> Result<Acted, Fault> {
    let target = policy::admit_act(endpoint, method, path).map_err(|error| Fault { sent: false, error })?;
    let attempt = Attempt::new(endpoint, method, &target, body);
    let meter = Meter::new(endpoint.max_body.saturating_add(BESIDE_THE_BODY));
    match (attempt.bounded(&meter).await, attempt.heard()) {
        (Ok(Told::Response { status, body, .. }), _) => Ok(Acted { status, body, withheld: None }),
        (Err(error), Some(status)) => Ok(Acted { status, body: Vec::new(), withheld: Some(error) }),
        (Err(error), None) => Err(Fault { sent: meter.sent(), error }),
    }
}
