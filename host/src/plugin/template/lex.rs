//! The lexical rules of PostgreSQL's SQL, as far as they tell where literals, names and comments begin and end. A text that a server could
//! read in two ways, by its settings or by its version, is refused instead of guessed at.

use std::fmt;

/// How a placeholder is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    /// `:'name'`
    Literal,
    /// `:"name"`
    Identifier,
}

/// A piece of a statement. All of them in order make the statement.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Token<'t> {
    Blank(&'t str),
    Comment(&'t str),
    Word(&'t str),
    Number(&'t str),
    /// In any of its forms, with its prefix.
    Literal(&'t str),
    /// A quoted identifier, with its prefix.
    Quoted(&'t str),
    Placeholder(Form, &'t str),
    Semicolon,
    /// One character, or `::`.
    Sign(&'t str),
}

impl<'t> Token<'t> {
    /// As it is written, but for placeholders.
    pub(super) fn text(&self) -> &'t str {
        match self {
            Self::Blank(text) | Self::Comment(text) | Self::Word(text) | Self::Number(text) => text,
            Self::Literal(text) | Self::Quoted(text) | Self::Sign(text) | Self::Placeholder(_, text) => text,
            Self::Semicolon => ";",
        }
    }

    /// What it is, in words.
    pub(super) fn what(&self) -> &'static str {
        match self {
            Self::Comment(_) => "a comment",
            Self::Literal(_) => "a literal",
            Self::Quoted(_) => "a quoted identifier",
            _ => "the statement",
        }
    }
}

impl fmt::Display for Token<'_> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Placeholder(Form::Literal, name) => write!(out, ":'{name}'"),
            Self::Placeholder(Form::Identifier, name) => write!(out, ":\"{name}\""),
            other => write!(out, "{:?}", other.text().chars().take(40).collect::<String>()),
        }
    }
}

/// Takes a text apart; the error follows "statement 1".
pub(super) fn tokens(text: &str) -> Result<Vec<Token<'_>>, String> {
    let mut tokens = Vec::new();
    let mut rest = text;
    while !rest.is_empty() {
        let token = token(rest)?;
        let length = match token {
            // With its colon and its quotes.
            Token::Placeholder(_, name) => name.len() + 3,
            other => other.text().len(),
        };
        tokens.push(token);
        rest = rest.get(length..).filter(|after| after.len() < rest.len()).ok_or("cannot be taken apart")?;
    }
    Ok(tokens)
}

fn token(rest: &str) -> Result<Token<'_>, String> {
    let mut characters = rest.chars();
    let (first, second) = (characters.next().unwrap_or('\0'), characters.next());
    let upto = |length: usize| rest.get(..length).unwrap_or(rest);
    match (first, second) {
        (' ' | '\t' | '\n' | '\r' | '\x0c', _) => {
            Ok(Token::Blank(upto(run(rest, |character| matches!(character, ' ' | '\t' | '\n' | '\r' | '\x0c')))))
        }
        ('-', Some('-')) => Ok(Token::Comment(upto(rest.find(['\n', '\r']).unwrap_or(rest.len())))),
        ('/', Some('*')) => Ok(Token::Comment(upto(comment(rest).ok_or("has a comment that does not end")?))),
        ('\'', _) => Ok(Token::Literal(upto(literal(rest, 0)?))),
        ('e' | 'E', Some('\'')) => {
            Ok(Token::Literal(upto(escaped(rest).ok_or("has an E'…' literal that does not end")?)))
        }
        ('b' | 'B' | 'x' | 'X' | 'n' | 'N', Some('\'')) => Ok(Token::Literal(upto(literal(rest, 1)?))),
        ('u' | 'U', Some('&')) if rest.get(2..).is_some_and(|rest| rest.starts_with('\'')) => {
            Ok(Token::Literal(upto(doubled(rest, 2, '\'').ok_or("has a U&'…' literal that does not end")?)))
        }
        ('u' | 'U', Some('&')) if rest.get(2..).is_some_and(|rest| rest.starts_with('"')) => {
            Ok(Token::Quoted(upto(doubled(rest, 2, '"').ok_or("has a U&\"…\" identifier that does not end")?)))
        }
        ('"', _) => Ok(Token::Quoted(upto(doubled(rest, 0, '"').ok_or("has a quoted identifier that does not end")?))),
        (':', Some(':')) => Ok(Token::Sign(upto(2))),
        (':', Some(quote @ ('\'' | '"'))) => placeholder(rest, quote),
        ('$', _) => Ok(Token::Literal(upto(dollar_quoted(rest)?))),
        (';', _) => Ok(Token::Semicolon),
        (first, _) if begins_word(first) => Ok(Token::Word(upto(run(rest, in_word)))),
        (first, _) if first.is_ascii_digit() => number(rest),
        ('\\', _) => Err("has a backslash outside of literals: psql's commands are psql's".to_owned()),
        (control, _) if control.is_ascii_control() => Err(format!("holds the control character {control:?}")),
        (sign, _) => Ok(Token::Sign(upto(sign.len_utf8()))),
    }
}

/// PostgreSQL takes every character beyond ASCII for a letter, blanks among them.
fn begins_word(character: char) -> bool {
    character.is_ascii_alphabetic() || character == '_' || !character.is_ascii()
}

fn in_word(character: char) -> bool {
    begins_word(character) || character.is_ascii_digit() || character == '$'
}

/// So many bytes at the beginning are such characters.
fn run(text: &str, such: impl Fn(char) -> bool) -> usize {
    text.find(|character| !such(character)).unwrap_or(text.len())
}

/// The length of a `/* */`, which nests.
fn comment(text: &str) -> Option<usize> {
    let (mut depth, mut at) = (0_usize, 0);
    loop {
        let rest = text.get(at..)?;
        let step = if rest.starts_with("/*") {
            depth += 1;
            2
        } else if rest.starts_with("*/") {
            depth -= 1;
            2
        } else {
            rest.chars().next()?.len_utf8()
        };
        at += step;
        if depth == 0 {
            return Some(at);
        }
    }
}

/// The length of what is quoted from byte `from` on, where the quote is written twice to mean itself.
fn doubled(text: &str, from: usize, quote: char) -> Option<usize> {
    let mut at = from + 1;
    loop {
        at += text.get(at..)?.find(quote)? + 1;
        if !text.get(at..)?.starts_with(quote) {
            return Some(at);
        }
        at += 1;
    }
}

/// The same for a literal in which a backslash means itself or not, as the server is set.
fn literal(text: &str, from: usize) -> Result<usize, String> {
    let length = doubled(text, from, '\'').ok_or("has a literal that does not end")?;
    match text.get(..length) {
        Some(literal) if !literal.contains('\\') => Ok(length),
        _ => Err(
            "has a backslash in a plain literal, where its meaning depends on standard_conforming_strings: write E'…' \
                  with two of them"
                .to_owned(),
        ),
    }
}

/// The length of an `E'…'`.
fn escaped(text: &str) -> Option<usize> {
    let mut characters = text.char_indices().skip(2).peekable();
    while let Some((at, character)) = characters.next() {
        match character {
            '\\' => {
                characters.next()?;
            }
            '\'' if characters.peek().is_some_and(|(_, next)| *next == '\'') => {
                characters.next();
            }
            '\'' => return Some(at + 1),
            _ => {}
        }
    }
    None
}

/// The length of a `$tag$…$tag$`.
fn dollar_quoted(text: &str) -> Result<usize, String> {
    let after = text.get(1..).unwrap_or_default();
    let tag = run(after, |character| in_word(character) && character != '$');
    let begins = after.starts_with(|first: char| begins_word(first) || first == '$');
    let delimiter = text.get(..tag + 2).filter(|delimiter| begins && delimiter.ends_with('$'));
    let delimiter = delimiter.ok_or("has a $ that opens no dollar quote: arguments come by placeholders, not by $1")?;
    let content = text.get(delimiter.len()..).unwrap_or_default();
    let end = content.find(delimiter).ok_or_else(|| format!("has a {delimiter} literal that does not end"))?;
    Ok(delimiter.len() * 2 + end)
}

/// A number; what follows it at once is read as a part of it by some versions, and as a word of its own by others.
fn number(text: &str) -> Result<Token<'_>, String> {
    let digits = |text: &str| run(text, |character| character.is_ascii_digit());
    let mut length = run(text, |character| character.is_ascii_digit() || character == '.');
    if let Some(exponent) = text.get(length..).and_then(|rest| rest.strip_prefix(['e', 'E'])) {
        let sign = usize::from(exponent.starts_with(['+', '-']));
        let more = exponent.get(sign..).map_or(0, digits);
        length += if more == 0 { 0 } else { 1 + sign + more };
    }
    let (number, rest) = text.split_at_checked(length).unwrap_or((text, ""));
    if rest.starts_with(in_word) {
        return Err(format!("has the number {number} joined to a word: write a blank between"));
    }
    Ok(Token::Number(number))
}

fn placeholder(text: &str, quote: char) -> Result<Token<'_>, String> {
    let form = if quote == '"' { Form::Identifier } else { Form::Literal };
    let name = text.get(2..).and_then(|rest| rest.split_once(quote)).map(|(name, _)| name);
    let name = name.filter(|name| super::is_name(name)).ok_or_else(|| {
        format!("has a :{quote} that opens no placeholder: :'name' or :\"name\", by a parameter's name")
    })?;
    Ok(Token::Placeholder(form, name))
}
