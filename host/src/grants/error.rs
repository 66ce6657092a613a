//! Why a host call has no answer, as the contract's `errors` interface sees it: the agent's own form, which is also what recordings hold.

use serde::{Deserialize, Serialize};

/// A limit of the run, as the contract names it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Limit {
    /// Rows of one query, or of all queries of the run.
    Rows,
    /// Bytes received through the capability.
    Bytes,
    /// Wall-clock time of the run.
    Time,
    /// Host calls.
    Calls,
    /// Open handles.
    Handles,
    /// The plugin's memory: bytes, keys or the length of a key.
    Quota,
}

/// Why there is no answer. No variant ever holds a secret.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[serde(rename_all = "kebab-case")]
pub enum Error {
    /// Not granted. The text names the job, the capability and the line that agent.toml lacks.
    #[error("{0}")]
    Denied(String),
    /// A limit of the run was met.
    #[error("{}", match .0 {
        Limit::Rows => "there are more rows than this run may read: select fewer, or aggregate",
        Limit::Bytes => "there are more bytes than this run may receive: ask for less, or aggregate",
        Limit::Time => "the run's time is over",
        Limit::Calls => "the run has made all the calls that it may make",
        Limit::Handles => "the run has as many handles open as it may have",
        Limit::Quota => "the job remembers as much as it may",
    })]
    LimitExceeded(Limit),
    /// No connection, or it broke.
    #[error("{0}")]
    Unreachable(String),
    /// Reached, but no answer in the time allowed. The text names the time-out.
    #[error("{0}")]
    TimedOut(String),
    /// The call itself makes no sense.
    #[error("{0}")]
    Invalid(String),
    /// The other side answered with an error.
    #[error("{message} ({code})")]
    Remote {
        /// PostgreSQL: SQLSTATE. Redis: the error's prefix. Commands: the exit status or `signal N`.
        code: String,
        /// The other side's own words.
        message: String,
        /// More of them.
        detail: Option<String>,
        /// The other side's own advice, or pgreeve's.
        hint: Option<String>,
    },
}
