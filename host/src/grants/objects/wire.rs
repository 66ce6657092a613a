//! How the requests of `object_store` get to the store and nowhere else: one connection each, made as those of `http` are, to an address that
//! was judged. No redirect is followed, no proxy is used.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body_util::{BodyExt as _, Limited};
use hyper::body::{Body, Frame, Incoming, SizeHint};
use hyper::client::conn::http1;
use hyper::header::{CONTENT_LENGTH, HOST, HeaderValue, USER_AGENT};
use hyper::http::{Method, Uri};
use object_store::client::{HttpError, HttpErrorKind, HttpRequest, HttpResponse, HttpResponseBody, HttpService};
use rustls::ClientConfig;
use tokio::task::JoinHandle;
use tokio::time::{Instant, timeout};

use super::Store;
use super::heard::{Heard, Refusal};
use crate::grants::error::{Error, Limit};
use crate::grants::http::{Meter, Unconnected, Wire, connect, contains, misframed};

/// An answer's headers: no more than so many, and with the status line no more than so many bytes.
const MOST_HEADERS: usize = 100;
const LARGEST_HEAD: usize = 32 << 10;
/// The longest answer that is not an object, in bytes: a page of 1,000 keys with all that is said of them.
const LARGEST_WORDS: usize = 8 << 20;
/// The longest error that is read.
const LARGEST_ERROR: usize = 64 << 10;

type Calling<'c> = Pin<Box<dyn Future<Output = Result<HttpResponse, HttpError>> + Send + 'c>>;

/// Sends requests to one store.
pub(super) struct Service {
    store: Store,
    tls: Option<ClientConfig>,
    heard: Arc<Heard>,
    /// Bytes that may still be received.
    left: Arc<AtomicU64>,
}

/// Without the keys that its requests are signed with, which it never sees.
impl fmt::Debug for Service {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}", self.store)
    }
}

impl HttpService for Service {
    fn call<'s, 'c>(&'s self, request: HttpRequest) -> Calling<'c>
    where
        's: 'c,
        Self: 'c,
    {
        Box::pin(async move {
            let patience = self.store.patience(request.body().content_length() as u64);
            match timeout(patience, self.send(request)).await {
                Ok(answer) => answer,
                Err(_) => {
                    let why = format!("{}: no answer within {patience:.0?} (`timeout`)", self.store);
                    Err(HttpError::new(HttpErrorKind::Timeout, Refusal(Error::TimedOut(why))))
                }
            }
        })
    }
}

impl Service {
    pub(super) fn new(store: Store, tls: Option<ClientConfig>, heard: Arc<Heard>, left: Arc<AtomicU64>) -> Self {
        Self { store, tls, heard, left }
    }

    fn broken(&self, kind: HttpErrorKind, why: impl fmt::Display) -> HttpError {
        HttpError::new(kind, Refusal(Error::Unreachable(format!("{}: {why}", self.store))))
    }

    async fn send(&self, request: HttpRequest) -> Result<HttpResponse, HttpError> {
        let request = self.own(request)?;
        let (method, is_object) = (request.method().clone(), request.uri().query().is_none());
        let deadline = Instant::now() + self.store.connect_timeout;
        let stream = connect(&self.store.way(), self.tls.clone(), deadline).await.map_err(|fault| match fault {
            // Not tried again.
            Unconnected::Refused(error) => HttpError::new(HttpErrorKind::Unknown, Refusal(error)),
            Unconnected::Failed(why) => self.broken(HttpErrorKind::Connect, why),
        })?;
        let lost = |error: hyper::Error| {
            let kind = if error.is_parse() { HttpErrorKind::Decode } else { HttpErrorKind::Request };
            self.broken(kind, format_args!("no whole HTTP answer: {error}; see the store's log"))
        };
        let meter = Meter::new(u64::MAX);
        let mut http = http1::Builder::new();
        http.max_headers(MOST_HEADERS).max_buf_size(LARGEST_HEAD);
        let (mut sender, connection) = http.handshake(Wire::new(stream, meter)).await.map_err(lost)?;
        // Its end or error reaches the answer by itself.
        let connection = Connection(tokio::spawn(async move { drop(connection.await) }));
        let (parts, body) = sender.send_request(request).await.map_err(lost)?.into_parts();
        if let Some(why) = misframed(parts.status.as_u16(), &parts.headers) {
            return Err(self.broken(HttpErrorKind::Decode, format_args!("the answer is not believed: {why}")));
        }
        let body = Answer { body, left: Arc::clone(&self.left), _connection: connection };
        if parts.status.is_success() && method == Method::GET && is_object {
            return Ok(HttpResponse::from_parts(parts, HttpResponseBody::new(body)));
        }
        let most = if parts.status.is_success() { LARGEST_WORDS } else { LARGEST_ERROR };
        let body = Limited::new(body, most).collect().await.map(http_body_util::Collected::to_bytes);
        let body = body.map_err(|error| {
            error.downcast::<HttpError>().map_or_else(
                |_| HttpError::new(HttpErrorKind::Unknown, Refusal(Error::LimitExceeded(Limit::Bytes))),
                |error| *error,
            )
        })?;
        // Anything else in good XML would be read as a bucket without objects.
        if parts.status.is_success() && method == Method::GET && !is_listing(&body) {
            return Err(self.broken(HttpErrorKind::Decode, "it answers with something that is no list of objects"));
        }
        if !parts.status.is_success() {
            self.heard.note(parts.status.as_u16(), &body);
        }
        Ok(HttpResponse::from_parts(parts, body.into()))
    }

    /// The request as it goes over a connection to the store itself; one to anywhere else is not sent.
    fn own(&self, request: HttpRequest) -> Result<HttpRequest, HttpError> {
        let (mut parts, body) = request.into_parts();
        let (scheme, authority) = (parts.uri.scheme_str(), parts.uri.authority().map(ToString::to_string));
        let wanted = if self.store.origin.secure { "https" } else { "http" };
        let to_it = scheme == Some(wanted) && authority == Some(self.store.origin.authority());
        let target = parts.uri.path_and_query().map(ToString::to_string).unwrap_or_default();
        let target: Option<Uri> = target.parse().ok().filter(|_| to_it);
        parts.uri = target.ok_or_else(|| {
            self.broken(HttpErrorKind::Unknown, "a request to somewhere else was about to be sent: please report it")
        })?;
        // Signed, but left to whoever sends it.
        let host = HeaderValue::from_str(&self.store.origin.authority());
        parts.headers.insert(HOST, host.map_err(|error| self.broken(HttpErrorKind::Unknown, error))?);
        parts.headers.insert(USER_AGENT, HeaderValue::from_static(concat!("pgreeve/", env!("CARGO_PKG_VERSION"))));
        if matches!(parts.method, Method::PUT | Method::POST) {
            parts.headers.insert(CONTENT_LENGTH, HeaderValue::from(body.content_length()));
        }
        Ok(HttpRequest::from_parts(parts, body))
    }
}

/// Whether an answer is a whole list of objects, as S3 writes it.
fn is_listing(body: &[u8]) -> bool {
    contains(body, b"<ListBucketResult") && body.trim_ascii_end().ends_with(b"</ListBucketResult>")
}

/// The task that moves a connection's bytes; it ends with whoever waits for them.
struct Connection(JoinHandle<()>);

impl Drop for Connection {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// An answer's body, which takes what it brings off what may be received.
struct Answer {
    body: Incoming,
    left: Arc<AtomicU64>,
    _connection: Connection,
}

impl Body for Answer {
    type Data = Bytes;
    type Error = HttpError;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, HttpError>>> {
        let polled = Pin::new(&mut self.body).poll_frame(cx);
        polled.map(|frame| {
            Some(match frame? {
                Ok(frame) => {
                    let bytes = frame.data_ref().map_or(0, |data| data.len() as u64);
                    let took =
                        self.left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(bytes));
                    let over = || HttpError::new(HttpErrorKind::Unknown, Refusal(Error::LimitExceeded(Limit::Bytes)));
                    took.map(|_| frame).map_err(|_| over())
                }
                Err(error) => {
                    let why = format!("the answer broke off: {error}");
                    Err(HttpError::new(HttpErrorKind::Interrupted, Refusal(Error::Unreachable(why))))
                }
            })
        })
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
