//! The `log` capability: a guest's lines in the agent's log, limited in size and unable to forge other lines.

mod call;
pub mod wit;

pub use call::{Ask, Level, Told};

use super::Granted;
use super::error::Error;
use super::part::{About, Part, Size};

/// The longest line, in bytes of UTF-8.
const LINE: usize = 1024;

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
    fn admit(&mut self, message: &str) -> Option<String> {
        let line = printable(message, LINE);
        self.bytes = self.bytes.saturating_add(line.len() as u64);
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
        let mut log = Log::new(10);
        assert!(log.admit("12345").is_some());
        assert!(log.admit("12345").is_some());
        assert!(log.admit("1").is_none());
        assert_eq!(log.dropped, 1);
    }
}
