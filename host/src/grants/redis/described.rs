//! What a server says of one of its commands: the answer to `COMMAND INFO name`, as far as the policy looks at it.

use redis::Value;

/// One command, or one subcommand of it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Described {
    /// Lower case; a subcommand's is `config|get`.
    pub(super) name: String,
    /// Such as `readonly`, `write`, `blocking`.
    pub(super) flags: Vec<String>,
    /// ACL categories such as `@dangerous`; none before Redis 6.
    pub(super) categories: Vec<String>,
    /// Those of a container command; `None` where the server does not say, as before Redis 7.
    pub(super) subcommands: Option<Vec<Described>>,
}

impl Described {
    /// Whether the server gave it this flag.
    pub(super) fn flagged(&self, flag: &str) -> bool {
        self.flags.iter().any(|given| given == flag)
    }

    /// The single command in the answer; `None` where the server does not know it.
    pub(super) fn from_answer(answer: &Value) -> Option<Self> {
        match answer {
            Value::Array(entries) => entries.first().and_then(Self::from_entry),
            _ => None,
        }
    }

    /// An entry: name, arity, flags, first key, last key, step; since Redis 6 ACL categories; since Redis 7 tips, key
    /// specifications and subcommands.
    fn from_entry(entry: &Value) -> Option<Self> {
        let Value::Array(fields) = entry else { return None };
        Some(Self {
            name: text(fields.first()?)?,
            flags: texts(fields.get(2)?)?,
            categories: match fields.get(6) {
                Some(categories) => texts(categories)?,
                None => Vec::new(),
            },
            subcommands: match fields.get(9) {
                Some(Value::Array(entries)) => Some(entries.iter().map(Self::from_entry).collect::<Option<_>>()?),
                Some(_) => return None,
                None => None,
            },
        })
    }
}

fn texts(value: &Value) -> Option<Vec<String>> {
    match value {
        Value::Array(items) => items.iter().map(text).collect(),
        _ => None,
    }
}

fn text(value: &Value) -> Option<String> {
    match value {
        Value::BulkString(bytes) => std::str::from_utf8(bytes).ok().map(str::to_ascii_lowercase),
        Value::SimpleString(text) => Some(text.to_ascii_lowercase()),
        _ => None,
    }
}
