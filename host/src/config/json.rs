//! A job's `settings` as JSON for its plugin, and the way back: from a JSON pointer to the place in agent.toml.

use std::ops::Range;

use serde_json::{Map, Number, Value};
use toml::de::DeValue;

use super::reader::{At, Problems, note};

/// The JSON that a TOML value stands for. Dates become strings; numbers that JSON cannot hold are mistakes.
pub(super) fn to_json(at: &At<DeValue<'_>>, problems: &mut Problems) -> Value {
    convert(&at.value, &at.span, problems)
}

fn convert(value: &DeValue<'_>, span: &Range<usize>, problems: &mut Problems) -> Value {
    match value {
        DeValue::String(text) => Value::String(text.to_string()),
        DeValue::Boolean(value) => Value::Bool(*value),
        DeValue::Datetime(value) => Value::String(value.to_string()),
        DeValue::Integer(number) => match i64::from_str_radix(number.as_str(), number.radix()) {
            Ok(number) => Value::Number(number.into()),
            Err(_) => unfit(span, problems, "a whole number of 64 bits"),
        },
        DeValue::Float(number) => match number.as_str().parse().ok().and_then(Number::from_f64) {
            Some(number) => Value::Number(number),
            None => unfit(span, problems, "a finite number"),
        },
        DeValue::Array(items) => {
            Value::Array(items.iter().map(|item| convert(item.get_ref(), &item.span(), problems)).collect())
        }
        DeValue::Table(table) => {
            let entries = table
                .iter()
                .map(|(key, value)| (key.get_ref().to_string(), convert(value.get_ref(), &value.span(), problems)));
            Value::Object(entries.collect::<Map<_, _>>())
        }
    }
}

fn unfit(span: &Range<usize>, problems: &mut Problems, wanted: &str) -> Value {
    note(problems, span.clone(), "settings hold a number that JSON cannot", format!("write {wanted}"));
    Value::Null
}

/// Where in agent.toml the value of a JSON pointer stands, or its `key`; of what is not there, the nearest table around it.
pub(super) fn place(at: &At<DeValue<'_>>, pointer: &str, key: bool) -> Range<usize> {
    let (mut value, mut span) = (&at.value, at.span.clone());
    for part in pointer.split('/').skip(1) {
        let part = part.replace("~1", "/").replace("~0", "~");
        let (next, place) = match value {
            DeValue::Table(table) => match table.get_key_value(part.as_str()) {
                Some((name, next)) => (next, if key { name.span() } else { next.span() }),
                None => break,
            },
            DeValue::Array(items) => match part.parse::<usize>().ok().and_then(|index| items.get(index)) {
                Some(next) => (next, next.span()),
                None => break,
            },
            _ => break,
        };
        (value, span) = (next.get_ref(), place);
    }
    span
}
