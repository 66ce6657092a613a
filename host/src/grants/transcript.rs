//! What becomes of a run's host calls beside being answered: a trail of all of them, always; the calls with their answers where the run
//! is recorded; and the answers of an earlier run where one is replayed.

use std::collections::VecDeque;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use super::error::Error;
use super::exchange::{Ask, Exchange, Told};
use super::kept::Kept;
use super::log::printable;
use super::part::{About, Size};

/// Different calls that a trail tells apart; those of further kinds are counted together.
const MOST_LINES: usize = 200;
/// Bytes of a name that a trail keeps: what can be granted has 64 at most, what a guest asks for may have megabytes.
const MOST_NAME: usize = 80;
/// Denials that a trail keeps the words of.
const MOST_DENIALS: usize = 10;

/// Where answers come from, and whether they are kept.
#[derive(Clone, Debug, Default)]
pub enum Mode {
    /// From the capabilities.
    #[default]
    Live,
    /// From the capabilities, and kept, as far as there is room.
    Recording(Kept),
    /// From an earlier run, in the same order; nothing is reached.
    Replaying {
        /// What is still to come.
        exchanges: VecDeque<Exchange>,
        /// The readings of the guest's clock.
        clock: Vec<u64>,
    },
}

/// A replayed plugin asked something else than it did when it was recorded.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("left the recording at host call {call}: it asked {asked}, the recording has {recorded}")]
pub struct Diverged {
    /// The number of the call, from 1.
    pub call: u64,
    /// What was asked, as JSON.
    pub asked: String,
    /// What the recording has there, as JSON.
    pub recorded: String,
}

/// The host calls of one run.
#[derive(Debug, Default)]
pub struct Transcript {
    /// Where answers come from.
    pub mode: Mode,
    calls: u64,
    trail: Trail,
}

/// What a run asked of the host: one line per kind of call, in the order of the first of each.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Trail {
    /// Kinds of call.
    pub calls: Vec<Line>,
    /// The words of the first denials, each once.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub denied: Vec<String>,
}

/// Calls of one kind: the same function, grant and fingerprint.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Line {
    /// The function, such as `postgres.query`.
    pub call: String,
    /// The granted name.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub grant: String,
    /// The first 12 hexadecimal digits of the SHA-256 of the statement, path or command.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fingerprint: Option<String>,
    /// How many.
    pub count: u64,
    /// How many of them had an error for an answer.
    pub errors: u64,
    /// Rows or items received.
    pub rows: u64,
    /// Bytes of values received.
    pub bytes: u64,
    /// How long the answers took together, in microseconds.
    pub elapsed_us: u64,
}

impl Transcript {
    /// A transcript that has not begun.
    pub fn new(mode: Mode) -> Self {
        Self { mode, ..Self::default() }
    }

    /// The recorded answer to a call, if the run is a replay.
    pub fn replay(&mut self, ask: impl FnOnce() -> Ask) -> Result<Option<Result<Told, Error>>, Diverged> {
        self.calls += 1;
        let Mode::Replaying { exchanges, .. } = &mut self.mode else { return Ok(None) };
        let asked = ask();
        let next = exchanges.pop_front();
        match next {
            Some(exchange) if same(&exchange.ask, &asked) => Ok(Some(exchange.told)),
            other => {
                let recorded = other.map_or_else(|| "no further call".to_owned(), |other| json(&other.ask));
                Err(Diverged { call: self.calls, asked: json(&asked), recorded })
            }
        }
    }

    /// The recorded calls that a replayed plugin did not make.
    pub fn left(&self) -> usize {
        match &self.mode {
            Mode::Replaying { exchanges, .. } => exchanges.len(),
            Mode::Live | Mode::Recording(_) => 0,
        }
    }

    /// Keeps a call with its answer, if the run is recorded.
    pub fn keep(&mut self, exchange: impl FnOnce() -> Exchange) {
        if let Mode::Recording(kept) = &mut self.mode {
            kept.push(exchange());
        }
    }

    /// Adds a call to the trail. The words of a denial come back where the trail has them for the first time: those are worth logging.
    pub fn trace(
        &mut self,
        capability: &str,
        about: About,
        answer: Result<Size, &Error>,
        elapsed: Duration,
    ) -> Option<&str> {
        let line = self.trail.line(capability, about)?;
        line.count += 1;
        line.elapsed_us = line.elapsed_us.saturating_add(u64::try_from(elapsed.as_micros()).unwrap_or(u64::MAX));
        match answer {
            Ok(size) => {
                line.rows += size.rows;
                line.bytes += size.bytes;
                None
            }
            Err(error) => {
                line.errors += 1;
                if let Error::Denied(text) = error
                    && self.trail.denied.len() < MOST_DENIALS
                    && !self.trail.denied.contains(text)
                {
                    self.trail.denied.push(text.clone());
                    return self.trail.denied.last().map(String::as_str);
                }
                None
            }
        }
    }

    /// The trail and, where the run was recorded, its calls.
    pub fn finish(self) -> (Trail, Kept) {
        let kept = match self.mode {
            Mode::Recording(kept) => kept,
            Mode::Live | Mode::Replaying { .. } => Kept::default(),
        };
        (self.trail, kept)
    }
}

impl Trail {
    /// The line that counts such a call.
    fn line(&mut self, capability: &str, about: About) -> Option<&mut Line> {
        let mut line = Line {
            call: format!("{capability}.{}", about.operation),
            grant: printable(&about.grant, MOST_NAME),
            fingerprint: about.text.map(|text| fingerprint(&text)),
            ..Line::default()
        };
        let same = |other: &Line| {
            other.call == line.call && other.grant == line.grant && other.fingerprint == line.fingerprint
        };
        let mut position = self.calls.iter().position(same);
        if position.is_none() && self.calls.len() >= MOST_LINES {
            line = Line { call: "others".to_owned(), ..Line::default() };
            position = self.calls.iter().position(|other| other.call == line.call);
        }
        let position = position.unwrap_or_else(|| {
            self.calls.push(line);
            self.calls.len() - 1
        });
        self.calls.get_mut(position)
    }
}

/// The first 12 hexadecimal digits of a text's SHA-256.
pub fn fingerprint(text: &str) -> String {
    Sha256::digest(text.as_bytes()).iter().take(6).map(|byte| format!("{byte:02x}")).collect()
}

/// The same call. A NaN among its parameters does not equal itself, but it is written as itself.
fn same(recorded: &Ask, asked: &Ask) -> bool {
    let written = |ask| serde_json::to_value(ask).ok();
    recorded == asked || written(recorded).is_some_and(|recorded| Some(recorded) == written(asked))
}

/// A call for a message, not too long.
fn json(ask: &Ask) -> String {
    let text = serde_json::to_string(ask).unwrap_or_else(|error| format!("a call that is no JSON: {error}"));
    match text.char_indices().nth(600) {
        Some((end, _)) => format!("{}…", text.get(..end).unwrap_or_default()),
        None => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::grants::postgres;

    fn about(grant: &str, text: &str) -> About {
        About { operation: "query", grant: grant.to_owned(), text: Some(text.to_owned()) }
    }

    #[test]
    fn calls_of_one_kind_are_one_line() {
        let mut transcript = Transcript::default();
        let size = Size { rows: 2, bytes: 10 };
        for _ in 0..3 {
            transcript.trace("postgres", about("main", "SELECT 1"), Ok(size), Duration::from_micros(5));
        }
        let no = Error::Denied("no".into());
        let first = transcript.trace("postgres", about("main", "SELECT 2"), Err(&no), Duration::ZERO);
        assert_eq!(first, Some("no"));
        assert_eq!(transcript.trace("postgres", about("other", "SELECT 2"), Err(&no), Duration::ZERO), None);
        let (trail, kept) = transcript.finish();
        assert_eq!(kept.exchanges().map(<[Exchange]>::len), Ok(0));
        let counted: Vec<(u64, u64, u64, u64)> =
            trail.calls.iter().map(|line| (line.count, line.errors, line.rows, line.elapsed_us)).collect();
        assert_eq!(counted, [(3, 0, 6, 15), (1, 1, 0, 0), (1, 1, 0, 0)]);
        // printf 'SELECT 1' | sha256sum
        assert_eq!(trail.calls[0].fingerprint.as_deref(), Some("e004ebd5b553"));
        assert_eq!(trail.denied, ["no"]);
    }

    #[test]
    fn a_trail_stays_small_whatever_is_asked() {
        let mut transcript = Transcript::default();
        for number in 0..10_000 {
            let error = Error::Denied(number.to_string());
            transcript.trace("postgres", about("main", &number.to_string()), Err(&error), Duration::ZERO);
        }
        let name = "x".repeat(1 << 20);
        transcript.trace("postgres", about(&name, ""), Ok(Size::default()), Duration::ZERO);
        let (trail, _) = transcript.finish();
        assert!(trail.calls.iter().all(|line| line.grant.len() <= MOST_NAME));
        assert_eq!(trail.calls.len(), MOST_LINES + 1);
        assert_eq!(trail.calls.last().map(|line| line.count), Some(10_001 - MOST_LINES as u64));
        assert_eq!(trail.denied.len(), MOST_DENIALS);
    }

    #[test]
    fn a_call_with_a_nan_is_replayed() {
        let ask = |number: f64| {
            let (database, sql) = ("main".to_owned(), "SELECT $1".to_owned());
            Ask::from(postgres::Ask::Query { database, sql, parameters: vec![postgres::Value::Float(number)] })
        };
        let told = || Err(Error::Denied("no".into()));
        let replay = |asked| {
            let exchange = Exchange { ask: ask(f64::NAN), told: told(), elapsed_us: 1 };
            let mode = Mode::Replaying { exchanges: [exchange].into(), clock: Vec::new() };
            Transcript::new(mode).replay(|| ask(asked)).map_err(|_| ())
        };
        assert_eq!(replay(f64::NAN), Ok(Some(told())));
        assert_eq!(replay(1.0), Err(()));
    }
}
