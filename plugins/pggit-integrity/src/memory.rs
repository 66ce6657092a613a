//! What a job keeps between runs, by scope: values of the last run, and baselines that stay until the setting
//! `baseline` gets another name.

use pgreeve_sdk::{Level, log, recall, remember};
use serde::{Deserialize, Serialize, de::DeserializeOwned};

/// A baseline: the state that later ones are compared with.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Baseline<T> {
    /// The setting `baseline` under which it was taken.
    pub(crate) label: String,
    /// When, in microseconds since 1970-01-01 UTC by the agent's clock.
    pub(crate) at: i64,
    pub(crate) value: T,
}

/// What the last run left; none where there is nothing, or nothing could be had.
pub(crate) fn get<T: DeserializeOwned>(scope: &str, name: &str) -> Option<T> {
    recall(&key(scope, name)).unwrap_or_else(|error| {
        log(Level::Warn, &format!("{scope}: nothing is recalled of {name}: {}", error.line()));
        None
    })
}

/// Leaves a value for the next run.
pub(crate) fn put<T: Serialize>(scope: &str, name: &str, value: &T) {
    if let Err(error) = remember(&key(scope, name), value) {
        log(Level::Warn, &format!("{scope}: {name} is not remembered for the next run: {}", error.line()));
    }
}

fn key(scope: &str, name: &str) -> String {
    format!("{scope}/{name}")
}
