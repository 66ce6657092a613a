//! The calls that a guest can make of `redis` and their answers, as recordings hold them: `wit/redis.wit` in the agent's own types.

use serde::{Deserialize, Serialize};

/// A call.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Ask {
    /// Send one command.
    Command {
        /// The granted server's name.
        server: String,
        /// The command's name and its arguments.
        arguments: Vec<String>,
    },
}

/// An answer.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Told {
    /// The reply, laid out flat in reading order; never empty.
    Reply(Vec<Node>),
}

/// One item of a reply.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Node {
    /// How many arrays the item is in.
    pub depth: u8,
    /// The item.
    pub item: Item,
}

/// What an item is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Item {
    /// No value.
    Nil,
    /// A simple string, such as `PONG`.
    Status(String),
    /// An integer.
    Integer(i64),
    /// A string of bytes.
    Bulk(#[serde(with = "crate::grants::bytes")] Vec<u8>),
    /// How many items follow one level deeper.
    Array(u32),
}
