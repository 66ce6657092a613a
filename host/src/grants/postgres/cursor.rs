//! A query's result: its columns, and the rows that were fetched but not yet taken. Rows stay in wire form until a
//! plugin asks for them.

use std::{collections::VecDeque, sync::Arc};

use serde::{Deserialize, Serialize};
use tokio_postgres::{SimpleQueryRow, types::Type};

use super::{error::Error, value::Value};

/// Rows that one FETCH asks for at most.
pub(super) const BATCH: u64 = 512;

/// A column of a result.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Column {
    /// As the query names it.
    pub name: String,
    /// As `to_regtype` reads it with an empty search path: `int4`, `_text`, `public.mood`.
    pub type_name: String,
    /// `pg_type.oid`.
    pub type_oid: u32,
}

impl Column {
    pub(super) fn new(column: &tokio_postgres::Column) -> Self {
        let type_ = column.type_();
        Self { name: column.name().to_owned(), type_name: type_name(type_), type_oid: type_.oid() }
    }
}

/// A result of [`Session::query`](super::Session::query), read by [`Session::next`](super::Session::next).
#[derive(Debug)]
pub struct Rows {
    pub(super) columns: Arc<[Column]>,
    /// Which of the session's cursors this is.
    pub(super) cursor: u64,
    /// Fetched and not yet taken.
    pub(super) fetched: VecDeque<SimpleQueryRow>,
    /// Rows that may still be fetched before `rows_per_query` is reached.
    pub(super) allowance: u64,
    /// The server has no more.
    pub(super) complete: bool,
}

impl Rows {
    /// The columns, known before the first row.
    pub fn columns(&self) -> &[Column] {
        &self.columns
    }

    /// Decodes the next rows among those that were fetched.
    pub(super) fn take(&mut self, max: usize) -> Result<Vec<Vec<Value>>, Error> {
        let count = max.min(self.fetched.len());
        self.fetched.drain(..count).map(|row| decode(&self.columns, &row)).collect()
    }
}

fn decode(columns: &[Column], row: &SimpleQueryRow) -> Result<Vec<Value>, Error> {
    let value = |(index, column): (usize, &Column)| match row.try_get(index) {
        Ok(text) => Ok(Value::decode(column.type_oid, &column.type_name, text)),
        // In a SQL_ASCII database any bytes may stand in a text.
        Err(_) => Err(Error::Invalid(format!(
            "column {} holds text that is not UTF-8 (a SQL_ASCII database?): select it as convert_to(…, 'SQL_ASCII')",
            column.name
        ))),
    };
    columns.iter().enumerate().map(value).collect()
}

fn type_name(type_: &Type) -> String {
    match type_.schema() {
        // The bare word would be character(1).
        "pg_catalog" if type_.oid() == Type::CHAR.oid() => "\"char\"".to_owned(),
        "pg_catalog" => type_.name().to_owned(),
        schema => format!("{}.{}", identifier(schema), identifier(type_.name())),
    }
}

/// Quoted if it has to be.
fn identifier(name: &str) -> String {
    let plain = name.starts_with(|first: char| first.is_ascii_lowercase() || first == '_')
        && name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_');
    if plain { name.to_owned() } else { format!("\"{}\"", name.replace('"', "\"\"")) }
}
