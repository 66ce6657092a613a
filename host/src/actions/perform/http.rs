//! One request as an action. Its status decides; no redirect is followed, so a 3xx has not done what was wanted.

use super::{Ended, Seen, excerpt, said};
use crate::grants::http::{Acted, Endpoint, Fault, Method, act};

/// Sends it.
pub(super) async fn perform(endpoint: &Endpoint, method: Method, path: &str, body: Option<&str>) -> Seen {
    let Acted { status, body, withheld } = match act(endpoint, method, path, body).await {
        Ok(acted) => acted,
        Err(Fault { sent: true, error }) => {
            let what = "the request was sent, and whether the server carried it out is not known";
            return (Ended::Uncertain, format!("{what}: {}", said(&error)));
        }
        Err(Fault { sent: false, error }) => return (Ended::Refused, said(&error)),
    };
    let ended = if (200..300).contains(&status) { Ended::Done } else { Ended::Failed };
    let mut detail = format!("status {status}");
    if (300..400).contains(&status) {
        detail.push_str(", and no redirect is followed");
    }
    match withheld {
        Some(error) => detail = format!("{detail}; the body is not shown: {}", said(&error)),
        None if !body.is_empty() => detail = format!("{detail}\n{}", excerpt(&body)),
        None => {}
    }
    (ended, detail)
}
