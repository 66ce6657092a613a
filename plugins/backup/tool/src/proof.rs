//! What a restore test found, as `NAME.proof.json` has it.

use serde::{Deserialize, Serialize};

use crate::manifest::ServerFacts;

/// Failures listed for a person; more are counted.
const MOST_FAILURES: usize = 20;

/// A restore test that was made to its end.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Proof {
    pub(crate) format: u32,
    pub(crate) name: String,
    pub(crate) tool: String,
    pub(crate) server: Option<ServerFacts>,
    pub(crate) manifest_sha256: Option<String>,
    pub(crate) passed: bool,
    pub(crate) proved: String,
    pub(crate) proved_us: i64,
    pub(crate) restore_ms: Option<i64>,
    pub(crate) total_ms: i64,
    pub(crate) data_until: Option<String>,
    pub(crate) data_until_us: Option<i64>,
    pub(crate) age_s: Option<i64>,
    pub(crate) method: String,
    pub(crate) target: Option<String>,
    pub(crate) assertions: Vec<Assertion>,
    pub(crate) failures: Vec<String>,
    pub(crate) notes: Vec<String>,
}

/// One claim about the restored data.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Assertion {
    pub(crate) id: String,
    pub(crate) passed: bool,
    pub(crate) detail: String,
}

/// Claims as they are looked at.
#[derive(Debug, Default)]
pub(crate) struct Claims {
    pub(crate) assertions: Vec<Assertion>,
    pub(crate) failures: Vec<String>,
    pub(crate) notes: Vec<String>,
}

impl Claims {
    /// Adds a claim that holds if nothing speaks against it.
    pub(crate) fn claim(&mut self, id: &str, good: impl Into<String>, against: Vec<String>) {
        let passed = against.is_empty();
        let detail = match against.as_slice() {
            [] => good.into(),
            [one] => one.clone(),
            [first, rest @ ..] => format!("{first} (and {} more)", rest.len()),
        };
        self.assertions.push(Assertion { id: id.to_owned(), passed, detail });
        self.failures.extend(against.into_iter().map(|why| format!("{id}: {why}")));
    }

    /// Something that was not looked at, and why.
    pub(crate) fn note(&mut self, note: impl Into<String>) {
        self.notes.push(note.into());
    }

    pub(crate) fn passed(&self) -> bool {
        self.assertions.iter().all(|claim| claim.passed)
    }

    /// The failures that have room.
    pub(crate) fn shown_failures(&self) -> Vec<String> {
        let mut shown: Vec<String> = self.failures.iter().take(MOST_FAILURES).cloned().collect();
        if self.failures.len() > MOST_FAILURES {
            shown.push(format!("and {} more", self.failures.len() - MOST_FAILURES));
        }
        shown
    }
}
