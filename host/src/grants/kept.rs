//! The calls of a run that is recorded, as far as memory is given to them.

use std::io;

use super::exchange::Exchange;

/// Bytes that a recording's calls may have, as they are written: 64 MiB, four times what a run may receive through one capability by
/// default. A recording is there to be read, compared and committed.
pub const LONGEST: u64 = 64 << 20;

/// Calls with their answers, up to a size; beyond it none, and that is remembered.
#[derive(Clone, Debug)]
pub struct Kept {
    exchanges: Vec<Exchange>,
    bytes: u64,
    most: u64,
}

impl Default for Kept {
    fn default() -> Self {
        Self::up_to(LONGEST)
    }
}

impl Kept {
    /// None yet, and so many bytes at most.
    pub fn up_to(most: u64) -> Self {
        Self { exchanges: Vec::new(), bytes: 0, most }
    }

    /// One more. The first that is too many takes all others with it: half a recording cannot be replayed.
    pub(super) fn push(&mut self, exchange: Exchange) {
        if self.is_too_long() {
            return;
        }
        self.bytes = self.bytes.saturating_add(written(&exchange));
        if self.is_too_long() {
            self.exchanges = Vec::new();
        } else {
            self.exchanges.push(exchange);
        }
    }

    fn is_too_long(&self) -> bool {
        self.bytes > self.most
    }

    /// All of them, or the bytes that they may have.
    pub fn exchanges(&self) -> Result<&[Exchange], u64> {
        if self.is_too_long() { Err(self.most) } else { Ok(&self.exchanges) }
    }
}

/// The length of its line in a recording.
fn written(exchange: &Exchange) -> u64 {
    struct Counting(u64);
    impl io::Write for Counting {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0 += bytes.len() as u64;
            Ok(bytes.len())
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }
    let mut counting = Counting(0);
    match serde_json::to_writer(&mut counting, exchange) {
        Ok(()) => counting.0 + 1,
        // What cannot be written makes no recording.
        Err(_) => u64::MAX,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::grants::error::Error;
    use crate::grants::postgres;

    fn exchange(text: &str) -> Exchange {
        let ask = postgres::Ask::Identify { database: "main".to_owned() };
        Exchange { ask: ask.into(), told: Err(Error::Denied(text.to_owned())), elapsed_us: 1 }
    }

    #[test]
    fn calls_are_kept_up_to_their_bytes_and_then_none_is() {
        let one = serde_json::to_string(&exchange("no")).unwrap().len() as u64 + 1;
        let mut kept = Kept::up_to(3 * one);
        (0..3).for_each(|_| kept.push(exchange("no")));
        assert_eq!(kept.exchanges().map(<[Exchange]>::len), Ok(3));
        kept.push(exchange("no"));
        assert_eq!(kept.exchanges(), Err(3 * one));
        assert!(kept.exchanges.is_empty() && kept.exchanges.capacity() == 0);
        kept.push(exchange(""));
        assert_eq!(kept.exchanges(), Err(3 * one));
    }

    #[test]
    fn one_answer_can_be_too_long() {
        let mut kept = Kept::up_to(1 << 10);
        kept.push(exchange(&"x".repeat(1 << 10)));
        assert_eq!(kept.exchanges(), Err(1 << 10));
    }
}
