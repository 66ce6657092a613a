//! SQL templates of a manifest's actions: read when the plugin is loaded, filled with a finding's arguments when the action is carried out.
//! A plugin's author writes the statements, a finding only fills them: whatever the arguments hold, each statement stays the one that was
//! read here.
//!
//! Placeholders are psql's. What fills one depends on its form and on the parameter's kind:
//!
//! | kind | `:'name'` | `:"name"` |
//! |---|---|---|
//! | text | literal | refused |
//! | integer | the number as it is, so that it also fits where SQL wants no literal; in brackets before `::` | refused |
//! | identifier | literal of the name, for comparisons | the name, quoted |
//! | qualified-identifier | literal of both names, quoted, for `::regclass` | both names, quoted, with a dot between |
//! | path | literal | refused |
//! | duration | literal of milliseconds, which settings and intervals both read: `'30000ms'` | refused |
//!
//! Everything else stays as it is. A placeholder inside of a literal, a quoted identifier or a comment would not be filled, and its author
//! surely meant otherwise, so a template with one is refused; so is one whose meaning would depend on the server's settings or version.
//! Literals are right for any `standard_conforming_strings`. All of this is about text in UTF-8: the connection's `client_encoding`.

mod fill;
mod forbidden;
mod keep;
mod kind;
mod lex;
mod other;
pub(crate) mod quote;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};

use crate::contract::pgreeve::plugin::manifest::{Parameter, ParameterKind};
pub use fill::{http, plain, redis};
pub use forbidden::lasting;
pub use keep::keep;
pub(super) use kind::is_name;
pub(super) use kind::word as kind;
use lex::{Form, Token};
pub(super) use other::mistakes;

/// The statements of an action, checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Template {
    statements: Vec<Vec<Part>>,
    /// By their names.
    parameters: BTreeMap<String, ParameterKind>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Part {
    Text(String),
    Placeholder(Form, String),
}

impl Template {
    /// Reads the statements of an action, one each; a semicolon may end it. The error is a sentence about the first thing that is wrong.
    pub fn parse(statements: &[String], parameters: &[Parameter]) -> Result<Self, String> {
        let mut kinds = BTreeMap::new();
        for Parameter { name, kind, .. } in parameters {
            if !is_name(name) {
                return Err(format!("parameter {name:?} is not a letter, then letters, digits and _, at most 63"));
            }
            if kinds.insert(name.clone(), *kind).is_some() {
                return Err(format!("parameter {name:?} is declared twice"));
            }
        }
        if statements.is_empty() {
            return Err("it has no statement".to_owned());
        }
        let mut read = Vec::new();
        for (number, text) in (1..).zip(statements) {
            read.push(statement(text, &kinds).map_err(|why| format!("statement {number} {why}"))?);
        }
        let used: BTreeSet<&str> = read.iter().flatten().filter_map(Part::name).collect();
        match kinds.keys().find(|name| !used.contains(name.as_str())) {
            Some(unused) => Err(format!("parameter {unused:?} is used in no statement: remove it, or use it")),
            None => Ok(Self { statements: read, parameters: kinds }),
        }
    }

    /// The statements with an argument in the place of every placeholder. Every parameter gets one argument; the error says which does not,
    /// or what is wrong with the argument.
    pub fn fill(&self, arguments: &[(&str, &str)]) -> Result<Vec<String>, String> {
        let mut values = BTreeMap::new();
        for (name, value) in arguments {
            let kind = self.parameters.get(*name).ok_or_else(|| format!("there is no parameter {name:?}"))?;
            let value = kind::admit(*kind, value).map_err(|why| format!("argument {name:?} {why}"))?;
            if values.insert(*name, value).is_some() {
                return Err(format!("argument {name:?} is given twice"));
            }
        }
        if let Some(missing) = self.parameters.keys().find(|name| !values.contains_key(name.as_str())) {
            return Err(format!("argument {missing:?} is missing"));
        }
        let fill = |part: &Part| match part {
            Part::Text(text) => Some(text.clone()),
            Part::Placeholder(Form::Literal, name) => Some(values.get(name.as_str())?.literal()),
            Part::Placeholder(Form::Identifier, name) => values.get(name.as_str())?.identifier(),
        };
        let filled = self.statements.iter().map(|parts| parts.iter().map(fill).collect::<Option<String>>());
        filled.collect::<Option<_>>().ok_or_else(|| "the template does not fit its own parameters".to_owned())
    }
}

impl Part {
    /// The parameter's name, of a placeholder.
    fn name(&self) -> Option<&str> {
        match self {
            Self::Placeholder(_, name) => Some(name),
            Self::Text(_) => None,
        }
    }
}

/// Takes one statement apart. The error follows "statement 1".
fn statement(text: &str, kinds: &BTreeMap<String, ParameterKind>) -> Result<Vec<Part>, String> {
    let tokens = lex::tokens(text)?;
    one_statement(&tokens)?;
    let mut parts = Vec::new();
    for (index, token) in tokens.iter().enumerate() {
        match token {
            Token::Placeholder(form, name) => {
                let kind =
                    kinds.get(*name).ok_or_else(|| format!("has a placeholder {token}, which is no parameter"))?;
                if *form == Form::Identifier && !kind::names(*kind) {
                    return Err(format!(
                        "has {token}, and a parameter of kind {} is no name: write :'{name}'",
                        kind::word(*kind)
                    ));
                }
                let before = index.checked_sub(1).and_then(|before| tokens.get(before));
                stands_alone(token, *form, before, tokens.get(index + 1))?;
                beside_no_literal(&tokens, index)?;
                // A cast binds closer than a minus sign: -32768::smallint is out of range.
                let cast = *kind == ParameterKind::Integer && is_cast(&tokens, index);
                parts.extend(cast.then(|| Part::Text("(".to_owned())));
                parts.push(Part::Placeholder(*form, (*name).to_owned()));
                parts.extend(cast.then(|| Part::Text(")".to_owned())));
            }
            Token::Literal(text) | Token::Quoted(text) | Token::Comment(text) => {
                if let Some(name) = hidden(text, kinds) {
                    let what = token.what();
                    return Err(format!("has the placeholder {name:?} within {what}, where nothing is filled in"));
                }
                parts.push(Part::Text((*text).to_owned()));
            }
            other => parts.push(Part::Text(other.text().to_owned())),
        }
    }
    Ok(parts)
}

/// A parameter's name where it stands in a text as a placeholder does.
fn hidden<'t>(text: &'t str, kinds: &BTreeMap<String, ParameterKind>) -> Option<&'t str> {
    text.match_indices(':').find_map(|(at, _)| {
        let rest = text.get(at + 1..)?;
        let (quote, rest) = ['\'', '"'].into_iter().find_map(|quote| Some((quote, rest.strip_prefix(quote)?)))?;
        let end = rest.find(|character: char| !character.is_ascii_alphanumeric() && character != '_')?;
        let (name, rest) = rest.split_at_checked(end)?;
        (kinds.contains_key(name) && rest.starts_with(quote)).then_some(name)
    })
}

fn one_statement(tokens: &[Token<'_>]) -> Result<(), String> {
    let mut tokens = tokens.iter().filter(|token| !matches!(token, Token::Blank(_) | Token::Comment(_)));
    if !tokens.by_ref().take_while(|token| **token != Token::Semicolon).any(|token| matches!(token, Token::Word(_))) {
        return Err("holds no statement".to_owned());
    }
    let mut tokens = tokens.skip_while(|token| **token != Token::Semicolon);
    match (tokens.next(), tokens.next()) {
        (_, None) => Ok(()),
        (_, Some(second)) => Err(format!("goes on with {second} behind its end: write each statement by itself")),
    }
}

/// Around a placeholder stands what cannot become a part of it: `E:'name'` or `:'name'` right behind a literal would read a value by other
/// rules than it was quoted by.
fn stands_alone(
    token: &Token<'_>,
    form: Form,
    before: Option<&Token<'_>>,
    after: Option<&Token<'_>>,
) -> Result<(), String> {
    let dot = |sign: &str| form == Form::Identifier && sign == ".";
    let before = match before {
        None | Some(Token::Blank(_)) => true,
        Some(Token::Sign(sign)) => matches!(*sign, "(" | "[" | "," | "=" | "<" | ">" | "|") || dot(sign),
        Some(_) => false,
    };
    let after = match after {
        None | Some(Token::Blank(_) | Token::Semicolon) => true,
        Some(Token::Sign(sign)) => matches!(*sign, ")" | "]" | "," | "=" | "<" | ">" | "|" | "::") || dot(sign),
        Some(_) => false,
    };
    if before && after {
        Ok(())
    } else {
        Err(format!("has {token} joined to what stands beside it: write a blank between"))
    }
}

/// Whether `::` follows.
fn is_cast(tokens: &[Token<'_>], index: usize) -> bool {
    let counts = |token: &&Token<'_>| !matches!(token, Token::Blank(_) | Token::Comment(_));
    tokens.iter().skip(index + 1).find(counts) == Some(&Token::Sign("::"))
}

/// Two literals on two lines are one literal to PostgreSQL.
fn beside_no_literal(tokens: &[Token<'_>], index: usize) -> Result<(), String> {
    let counts = |token: &&Token<'_>| !matches!(token, Token::Blank(_) | Token::Comment(_));
    let literal = |token: &Token<'_>| matches!(token, Token::Literal(_) | Token::Placeholder(Form::Literal, _));
    let (before, after) = (tokens.iter().take(index).rev().find(counts), tokens.iter().skip(index + 1).find(counts));
    match tokens.get(index).filter(|token| literal(token)) {
        Some(token) if before.is_some_and(literal) || after.is_some_and(literal) => Err(format!(
            "has {token} beside another literal, and the server may take the two for one: write || between"
        )),
        _ => Ok(()),
    }
}
