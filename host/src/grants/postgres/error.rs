//! What can go wrong between a plugin and its database, as the contract's `errors` interface sees it.

use std::error::Error as _;

use tokio_postgres::error::DbError;

/// A cap of [`Limits`](super::Limits) that was reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Limit {
    /// Rows of one query, or of all queries of the run.
    Rows,
    /// Bytes received over the connection.
    Bytes,
}

/// Why there is no answer. No variant ever holds a password.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// The login may do more than an observer should, and `agent.toml` does not say that this is wanted.
    #[error("{0}")]
    Denied(String),
    /// A cap was reached. After [`Limit::Bytes`] the connection is gone.
    #[error("{}", match .0 {
        Limit::Rows => "the query has more rows than this run may read: select fewer, or aggregate",
        Limit::Bytes => "the answer has more bytes than this run may receive: \
            select fewer columns or rows, or aggregate",
    })]
    LimitExceeded(Limit),
    /// The server could not be reached, or the connection was lost.
    #[error("{0}")]
    Unreachable(String),
    /// `statement_timeout`, the idle time-out of an open cursor, or the wall clock of the call. After the last the
    /// connection is gone.
    #[error("{0}")]
    TimedOut(String),
    /// The arguments make no sense.
    #[error("{0}")]
    Invalid(String),
    /// The server answered with an error.
    #[error("{message} (SQLSTATE {sqlstate})")]
    Remote {
        /// Five characters, as in PostgreSQL's Appendix A.
        sqlstate: String,
        /// The server's primary message, in its own language.
        message: String,
        /// The server's DETAIL.
        detail: Option<String>,
        /// The server's HINT, or pgreeve's own.
        hint: Option<String>,
    },
}

impl Error {
    /// The server's error, sorted by SQLSTATE.
    pub(super) fn from_server(error: &DbError) -> Self {
        let said = || format!("{} (SQLSTATE {})", error.message(), error.code().code());
        match error.code().code() {
            // query_canceled: statement_timeout, or somebody's pg_cancel_backend.
            "57014" => Self::TimedOut(format!("the statement was cancelled: {}", said())),
            // idle_in_transaction_session_timeout
            "25P03" => Self::TimedOut(format!("the result was held open for too long: {}", said())),
            // admin_shutdown, crash_shutdown, cannot_connect_now
            "57P01" | "57P02" | "57P03" => Self::Unreachable(format!("the server ended the connection: {}", said())),
            // protocol_violation: the number of parameters does not fit
            "08P01" => Self::Invalid(said()),
            _ => Self::Remote {
                sqlstate: error.code().code().to_owned(),
                message: error.message().to_owned(),
                detail: error.detail().map(str::to_owned),
                hint: error.hint().map(str::to_owned),
            },
        }
    }

    /// An error of the client library during a query.
    pub(super) fn from_client(error: &tokio_postgres::Error) -> Self {
        if let Some(server) = error.as_db_error() {
            return Self::from_server(server);
        }
        let text = chain(error);
        // The library refuses what cannot be put into a message: a NUL byte, more than 65535 parameters, 2 GB of text.
        let refused = error.source().and_then(|source| source.downcast_ref::<std::io::Error>()).is_some_and(|source| {
            matches!(source.kind(), std::io::ErrorKind::InvalidInput | std::io::ErrorKind::InvalidData)
        });
        if refused { Self::Invalid(text) } else { Self::Unreachable(format!("the connection was lost: {text}")) }
    }
}

/// An error with its causes, "what: why: why".
pub(super) fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(source) = cause {
        let next = source.to_string();
        // Some errors print their cause themselves.
        if !text.contains(&next) {
            text.push_str(": ");
            text.push_str(&next);
        }
        cause = source.source();
    }
    text
}
