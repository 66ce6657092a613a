//! The `log` capability: a guest's lines in the agent's log, limited in size and unable to forge other lines.

mod call;
pub mod wit;

pub use call::{Ask, Level, Told};

use super::Granted;
use super::error::Error;
use super::part::{About, Part, Size};

/// The longest line, in bytes of UTF-8.
const LINE: usize = 1024;
/// What a line costs beside its text: the time, the level and the job's name that the log puts before it. Empty lines are not free.
const OVERHEAD: u64 = 64;

/// What a run has logged so far.
#[derive(Debug, Default)]
pub struct Log {
    /// The run's limit, in bytes.
    limit: u64,
    bytes: u64,
    /// Lines dropped because the run's limit was met.
    pub dropped: u64,
}

impl Log {
    /// Nothing logged yet; `limit` in bytes.
    pub fn new(limit: u64) -> Self {
        Self { limit, ..Self::default() }
    }

    /// The line as it may be logged: cut, control characters escaped; none when the run has used up its bytes.
    pub fn admit(&mut self, message: &str) -> Option<String> {
        let line = printable(message, LINE);
        self.bytes = self.bytes.saturating_add(line.len() as u64 + OVERHEAD);
        if self.bytes > self.limit {
            self.dropped += 1;
            return None;
        }
        Some(line)
    }
}

impl Part for Log {
    const NAME: &'static str = "log";
    type Ask = Ask;
    type Told = Told;

    fn about(&self, _: &Ask) -> About {
        About { operation: "log", ..About::default() }
    }

    fn size(_: &Told) -> Size {
        Size::default()
    }

    async fn perform(&mut self, granted: &Granted, ask: &Ask) -> Result<Told, Error> {
        let Ask::Log { level, message } = ask;
        if let Some(line) = self.admit(message) {
            let job = &granted.job;
            match level {
                Level::Debug => tracing::debug!(target: "plugin", job, "{line}"),
                Level::Info => tracing::info!(target: "plugin", job, "{line}"),
                Level::Warn => tracing::warn!(target: "plugin", job, "{line}"),
                Level::Error => tracing::error!(target: "plugin", job, "{line}"),
            }
        }
        Ok(Told::Taken)
    }
}

/// Text on one line: control characters, line separators and characters that reorder text are escaped; cut at so many bytes.
pub fn printable(text: &str, most: usize) -> String {
    // Room for the longest escape and for the sign that something is missing.
    let full = most.saturating_sub(10 + '…'.len_utf8());
    let mut line = String::with_capacity(text.len().min(most));
    for character in text.chars() {
        if line.len() > full {
            line.push('…');
            break;
        } else if character.is_control() || deceives(character) {
            line.extend(character.escape_default());
        } else {
            line.push(character);
        }
    }
    line
}

/// Whether a character reorders the text around it, ends a line for some readers, or cannot be seen.
fn deceives(character: char) -> bool {
    matches!(
        character,
        '\u{61c}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}'
            | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}'
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_cannot_forge_another() {
        assert_eq!(printable("a\nERROR b\x1b[31m\r\u{202e}c", 1024), "a\\nERROR b\\u{1b}[31m\\r\\u{202e}c");
        assert_eq!(printable("\u{61c}\u{200b}\u{2066}\u{feff}", 1024), "\\u{61c}\\u{200b}\\u{2066}\\u{feff}");
        for text in ["ä", "x", "\0", "\u{2028}", "\u{e0001}", "\u{10ffff}"] {
            for most in 64..90 {
                assert!(printable(&text.repeat(5000), most).len() <= most, "{text:?} {most}");
            }
        }
    }

    #[test]
    fn lines_over_the_limit_are_dropped_and_counted() {
        let mut log = Log::new(2 * (5 + OVERHEAD));
        assert!(log.admit("12345").is_some());
        assert!(log.admit("12345").is_some());
        assert!(log.admit("").is_none(), "an empty line is a line");
        assert_eq!(log.dropped, 1);
    }
}
