//! One argument of a command as the operator wrote it: literal text and placeholders.

use std::ffi::{OsStr, OsString};

/// A part of an argument.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Piece {
    /// Text that stays as it is.
    Literal(String),
    /// The name of the parameter whose value stands here.
    Placeholder(String),
}

/// One argument. Filling it gives one argument again, whatever the values hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Pattern(pub(super) Vec<Piece>);

impl Pattern {
    /// Reads `--dbname={database}`; `{{` and `}}` are literal braces.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let mut pieces = Vec::new();
        let mut literal = String::new();
        let mut rest = text.chars();
        while let Some(character) = rest.next() {
            match character {
                '\0' => return Err(format!("{text:?} holds a NUL byte, which no argument can")),
                '{' | '}' if rest.as_str().starts_with(character) => {
                    rest.next();
                    literal.push(character);
                }
                '{' => {
                    let Some((name, after)) = rest.as_str().split_once('}') else {
                        return Err(format!("{text:?} has a {{ without its }}: a literal brace is written {{{{"));
                    };
                    if !is_name(name) {
                        return Err(format!(
                            "{text:?} has a placeholder {name:?}: a name is a letter, then letters, digits, _ and -, at most 64; a literal \
                             brace is written {{{{"
                        ));
                    }
                    rest = after.chars();
                    if !literal.is_empty() {
                        pieces.push(Piece::Literal(std::mem::take(&mut literal)));
                    }
                    pieces.push(Piece::Placeholder(name.to_owned()));
                }
                '}' => return Err(format!("{text:?} has a }} without its {{: a literal brace is written }}}}")),
                other => literal.push(other),
            }
        }
        if !literal.is_empty() {
            pieces.push(Piece::Literal(literal));
        }
        Ok(Self(pieces))
    }

    /// The names of its placeholders.
    pub(super) fn placeholders(&self) -> impl Iterator<Item = &str> {
        self.0.iter().filter_map(|piece| match piece {
            Piece::Placeholder(name) => Some(name.as_str()),
            Piece::Literal(_) => None,
        })
    }

    /// The literal text that it begins with; empty if it begins with a placeholder.
    pub(super) fn lead(&self) -> &str {
        match self.0.first() {
            Some(Piece::Literal(text)) => text,
            _ => "",
        }
    }

    /// Itself with a value in the place of every placeholder; none if one has no value.
    pub(super) fn filled<'v>(&self, value: impl Fn(&str) -> Option<&'v OsStr>) -> Option<OsString> {
        let mut argument = OsString::new();
        for piece in &self.0 {
            match piece {
                Piece::Literal(text) => argument.push(text),
                Piece::Placeholder(name) => argument.push(value(name)?),
            }
        }
        Some(argument)
    }

    /// The placeholder's name, if it is one placeholder and nothing else.
    pub(super) fn whole(&self) -> Option<&str> {
        match self.0.as_slice() {
            [Piece::Placeholder(name)] => Some(name),
            _ => None,
        }
    }
}

/// Whether a parameter may be called so.
pub(super) fn is_name(name: &str) -> bool {
    name.len() <= 64
        && name.starts_with(|first: char| first.is_ascii_alphabetic())
        && name.chars().all(|character| character.is_ascii_alphanumeric() || matches!(character, '_' | '-'))
}
