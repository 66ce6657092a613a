//! One command as an action, over a connection of its own.

use super::allow::admit;
use super::client::{failed, log_in};
use super::exchange::{Broken, exchange};
use super::{Node, Server, policy, reply};
use crate::grants::error::Error;
use redis::Value;

/// Why it was not done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fault {
    /// Not allowed, or no connection: nothing was sent.
    NotSent(Error),
    /// The server's error reply.
    Answered(Error),
    /// It was sent, and no reply came that could be read.
    Lost(Error),
}

/// Sends a command that a line of the server's `allow` covers. `client_name` is what the server shows in `CLIENT LIST`.
pub async fn act(server: &Server, arguments: &[String], client_name: &str) -> Result<Vec<Node>, Fault> {
    admit(&server.name, &server.allow, arguments).map_err(Fault::NotSent)?;
    // Servers refuse a name with spaces.
    let client_name: String = client_name.chars().map(|c| if c.is_ascii_graphic() { c } else { '-' }).collect();
    let mut socket = log_in(server, &client_name).await.map_err(Fault::NotSent)?;
    match exchange(&mut socket, arguments, server.max_reply, server.timeout).await {
        Ok((Value::ServerError(error), _)) => Err(Fault::Answered(reply::remote(&error, server, arguments))),
        Ok((value, _)) => {
            reply::flatten(value).map_err(|why| Fault::Lost(Error::Unreachable(format!("{server}: {why}"))))
        }
        Err(broken @ (Broken::Late | Broken::TooLarge | Broken::Lost(_))) => {
            Err(Fault::Lost(failed(&broken, server, &policy::acl_name(arguments))))
        }
    }
}
