//! One run's connections to Redis servers. A connection is opened by the first command for its server; it is closed, and the next command
//! opens another, when a reply was late, too large or no reply: no answer to one command is ever taken for that of another.

use std::collections::BTreeMap;

use redis::{ServerError, Value};

use super::{
    call::{Ask, Told},
    connect::{self, Socket},
    described::Described,
    exchange::{Broken, exchange},
    policy::{self, Verdict},
    reply,
    server::Server,
};
use crate::grants::error::{Error, Limit};

/// Replies to the log-in and to `COMMAND INFO` are shorter.
const MOST_FOR_OURSELVES: u64 = 256 << 10;

/// What lasts for one run. Dropping it closes the connections.
pub struct Part {
    /// What servers show in `CLIENT LIST`.
    client_name: String,
    /// Bytes that the run may still receive.
    bytes_left: u64,
    links: BTreeMap<String, Link>,
}

/// One server.
#[derive(Default)]
struct Link {
    /// `None` before the first command, and while a command is under way: if that is given up, so is its connection.
    socket: Option<Socket>,
    /// What the server said of commands, by name.
    described: BTreeMap<String, Described>,
}

/// A command for a server, and what its reply may take.
struct Command<'a> {
    server: &'a Server,
    client_name: &'a str,
    arguments: &'a [String],
    most: u64,
}

impl Part {
    /// The part of a run of `job`, whose replies may have so many bytes together.
    pub fn new(job: &str, bytes: u64) -> Self {
        // Servers refuse a name with spaces or anything but printable ASCII.
        let job: String = job.chars().take(64).map(|c| if c.is_ascii_graphic() { c } else { '-' }).collect();
        Self { client_name: format!("pgreeve/{job}"), bytes_left: bytes, links: BTreeMap::new() }
    }
}

/// Does what the guest asked of a server that it was granted.
///
/// Errors: `Denied` by the policy, or by what stands on this side of the connection; `Invalid` for arguments that are no command; `Remote` for an error reply, also to the log-in;
/// `LimitExceeded(Bytes)` for a reply over the server's `max_reply` or over what the run may receive; `TimedOut`; `Unreachable`.
pub async fn perform(part: &mut Part, server: &Server, ask: &Ask) -> Result<Told, Error> {
    let Ask::Command { arguments, .. } = ask;
    let verdict = policy::screen(&server.name, arguments)?;
    let client_name = part.client_name.as_str();
    let link = part.links.entry(server.name.clone()).or_default();
    if let Verdict::AskServer(name) = verdict {
        link.describe(server, client_name, &name).await?;
        policy::judge(&server.name, arguments, link.described.get(&name))?;
    }
    let command = Command { server, client_name, arguments, most: server.max_reply.min(part.bytes_left) };
    let (outcome, read) = link.send(&command).await;
    part.bytes_left = part.bytes_left.saturating_sub(read);
    reply::flatten(outcome?).map(Told::Reply).map_err(|why| {
        link.socket = None;
        Error::Unreachable(format!("{server}: {why}"))
    })
}

impl Link {
    /// Asks the server about a command, once in a run. What the server does not know is not remembered.
    async fn describe(&mut self, server: &Server, client_name: &str, name: &str) -> Result<(), Error> {
        if !self.described.contains_key(name) {
            let arguments = ["COMMAND", "INFO", name].map(str::to_owned);
            let question = Command { server, client_name, arguments: &arguments, most: MOST_FOR_OURSELVES };
            if let Some(described) = Described::from_answer(&self.send(&question).await.0?) {
                self.described.insert(name.to_owned(), described);
            }
        }
        Ok(())
    }

    /// Sends a command that was found allowed, over a new connection if there is none. Beside the reply, the bytes that it took.
    async fn send(&mut self, command: &Command<'_>) -> (Result<Value, Error>, u64) {
        let Command { server, client_name, arguments, most } = *command;
        if most == 0 {
            return (Err(Error::LimitExceeded(Limit::Bytes)), 0);
        }
        let connected = match self.socket.take() {
            Some(socket) => Ok(socket),
            None => log_in(server, client_name).await,
        };
        let mut socket = match connected {
            Ok(socket) => socket,
            Err(error) => return (Err(error), 0),
        };
        match exchange(&mut socket, arguments, most, server.timeout).await {
            Ok((value, read)) => {
                self.socket = Some(socket);
                let outcome = match value {
                    Value::ServerError(error) => Err(reply::remote(&error, server, arguments)),
                    value => Ok(value),
                };
                (outcome, read)
            }
            Err(Broken::TooLarge) => (Err(Error::LimitExceeded(Limit::Bytes)), most),
            Err(broken) => (Err(failed(&broken, server, &policy::acl_name(arguments))), 0),
        }
    }
}

/// Opens a connection, logs in, selects the database and gives the connection its name.
pub(super) async fn log_in(server: &Server, client_name: &str) -> Result<Socket, Error> {
    let (mut socket, password) = connect::open(server).await?;
    if let Some(password) = password {
        let mut arguments: Vec<&[u8]> = vec![b"AUTH"];
        arguments.extend(server.user.as_deref().map(str::as_bytes));
        arguments.push(&password);
        if let Some(error) = set_up(&mut socket, server, &arguments).await? {
            return Err(reply::refused_log_in(&error, server, &password));
        }
    }
    if let Some(database) = server.database.filter(|database| *database > 0) {
        let number = database.to_string();
        if let Some(error) = set_up(&mut socket, server, &[b"SELECT", number.as_bytes()]).await? {
            return Err(reply::remote(&error, server, &["select".to_owned()]));
        }
    }
    // A user without the right to it is connected all the same: the name is a courtesy to who reads CLIENT LIST. A server that answers
    // nobody yet (LOADING, NOAUTH) will say so to the command itself; one that closes after its words, as it is full, will not.
    match set_up(&mut socket, server, &[b"CLIENT", b"SETNAME", client_name.as_bytes()]).await? {
        Some(error) if reply::is_last(&error) => Err(reply::remote(&error, server, &["client".to_owned()])),
        _ => Ok(socket),
    }
}

/// Sends a command of our own; the error reply, if it was one.
async fn set_up(socket: &mut Socket, server: &Server, arguments: &[&[u8]]) -> Result<Option<ServerError>, Error> {
    match exchange(socket, arguments, MOST_FOR_OURSELVES, server.timeout).await {
        Ok((Value::ServerError(error), _)) => Ok(Some(error)),
        Ok(_) => Ok(None),
        Err(broken) => Err(failed(&broken, server, "the log-in")),
    }
}

pub(super) fn failed(broken: &Broken, server: &Server, what: &str) -> Error {
    match broken {
        Broken::Late => {
            let limit = server.timeout;
            Error::TimedOut(format!(
                "{server}: no reply to {what} within {limit:?} (timeout); the connection was closed"
            ))
        }
        Broken::TooLarge => Error::LimitExceeded(Limit::Bytes),
        Broken::Lost(why) => Error::Unreachable(format!("{server}: {what}: {why}")),
    }
}
