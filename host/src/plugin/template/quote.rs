//! Values as SQL text, such that a server reads back the very value.

/// The longest identifier in bytes: PostgreSQL's NAMEDATALEN without the NUL. It would cut a longer one and mean another object.
const LONGEST_IDENTIFIER: usize = 63;

/// A literal. One with a backslash is written as `E'…'`, which means the same whatever `standard_conforming_strings` is.
pub(crate) fn literal(text: &str) -> String {
    let mut quoted = String::with_capacity(text.len() + 3);
    if text.contains('\\') {
        quoted.push('E');
    }
    quoted.push('\'');
    for character in text.chars() {
        if matches!(character, '\'' | '\\') {
            quoted.push(character);
        }
        quoted.push(character);
    }
    quoted.push('\'');
    quoted
}

/// A quoted identifier.
pub(crate) fn identifier(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// What keeps a text from being an identifier.
pub(super) fn no_identifier(name: &str) -> Option<String> {
    match name.len() {
        0 => Some("is empty, and a name is not".to_owned()),
        length if length > LONGEST_IDENTIFIER => {
            Some(format!("has {length} bytes, and a name has at most {LONGEST_IDENTIFIER}"))
        }
        _ => None,
    }
}
