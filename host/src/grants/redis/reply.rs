//! What a server answered: laid out flat as the contract has it, or an error reply with what to do about it.

use redis::{ServerError, Value};

use super::{call::Item, call::Node, policy, server::Server};
use crate::grants::error::Error;

/// The other side's words are cut here, in bytes, as the contract says.
const LONGEST_MESSAGE: usize = 1024;
/// In the words of a server that has `maxclients` connections.
const FULL: &str = "max number of clients";

/// The reply in reading order.
pub(super) fn flatten(value: Value) -> Result<Vec<Node>, &'static str> {
    let mut nodes = Vec::new();
    push(value, 0, &mut nodes)?;
    Ok(nodes)
}

/// The parser refuses replies nested deeper than 100, so the recursion ends.
fn push(value: Value, depth: u8, nodes: &mut Vec<Node>) -> Result<(), &'static str> {
    let (item, inner) = match value {
        Value::Nil => (Item::Nil, Vec::new()),
        Value::Okay => (Item::Status("OK".to_owned()), Vec::new()),
        Value::SimpleString(text) => (Item::Status(text), Vec::new()),
        Value::Int(number) => (Item::Integer(number), Vec::new()),
        Value::BulkString(bytes) => (Item::Bulk(bytes), Vec::new()),
        // Within an array only: EXEC has such replies, commands that read have none.
        Value::ServerError(error) => {
            (Item::Status(format!("{} {}", error.code(), error.details().unwrap_or_default())), Vec::new())
        }
        Value::Array(items) | Value::Set(items) => (Item::Array(length(items.len())?), items),
        Value::Map(pairs) => {
            let items: Vec<_> = pairs.into_iter().flat_map(|(key, value)| [key, value]).collect();
            (Item::Array(length(items.len())?), items)
        }
        // What else RESP3 has comes as RESP2 would have said it.
        Value::Attribute { data, .. } => return push(*data, depth, nodes),
        Value::Double(number) => (Item::Bulk(number.to_string().into_bytes()), Vec::new()),
        Value::Boolean(yes) => (Item::Integer(yes.into()), Vec::new()),
        Value::VerbatimString { text, .. } => (Item::Bulk(text.into_bytes()), Vec::new()),
        Value::BigNumber(digits) => (Item::Bulk(digits), Vec::new()),
        _ => return Err("it sent what was not asked for"),
    };
    nodes.push(Node { depth, item });
    let deeper = depth.checked_add(1).ok_or("its reply is nested too deep")?;
    inner.into_iter().try_for_each(|value| push(value, deeper, nodes))
}

fn length(items: usize) -> Result<u32, &'static str> {
    u32::try_from(items).map_err(|_| "its reply has too many items")
}

/// An error reply to a command of these arguments.
pub(super) fn remote(error: &ServerError, server: &Server, arguments: &[String]) -> Error {
    let message = cut(error.details().unwrap_or_default());
    let code = cut(error.code());
    let hint = advice(&code, &message, server, arguments);
    Error::Remote { code, message, detail: None, hint }
}

/// Whether the server closes the connection after this error reply: it is in protected mode, or full.
pub(super) fn is_last(error: &ServerError) -> bool {
    error.code() == "DENIED" || error.details().is_some_and(|words| words.contains(FULL))
}

/// An error reply to `AUTH`. A server on which that command is renamed or unknown repeats the arguments in its words, the password among
/// them, and cuts them somewhere.
pub(super) fn refused_log_in(error: &ServerError, server: &Server, password: &[u8]) -> Error {
    let mut refused = remote(error, server, &["auth".to_owned()]);
    if let Error::Remote { message, .. } = &mut refused {
        if let Some((words, _)) = message.split_once("with args") {
            *message = words.trim_end_matches([',', ' ']).to_owned();
        }
        if message.contains(&*String::from_utf8_lossy(password)) {
            *message = "the log-in was refused in words that hold the password".to_owned();
        }
    }
    refused
}

/// What to do about it, where that is known.
fn advice(code: &str, message: &str, server: &Server, arguments: &[String]) -> Option<String> {
    let section = format!("[redis.{}] in agent.toml", server.name);
    let user = server.user.as_deref().unwrap_or("default");
    let command = policy::acl_name(arguments);
    Some(match code {
        // "… to access one of the keys used as arguments", "… to access a key"
        "NOPERM" if message.contains("access") => format!(
            "let the user read the keys that the plugin needs, by `ACL SETUSER {user} %R~PATTERN` (Redis before 7: ~PATTERN)"
        ),
        "NOPERM" => format!("allow it to the user by `ACL SETUSER {user} +{command}`, and in the server's ACL file"),
        "NOAUTH" => format!("the server wants a password: add `password_file` (and `user`, if it is not `default`) to {section}"),
        "WRONGPASS" => match &server.password {
            Some(source) => format!("the password of user {user:?} came from {source}: compare it with the server's; a user can also be off"),
            None => format!("add `password_file` to {section}"),
        },
        "DENIED" => "the server is in protected mode: give it a password, or let it listen on 127.0.0.1 or a Unix socket only".to_owned(),
        "LOADING" => "the server is reading its data from disk and answers when it has".to_owned(),
        "MASTERDOWN" => "the server is a replica without its primary and is set not to answer (replica-serve-stale-data no)".to_owned(),
        "MISCONF" => "the server cannot save its data: INFO persistence and its log say why".to_owned(),
        "BUSY" => "a script or function has been running for longer than busy-reply-threshold: SCRIPT KILL or FUNCTION KILL ends one \
                   that has not written"
            .to_owned(),
        "CLUSTERDOWN" => "the cluster does not serve all slots: CLUSTER INFO and CLUSTER NODES say which nodes are down".to_owned(),
        "MOVED" | "ASK" => "the key is on another node of the cluster. A grant names one server and no redirection is followed: \
                            name the other node in agent.toml and grant it too"
            .to_owned(),
        "ERR" if message.contains(FULL) => {
            "all connections are in use: raise maxclients, or find who holds them (CLIENT LIST)".to_owned()
        }
        "ERR" if command == "auth" && message.contains("without any password") => {
            format!("the server has no password for its default user: remove the password from {section}, or set one there")
        }
        "ERR" if command == "auth" => format!("the log-in failed: compare user and password in {section} with the server's"),
        "ERR" if command == "select" => format!("correct the database in the URL of {section}; a cluster has database 0 alone"),
        _ => return None,
    })
}

/// The first [`LONGEST_MESSAGE`] bytes.
fn cut(text: &str) -> String {
    let mut end = text.len().min(LONGEST_MESSAGE);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    text.get(..end).unwrap_or_default().to_owned()
}
