//! What the queries of `sql/` answer: a struct per query, a field per column.

use serde::Deserialize;

/// The server, asked first.
#[derive(Clone, Debug, Default, Deserialize)]
pub(crate) struct Life {
    /// Microseconds since 1970, by the server's clock.
    pub(crate) at: i64,
    /// When the postmaster started; the same unit.
    pub(crate) started: i64,
    /// Since when statistics are kept: the last crash of a session, where there was one; the same unit.
    pub(crate) kept_since: Option<i64>,
    pub(crate) standby: bool,
    /// track_counts.
    pub(crate) counted: bool,
    /// Bytes.
    pub(crate) shared_buffers: i64,
}

/// A database's counters.
#[derive(Clone, Debug, Default, Deserialize)]
pub(crate) struct Base {
    pub(crate) oid: i64,
    pub(crate) datname: String,
    pub(crate) blks_hit: i64,
    pub(crate) blks_read: i64,
    pub(crate) stats_reset: Option<i64>,
}

/// A table's counters, its indexes and TOAST included.
#[derive(Clone, Debug, Default, Deserialize)]
pub(crate) struct Table {
    pub(crate) id: i64,
    pub(crate) schemaname: String,
    pub(crate) relname: String,
    pub(crate) hits: i64,
    pub(crate) reads: i64,
}

/// What pg_buffercache says of all buffers.
#[derive(Clone, Debug, Default, Deserialize)]
pub(crate) struct Pool {
    pub(crate) used: i64,
    pub(crate) unused: i64,
    pub(crate) dirty: i64,
    /// Mean usage count of those in use, 0 to 5; none if none is.
    pub(crate) usage: Option<f64>,
}
