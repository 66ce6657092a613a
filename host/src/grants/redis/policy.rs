//! Which commands may be sent: functions from the arguments, and from what the server says of the command, to a refusal or none.
//!
//! A Redis server runs one command at a time, so a command that only reads can still stop it for everybody. What is refused beyond
//! writing is therefore what works through a whole key space or a whole key whatever its size, what waits, what changes the connection,
//! and scripts.

use super::described::Described;
use crate::grants::error::Error;

/// Arguments of one command, its name among them.
const MOST_ARGUMENTS: usize = 1024;
/// Bytes of all arguments together.
const MOST_ARGUMENT_BYTES: usize = 64 << 10;
/// Elements that one command may ask for by a count (`SCAN … COUNT`, `SRANDMEMBER key n`): the server works through that many before it
/// answers anybody else.
const MOST_ELEMENTS: u64 = 10_000;

/// Allowed whatever the server flags them as: name, subcommand, and how many arguments they can have in all.
const SHORT_LIST: [(&str, Option<&str>, std::ops::RangeInclusive<usize>); 7] = [
    ("info", None, 1..=16),
    ("ping", None, 1..=2),
    ("dbsize", None, 1..=1),
    ("cluster", Some("info"), 2..=2),
    ("cluster", Some("nodes"), 2..=2),
    ("slowlog", Some("get"), 2..=3),
    ("latency", Some("latest"), 2..=2),
];

/// Flagged `readonly` by some server, and refused all the same. Before Redis 6 there are no ACL categories to tell by, and `readonly` was
/// said of much that is about the connection.
const REFUSED: [(&[&str], &str); 8] = [
    (&["keys"], "it works through all keys while every other client waits; SCAN does it in steps"),
    (&["sort", "sort_ro"], "it sorts a key of any size while every other client waits"),
    (&["smembers"], "it reads a whole set while every other client waits; SSCAN does it in steps"),
    (
        &["hgetall", "hkeys", "hvals"],
        "it reads a whole hash while every other client waits; HMGET reads named fields, HSCAN all in steps",
    ),
    (
        &[
            "lcs",
            "stralgo",
            "dump",
            "sdiff",
            "sinter",
            "sintercard",
            "sunion",
            "zdiff",
            "zinter",
            "zintercard",
            "zunion",
        ],
        "it works through whole keys of any size while every other client waits",
    ),
    (&["xread", "xreadgroup", "wait", "waitaof"], "it can wait on the server; XRANGE reads a stream without waiting"),
    (
        &["eval", "eval_ro", "evalsha", "evalsha_ro", "fcall", "fcall_ro", "function", "script"],
        "a script can keep the server busy for as long as it likes",
    ),
    (
        &[
            "asking",
            "auth",
            "client",
            "discard",
            "exec",
            "hello",
            "monitor",
            "multi",
            "psubscribe",
            "psync",
            "publish",
            "punsubscribe",
            "quit",
            "readonly",
            "readwrite",
            "reset",
            "select",
            "spublish",
            "ssubscribe",
            "subscribe",
            "sunsubscribe",
            "sync",
            "unsubscribe",
            "unwatch",
            "watch",
        ],
        "it changes the connection or reaches other clients, and the connection is pgreeve's: user and database stand in agent.toml",
    ),
];

/// Flags that make a `readonly` command more than one that reads and returns.
const BAD_FLAGS: [&str; 5] = ["write", "admin", "pubsub", "blocking", "may_replicate"];
/// The same said by ACL categories.
const BAD_CATEGORIES: [&str; 8] =
    ["@write", "@admin", "@dangerous", "@blocking", "@pubsub", "@scripting", "@connection", "@transaction"];

/// Subcommands that only read, of the containers which Redis before 7 flags `readonly` as a whole.
const OLD_CONTAINERS: [(&str, &[&str]); 3] = [
    ("memory", &["usage"]),
    ("object", &["encoding", "freq", "idletime", "refcount"]),
    ("xinfo", &["consumers", "groups", "stream"]),
];

/// What the arguments alone decide.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// Send it: it is on the short list.
    Listed,
    /// Ask the server about the command of this name, in lower case, and then [`judge`].
    AskServer(String),
}

/// The name of a command that is not too long for any use.
pub(super) fn bounded(arguments: &[String]) -> Result<&String, Error> {
    let Some(name) = arguments.first() else {
        return Err(Error::Invalid("a Redis command has a name: the arguments are empty".to_owned()));
    };
    if arguments.len() > MOST_ARGUMENTS {
        return Err(Error::Invalid(format!(
            "a Redis command of {} arguments: at most {MOST_ARGUMENTS}",
            arguments.len()
        )));
    }
    let bytes: usize = arguments.iter().map(String::len).sum();
    if bytes > MOST_ARGUMENT_BYTES {
        return Err(Error::Invalid(format!("a Redis command of {bytes} bytes: at most {MOST_ARGUMENT_BYTES}")));
    }
    Ok(name)
}

/// Looks at the arguments before anything is sent. `server` is for messages.
pub(super) fn screen(server: &str, arguments: &[String]) -> Result<Verdict, Error> {
    let name = bounded(arguments)?;
    // Nothing but ASCII, so that the server cannot read a name differently than is done here. `|` is how servers write subcommands.
    if name.is_empty() || !name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._-".contains(&byte)) {
        return Err(Error::Invalid(format!("{} is no name of a Redis command", shown(name))));
    }
    let name = name.to_ascii_lowercase();
    if let Some((_, why)) = REFUSED.iter().find(|(names, _)| names.contains(&name.as_str())) {
        return Err(denied(server, &name, why));
    }
    if listed(&name, arguments) {
        return Ok(Verdict::Listed);
    }
    counts(server, &name, arguments)?;
    Ok(Verdict::AskServer(name))
}

/// Decides by what the server says of the command; `None` where it does not know it.
pub(super) fn judge(server: &str, arguments: &[String], described: Option<&Described>) -> Result<(), Error> {
    let name = arguments.first().map(|name| name.to_ascii_lowercase()).unwrap_or_default();
    let Some(described) = described else {
        return Err(denied(server, &name, "the server does not know it"));
    };
    if described.name != name {
        return Err(denied(
            server,
            &name,
            &format!("the server says that it is {} by another name", shown(&described.name)),
        ));
    }
    let subcommand = arguments.get(1).map(|argument| argument.to_ascii_lowercase());
    let called = subcommand.as_ref().map_or(name.clone(), |subcommand| format!("{name}|{subcommand}"));
    let decisive = match &described.subcommands {
        Some(subcommands) if !subcommands.is_empty() => subcommands
            .iter()
            .find(|known| known.name == called)
            .ok_or_else(|| denied(server, &called, "the server does not know the subcommand"))?,
        Some(_) => described,
        None => match OLD_CONTAINERS.iter().find(|(container, _)| *container == name) {
            Some((_, reading)) if !subcommand.is_some_and(|subcommand| reading.contains(&subcommand.as_str())) => {
                return Err(denied(server, &called, "it is not known to only read"));
            }
            _ => described,
        },
    };
    if !decisive.flagged("readonly") {
        return Err(denied(server, &decisive.name, "the server does not flag it as read-only"));
    }
    if let Some(flag) = BAD_FLAGS.iter().find(|flag| decisive.flagged(flag)) {
        return Err(denied(server, &decisive.name, &format!("the server flags it as {flag}")));
    }
    if let Some(category) = BAD_CATEGORIES.iter().find(|bad| decisive.categories.iter().any(|given| given == *bad)) {
        return Err(denied(server, &decisive.name, &format!("the server counts it among {category}")));
    }
    Ok(())
}

/// The command as an ACL rule writes it, for advice: `slowlog|get`, `info`.
pub(super) fn acl_name(arguments: &[String]) -> String {
    let name = arguments.first().map(|name| name.to_ascii_lowercase()).unwrap_or_default();
    let container = name == "command"
        || SHORT_LIST.iter().any(|(listed, subcommand, _)| *listed == name && subcommand.is_some())
        || OLD_CONTAINERS.iter().any(|(container, _)| *container == name);
    match arguments.get(1) {
        Some(subcommand) if container => format!("{name}|{}", subcommand.to_ascii_lowercase()),
        _ => name,
    }
}

fn listed(name: &str, arguments: &[String]) -> bool {
    SHORT_LIST.iter().any(|(listed, subcommand, lengths)| {
        let called =
            subcommand.is_none_or(|wanted| arguments.get(1).is_some_and(|given| given.eq_ignore_ascii_case(wanted)));
        *listed == name && called && lengths.contains(&arguments.len())
    })
}

/// Holds the counts in the arguments to [`MOST_ELEMENTS`]. What is no number is left to the server to refuse.
fn counts(server: &str, name: &str, arguments: &[String]) -> Result<(), Error> {
    // The word before the count, and where options begin: what stands before is a key or a cursor.
    let (option, first) = match name {
        "scan" => ("count", 2),
        "hscan" | "sscan" | "zscan" | "xinfo" => ("count", 3),
        "memory" => ("samples", 3),
        "srandmember" | "hrandfield" | "zrandmember" => {
            return arguments.get(2).map_or(Ok(()), |number| count(server, name, number));
        }
        _ => return Ok(()),
    };
    // Every occurrence, since the last one is what the server takes.
    for pair in arguments.get(first..).unwrap_or_default().windows(2) {
        if let [word, number] = pair
            && word.eq_ignore_ascii_case(option)
        {
            count(server, name, number)?;
        }
    }
    Ok(())
}

/// 0 stands for all where it is allowed. A negative count of `SRANDMEMBER` repeats elements as often as it says.
fn count(server: &str, name: &str, number: &str) -> Result<(), Error> {
    match number.parse::<i128>() {
        Ok(number) if number == 0 || number.unsigned_abs() > MOST_ELEMENTS.into() => Err(denied(
            server,
            name,
            &format!("a count of {number} can keep every other client waiting: 1 to {MOST_ELEMENTS}"),
        )),
        _ => Ok(()),
    }
}

fn denied(server: &str, command: &str, why: &str) -> Error {
    Error::Denied(format!(
        "the Redis command {} is not allowed on {}: {why}. No line in agent.toml allows it; read-only commands are, and INFO, PING, DBSIZE, \
         CLUSTER INFO, CLUSTER NODES, SLOWLOG GET and LATENCY LATEST",
        shown(&command.to_ascii_uppercase().replace('|', " ")),
        shown(server)
    ))
}

/// A name from outside for a message: escaped, and not too long.
pub(super) fn shown(text: &str) -> String {
    match text.char_indices().nth(64) {
        Some((end, _)) => format!("{:?}…", text.get(..end).unwrap_or_default()),
        None => format!("{text:?}"),
    }
}
