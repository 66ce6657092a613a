//! One call: checked, connected, asked, answered, closed.

use std::error::Error as _;
use std::fmt;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU16, Ordering};

use bytes::Bytes;
use http_body_util::{BodyExt as _, Full};
use hyper::body::Body as _;
use hyper::client::conn::http1;
use hyper::header::{CONTENT_LENGTH, CONTENT_TYPE};
use hyper::http::HeaderValue;
use hyper::{HeaderMap, Request, http};
use tokio::time::{Instant, timeout};

use super::connect::{self, connect};
use super::endpoint::LONGEST_TIMEOUT;
use super::prepare::{Prepared, prepare};
use super::wire::{Meter, Wire};
use super::{Ask, Endpoint, Http, Method, Target, Told, answer, policy};
use crate::grants::error::{Error, Limit};

/// An answer's headers: no more than so many, and with the status line no more than so many bytes.
const MOST_HEADERS: usize = 100;
const LARGEST_HEAD: usize = 32 << 10;

/// Does what a guest asked of an endpoint that it was granted. What was received is taken off `part`, also where the
/// call fails.
///
/// # Errors
/// `Denied` for paths that no line covers, for addresses, and for answers that repeat a secret; `Invalid` for paths
/// that are none; `Unreachable` where there is no connection or no whole HTTP answer; `TimedOut` after
/// [`Endpoint::timeout`]; `LimitExceeded(Bytes)` for bodies over [`Endpoint::max_body`] and over what is left of the
/// run's bytes.
pub async fn perform(part: &mut Http, endpoint: &Endpoint, ask: &Ask) -> Result<Told, Error> {
    let (method, path) = match ask {
        Ask::Get { path, .. } => (Method::Get, path),
        Ask::Head { path, .. } => (Method::Head, path),
    };
    let target = policy::admit(endpoint, method, path)?;
    if part.remaining == 0 {
        return Err(Error::LimitExceeded(Limit::Bytes));
    }
    let attempt = Attempt::new(endpoint, method, &target, None);
    let meter = Meter::new(part.remaining);
    let told = attempt.bounded(&meter).await;
    part.remaining = part.remaining.saturating_sub(meter.received());
    told
}

/// A call that policy let pass.
pub(super) struct Attempt<'a> {
    endpoint: &'a Endpoint,
    method: Method,
    target: &'a Target,
    /// JSON.
    body: Option<&'a str>,
    started: Instant,
    /// The answer's status, once it has come in a frame that is believed; 0 before.
    heard: AtomicU16,
}

/// As in error messages; long targets are cut.
impl fmt::Display for Attempt<'_> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Endpoint { name, origin, .. } = self.endpoint;
        write!(out, "http endpoint {name:?}: {} {origin}{:.200}", self.method, self.target.request_target())
    }
}

impl<'a> Attempt<'a> {
    pub(super) fn new(endpoint: &'a Endpoint, method: Method, target: &'a Target, body: Option<&'a str>) -> Self {
        Self { endpoint, method, target, body, started: Instant::now(), heard: AtomicU16::new(0) }
    }

    /// The answer's status, also where the rest of it went wrong.
    pub(super) fn heard(&self) -> Option<u16> {
        Some(self.heard.load(Ordering::Relaxed)).filter(|status| *status > 0)
    }

    /// The whole call within its time and its bytes.
    pub(super) async fn bounded(&self, meter: &Arc<Meter>) -> Result<Told, Error> {
        match timeout(self.endpoint.timeout, self.run(meter)).await {
            _ if meter.exceeded() => Err(Error::LimitExceeded(Limit::Bytes)),
            Ok(told) => told,
            Err(_) => Err(Error::TimedOut(format!(
                "{self}: no whole answer within {:?} (`timeout`), {} bytes of it had come",
                self.endpoint.timeout,
                meter.received()
            ))),
        }
    }

    async fn run(&self, meter: &Arc<Meter>) -> Result<Told, Error> {
        let unreachable = |why: String| Error::Unreachable(format!("{self}: {why}"));
        let endpoint = self.endpoint.clone();
        let prepared = tokio::task::spawn_blocking(move || prepare(&endpoint)).await;
        let Prepared { headers, secrets, tls } =
            prepared.map_err(|error| error.to_string()).and_then(|prepared| prepared).map_err(|why| {
                // Trouble on this side says nothing of the other.
                let name = &self.endpoint.name;
                Error::Denied(format!(
                    "{self}: not asked, as {why}: correct headers or TLS files under [http.{name}] in agent.toml"
                ))
            })?;
        let request = self.request(headers).map_err(|error| unreachable(format!("no request can be made: {error}")))?;

        let deadline = Instant::now() + self.endpoint.connect_timeout.min(LONGEST_TIMEOUT);
        let stream = connect(&self.endpoint.way(), tls, deadline).await.map_err(|fault| match fault {
            connect::Fault::Refused(error) => error,
            connect::Fault::Failed(why) => unreachable(why),
        })?;
        let (parts, body) = exchange(Wire::new(stream, meter.clone()), request, self.endpoint.max_body, &self.heard)
            .await
            .map_err(|fault| match fault {
                Fault::TooLarge => Error::LimitExceeded(Limit::Bytes),
                Fault::Misframed(why) => unreachable(format!("the answer is not believed: {why}")),
                Fault::Broken(error) => unreachable(words(&error, meter.received())),
            })?;
        for (name, secret) in &secrets {
            if answer::repeats(secret, &parts.headers, &body) {
                return Err(Error::Denied(format!(
                    "{self}: the answer repeats the secret that was sent in header {name}, and is withheld; take the \
                     path out of `allow` under [http.{}] in agent.toml, or have the server not repeat what it is sent",
                    self.endpoint.name
                )));
            }
        }
        Ok(Told::Response {
            status: parts.status.as_u16(),
            headers: answer::visible(&parts.headers),
            body,
            elapsed_us: u64::try_from(self.started.elapsed().as_micros()).unwrap_or(u64::MAX),
        })
    }

    fn request(&self, mut headers: HeaderMap) -> Result<Request<Full<Bytes>>, http::Error> {
        match self.body {
            Some(_) if !headers.contains_key(CONTENT_TYPE) => {
                headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
            }
            // Some servers want to be told that there is nothing.
            None if matches!(self.method, Method::Post | Method::Put | Method::Patch) => {
                headers.insert(CONTENT_LENGTH, HeaderValue::from_static("0"));
            }
            _ => {}
        }
        let request = Request::builder().method(self.method.name()).uri(self.target.request_target());
        let body = Bytes::copy_from_slice(self.body.unwrap_or_default().as_bytes());
        let mut request = request.body(Full::new(body))?;
        *request.headers_mut() = headers;
        Ok(request)
    }
}

enum Fault {
    TooLarge,
    Misframed(&'static str),
    Broken(hyper::Error),
}

/// Sends the request and takes in the answer. Nothing is spawned: dropping this closes the connection.
async fn exchange(
    wire: Wire,
    request: Request<Full<Bytes>>,
    max_body: u64,
    heard: &AtomicU16,
) -> Result<(http::response::Parts, Vec<u8>), Fault> {
    let mut http = http1::Builder::new();
    http.max_headers(MOST_HEADERS).max_buf_size(LARGEST_HEAD);
    let (mut sender, connection) = http.handshake(wire).await.map_err(Fault::Broken)?;
    let mut answer = pin!(async move {
        let (parts, mut body) = sender.send_request(request).await.map_err(Fault::Broken)?.into_parts();
        if let Some(why) = answer::misframed(parts.status.as_u16(), &parts.headers) {
            return Err(Fault::Misframed(why));
        }
        heard.store(parts.status.as_u16(), Ordering::Relaxed);
        if body.size_hint().lower() > max_body {
            return Err(Fault::TooLarge);
        }
        let mut whole = Vec::new();
        while let Some(frame) = body.frame().await {
            let Ok(data) = frame.map_err(Fault::Broken)?.into_data() else { continue };
            whole.extend_from_slice(&data);
            if whole.len() as u64 > max_body {
                return Err(Fault::TooLarge);
            }
        }
        Ok((parts, whole))
    });
    // The connection moves the bytes; its own end or error reaches the answer by itself.
    tokio::select! {
        answer = &mut answer => answer,
        _ = connection => answer.await,
    }
}

/// Why there is no whole answer.
fn words(error: &hyper::Error, received: u64) -> String {
    if error.is_incomplete_message() {
        return format!(
            "the connection was closed before the end of the answer, after {received} bytes; see the server's log"
        );
    }
    let mut text = format!("no whole HTTP answer, after {received} bytes: {error}");
    let mut cause = error.source();
    while let Some(inner) = cause {
        text = format!("{text}: {inner}");
        cause = inner.source();
    }
    text
}
