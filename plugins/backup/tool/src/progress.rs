//! How far something is that takes a while, for a person at a terminal.

use std::io::{IsTerminal, Write};
use std::time::{Duration, Instant};

/// What is done sooner is not spoken of; what takes longer is said anew this often.
const EVERY: Duration = Duration::from_millis(500);

/// A line that is written over, and gone in the end. Nothing where standard error is no terminal.
pub(crate) struct Progress {
    what: &'static str,
    total: usize,
    at: Instant,
    shown: bool,
}

impl Progress {
    pub(crate) fn of(what: &'static str, total: usize) -> Self {
        Self { what, total, at: Instant::now(), shown: false }
    }

    /// So many are done.
    pub(crate) fn done(&mut self, done: usize) {
        if self.at.elapsed() < EVERY || !std::io::stderr().is_terminal() {
            return;
        }
        (self.at, self.shown) = (Instant::now(), true);
        // Nobody misses it where it cannot be written.
        let _ = write!(std::io::stderr(), "\r{}: {done} of {}", self.what, self.total);
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        if self.shown {
            let _ = write!(std::io::stderr(), "\r\x1b[K");
        }
    }
}
