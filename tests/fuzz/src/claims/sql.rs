//! How a PostgreSQL server cuts a statement into pieces, written a second time and from the server's side (`scan.l`), to hold the agent's
//! own reading against.

/// A piece, with its value where it is quoted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Piece {
    Literal(String),
    Name(String),
    /// A word, a number or a sign.
    Word(String),
}

/// The setting `standard_conforming_strings`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Standard {
    On,
    Off,
}

/// The pieces without blanks and comments, literals on several lines put together; an error where a server would have one.
pub(super) fn read(text: &str, standard: Standard) -> Result<Vec<Piece>, String> {
    let text: Vec<char> = text.chars().collect();
    let mut reader = Reader { text: &text, at: 0, standard };
    let mut pieces = Vec::new();
    while let Some(piece) = reader.piece()? {
        pieces.push(piece);
    }
    Ok(pieces)
}

struct Reader<'t> {
    text: &'t [char],
    at: usize,
    standard: Standard,
}

impl Reader<'_> {
    fn sees(&self, what: &str) -> bool {
        what.chars().enumerate().all(|(index, character)| self.text.get(self.at + index) == Some(&character))
    }

    fn next(&mut self) -> Option<char> {
        let next = self.text.get(self.at).copied();
        self.at += usize::from(next.is_some());
        next
    }

    fn while_some(&mut self, such: impl Fn(char) -> bool) -> String {
        let mut run = String::new();
        while let Some(next) = self.text.get(self.at).filter(|next| such(**next)) {
            run.push(*next);
            self.at += 1;
        }
        run
    }

    /// Skips blanks and comments; whether a line ended in them, and there was no comment but of the `--` kind.
    fn skip(&mut self) -> Result<bool, String> {
        let (mut newline, mut simple) = (false, true);
        loop {
            if self.sees("--") {
                self.while_some(|character| !matches!(character, '\n' | '\r'));
            } else if self.sees("/*") {
                simple = false;
                let mut depth = 0;
                loop {
                    if self.sees("/*") {
                        (depth, self.at) = (depth + 1, self.at + 2);
                    } else if self.sees("*/") {
                        (depth, self.at) = (depth - 1, self.at + 2);
                    } else if self.next().is_none() {
                        return Err("unterminated comment".to_owned());
                    }
                    if depth == 0 {
                        break;
                    }
                }
            } else {
                let blanks = self.while_some(|character| matches!(character, ' ' | '\t' | '\n' | '\r' | '\x0c'));
                if blanks.is_empty() {
                    return Ok(newline && simple);
                }
                newline |= blanks.contains(['\n', '\r']);
            }
        }
    }

    fn piece(&mut self) -> Result<Option<Piece>, String> {
        self.skip()?;
        let Some(&first) = self.text.get(self.at) else { return Ok(None) };
        let letter = |character: char| character.is_ascii_alphabetic() || character == '_' || !character.is_ascii();
        for (prefix, backslashes) in [("'", self.standard == Standard::Off), ("e'", true), ("E'", true)] {
            if self.sees(prefix) {
                self.at += prefix.len();
                return self.literal(backslashes).map(Piece::Literal).map(Some);
            }
        }
        for prefix in ["b'", "B'", "x'", "X'"] {
            if self.sees(prefix) {
                self.at += 2;
                return self.literal(false).map(Piece::Literal).map(Some);
            }
        }
        for prefix in ["u&'", "U&'"] {
            if self.sees(prefix) {
                // Where the setting is off, a server refuses these.
                self.at += 3;
                return self.literal(false).map(Piece::Literal).map(Some);
            }
        }
        for prefix in ["\"", "u&\"", "U&\""] {
            if self.sees(prefix) {
                self.at += prefix.len();
                return self.name().map(Piece::Name).map(Some);
            }
        }
        if first == '$'
            && let Some(content) = self.dollar()
        {
            return content.map(Piece::Literal).map(Some);
        }
        if letter(first) {
            let word = self.while_some(|next| letter(next) || next.is_ascii_digit() || next == '$');
            return Ok(Some(Piece::Word(word)));
        }
        if first.is_ascii_digit() {
            return Ok(Some(Piece::Word(self.while_some(|next| next.is_ascii_digit()))));
        }
        self.at += 1;
        Ok(Some(Piece::Word(first.to_string())))
    }

    /// What is left of a literal, and the literals that go on with it on other lines, which are read by the same rules.
    fn literal(&mut self, backslashes: bool) -> Result<String, String> {
        let mut value = String::new();
        loop {
            match self.next().ok_or("unterminated literal")? {
                '\\' if backslashes => value.push(self.next().ok_or("unterminated literal")?),
                '\'' if self.sees("'") => value.push(self.next().unwrap_or('\'')),
                '\'' => {
                    let end = self.at;
                    if self.skip()? && self.sees("'") {
                        self.at += 1;
                    } else {
                        self.at = end;
                        return Ok(value);
                    }
                }
                other => value.push(other),
            }
        }
    }

    fn name(&mut self) -> Result<String, String> {
        let mut value = String::new();
        loop {
            match self.next().ok_or("unterminated name")? {
                '"' if self.sees("\"") => value.push(self.next().unwrap_or('"')),
                '"' => return Ok(value),
                other => value.push(other),
            }
        }
    }

    /// None where the `$` is none of a dollar quote.
    fn dollar(&mut self) -> Option<Result<String, String>> {
        let tag = self.text.get(self.at + 1..)?.split(|character| *character == '$').next()?;
        let opens = self.text.get(self.at + 1 + tag.len()) == Some(&'$');
        let begins = tag.first().is_none_or(|first| !first.is_ascii_digit());
        if !opens || !begins || !tag.iter().all(|next| next.is_ascii_alphanumeric() || *next == '_' || !next.is_ascii())
        {
            return None;
        }
        let delimiter: String = ['$'].iter().chain(tag).chain(&['$']).collect();
        self.at += tag.len() + 2;
        let mut value = String::new();
        while !self.sees(&delimiter) {
            match self.next() {
                Some(next) => value.push(next),
                None => return Some(Err("unterminated dollar quote".to_owned())),
            }
        }
        self.at += tag.len() + 2;
        Some(Ok(value))
    }
}
