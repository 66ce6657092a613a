//! What one run may take from one database, and what it took.

use std::time::Duration;

/// Caps of one [`Session`](super::Session), that is of one scope in one run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Rows that one query may return. Default 10 000.
    pub rows_per_query: u64,
    /// Rows that all queries together may return. Default 100 000.
    pub rows_per_run: u64,
    /// Bytes received over the connection, TLS included. Default 16 MiB. The agent holds at most about ten times as
    /// much in decoded form: an array element of two bytes becomes sixteen.
    pub bytes_per_run: u64,
    /// For each address that is tried: socket, TLS and authentication together. Default 5 s.
    pub connect_timeout: Duration,
    /// The server's `statement_timeout`, for the query and for each batch of rows. Default 10 s.
    pub statement_timeout: Duration,
    /// The server's `lock_timeout`. Default 1 s.
    pub lock_timeout: Duration,
    /// The server's `idle_in_transaction_session_timeout`: how long a half-read result may hold its snapshot. Default
    /// 30 s.
    pub idle_timeout: Duration,
    /// Wall clock of one call, whatever the server does. Default 15 s.
    pub call_timeout: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            rows_per_query: 10_000,
            rows_per_run: 100_000,
            bytes_per_run: 16 << 20,
            connect_timeout: Duration::from_secs(5),
            statement_timeout: Duration::from_secs(10),
            lock_timeout: Duration::from_secs(1),
            idle_timeout: Duration::from_secs(30),
            call_timeout: Duration::from_secs(15),
        }
    }
}

impl Limits {
    /// Opens the read-only transaction with everything pinned that a query's meaning or its text form depends on.
    ///
    /// READ COMMITTED, because a `default_transaction_isolation` of serializable is an error on a standby. `row_security` off: a query from
    /// which a policy would keep rows is an error then, and not a count that is too low. `jit` off: compiling a question that is asked once
    /// costs more than it saves. A query can change each of them for what is left of its own transaction; the next one begins here again.
    pub(super) fn begin(&self) -> String {
        // 0 would switch the time-out off.
        let ms = |limit: Duration| limit.as_millis().clamp(1, i32::MAX as u128);
        format!(
            "BEGIN ISOLATION LEVEL READ COMMITTED READ ONLY;\
             SET LOCAL statement_timeout={};\
             SET LOCAL lock_timeout={};\
             SET LOCAL idle_in_transaction_session_timeout={};\
             SET LOCAL search_path=pg_catalog,pg_temp;\
             SET LOCAL DateStyle=ISO;\
             SET LOCAL IntervalStyle=iso_8601;\
             SET LOCAL TimeZone='UTC';\
             SET LOCAL bytea_output=hex;\
             SET LOCAL extra_float_digits=3;\
             SET LOCAL row_security=off;\
             SET LOCAL jit=off",
            ms(self.statement_timeout),
            ms(self.lock_timeout),
            ms(self.idle_timeout),
        )
    }
}

/// What a session has cost so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Cost {
    /// Queries sent, failed ones included.
    pub queries: u64,
    /// Rows received.
    pub rows: u64,
    /// Bytes received over the connection, TLS included.
    pub bytes: u64,
    /// Time spent waiting for the database, connecting included.
    pub waited: Duration,
}
