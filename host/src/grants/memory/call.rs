//! The calls of `memory` as values.

use serde::{Deserialize, Serialize};

use crate::report::Pair;

/// What a guest can ask.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Ask {
    /// A key's value.
    Get {
        /// 1 to 128 bytes.
        key: String,
    },
    /// Sets a key.
    Set {
        /// 1 to 128 bytes.
        key: String,
        /// Its value.
        #[serde(with = "crate::grants::bytes")]
        value: Vec<u8>,
    },
    /// Removes a key.
    Delete {
        /// 1 to 128 bytes.
        key: String,
    },
    /// What was recorded of one of the job's metrics.
    Samples {
        /// The metric's name.
        metric: String,
        /// All its labels.
        labels: Vec<Pair>,
        /// Microseconds since 1970-01-01 UTC.
        since: i64,
    },
}

/// What it is told.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Told {
    /// A value, where there is one.
    Value(Option<Bytes>),
    /// Set or removed.
    Done,
    /// Oldest first: microseconds since 1970-01-01 UTC, value.
    Samples(Vec<(i64, f64)>),
}

/// A value.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Bytes(#[serde(with = "crate::grants::bytes")] pub Vec<u8>);
