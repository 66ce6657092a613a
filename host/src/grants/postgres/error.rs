//! What PostgreSQL and its client library say went wrong, sorted into the errors that all capabilities share.

use std::error::Error as _;

use tokio_postgres::error::DbError;

pub use crate::grants::error::{Error, Limit};

/// What to do about a table from which row security keeps rows: sessions that observe ask for an error then. The routine tells it by, for the
/// message is in the server's language and the code that of every missing privilege.
const ROW_SECURITY: &str = "row security hides rows of this table from the login, and what is left is no answer: as a superuser, ALTER ROLE the \
                            login BYPASSRLS (it then reads all rows of every table that it may SELECT from), or do without the check";

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
            code => Self::Remote {
                code: code.to_owned(),
                message: error.message().to_owned(),
                detail: error.detail().map(str::to_owned),
                hint: match error.routine() {
                    // The server's own hint is for the table's owner.
                    Some("check_enable_rls") => Some(ROW_SECURITY.to_owned()),
                    _ => error.hint().map(str::to_owned),
                },
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
