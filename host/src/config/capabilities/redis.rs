//! `[redis.NAME]`: a Redis or Valkey server.

use std::time::Duration;

use super::{Reading, secret};
use crate::config::reader::{Problems, Section, note};
use crate::grants::redis::{Line, Server};

/// Reads one server.
pub(super) fn read(
    name: &str,
    reading: &mut Reading<'_>,
    mut section: Section<'_>,
    problems: &mut Problems,
) -> Option<Server> {
    section.require("url", "\"redis://127.0.0.1:6379/0\"", problems);
    let place = section.span.clone();
    let parse = |text: &str| Server::new(name, text);
    let server = section.parsed("url", problems, parse, "write it as \"redis://127.0.0.1:6379/0\"");
    let mut allow = Vec::new();
    for line in section.names("allow", problems).unwrap_or_default() {
        match Line::parse(&line.value) {
            Ok(line) => allow.push(line),
            Err(why) => note(
                problems,
                line.span,
                format!("redis.{name}.allow: {why}"),
                "write a command as actions send it, with * for an argument, as in \"CONFIG SET maxmemory *\"",
            ),
        }
    }
    let user = section.text("user", problems).map(|at| at.value);
    let password = secret::read(&secret::PASSWORD, reading, &mut section, problems);
    let tls = super::system::tls(reading, &mut section, problems);
    let least = Duration::from_millis(1);
    let connect_timeout = section.duration_from("connect_timeout", least, problems);
    let timeout = section.duration_from("timeout", least, problems);
    let max_reply = section.size_from("max_reply", 1, problems);
    section.finish(problems);
    let mut server = server?.value;
    server.allow = allow;
    server.user = user;
    server.password = password;
    server.tls = tls.or(server.tls);
    server.connect_timeout = connect_timeout.unwrap_or(server.connect_timeout);
    server.timeout = timeout.unwrap_or(server.timeout);
    server.max_reply = max_reply.unwrap_or(server.max_reply);
    if let Err(why) = server.validate() {
        note(problems, place, format!("[redis.{name}]: {why}"), "correct the table");
        return None;
    }
    Some(server)
}
