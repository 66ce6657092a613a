//! The calls as settings write them, and what each answer comes to as text.

use pgreeve_sdk::bindings::pgreeve::plugin::postgres::{self, Other, Rows};
use pgreeve_sdk::{Error, Value, commands, files, http, objects, redis, system};
use schemars::JsonSchema;
use serde::Deserialize;

/// Characters of an answer that are reported.
const SHOWN: usize = 4_000;

/// A call of one capability. `<<x*1000>>` in a text stands for `x` a thousand times.
#[derive(Deserialize, JsonSchema)]
#[serde(tag = "ask", rename_all = "kebab-case", deny_unknown_fields)]
pub enum Call {
    /// `postgres.identify`.
    Identify {
        /// The scope.
        name: String,
    },
    /// `postgres.query`, and `next` until there is no more.
    Query {
        /// The scope.
        name: String,
        /// The statement.
        sql: String,
        /// `$1` and so on.
        #[serde(default)]
        parameters: Vec<Parameter>,
        /// How often to give all parameters.
        #[serde(default = "one")]
        times: usize,
        /// Read so many batches of rows, keep the cursor until the run ends.
        #[serde(default)]
        hold: Option<u32>,
    },
    /// `http.get`.
    Get {
        /// The endpoint.
        name: String,
        /// Path and query.
        path: String,
    },
    /// `http.head`.
    Head {
        /// The endpoint.
        name: String,
        /// Path and query.
        path: String,
    },
    /// `files.entries`.
    Entries {
        /// The directory.
        name: String,
        /// The path in it.
        path: String,
        /// The entry to continue after.
        #[serde(default)]
        after: Option<String>,
    },
    /// `files.metadata`.
    Metadata {
        /// The directory.
        name: String,
        /// The path in it.
        path: String,
    },
    /// `files.read`.
    Read {
        /// The directory.
        name: String,
        /// The path in it.
        path: String,
        /// From here.
        #[serde(default)]
        offset: u64,
        /// So many bytes.
        length: u32,
    },
    /// `files.sha256`.
    Sha256 {
        /// The directory.
        name: String,
        /// The path in it.
        path: String,
    },
    /// `files.free-space`.
    FreeSpace {
        /// The directory.
        name: String,
    },
    /// `objects.entries`.
    Objects {
        /// The store.
        name: String,
        /// What keys begin with.
        #[serde(default)]
        prefix: String,
        /// The key to continue after.
        #[serde(default)]
        after: Option<String>,
    },
    /// `objects.metadata`.
    Object {
        /// The store.
        name: String,
        /// The key.
        key: String,
    },
    /// `objects.read`.
    Fetch {
        /// The store.
        name: String,
        /// The key.
        key: String,
        /// From here.
        #[serde(default)]
        offset: u64,
        /// So many bytes.
        length: u32,
    },
    /// `redis.command`.
    Redis {
        /// The server.
        name: String,
        /// The command and its arguments.
        arguments: Vec<String>,
    },
    /// `commands.run`.
    Run {
        /// The command.
        name: String,
        /// Its arguments.
        #[serde(default)]
        arguments: Vec<Argument>,
    },
    /// `system.disks`.
    Disks {},
    /// `system.memory-usage`.
    MemoryUsage {},
    /// `system.load-average`.
    LoadAverage {},
}

/// An argument of a command.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Argument {
    /// The placeholder.
    name: String,
    /// Its value.
    value: String,
}

/// A parameter of a query: a value of the contract, made from a text.
#[derive(Deserialize, JsonSchema)]
#[serde(tag = "kind", rename_all = "kebab-case", deny_unknown_fields)]
pub enum Parameter {
    /// NULL.
    Null {},
    /// An integer.
    Int {
        /// It.
        value: i64,
    },
    /// A text.
    Text {
        /// It.
        value: String,
    },
    /// Any bytes, those of a text.
    Bytes {
        /// It.
        value: String,
    },
    /// JSON.
    Json {
        /// Its text.
        value: String,
    },
    /// UUID.
    Uuid {
        /// Its text.
        value: String,
    },
    /// Numeric.
    Numeric {
        /// Its text.
        value: String,
    },
    /// The text form of a named type.
    Other {
        /// As `to_regtype` reads it; empty leaves it to the statement.
        type_name: String,
        /// The text.
        value: String,
    },
}

/// An answer.
pub struct Told {
    /// As text, cut off.
    pub text: String,
    /// Rows, bytes, entries or items.
    pub count: usize,
}

/// Cursors kept until the run ends.
#[derive(Default)]
pub struct Held(Vec<Rows>);

impl Call {
    /// Asks the host.
    pub fn make(&self, held: &mut Held) -> Result<Told, Error> {
        match self {
            Self::Identify { name } => postgres::identify(&spelt(name)).map(|server| told(1, format!("{server:?}"))),
            Self::Query { name, sql, parameters, times, hold } => {
                let values: Vec<Value> = parameters.iter().map(Parameter::value).collect();
                let values = vec![values; *times].concat();
                query(&spelt(name), &spelt(sql), &values, *hold, held)
            }
            Self::Get { name, path } => http::get(&spelt(name), &spelt(path)).map(|told| response(&told)),
            Self::Head { name, path } => http::head(&spelt(name), &spelt(path)).map(|told| response(&told)),
            Self::Entries { name, path, after } => {
                let listing = files::entries(&spelt(name), &spelt(path), after.as_deref())?;
                Ok(told(listing.entries.len(), format!("{listing:?}")))
            }
            Self::Metadata { name, path } => {
                files::metadata(&spelt(name), &spelt(path)).map(|entry| told(1, format!("{entry:?}")))
            }
            Self::Read { name, path, offset, length } => {
                files::read(&spelt(name), &spelt(path), *offset, *length).map(|told| bytes(&told))
            }
            Self::Sha256 { name, path } => files::sha256(&spelt(name), &spelt(path)).map(|digest| told(1, digest)),
            Self::FreeSpace { name } => files::free_space(&spelt(name)).map(|space| told(1, format!("{space:?}"))),
            Self::Objects { name, prefix, after } => {
                let listing = objects::entries(&spelt(name), &spelt(prefix), after.as_deref())?;
                Ok(told(listing.objects.len(), format!("{listing:?}")))
            }
            Self::Object { name, key } => {
                objects::metadata(&spelt(name), &spelt(key)).map(|object| told(1, format!("{object:?}")))
            }
            Self::Fetch { name, key, offset, length } => {
                objects::read(&spelt(name), &spelt(key), *offset, *length).map(|told| bytes(&told))
            }
            Self::Redis { name, arguments } => {
                let arguments: Vec<String> = arguments.iter().map(|argument| spelt(argument)).collect();
                redis::command(&spelt(name), &arguments).map(|nodes| told(nodes.len(), items(&nodes)))
            }
            Self::Run { name, arguments } => {
                let argument = |argument: &Argument| commands::Argument {
                    name: spelt(&argument.name),
                    value: spelt(&argument.value),
                };
                let arguments: Vec<commands::Argument> = arguments.iter().map(argument).collect();
                commands::run(&spelt(name), &arguments).map(|told| output(&told))
            }
            Self::Disks {} => system::disks().map(|survey| told(survey.seen.len(), format!("{survey:?}"))),
            Self::MemoryUsage {} => system::memory_usage().map(|usage| told(1, format!("{usage:?}"))),
            Self::LoadAverage {} => system::load_average().map(|load| told(1, format!("{load:?}"))),
        }
    }
}

impl Parameter {
    fn value(&self) -> Value {
        match self {
            Self::Null {} => Value::Null,
            Self::Int { value } => Value::Int(*value),
            Self::Text { value } => Value::Text(spelt(value)),
            Self::Bytes { value } => Value::Bytes(spelt(value).into_bytes()),
            Self::Json { value } => Value::Json(spelt(value)),
            Self::Uuid { value } => Value::Uuid(spelt(value)),
            Self::Numeric { value } => Value::Numeric(spelt(value)),
            Self::Other { type_name, value } => Value::Other(Other { type_name: spelt(type_name), text: spelt(value) }),
        }
    }
}

fn query(name: &str, sql: &str, values: &[Value], hold: Option<u32>, held: &mut Held) -> Result<Told, Error> {
    let cursor = postgres::query(name, sql, values)?;
    let (mut text, mut count, mut batches) = (String::new(), 0, 0);
    while hold.is_none_or(|most| batches < most) {
        let Some(rows) = cursor.next(10_000)? else { break };
        count += rows.len();
        batches += 1;
        if text.len() < SHOWN {
            text.push_str(&format!("{rows:?}"));
        }
    }
    if hold.is_some() {
        held.0.push(cursor);
    }
    Ok(told(count, text))
}

fn response(response: &http::Response) -> Told {
    let headers: String =
        response.headers.iter().map(|header| format!("{}: {}\n", header.name, header.value)).collect();
    let body = String::from_utf8_lossy(&response.body);
    told(response.body.len(), format!("{}\n{headers}\n{body}", response.status))
}

fn output(output: &commands::Output) -> Told {
    let stdout = String::from_utf8_lossy(&output.stdout);
    let last = output.stderr.lines().last().unwrap_or_default();
    told(output.stdout.len(), format!("{}\n{stdout}\n{last}", output.exit_status))
}

fn bytes(bytes: &[u8]) -> Told {
    told(bytes.len(), String::from_utf8_lossy(bytes).into_owned())
}

/// A reply in reading order, one item per line.
fn items(nodes: &[redis::Node]) -> String {
    let item = |node: &redis::Node| match &node.item {
        redis::ReplyItem::Bulk(bytes) => String::from_utf8_lossy(bytes).into_owned(),
        other => format!("{other:?}"),
    };
    nodes.iter().map(item).collect::<Vec<_>>().join("\n")
}

fn told(count: usize, text: String) -> Told {
    let text = match text.char_indices().nth(SHOWN) {
        Some((end, _)) => text.get(..end).unwrap_or_default().to_owned(),
        None => text,
    };
    Told { text, count }
}

/// A text with its repetitions written out.
fn spelt(text: &str) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("<<") {
        let written = after.split_once(">>").and_then(|(inside, after)| {
            let (what, times) = inside.rsplit_once('*')?;
            Some((what.repeat(times.parse().ok()?), after))
        });
        let Some((written, after)) = written else { break };
        out.push_str(before);
        out.push_str(&written);
        rest = after;
    }
    out + rest
}

fn one() -> usize {
    1
}
