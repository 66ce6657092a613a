//! A proposal filled in: what exactly would be done, to what. Pure; made from values that were checked, and shown to people as it is.

use std::sync::Arc;
use std::time::Duration;

use crate::grants::commands::{Argument, Command};
use crate::grants::files::Directory;
use crate::grants::http::{Endpoint, Method};
use crate::grants::postgres::Scope;
use crate::grants::redis::Server;

/// What would be done.
#[derive(Clone, Debug)]
pub enum What {
    /// Statements over the scope's actor connection.
    Sql {
        /// The database.
        scope: Arc<Scope>,
        /// One each, in order, filled in.
        statements: Vec<String>,
        /// Each one's `statement_timeout`; `lock_timeout` is the scope's.
        timeout: Duration,
        /// All in one transaction.
        transactional: bool,
    },
    /// A named command.
    Command {
        /// The command.
        command: Arc<Command>,
        /// A value for each of its placeholders.
        arguments: Vec<Argument>,
    },
    /// One request.
    Http {
        /// The endpoint.
        endpoint: Arc<Endpoint>,
        /// POST, PUT, PATCH or DELETE.
        method: Method,
        /// Begins with `/`, each argument percent-encoded as one segment.
        path: String,
        /// JSON.
        body: Option<String>,
    },
    /// Removes one regular file.
    Remove {
        /// The directory.
        directory: Arc<Directory>,
        /// Relative to it.
        path: String,
        /// Glob over names: `*` and `?`.
        pattern: String,
        /// So many newest files that match the pattern stay.
        keep: u32,
    },
    /// Renames one regular file within its directory, never over an existing one.
    Rename {
        /// The directory.
        directory: Arc<Directory>,
        /// Relative to it.
        from: String,
        /// Relative to it.
        to: String,
    },
    /// One Redis command.
    Redis {
        /// The server.
        server: Arc<Server>,
        /// Its name first.
        arguments: Vec<String>,
    },
}
