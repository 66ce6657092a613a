//! What an argument of each kind may be, and what it becomes in a statement.

use super::quote;
use crate::contract::pgreeve::plugin::manifest::ParameterKind;
use crate::grants::files::policy::Relative;
use crate::grants::log::printable;

/// An argument that fits its kind.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Value {
    Text(String),
    Integer(i64),
    Identifier(String),
    Qualified([String; 2]),
}

impl Value {
    pub(super) fn literal(&self) -> String {
        match self {
            // A minus sign never meets another one in the template, which would begin a comment.
            Self::Integer(number) if *number < 0 => format!(" {number}"),
            Self::Integer(number) => number.to_string(),
            Self::Text(text) | Self::Identifier(text) => quote::literal(text),
            Self::Qualified(names) => quote::literal(&qualified(names)),
        }
    }

    /// None for what is no name.
    pub(super) fn identifier(&self) -> Option<String> {
        match self {
            Self::Identifier(name) => Some(quote::identifier(name)),
            Self::Qualified(names) => Some(qualified(names)),
            Self::Text(_) | Self::Integer(_) => None,
        }
    }
}

fn qualified(names: &[String; 2]) -> String {
    names.each_ref().map(|name| quote::identifier(name)).join(".")
}

/// Whether its values are names.
pub(super) fn names(kind: ParameterKind) -> bool {
    matches!(kind, ParameterKind::Identifier | ParameterKind::QualifiedIdentifier)
}

/// As the contract calls it.
pub(in crate::plugin) fn word(kind: ParameterKind) -> &'static str {
    match kind {
        ParameterKind::Text => "text",
        ParameterKind::Integer => "integer",
        ParameterKind::Identifier => "identifier",
        ParameterKind::QualifiedIdentifier => "qualified-identifier",
        ParameterKind::Path => "path",
        ParameterKind::Duration => "duration",
    }
}

/// Whether a parameter may be called so: psql's variables are, and no hyphen or dot is to be quoted anywhere.
pub(in crate::plugin) fn is_name(name: &str) -> bool {
    name.len() <= 63
        && name.starts_with(|first: char| first.is_ascii_alphabetic())
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}

/// Holds an argument against its kind; the error follows "argument NAME".
pub(super) fn admit(kind: ParameterKind, text: &str) -> Result<Value, String> {
    if text.contains('\0') {
        return Err("holds a NUL byte, which PostgreSQL has in no text".to_owned());
    }
    let shown = printable(text, 80);
    match kind {
        ParameterKind::Text => Ok(Value::Text(text.to_owned())),
        ParameterKind::Integer => {
            let number = text.parse().ok().filter(|number: &i64| number.to_string() == text);
            number
                .map(Value::Integer)
                .ok_or_else(|| format!("is {shown}, which is no whole number of 64 bits in plain decimal digits"))
        }
        ParameterKind::Identifier => match quote::no_identifier(text) {
            None => Ok(Value::Identifier(text.to_owned())),
            Some(why) => Err(why),
        },
        ParameterKind::QualifiedIdentifier => {
            let names = two_names(text).ok_or_else(|| {
                format!(
                    "is {shown}, which is not two names with a dot between: what is not a lower-case letter or _, then \
                     lower-case letters, digits and _, is quoted, as format('%I.%I') does it"
                )
            })?;
            match names.iter().find_map(|name| quote::no_identifier(name)) {
                None => Ok(Value::Qualified(names)),
                Some(why) => Err(format!("is {shown}, of which a part {why}")),
            }
        }
        ParameterKind::Path => match Relative::new("", text) {
            Ok(path) if !path.as_str().is_empty() => Ok(Value::Text(text.to_owned())),
            _ => Err(format!("is {shown}, which is no relative path of plain names")),
        },
        ParameterKind::Duration => {
            let duration = humantime::parse_duration(text)
                .map_err(|error| format!("is {shown}, which is no duration such as 30s or 2h: {error}"))?;
            if duration.subsec_nanos() % 1_000_000 != 0 {
                return Err(format!("is {shown}, and PostgreSQL's settings know nothing shorter than 1ms"));
            }
            Ok(Value::Text(format!("{}ms", duration.as_millis())))
        }
    }
}

/// Two identifiers as `quote_ident` writes them, with a dot between. Nothing is folded: a capital letter is quoted or refused.
fn two_names(text: &str) -> Option<[String; 2]> {
    let (first, rest) = one_name(text)?;
    let (second, rest) = one_name(rest.strip_prefix('.')?)?;
    rest.is_empty().then_some([first, second])
}

/// The first name, and what follows it.
fn one_name(text: &str) -> Option<(String, &str)> {
    let Some(mut rest) = text.strip_prefix('"') else {
        let plain = |character: char| character.is_ascii_lowercase() || character.is_ascii_digit() || character == '_';
        let (name, rest) = text.split_at(text.find(|character| !plain(character)).unwrap_or(text.len()));
        let begins = name.starts_with(|first: char| !first.is_ascii_digit());
        return begins.then(|| (name.to_owned(), rest));
    };
    let mut name = String::new();
    loop {
        let (piece, after) = rest.split_once('"')?;
        name.push_str(piece);
        let Some(doubled) = after.strip_prefix('"') else { return Some((name, after)) };
        name.push('"');
        rest = doubled;
    }
}
