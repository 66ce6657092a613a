//! Rows as structs: serde reads a row as a map from column names to values.

use serde::de::value::{Error as ValueError, MapDeserializer, SeqDeserializer};
use serde::de::{DeserializeOwned, Deserializer, Error as _, IntoDeserializer, Visitor};
use serde::forward_to_deserialize_any;

use crate::{Error, Value};

/// A struct with a field per column. Implemented for everything that derives `Deserialize`: NULL fits `Option` alone, `timestamptz` is an
/// `i64` of microseconds since 1970, `pg_lsn` a `u64`, `numeric` a `String` or a number.
pub trait FromRow: Sized {
    /// Reads one row.
    fn from_row(columns: &[String], row: Vec<Value>) -> Result<Self, Error>;
}

impl<T: DeserializeOwned> FromRow for T {
    fn from_row(columns: &[String], row: Vec<Value>) -> Result<Self, Error> {
        let fields = columns.iter().map(String::as_str).zip(row.into_iter().map(Cell));
        T::deserialize(MapDeserializer::<_, ValueError>::new(fields))
            .map_err(|error| Error::Invalid(format!("a row does not fit the plugin's struct: {error}")))
    }
}

struct Cell(Value);

impl IntoDeserializer<'_, ValueError> for Cell {
    type Deserializer = Self;
    fn into_deserializer(self) -> Self {
        self
    }
}

impl Cell {
    fn float<'de, V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ValueError> {
        match self.0 {
            Value::Numeric(text) => {
                visitor.visit_f64(text.parse().map_err(|_| ValueError::custom(format!("{text} is not a number")))?)
            }
            Value::Int(number) => visitor.visit_f64(number as f64),
            other => Self(other).deserialize_any(visitor),
        }
    }
}

impl<'de> Deserializer<'de> for Cell {
    type Error = ValueError;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ValueError> {
        match self.0 {
            Value::Null => visitor.visit_unit(),
            Value::Boolean(value) => visitor.visit_bool(value),
            Value::Int(value) | Value::Timestamptz(value) => visitor.visit_i64(value),
            Value::Lsn(value) => visitor.visit_u64(value),
            Value::Float(value) => visitor.visit_f64(value),
            Value::Numeric(text) | Value::Text(text) | Value::Json(text) | Value::Uuid(text) => {
                visitor.visit_string(text)
            }
            Value::Bytes(bytes) => visitor.visit_byte_buf(bytes),
            Value::TextArray(items) => visitor.visit_seq(SeqDeserializer::new(
                items.into_iter().map(|item| Cell(item.map_or(Value::Null, Value::Text))),
            )),
            Value::IntArray(items) => visitor.visit_seq(SeqDeserializer::new(
                items.into_iter().map(|item| Cell(item.map_or(Value::Null, Value::Int))),
            )),
            Value::Other(other) => visitor.visit_string(other.text),
            Value::Interval(_) => Err(ValueError::custom("an interval has three parts: select extract(epoch from …)")),
        }
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ValueError> {
        match self.0 {
            Value::Null => visitor.visit_none(),
            value => visitor.visit_some(Self(value)),
        }
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(self, _: &'static str, visitor: V) -> Result<V::Value, ValueError> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_f64<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ValueError> {
        self.float(visitor)
    }

    fn deserialize_f32<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ValueError> {
        self.float(visitor)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, ValueError> {
        match self.0 {
            Value::Text(text) => visitor.visit_enum(text.into_deserializer()),
            Value::Other(other) => visitor.visit_enum(other.text.into_deserializer()),
            _ => Err(ValueError::custom("only a text can be one of a set of names")),
        }
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 char str string bytes byte_buf unit unit_struct
        seq tuple tuple_struct map struct identifier ignored_any
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde::Deserialize;

    #[derive(Debug, PartialEq, Deserialize)]
    #[serde(rename_all = "lowercase")]
    enum State {
        Streaming,
    }

    #[derive(Debug, PartialEq, Deserialize)]
    struct Row {
        name: String,
        lsn: Option<u64>,
        lag: Option<f64>,
        state: State,
        names: Vec<Option<String>>,
    }

    fn columns() -> Vec<String> {
        ["name", "lsn", "lag", "state", "names"].map(str::to_owned).to_vec()
    }

    #[test]
    fn a_row_becomes_a_struct_and_null_fits_option_alone() {
        let names = Value::TextArray(vec![Some("a".into()), None]);
        let text = |text: &str| Value::Text(text.into());
        let row = vec![text("s1"), Value::Null, Value::Numeric("1.5".into()), text("streaming"), names.clone()];
        assert_eq!(
            Row::from_row(&columns(), row).unwrap(),
            Row {
                name: "s1".into(),
                lsn: None,
                lag: Some(1.5),
                state: State::Streaming,
                names: vec![Some("a".into()), None]
            }
        );
        let row = vec![Value::Null, Value::Lsn(7), Value::Null, text("streaming"), names];
        let error = Row::from_row(&columns(), row).unwrap_err();
        assert!(matches!(&error, Error::Invalid(text) if text.contains("does not fit")), "{error:?}");
    }
}
