//! The calls of `log` as values.

use serde::{Deserialize, Serialize};

/// What a guest can ask.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Ask {
    /// A line for the agent's log.
    Log {
        /// How bad.
        level: Level,
        /// The line as the guest gave it.
        message: String,
    },
}

/// How bad a line is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[expect(missing_docs, reason = "the levels that every log has")]
pub enum Level {
    Debug,
    Info,
    Warn,
    Error,
}

/// What it is told.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Told {
    /// Taken; what was over the limit is counted, not reported.
    Taken,
}
