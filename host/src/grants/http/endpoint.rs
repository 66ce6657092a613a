//! What agent.toml says about one endpoint, `[http.NAME]`.

use std::time::Duration;

use hyper::header::HeaderName;

use super::{Line, Origin};
use crate::grants::{secret::Secret, tls::Tls};

/// No time-out is longer.
pub(super) const LONGEST_TIMEOUT: Duration = Duration::from_secs(60 * 60);

/// A granted endpoint.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Endpoint {
    /// Its name in agent.toml.
    pub name: String,
    /// Where it is.
    pub origin: Origin,
    /// What may be asked of it. Nothing, where it is empty.
    pub allow: Vec<Line>,
    /// Sent with each request. Those that pgreeve sends by itself (`user-agent`, `accept`) are replaced.
    pub headers: Vec<RequestHeader>,
    /// For https.
    pub tls: Tls,
    /// Whether the origin's name may resolve to loopback and private addresses. Default false. An origin that is
    /// written as an address names it and needs no such leave; `localhost` names the loopback addresses. Link-local,
    /// metadata, multicast and reserved addresses are never reached.
    pub allow_private: bool,
    /// For the name, TCP and TLS together, 1 ms to 1 h. Default 5 s.
    pub connect_timeout: Duration,
    /// For the whole of a call, until the last byte of the body, 1 ms to 1 h. Default 10 s.
    pub timeout: Duration,
    /// Longest body, in bytes. Default 1 MiB.
    pub max_body: u64,
}

impl Endpoint {
    /// An endpoint with the defaults, of which nothing may be asked yet.
    pub fn new(name: &str, origin: Origin) -> Self {
        Self {
            name: name.to_owned(),
            origin,
            allow: Vec::new(),
            headers: Vec::new(),
            tls: Tls::default(),
            allow_private: false,
            connect_timeout: Duration::from_secs(5),
            timeout: Duration::from_secs(10),
            max_body: 1 << 20,
        }
    }

    /// Looks for what no single setting shows: settings that contradict each other.
    pub fn validate(&self) -> Result<(), String> {
        if !self.origin.secure && self.tls != Tls::default() {
            return Err(format!("it has TLS settings, and its origin {} is not https", self.origin));
        }
        for timeout in [self.connect_timeout, self.timeout] {
            if timeout < Duration::from_millis(1) || timeout > LONGEST_TIMEOUT {
                return Err(format!("a time-out of {timeout:?} is not between 1 ms and 1 h"));
            }
        }
        for (at, header) in self.headers.iter().enumerate() {
            if self.headers.iter().skip(at + 1).any(|other| other.name == header.name) {
                return Err(format!("header {} is there twice", header.name));
            }
        }
        Ok(())
    }
}

/// A header of the operator's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RequestHeader {
    pub(super) name: HeaderName,
    pub(super) value: Value,
}

/// What a header holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Value {
    /// As agent.toml has it.
    Literal(String),
    /// The whole value, `Bearer …` included, read anew for each request.
    Secret(Secret),
}

impl RequestHeader {
    /// Refuses names and values that are none, headers that frame the message or belong to the connection, and secrets
    /// in plain sight.
    pub fn new(name: &str, value: Value) -> Result<Self, String> {
        let parsed: HeaderName = name.parse().map_err(|_| format!("{name:?} is no name of an HTTP header"))?;
        let reason = match parsed.as_str() {
            "host" => Some("it follows from the origin"),
            "content-length" | "transfer-encoding" | "te" | "trailer" | "expect" => Some("it frames the message"),
            "connection" | "keep-alive" | "upgrade" => Some("it is about the connection"),
            "accept-encoding" => Some("bodies are handed on as they arrive, so they must not be compressed"),
            other if other.starts_with("proxy-") => Some("no proxy is used"),
            _ => None,
        };
        if let Some(reason) = reason {
            return Err(format!("header {parsed} is not yours to set: {reason}"));
        }
        if let Value::Literal(text) = &value {
            if matches!(parsed.as_str(), "authorization" | "cookie") {
                return Err(format!("header {parsed} holds a secret: take it from a file, a variable or a credential"));
            }
            if !text.bytes().all(|byte| matches!(byte, b' '..=b'~')) || text.trim() != text {
                return Err(format!("header {parsed}: a value is visible ASCII, without blanks at its ends"));
            }
        }
        Ok(Self { name: parsed, value })
    }
}
