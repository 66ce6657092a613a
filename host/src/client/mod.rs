//! The command line's way to a running agent: the local API, one request for each connection.

use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use http_body_util::{BodyExt as _, Full, Limited};
use hyper::body::Bytes;
use hyper::client::conn::http1;
use hyper::{Method, Request, StatusCode, header};
use hyper_util::rt::TokioIo;
use serde::de::DeserializeOwned;
use serde_json::Value;
use tokio::net::UnixStream;

/// How long it may take until the agent takes the connection.
const CONNECT: Duration = Duration::from_secs(5);
/// How long an ordinary answer may take.
pub const SOON: Duration = Duration::from_secs(30);
/// The largest answer, in bytes.
const MOST: usize = 64 << 20;
/// The environment variable with a token of `[api.token.…]`.
pub const TOKEN: &str = "PGREEVE_TOKEN";

/// The agent on a socket.
#[derive(Clone, Debug)]
pub struct Client {
    socket: PathBuf,
    token: Option<String>,
}

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// Nobody listens.
    #[error("no agent listens on {}", socket.display())]
    #[allow(missing_docs)]
    NoAgent { socket: PathBuf },
    /// The socket is not for this user.
    #[error(
        "this user may not connect to {}: run this as the agent's user, or become a member of the group that [api] group names in agent.toml",
        socket.display()
    )]
    #[allow(missing_docs)]
    NotAllowed { socket: PathBuf },
    /// The agent refused; what it said and advised.
    #[error("{detail}{}", if advice.is_empty() { String::new() } else { format!("; {advice}") })]
    #[allow(missing_docs)]
    Refused { status: u16, detail: String, advice: String, answer: Value },
    /// The connection or the answer failed.
    #[error("the agent on {} gave no answer: {why}", socket.display())]
    #[allow(missing_docs)]
    Failed { socket: PathBuf, why: String },
}

impl Client {
    /// For the agent that listens there; with the token of `PGREEVE_TOKEN`, if that is set.
    pub fn new(socket: &Path) -> Self {
        let token = std::env::var(TOKEN).ok().filter(|token| !token.is_empty());
        Self { socket: socket.to_owned(), token }
    }

    /// What stands at a path.
    pub async fn get<T: DeserializeOwned>(&self, path: &str) -> Result<T, ClientError> {
        self.within(SOON, self.send(Method::GET, path, None)).await
    }

    /// What comes of an order, within some time; without one, whenever it comes.
    pub async fn post(&self, path: &str, body: Option<&Value>, within: Option<Duration>) -> Result<Value, ClientError> {
        let sent = self.send(Method::POST, path, body);
        match within {
            Some(time) => self.within(time, sent).await,
            None => sent.await,
        }
    }

    /// All of a list: its pages, until there are so many.
    pub async fn list(
        &self,
        path: &str,
        query: &[(&str, &str)],
        name: &str,
        most: usize,
    ) -> Result<Listed, ClientError> {
        let (mut listed, mut cursor) = (Listed::default(), None::<String>);
        loop {
            let limit = (most - listed.items.len()).min(PAGE).to_string();
            let mut parameters = vec![("limit", limit.as_str())];
            parameters.extend(query);
            parameters.extend(cursor.as_deref().map(|cursor| ("cursor", cursor)));
            let mut page: Value = self.get(&format!("{path}?{}", encoded(&parameters))).await?;
            let items = page.get_mut(name).and_then(Value::as_array_mut).map(std::mem::take).unwrap_or_default();
            listed.items.extend(items);
            cursor = page.get("next").and_then(Value::as_str).map(str::to_owned);
            listed.last = page;
            if cursor.is_none() || listed.items.len() >= most {
                return Ok(listed);
            }
        }
    }

    async fn within<T>(
        &self,
        time: Duration,
        answer: impl Future<Output = Result<T, ClientError>>,
    ) -> Result<T, ClientError> {
        let late = |_| self.failed(format!("not within {} s; its log says more", time.as_secs()));
        tokio::time::timeout(time, answer).await.map_err(late)?
    }

    async fn send<T: DeserializeOwned>(
        &self,
        method: Method,
        path: &str,
        body: Option<&Value>,
    ) -> Result<T, ClientError> {
        let stream = tokio::time::timeout(CONNECT, UnixStream::connect(&self.socket))
            .await
            .unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()))
            .map_err(|error| self.unconnected(&error))?;
        let failed = |error: hyper::Error| self.failed(error.to_string());
        let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await.map_err(failed)?;
        // It ends with the answer; how it ended shows there.
        tokio::spawn(connection);
        let mut request = Request::builder().method(method).uri(path).header(header::HOST, "pgreeve");
        if let Some(token) = &self.token {
            request = request.header(header::AUTHORIZATION, format!("Bearer {token}"));
        }
        let body = body.map(Value::to_string).unwrap_or_default();
        let request = request.body(Full::new(Bytes::from(body))).map_err(|error| self.failed(error.to_string()))?;
        let answer = sender.send_request(request).await.map_err(failed)?;
        let status = answer.status();
        let body = Limited::new(answer.into_body(), MOST).collect().await;
        let body = body.map_err(|error| self.failed(error.to_string()))?.to_bytes();
        let unread = |error| self.failed(format!("status {status}, and not the JSON that was expected: {error}"));
        if status == StatusCode::OK || status == StatusCode::ACCEPTED {
            return serde_json::from_slice(&body).map_err(unread);
        }
        let value: Value = serde_json::from_slice(&body).map_err(unread)?;
        let text = |key: &str| value.get(key).and_then(Value::as_str).unwrap_or_default().to_owned();
        let (detail, advice) = (text("detail"), in_commands(&text("advice")));
        Err(ClientError::Refused { status: status.as_u16(), detail, advice, answer: value })
    }

    fn unconnected(&self, error: &io::Error) -> ClientError {
        let socket = self.socket.clone();
        match error.kind() {
            io::ErrorKind::NotFound | io::ErrorKind::ConnectionRefused => ClientError::NoAgent { socket },
            io::ErrorKind::PermissionDenied => ClientError::NotAllowed { socket },
            _ => self.failed(error.to_string()),
        }
    }

    fn failed(&self, why: String) -> ClientError {
        ClientError::Failed { socket: self.socket.clone(), why }
    }
}

/// How many of a list are asked for at a time.
const PAGE: usize = 200;

/// A list, and the rest of its last page.
#[derive(Debug, Default)]
pub struct Listed {
    /// In the agent's order.
    pub items: Vec<Value>,
    /// The last page without its items.
    pub last: Value,
}

/// The agent's advice for who types commands: `GET /v1/runs` is what `pgreeve runs` asks.
fn in_commands(advice: &str) -> String {
    let mut parts = advice.split("GET /v1/");
    let mut out = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let (path, rest) = part.split_at(part.find([' ', ',', ';']).unwrap_or(part.len()));
        out += &format!("`pgreeve {}`{rest}", path.replace('/', " "));
    }
    out
}

/// A query's parameters, percent-encoded.
pub fn encoded(parameters: &[(&str, &str)]) -> String {
    let part = |text: &str| segment(text);
    let pairs = parameters.iter().map(|(name, value)| format!("{}={}", part(name), part(value)));
    pairs.collect::<Vec<_>>().join("&")
}

/// A text as one segment of a path, percent-encoded.
pub fn segment(text: &str) -> String {
    let mut out = String::new();
    for byte in text.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => out.push(byte.into()),
            other => out.push_str(&format!("%{other:02X}")),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn advice_names_commands() {
        for (advice, shown) in [
            ("write it as name=value", "write it as name=value"),
            ("GET /v1/jobs lists them", "`pgreeve jobs` lists them"),
            ("GET /v1/proposals/3f2a says how it stands", "`pgreeve proposals 3f2a` says how it stands"),
            ("wait: GET /v1/runs shows it, GET /v1/status", "wait: `pgreeve runs` shows it, `pgreeve status`"),
        ] {
            assert_eq!(in_commands(advice), shown);
        }
    }
}
