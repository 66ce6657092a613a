//! The contract's side of `postgres`.

use wasmtime::component::Resource;

use super::{Ask, Cursor, Postgres, Role, Told, Value};
use crate::contract::pgreeve::plugin::errors::{Error, Limit};
use crate::contract::pgreeve::plugin::postgres as contract;
use crate::grants::{Call, unexpected};

type Answer<T> = wasmtime::Result<Result<T, Error>>;

impl contract::Host for Call<'_, Postgres> {
    async fn identify(&mut self, database: String) -> Answer<contract::Server> {
        match self.ask(Ask::Identify { database }).await? {
            Ok(Told::Server(told)) => Ok(Ok(server(told))),
            Ok(_) => Err(unexpected()),
            Err(error) => Ok(Err(error.into())),
        }
    }

    async fn query(
        &mut self,
        database: String,
        sql: String,
        parameters: Vec<contract::Value>,
    ) -> Answer<Resource<Cursor>> {
        let parameters = parameters.into_iter().map(Value::from).collect();
        let (number, columns) = match self.ask(Ask::Query { database, sql, parameters }).await? {
            Ok(Told::Cursor { cursor, columns }) => (cursor, columns),
            Ok(_) => return Err(unexpected()),
            Err(error) => return Ok(Err(error.into())),
        };
        match self.table.push(Cursor { number, columns }) {
            Ok(handle) => Ok(Ok(handle)),
            Err(_) => {
                self.part.close(number);
                Ok(Err(Error::LimitExceeded(Limit::Handles)))
            }
        }
    }
}

impl contract::HostRows for Call<'_, Postgres> {
    async fn columns(&mut self, rows: Resource<Cursor>) -> wasmtime::Result<Vec<contract::Column>> {
        // Told with the cursor already: nothing new leaves the host.
        self.meter.call()?;
        let column = |column: &super::Column| contract::Column {
            name: column.name.clone(),
            type_name: column.type_name.clone(),
            type_oid: column.type_oid,
        };
        Ok(self.table.get(&rows)?.columns.iter().map(column).collect())
    }

    async fn next(&mut self, rows: Resource<Cursor>, max: u32) -> Answer<Option<Vec<Vec<contract::Value>>>> {
        let cursor = self.table.get(&rows)?.number;
        let values = |row: Vec<Value>| row.into_iter().map(contract::Value::from).collect();
        match self.ask(Ask::Next { cursor, max }).await? {
            Ok(Told::Rows(rows)) => Ok(Ok(rows.map(|rows| rows.into_iter().map(values).collect()))),
            Ok(_) => Err(unexpected()),
            Err(error) => Ok(Err(error.into())),
        }
    }

    async fn drop(&mut self, rows: Resource<Cursor>) -> wasmtime::Result<()> {
        let cursor = self.table.delete(rows)?;
        self.part.close(cursor.number);
        Ok(())
    }
}

fn server(server: super::Server) -> contract::Server {
    contract::Server {
        version: server.version,
        role: match server.role {
            Role::Primary => contract::Role::Primary,
            Role::Standby => contract::Role::Standby,
        },
        system_identifier: server.system_identifier,
        database: server.database,
        user: server.user,
        extensions: server
            .extensions
            .into_iter()
            .map(|it| contract::Extension { name: it.name, version: it.version, schema: it.schema })
            .collect(),
    }
}

impl From<Value> for contract::Value {
    fn from(value: Value) -> Self {
        match value {
            Value::Null => Self::Null,
            Value::Bool(value) => Self::Boolean(value),
            Value::Int(value) => Self::Int(value),
            Value::Float(value) => Self::Float(value),
            Value::Numeric(text) => Self::Numeric(text),
            Value::Text(text) => Self::Text(text),
            Value::Bytes(bytes) => Self::Bytes(bytes),
            Value::Timestamptz(micros) => Self::Timestamptz(micros),
            Value::Interval(super::Interval { months, days, microseconds }) => {
                Self::Interval(contract::Interval { months, days, microseconds })
            }
            Value::Json(text) => Self::Json(text),
            Value::Uuid(text) => Self::Uuid(text),
            Value::Lsn(position) => Self::Lsn(position),
            Value::TextArray(items) => Self::TextArray(items),
            Value::IntArray(items) => Self::IntArray(items),
            Value::Other { type_name, text } => Self::Other(contract::Other { type_name, text }),
        }
    }
}

impl From<contract::Value> for Value {
    fn from(value: contract::Value) -> Self {
        match value {
            contract::Value::Null => Self::Null,
            contract::Value::Boolean(value) => Self::Bool(value),
            contract::Value::Int(value) => Self::Int(value),
            contract::Value::Float(value) => Self::Float(value),
            contract::Value::Numeric(text) => Self::Numeric(text),
            contract::Value::Text(text) => Self::Text(text),
            contract::Value::Bytes(bytes) => Self::Bytes(bytes),
            contract::Value::Timestamptz(micros) => Self::Timestamptz(micros),
            contract::Value::Interval(contract::Interval { months, days, microseconds }) => {
                Self::Interval(super::Interval { months, days, microseconds })
            }
            contract::Value::Json(text) => Self::Json(text),
            contract::Value::Uuid(text) => Self::Uuid(text),
            contract::Value::Lsn(position) => Self::Lsn(position),
            contract::Value::TextArray(items) => Self::TextArray(items),
            contract::Value::IntArray(items) => Self::IntArray(items),
            contract::Value::Other(other) => Self::Other { type_name: other.type_name, text: other.text },
        }
    }
}
