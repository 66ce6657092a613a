//! `[http.NAME]`: an HTTP endpoint.

use std::time::Duration;

use toml::de::DeValue;

use super::Reading;
use super::secret::{self, Keys};
use crate::config::reader::{Problems, Section, note};
use crate::grants::http::{Endpoint, Line, Origin, RequestHeader, Value};

/// The three places of a header's secret.
const HEADER: Keys = Keys { file: "file", env: "env", credential: "credential" };

/// Reads one endpoint.
pub(super) fn read(
    name: &str,
    reading: &mut Reading<'_>,
    mut section: Section<'_>,
    problems: &mut Problems,
) -> Option<Endpoint> {
    section.require("origin", "\"http://127.0.0.1:8000\"", problems);
    section.require("allow", "[\"GET /health\"]", problems);
    let place = section.span.clone();
    let origin = section.parsed(
        "origin",
        problems,
        Origin::parse,
        "write scheme, host and port, as in \"https://app.example:8443\"",
    );
    let mut allow = Vec::new();
    for line in section.names("allow", problems).unwrap_or_default() {
        match Line::parse(&line.value) {
            Ok(line) => allow.push(line),
            Err(why) => note(
                problems,
                line.span,
                format!("http.{name}.allow: {why}"),
                "write a method and a path, as in \"GET /health\"",
            ),
        }
    }
    let headers = section.section("headers", problems).map(|section| headers(name, reading, section, problems));
    let tls = super::system::tls(reading, &mut section, problems);
    let allow_private = section.boolean("allow_private", problems);
    let least = Duration::from_millis(1);
    let connect_timeout = section.duration_from("connect_timeout", least, problems);
    let timeout = section.duration_from("timeout", least, problems);
    let max_body = section.size_from("max_body", 1, problems);
    section.finish(problems);
    let usual = Endpoint::new(name, origin?.value);
    let endpoint = Endpoint {
        allow,
        headers: headers.unwrap_or_default(),
        tls: tls.unwrap_or_default(),
        allow_private: allow_private.unwrap_or(usual.allow_private),
        connect_timeout: connect_timeout.unwrap_or(usual.connect_timeout),
        timeout: timeout.unwrap_or(usual.timeout),
        max_body: max_body.unwrap_or(usual.max_body),
        ..usual
    };
    if let Err(why) = endpoint.validate() {
        note(problems, place, format!("[http.{name}]: {why}"), "see [http.app] in the reference agent.toml");
        return None;
    }
    Some(endpoint)
}

/// `headers = { x-app = "…", authorization = { file = "…" } }`.
fn headers(
    endpoint: &str,
    reading: &mut Reading<'_>,
    section: Section<'_>,
    problems: &mut Problems,
) -> Vec<RequestHeader> {
    let mut headers = Vec::new();
    for (name, value) in section.entries() {
        let path = format!("http.{endpoint}.headers.{}", name.value);
        let span = value.span.clone();
        let value = match value.value {
            DeValue::String(text) => Value::Literal(text.into_owned()),
            DeValue::Table(table) => {
                let mut section = Section::new(path.clone(), toml::Spanned::new(span.clone(), table));
                let secret = secret::read(&HEADER, reading, &mut section, problems);
                section.finish(problems);
                match secret {
                    Some(secret) => Value::Secret(secret),
                    None => {
                        let fix = "write { file = \"…\" }, { env = \"…\" } or { credential = \"…\" }";
                        note(problems, span, format!("{path} names no place for its secret"), fix);
                        continue;
                    }
                }
            }
            other => {
                let message = format!("{path} must be a string or the place of a secret, not a {}", other.type_str());
                note(problems, span, message, "write \"…\" or { file = \"…\" }");
                continue;
            }
        };
        match RequestHeader::new(&name.value, value) {
            Ok(header) => headers.push(header),
            Err(why) => note(problems, name.span, format!("{path}: {why}"), "remove or correct the header"),
        }
    }
    headers
}
