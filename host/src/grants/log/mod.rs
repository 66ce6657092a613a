//! The `log` capability: a guest's lines in the agent's log, limited in size and unable to forge other lines.

pub mod wit;

/// The longest line, in bytes of UTF-8.
const LINE: usize = 1024;

/// What a run has logged so far.
#[derive(Debug, Default)]
pub struct Log {
    bytes: u64,
    /// Lines dropped because the run's limit was met.
    pub dropped: u64,
}

impl Log {
    /// The line as it may be logged: cut, control characters escaped; none when the run has used up its bytes.
    pub fn admit(&mut self, message: &str, limit: u64) -> Option<String> {
        let line = printable(message, LINE);
        self.bytes = self.bytes.saturating_add(line.len() as u64);
        if self.bytes > limit {
            self.dropped += 1;
            return None;
        }
        Some(line)
    }
}

/// Text on one line: control characters, line separators and characters that reorder text are escaped; cut at so many bytes.
pub fn printable(text: &str, most: usize) -> String {
    let mut line = String::with_capacity(text.len().min(most));
    for character in text.chars() {
        let reorders = matches!(character, '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
        if line.len() + 8 > most {
            line.push('…');
            break;
        } else if character.is_control() || reorders {
            line.extend(character.escape_default());
        } else {
            line.push(character);
        }
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_cannot_forge_another() {
        assert_eq!(printable("a\nERROR b\x1b[31m\r\u{202e}c", 1024), "a\\nERROR b\\u{1b}[31m\\r\\u{202e}c");
        assert!(printable(&"ä".repeat(5000), LINE).len() <= LINE);
    }

    #[test]
    fn lines_over_the_limit_are_dropped_and_counted() {
        let mut log = Log::default();
        assert!(log.admit("12345", 10).is_some());
        assert!(log.admit("12345", 10).is_some());
        assert!(log.admit("1", 10).is_none());
        assert_eq!(log.dropped, 1);
    }
}
