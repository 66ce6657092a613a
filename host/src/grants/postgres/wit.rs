//! The contract's side of `postgres`: counts the call, looks up the grant, asks the session, translates.

use wasmtime::component::Resource;

use super::{Cursor, Error, Limit, Postgres, Role, Value};
use crate::contract::pgreeve::plugin::errors as contract_errors;
use crate::contract::pgreeve::plugin::postgres as contract;
use crate::grants::Call;

type Answer<T> = wasmtime::Result<Result<T, contract_errors::Error>>;

impl contract::Host for Call<'_, Postgres> {
    async fn identify(&mut self, database: String) -> Answer<contract::Server> {
        self.meter.call()?;
        let scope = match self.granted.postgres(&database) {
            Ok(scope) => scope.clone(),
            Err(denied) => return Ok(Err(self.refuse(&denied))),
        };
        let identified = match self.part.session(&scope, &self.granted.job).await {
            Ok(session) => session.identify().await,
            Err(error) => Err(error),
        };
        self.meter.waited();
        Ok(identified.map(server).map_err(error))
    }

    async fn query(
        &mut self,
        database: String,
        sql: String,
        parameters: Vec<contract::Value>,
    ) -> Answer<Resource<Cursor>> {
        self.meter.call()?;
        let scope = match self.granted.postgres(&database) {
            Ok(scope) => scope.clone(),
            Err(denied) => return Ok(Err(self.refuse(&denied))),
        };
        let parameters: Vec<Value> = parameters.into_iter().map(Value::from).collect();
        let queried = match self.part.session(&scope, &self.granted.job).await {
            Ok(session) => session.query(&sql, &parameters).await,
            Err(error) => Err(error),
        };
        self.meter.waited();
        match queried {
            Ok(rows) => match self.table.push(Cursor { scope: scope.name.clone(), rows }) {
                Ok(handle) => Ok(Ok(handle)),
                Err(_) => Ok(Err(contract_errors::Error::LimitExceeded(contract_errors::Limit::Handles))),
            },
            Err(failed) => Ok(Err(error(failed))),
        }
    }
}

impl contract::HostRows for Call<'_, Postgres> {
    async fn columns(&mut self, rows: Resource<Cursor>) -> wasmtime::Result<Vec<contract::Column>> {
        self.meter.call()?;
        let cursor = self.table.get(&rows)?;
        let column = |column: &super::Column| contract::Column {
            name: column.name.clone(),
            type_name: column.type_name.clone(),
            type_oid: column.type_oid,
        };
        Ok(cursor.rows.columns().iter().map(column).collect())
    }

    async fn next(&mut self, rows: Resource<Cursor>, max: u32) -> Answer<Option<Vec<Vec<contract::Value>>>> {
        self.meter.call()?;
        let cursor = self.table.get_mut(&rows)?;
        let fetched = match self.part.open(&cursor.scope) {
            Ok(session) => session.next(&mut cursor.rows, max.max(1)).await,
            Err(error) => Err(error),
        };
        self.meter.waited();
        let values = |row: Vec<Value>| row.into_iter().map(contract::Value::from).collect();
        Ok(fetched.map(|rows| rows.map(|rows| rows.into_iter().map(values).collect())).map_err(error))
    }

    async fn drop(&mut self, rows: Resource<Cursor>) -> wasmtime::Result<()> {
        let cursor = self.table.delete(rows)?;
        if let Ok(session) = self.part.open(&cursor.scope) {
            session.discard(cursor.rows);
        }
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

fn error(error: Error) -> contract_errors::Error {
    match error {
        Error::Denied(text) => contract_errors::Error::Denied(text),
        Error::LimitExceeded(Limit::Rows) => contract_errors::Error::LimitExceeded(contract_errors::Limit::Rows),
        Error::LimitExceeded(Limit::Bytes) => contract_errors::Error::LimitExceeded(contract_errors::Limit::Bytes),
        Error::Unreachable(text) => contract_errors::Error::Unreachable(text),
        Error::TimedOut(text) => contract_errors::Error::TimedOut(text),
        Error::Invalid(text) => contract_errors::Error::Invalid(text),
        Error::Remote { sqlstate, message, detail, hint } => {
            contract_errors::Error::Remote(contract_errors::RemoteError { code: sqlstate, message, detail, hint })
        }
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
