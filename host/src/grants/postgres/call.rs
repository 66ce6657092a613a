//! The calls of `postgres` as values.

use serde::{Deserialize, Serialize};

use super::{Column, Server, Value};

/// What a guest can ask.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Ask {
    /// Which server this is, now.
    Identify {
        /// The scope.
        database: String,
    },
    /// Opens a cursor.
    Query {
        /// The scope.
        database: String,
        /// One statement.
        sql: String,
        /// Its `$1` and so on.
        parameters: Vec<Value>,
    },
    /// The next rows of a cursor.
    Next {
        /// As [`Told::Cursor`] named it.
        cursor: u32,
        /// So many at most; at least 1.
        max: u32,
    },
}

/// What it is told.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Told {
    /// The server.
    Server(Server),
    /// An open cursor.
    Cursor {
        /// Its number in this run, from 0.
        cursor: u32,
        /// The result's columns.
        columns: Vec<Column>,
    },
    /// Rows; none after the last.
    Rows(Option<Vec<Vec<Value>>>),
}
