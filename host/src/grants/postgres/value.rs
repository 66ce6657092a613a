//! A PostgreSQL value as plugins see it, and its way out of PostgreSQL's text form. What does not fit its case comes as
//! [`Value::Other`] with the text as it was: decoding never fails.

use serde::{Deserialize, Serialize};

use super::datetime::Interval;
use super::{array, datetime};

/// One value, by wire type.
///
/// | case | types |
/// |---|---|
/// | `Bool` | bool |
/// | `Int` | int2, int4, int8, oid, xid, cid, and xid8 up to 2⁶³−1 |
/// | `Float` | float4 (the shortest decimal, as `0.1`), float8; NaN and infinities included |
/// | `Numeric` | numeric |
/// | `Text` | text, varchar, char(n), name, "char", unknown |
/// | `Bytes` | bytea |
/// | `Timestamptz` | timestamptz, finite |
/// | `Interval` | interval, finite |
/// | `Json` | json, jsonb |
/// | `Uuid` | uuid |
/// | `Lsn` | pg_lsn |
/// | `TextArray`, `IntArray` | one dimension from index 1, of the types of `Text`, and of int2, int4, int8, oid |
/// | `Other` | all others: date, timestamp, enums, composites, ranges, inet, xml, regclass, other arrays … |
///
/// A domain comes as the type below it.
///
/// In recordings: one key, the case, with the value; NaN and infinities as strings.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Value {
    /// NULL of any type.
    Null,
    /// true or false.
    Bool(bool),
    /// A whole number.
    Int(i64),
    /// A floating-point number.
    Float(#[serde(with = "float")] f64),
    /// Exact decimal in text form; NaN and infinities included.
    Numeric(String),
    /// A string.
    Text(String),
    /// Bytes.
    Bytes(#[serde(with = "crate::grants::bytes")] Vec<u8>),
    /// Microseconds since 1970-01-01 UTC.
    Timestamptz(i64),
    /// Months, days and time, which do not convert into each other.
    Interval(Interval),
    /// JSON text.
    Json(String),
    /// A UUID's text.
    Uuid(String),
    /// Log sequence number.
    Lsn(u64),
    /// One dimension, NULLs kept.
    TextArray(Vec<Option<String>>),
    /// One dimension, NULLs kept.
    IntArray(Vec<Option<i64>>),
    /// Any other type, in its text form.
    Other {
        /// As `to_regtype` reads it with an empty search path: `aclitem`, `public.mood`. As a parameter empty: the
        /// server decides.
        type_name: String,
        /// The text form.
        text: String,
    },
}

/// JSON has no NaN and no infinity; as strings they come back.
mod float {
    use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};

    #[derive(Serialize, Deserialize)]
    #[serde(untagged)]
    enum Form {
        Number(f64),
        Word(String),
    }

    pub(super) fn serialize<S: Serializer>(value: &f64, serializer: S) -> Result<S::Ok, S::Error> {
        let form = if value.is_finite() { Form::Number(*value) } else { Form::Word(value.to_string()) };
        form.serialize(serializer)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<f64, D::Error> {
        match Form::deserialize(deserializer)? {
            Form::Number(value) => Ok(value),
            Form::Word(word) => word.parse().map_err(D::Error::custom),
        }
    }
}

impl Value {
    /// Bytes that the value has in memory, about.
    pub(super) fn size(&self) -> u64 {
        let bytes = match self {
            Self::Null | Self::Bool(_) => 1,
            Self::Int(_) | Self::Float(_) | Self::Timestamptz(_) | Self::Lsn(_) => 8,
            Self::Interval(_) => 16,
            Self::Numeric(text) | Self::Text(text) | Self::Json(text) | Self::Uuid(text) | Self::Other { text, .. } => {
                text.len()
            }
            Self::Bytes(bytes) => bytes.len(),
            Self::TextArray(items) => items.iter().map(|item| item.as_ref().map_or(1, String::len)).sum(),
            Self::IntArray(items) => 8 * items.len(),
        };
        bytes as u64
    }

    /// Decodes a value's text form.
    pub(super) fn decode(oid: u32, type_name: &str, text: Option<&str>) -> Self {
        let Some(text) = text else { return Self::Null };
        Self::known(oid, text).unwrap_or_else(|| Self::Other { type_name: type_name.to_owned(), text: text.to_owned() })
    }

    /// OIDs from pg_type.dat; these never change.
    fn known(oid: u32, text: &str) -> Option<Self> {
        match oid {
            16 => match text {
                "t" => Some(Self::Bool(true)),
                "f" => Some(Self::Bool(false)),
                _ => None,
            },
            // int8 int2 int4 oid xid cid xid8
            20 | 21 | 23 | 26 | 28 | 29 | 5069 => text.parse().ok().map(Self::Int),
            700 | 701 => text.parse().ok().map(Self::Float),
            1700 => Some(Self::Numeric(text.to_owned())),
            // "char" name text unknown bpchar varchar
            18 | 19 | 25 | 705 | 1042 | 1043 => Some(Self::Text(text.to_owned())),
            17 => bytes(text).map(Self::Bytes),
            1184 => datetime::timestamptz(text).map(Self::Timestamptz),
            1186 => datetime::interval(text).map(Self::Interval),
            114 | 3802 => Some(Self::Json(text.to_owned())),
            2950 => Some(Self::Uuid(text.to_owned())),
            3220 => lsn(text).map(Self::Lsn),
            // the arrays of "char" name text bpchar varchar
            1002 | 1003 | 1009 | 1014 | 1015 => array::elements(text).map(Self::TextArray),
            // the arrays of int2 int4 int8 oid
            1005 | 1007 | 1016 | 1028 => {
                let whole =
                    |element: Option<String>| element.map(|text| text.parse().ok()).map_or(Some(None), |n| n.map(Some));
                array::elements(text)?.into_iter().map(whole).collect::<Option<_>>().map(Self::IntArray)
            }
            _ => None,
        }
    }
}

/// `\x` and two hexadecimal digits per byte.
fn bytes(text: &str) -> Option<Vec<u8>> {
    let digits = text.strip_prefix("\\x")?.as_bytes();
    let digit = |byte: u8| char::from(byte).to_digit(16).map(|digit| digit as u8);
    let (pairs, rest) = digits.as_chunks::<2>();
    if !rest.is_empty() {
        return None;
    }
    pairs.iter().map(|[high, low]| Some(digit(*high)? << 4 | digit(*low)?)).collect()
}

/// `16/B374D848`: the upper and lower 32 bits.
fn lsn(text: &str) -> Option<u64> {
    let (high, low) = text.split_once('/')?;
    Some(u64::from(u32::from_str_radix(high, 16).ok()?) << 32 | u64::from(u32::from_str_radix(low, 16).ok()?))
}
