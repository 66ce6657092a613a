//! A granted database scope, and queries whose rows come as the plugin's own structs.

use crate::bindings::pgreeve::plugin::postgres;
use crate::rows::FromRow;
use crate::{Error, Server, Value};

/// Rows asked of the host at a time.
const BATCH: u32 = 500;

/// A database scope by the name that agent.toml gives it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Database {
    name: String,
}

impl Database {
    /// The scope of that name; whether it is granted is found out by asking.
    pub fn named(name: &str) -> Self {
        Self { name: name.to_owned() }
    }

    /// The name in agent.toml.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Which server this is, now.
    pub fn identify(&self) -> Result<Server, Error> {
        postgres::identify(&self.name)
    }

    /// All rows of a query without parameters, each as a struct with a field per column.
    pub fn rows<T: FromRow>(&self, sql: &str) -> Result<Vec<T>, Error> {
        self.rows_with(sql, &[])
    }

    /// All rows of a query with `$1` parameters.
    pub fn rows_with<T: FromRow>(&self, sql: &str, parameters: &[Value]) -> Result<Vec<T>, Error> {
        let cursor = postgres::query(&self.name, sql, parameters)?;
        let columns: Vec<String> = cursor.columns().into_iter().map(|column| column.name).collect();
        let mut rows = Vec::new();
        while let Some(batch) = cursor.next(BATCH)? {
            for row in batch {
                rows.push(T::from_row(&columns, row)?);
            }
        }
        Ok(rows)
    }

    /// The only row of a query. No row, or a second one, is an error.
    pub fn row<T: FromRow>(&self, sql: &str) -> Result<T, Error> {
        let mut rows = self.rows(sql)?;
        match (rows.pop(), rows.is_empty()) {
            (Some(row), true) => Ok(row),
            (None, _) => Err(Error::Invalid(format!("no row where one was expected: {sql}"))),
            (Some(_), false) => Err(Error::Invalid(format!("more than one row where one was expected: {sql}"))),
        }
    }
}
