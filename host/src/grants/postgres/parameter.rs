//! A query's parameters on their way to the server: always in text form, and without a type unless the plugin names
//! one, so that the server infers it from the query as it does for a quoted literal.

use std::error::Error;

use bytes::BytesMut;
use tokio_postgres::types::{Format, IsNull, Kind, ToSql, Type};

use super::{array, datetime, value::Value};

/// The text form; none is NULL.
#[derive(Debug)]
pub(super) struct Parameter(Option<String>);

impl Parameter {
    pub(super) fn new(value: &Value) -> Self {
        Self(match value {
            Value::Null => None,
            Value::Bool(truth) => Some(truth.to_string()),
            Value::Int(number) => Some(number.to_string()),
            // Debug, because Display writes 1e300 with three hundred zeros.
            Value::Float(number) => Some(format!("{number:?}")),
            Value::Numeric(text) | Value::Text(text) | Value::Json(text) | Value::Uuid(text) => Some(text.clone()),
            Value::Bytes(bytes) => Some(hex(bytes)),
            Value::Timestamptz(micros) => Some(datetime::timestamptz_text(*micros)),
            Value::Interval(interval) => Some(datetime::interval_text(*interval)),
            Value::Lsn(lsn) => Some(format!("{:X}/{:X}", lsn >> 32, lsn & 0xFFFF_FFFF)),
            Value::TextArray(elements) => Some(array::literal(elements)),
            Value::IntArray(elements) => Some(array::literal(elements)),
            Value::Other { text, .. } => Some(text.clone()),
        })
    }
}

/// Stands for a type in the Parse message, where the OID alone counts.
pub(super) fn type_of(oid: Option<u32>) -> Type {
    oid.map_or(Type::UNKNOWN, |oid| Type::new(String::new(), oid, Kind::Simple, String::new()))
}

fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes.iter().fold(String::from("\\x"), |mut text, byte| {
        // Writing to a String cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

impl ToSql for Parameter {
    fn to_sql(&self, _: &Type, out: &mut BytesMut) -> Result<IsNull, Box<dyn Error + Sync + Send>> {
        let Some(text) = &self.0 else { return Ok(IsNull::Yes) };
        out.extend_from_slice(text.as_bytes());
        Ok(IsNull::No)
    }

    fn accepts(_: &Type) -> bool {
        true
    }

    fn encode_format(&self, _: &Type) -> Format {
        Format::Text
    }

    tokio_postgres::types::to_sql_checked!();
}
