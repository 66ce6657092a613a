//! Names as SQL: whatever they hold, the server reads back the very names.

use crate::plugin::needs::SPELLINGS;
pub(super) use crate::plugin::template::quote::{identifier, literal};

/// Schema and name of an object. Without a schema it is the system's.
pub(super) fn split(name: &str) -> (&str, &str) {
    name.split_once('.').unwrap_or(("pg_catalog", name))
}

/// Both, quoted.
pub(super) fn qualified(name: &str) -> String {
    let (schema, name) = split(name);
    format!("{}.{}", identifier(schema), identifier(name))
}

/// A parameter's one or two parts, quoted.
pub(super) fn parameter(name: &str) -> String {
    name.split('.').map(identifier).collect::<Vec<_>>().join(".")
}

/// A function with the types of its arguments.
pub(super) fn function(name: &str, arguments: &[String]) -> String {
    let arguments: Vec<String> = arguments.iter().map(|argument| type_name(argument)).collect();
    format!("{}({})", qualified(name), arguments.join(", "))
}

/// A type: a keyword as it is, a name quoted.
fn type_name(text: &str) -> String {
    let (element, array) = text.strip_suffix("[]").map_or((text, ""), |element| (element, "[]"));
    let name = if SPELLINGS.contains(&element) {
        element.to_owned()
    } else {
        element.split('.').map(identifier).collect::<Vec<_>>().join(".")
    };
    format!("{name}{array}")
}
