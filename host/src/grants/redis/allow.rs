//! The lines of a server's `allow`: commands that actions may send. Functions from values to a line, a refusal or none.
//!
//! ```text
//! FLUSHDB ASYNC           this command with these arguments
//! CONFIG SET maxmemory *  the same with any one argument in the last place
//! ```
//!
//! The command's name may be in upper or lower case; everything else is compared as it is. `*` is one argument, whatever it holds.

use std::fmt;

use super::policy::shown;
use crate::grants::error::Error;

/// A line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line(Vec<Word>);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Word {
    Exactly(String),
    /// `*`
    Any,
}

/// No line allows these, and why.
const NEVER: [(&[&str], &str); 8] = [
    (
        &["FLUSHALL", "SWAPDB"],
        "it empties or exchanges databases that the connection was not given: FLUSHDB is about its own",
    ),
    (&["SHUTDOWN", "DEBUG", "FAILOVER", "CLUSTER", "SENTINEL"], "it is about the server itself or its cluster"),
    (
        &["REPLICAOF", "SLAVEOF", "MIGRATE", "RESTORE", "SYNC", "PSYNC", "REPLCONF"],
        "it connects servers, and data goes where it was not granted",
    ),
    (
        &["EVAL", "EVAL_RO", "EVALSHA", "EVALSHA_RO", "FCALL", "FCALL_RO", "FUNCTION", "SCRIPT"],
        "a script can do anything and for as long as it likes",
    ),
    (&["ACL", "MODULE"], "it changes who may do what, or the server's code"),
    (&["SAVE", "KEYS", "SORT"], "every other client waits for it"),
    (
        &[
            "BLPOP",
            "BRPOP",
            "BLMOVE",
            "BLMPOP",
            "BRPOPLPUSH",
            "BZPOPMIN",
            "BZPOPMAX",
            "BZMPOP",
            "WAIT",
            "WAITAOF",
            "XREAD",
            "XREADGROUP",
        ],
        "it waits on the server",
    ),
    (
        &[
            "ASKING",
            "AUTH",
            "DISCARD",
            "EXEC",
            "HELLO",
            "MONITOR",
            "MULTI",
            "PSUBSCRIBE",
            "PUNSUBSCRIBE",
            "QUIT",
            "READONLY",
            "READWRITE",
            "RESET",
            "SELECT",
            "SSUBSCRIBE",
            "SUBSCRIBE",
            "SUNSUBSCRIBE",
            "UNSUBSCRIBE",
            "UNWATCH",
            "WATCH",
        ],
        "it changes the connection, and the connection is pgreeve's: user and database stand in agent.toml",
    ),
];

/// Of commands that stand for several, those that a line may name.
const PARTS: [(&str, &[&str]); 8] = [
    ("CLIENT", &["KILL", "UNPAUSE"]),
    ("CONFIG", &["SET", "RESETSTAT"]),
    ("LATENCY", &["RESET"]),
    ("MEMORY", &["PURGE"]),
    ("OBJECT", &[]),
    ("PUBSUB", &[]),
    ("SLOWLOG", &["RESET"]),
    ("XGROUP", &["CREATE", "CREATECONSUMER", "DELCONSUMER", "DESTROY", "SETID"]),
];

/// Settings by which the server writes files of any name, or lets others in: no line changes them. `…*` stands for all that begin so.
const SETTINGS: [&str; 24] = [
    "aclfile",
    "acllog*",
    "append*",
    "bind*",
    "cluster*",
    "daemonize",
    "dbfilename",
    "dir",
    "enable-*",
    "include",
    "loadmodule",
    "logfile",
    "master*",
    "pidfile",
    "port",
    "primary*",
    "protected-mode",
    "replica*",
    "requirepass",
    "save",
    "slave*",
    "tls*",
    "unixsocket*",
    "user*",
];

impl Line {
    /// Reads a line. The error follows the line's key.
    pub fn parse(text: &str) -> Result<Self, String> {
        let words: Vec<Word> = text
            .split_ascii_whitespace()
            .map(|word| if word == "*" { Word::Any } else { Word::Exactly(word.to_owned()) })
            .collect();
        if let Some(Word::Exactly(glob)) =
            words.iter().find(|word| matches!(word, Word::Exactly(text) if text.contains('*')))
        {
            return Err(format!("{glob:?} in {text:?}: * stands for a whole argument"));
        }
        let parts: Vec<Option<&str>> = words.iter().map(Word::text).collect();
        match never(&parts) {
            Some(why) => Err(format!("no action may send {text:?}: {why}")),
            None => Ok(Self(words)),
        }
    }

    fn covers(&self, arguments: &[String]) -> bool {
        let same = |(at, (word, argument)): (usize, (&Word, &String))| match word {
            Word::Any => true,
            Word::Exactly(text) if at == 0 => text.eq_ignore_ascii_case(argument),
            Word::Exactly(text) => text == argument,
        };
        self.0.len() == arguments.len() && self.0.iter().zip(arguments).enumerate().all(same)
    }
}

impl Word {
    fn text(&self) -> Option<&str> {
        match self {
            Self::Exactly(text) => Some(text),
            Self::Any => None,
        }
    }
}

/// As in agent.toml.
impl fmt::Display for Line {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let words: Vec<&str> = self.0.iter().map(|word| word.text().unwrap_or("*")).collect();
        out.write_str(&words.join(" "))
    }
}

/// Whether a command may be sent for an action to the server of this name, which has these lines.
pub(super) fn admit(name: &str, allow: &[Line], arguments: &[String]) -> Result<(), Error> {
    super::policy::bounded(arguments)?;
    let words: Vec<Option<&str>> = arguments.iter().map(|argument| Some(argument.as_str())).collect();
    let command = arguments.first().map(String::as_str).unwrap_or_default();
    if let Some(why) = never(&words) {
        return Err(Error::Denied(format!(
            "the Redis command {} is never sent to {}: {why}; no line in agent.toml allows it",
            shown(command),
            shown(name)
        )));
    }
    if allow.iter().any(|line| line.covers(arguments)) {
        return Ok(());
    }
    let plain = |argument: &&String| {
        argument.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'*') && !argument.is_empty()
    };
    let line: Vec<&str> =
        arguments.iter().map(|argument| if plain(&argument) { argument.as_str() } else { "*" }).collect();
    let line: String = line.join(" ").chars().take(200).collect();
    Err(Error::Denied(format!(
        "actions may not send {} to {}: if they should, add {line:?} to `allow` under [redis.{name}] in agent.toml",
        shown(command),
        shown(name)
    )))
}

/// Why no line may allow a command, and none may be sent; an argument that can be any is none.
fn never(words: &[Option<&str>]) -> Option<String> {
    let Some(Some(name)) = words.first() else {
        return Some("a command begins with its name, which is no *".to_owned());
    };
    if name.is_empty() || !name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._-".contains(&byte)) {
        return Some(format!("{} is no name of a Redis command", shown(name)));
    }
    let name = name.to_ascii_uppercase();
    if let Some((_, why)) = NEVER.iter().find(|(names, _)| names.contains(&name.as_str())) {
        return Some((*why).to_owned());
    }
    let (_, parts) = PARTS.iter().find(|(container, _)| *container == name)?;
    let part = words.get(1).copied().flatten().map(str::to_ascii_uppercase);
    match part {
        Some(part) if parts.contains(&part.as_str()) && (name.as_str(), part.as_str()) == ("CONFIG", "SET") => {
            settings(words)
        }
        Some(part) if parts.contains(&part.as_str()) => None,
        _ if parts.is_empty() => Some(format!("{name} changes nothing")),
        _ => Some(format!("of {name}, an action can send {}, written out", parts.join(", "))),
    }
}

/// Every setting is named, and none is one that opens the server.
fn settings(words: &[Option<&str>]) -> Option<String> {
    let names: Vec<Option<&str>> = words.iter().skip(2).step_by(2).copied().collect();
    if names.is_empty() {
        return Some("CONFIG SET names a setting".to_owned());
    }
    names.into_iter().find_map(|name| {
        let Some(name) = name else { return Some("the setting is named, * stands for its value alone".to_owned()) };
        let lower = name.to_ascii_lowercase();
        let closed = SETTINGS.iter().any(|own| match own.strip_suffix('*') {
            Some(prefix) => lower.starts_with(prefix),
            None => *own == lower,
        });
        (closed || lower.contains(['*', '?', '[', '\\']))
            .then(|| format!("the setting {} decides what the server writes where, or who may reach it", shown(name)))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(text: &str) -> Vec<String> {
        text.split(' ').map(str::to_owned).collect()
    }

    #[test]
    fn lines_that_no_action_may_have_are_refused() {
        for line in [
            "FLUSHDB",
            "flushdb async",
            "DEL cache:a",
            "DEL *",
            "CONFIG SET maxmemory *",
            "config set maxmemory * maxmemory-policy *",
            "CONFIG RESETSTAT",
            "CLIENT KILL ID *",
            "MEMORY PURGE",
            "BGSAVE",
            "UNLINK *",
            "XGROUP DESTROY s *",
        ] {
            assert_eq!(Line::parse(line).map(|line| line.to_string()).as_deref(), Ok(line));
        }
        for (line, why) in [
            ("", "begins with its name"),
            ("* a", "begins with its name"),
            ("FLUSHALL", "FLUSHDB is about its own"),
            ("flushAll ASYNC", "FLUSHDB is about its own"),
            ("SHUTDOWN NOSAVE", "about the server itself"),
            ("DEBUG SLEEP 1", "about the server itself"),
            ("REPLICAOF * *", "it connects servers"),
            ("EVAL * 0", "a script"),
            ("CONFIG REWRITE", "can send SET, RESETSTAT"),
            ("CONFIG *", "can send SET, RESETSTAT"),
            ("CONFIG", "can send SET, RESETSTAT"),
            ("CONFIG SET", "names a setting"),
            ("CONFIG SET * *", "the setting is named"),
            ("CONFIG SET maxmemory * * *", "the setting is named"),
            ("CONFIG SET Dir *", "decides what the server writes"),
            ("CONFIG SET maxmemory 1 dbfilename x", "decides what the server writes"),
            ("CONFIG SET requirepass *", "decides what the server writes"),
            ("CONFIG SET di? x", "decides what the server writes"),
            ("ACL SETUSER a", "who may do what"),
            ("CLIENT REPLY OFF", "can send KILL, UNPAUSE"),
            ("SELECT 1", "changes the connection"),
            ("DEL cache:*", "* stands for a whole argument"),
            ("ＤＥＬ a", "is no name"),
        ] {
            let refused = Line::parse(line).expect_err(line);
            assert!(refused.contains(why), "{line}: {refused}");
        }
    }

    #[test]
    fn a_line_covers_its_own_command_alone() {
        let lines = ["FLUSHDB ASYNC", "CONFIG SET maxmemory *", "DEL cache:a *"];
        let lines = lines.map(|line| Line::parse(line).unwrap());
        let admit = |arguments: &[String]| admit("cache", &lines, arguments);
        for command in ["FLUSHDB ASYNC", "flushdb ASYNC", "CONFIG SET maxmemory 1gb", "DEL cache:a b", "DEL cache:a *"]
        {
            assert_eq!(admit(&words(command)), Ok(()), "{command}");
        }
        assert_eq!(admit(&["DEL", "cache:a", "b c"].map(str::to_owned)), Ok(()));
        for (command, why) in [
            ("FLUSHDB", "add \"FLUSHDB\" to `allow` under [redis.cache]"),
            ("FLUSHDB SYNC", "add \"FLUSHDB SYNC\""),
            ("DEL CACHE:A b", "add \"DEL CACHE:A b\""),
            ("DEL cache:a b c", "add"),
            ("CONFIG SET maxmemory 1 dir /", "never sent"),
            ("CONFIG SET dir /", "never sent"),
            ("FLUSHALL", "never sent"),
        ] {
            let refused = admit(&words(command)).unwrap_err().to_string();
            assert!(refused.contains(why), "{command}: {refused}");
        }
        assert!(matches!(admit(&[]), Err(Error::Invalid(_))));
    }
}
