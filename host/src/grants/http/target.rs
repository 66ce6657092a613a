//! A guest's path, checked byte by byte before anything else sees it, so that it can mean one thing only: to us, to the
//! server, and to whatever decodes it once more on the way.

/// Longest path with its query, in bytes.
const LONGEST: usize = 2048;

/// A path and a query that passed the check. What goes on the wire is put together from these parts.
///
/// * The path begins with one `/`, has no empty segment but the last, and no segment of dots, whether escaped, before
///   `;` or not.
/// * It is made of RFC 3986's characters. An escape stands for UTF-8, and never for `/`, `\`, `%`, a control character
///   or a character that needs no escape: so nothing has a second, disguised spelling, and decoding twice is decoding
///   once.
/// * `*` is written `%2A`, because in an allowed line it is the wildcard.
/// * The query is made of the same characters and `/` and `?`; it may escape everything but control characters. It is
///   not empty.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    path: String,
    query: Option<String>,
}

impl Target {
    /// Checks a path with or without a query; the error says what is wrong with it. Total: every text has an answer.
    pub fn parse(text: &str) -> Result<Self, &'static str> {
        if text.len() > LONGEST {
            return Err("it is longer than 2048 bytes");
        }
        let (path, query) = match text.split_once('?') {
            Some((path, query)) => (path, Some(query)),
            None => (text, None),
        };
        check_path(path)?;
        query.map_or(Ok(()), check_query)?;
        Ok(Self { path: path.to_owned(), query: query.map(str::to_owned) })
    }

    /// The path alone.
    pub fn path(&self) -> &str {
        &self.path
    }

    /// What stands after the `?`.
    pub fn query(&self) -> Option<&str> {
        self.query.as_deref()
    }

    /// As it goes on the wire.
    pub fn request_target(&self) -> String {
        match &self.query {
            Some(query) => format!("{}?{query}", self.path),
            None => self.path.clone(),
        }
    }
}

fn check_path(path: &str) -> Result<(), &'static str> {
    let segments = path.strip_prefix('/').ok_or("it does not begin with /")?;
    let mut segments = segments.split('/').peekable();
    while let Some(segment) = segments.next() {
        if segment.is_empty() && segments.peek().is_some() {
            return Err("it holds //");
        }
        check_segment(segment)?;
    }
    Ok(())
}

fn check_segment(segment: &str) -> Result<(), &'static str> {
    let mut decoded = Vec::with_capacity(segment.len());
    for piece in pieces(segment) {
        decoded.push(match piece? {
            Piece::Plain(byte) if plain(byte) => byte,
            Piece::Plain(byte) => return Err(why_not_plain(byte)),
            Piece::Escape(b'/' | b'\\') => return Err("it holds an escaped / or \\"),
            Piece::Escape(b'%') => return Err("it holds an escaped %, which decodes twice"),
            Piece::Escape(byte) if byte.is_ascii_control() => return Err("it holds an escaped control character"),
            Piece::Escape(byte) if unreserved(byte) => return Err("it escapes a character that needs no escape"),
            Piece::Escape(byte) => byte,
        });
    }
    let text = std::str::from_utf8(&decoded).map_err(|_| "its escapes are not UTF-8")?;
    if text.chars().any(char::is_control) {
        return Err("it holds an escaped control character");
    }
    // Some servers cut a segment at `;`, some cut off dots and blanks at its end.
    let name = text.split(';').next().unwrap_or_default();
    if !name.is_empty() && name.chars().all(|character| character == '.' || character == ' ') {
        return Err("it holds a segment of dots");
    }
    Ok(())
}

/// As [`Target`] says of a query, which stands without its `?`.
pub(super) fn check_query(query: &str) -> Result<(), &'static str> {
    if query.is_empty() {
        return Err("nothing follows its ?");
    }
    for piece in pieces(query) {
        match piece? {
            Piece::Plain(byte) if plain(byte) || matches!(byte, b'/' | b'?') => {}
            Piece::Plain(byte) => return Err(why_not_plain(byte)),
            Piece::Escape(byte) if byte.is_ascii_control() => return Err("it holds an escaped control character"),
            Piece::Escape(_) => {}
        }
    }
    Ok(())
}

enum Piece {
    Plain(u8),
    Escape(u8),
}

fn pieces(text: &str) -> impl Iterator<Item = Result<Piece, &'static str>> {
    let mut bytes = text.bytes();
    std::iter::from_fn(move || {
        let byte = bytes.next()?;
        if byte != b'%' {
            return Some(Ok(Piece::Plain(byte)));
        }
        let mut digit =
            || bytes.next().and_then(|byte| char::from(byte).to_digit(16)).and_then(|d| u8::try_from(d).ok());
        let escape = digit().zip(digit()).map(|(high, low)| Piece::Escape(high << 4 | low));
        Some(escape.ok_or("it holds a % without two hexadecimal digits"))
    })
}

/// RFC 3986, 2.3.
fn unreserved(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~')
}

/// RFC 3986's `pchar` without escapes and without `*`.
fn plain(byte: u8) -> bool {
    unreserved(byte)
        || matches!(byte, b'!' | b'$' | b'&' | b'\'' | b'(' | b')' | b'+' | b',' | b';' | b'=' | b':' | b'@')
}

fn why_not_plain(byte: u8) -> &'static str {
    match byte {
        b'*' => "it holds *, to be written %2A",
        b' ' => "it holds a space, to be written %20",
        b'\\' => "it holds a backslash",
        b'#' => "it holds #, and a fragment is never sent",
        _ if byte.is_ascii_control() => "it holds a control character",
        _ if !byte.is_ascii() => "it holds a character outside ASCII, to be percent-encoded",
        _ => "it holds a character that a URL must escape",
    }
}
