//! A proposal filled in: what exactly would be done, to what. Pure; made from values that were checked, and shown to people as it is.

use std::sync::Arc;
use std::time::Duration;

use crate::grants::commands::{self, Argument, Command};
use crate::grants::files::Directory;
use crate::grants::http::{Endpoint, Method};
use crate::grants::log::printable;
use crate::grants::objects::Store;
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
    /// Copies files into an object store, each under its path.
    Upload {
        /// The store.
        store: Arc<Store>,
        /// Where the files are.
        directory: Arc<Directory>,
        /// Files, and directories with all below them, relative to it; they go first.
        before: Vec<String>,
        /// The file that goes last, relative to it.
        last: String,
        /// For all of it.
        timeout: Duration,
    },
    /// One Redis command.
    Redis {
        /// The server.
        server: Arc<Server>,
        /// Its name first.
        arguments: Vec<String>,
    },
}

impl What {
    /// Exactly what would be done, line by line, for people and for the audit log. Control characters are escaped.
    pub fn lines(&self) -> Vec<String> {
        let lines = match self {
            Self::Sql { statements, .. } => statements.clone(),
            Self::Command { command, arguments } => vec![match commands::fill(command, arguments) {
                Ok(filled) => {
                    let words = filled.argv.iter().map(|word| quoted(&word.to_string_lossy()));
                    let line = words.collect::<Vec<_>>().join(" ");
                    filled.stdout.map_or(line.clone(), |file| format!("{line} > {}", file.path().display()))
                }
                Err(refused) => refused.to_string(),
            }],
            Self::Http { endpoint, method, path, body } => {
                let mut lines = vec![format!("{method} {}{path}", endpoint.origin)];
                lines.extend(body.clone());
                lines
            }
            Self::Remove { directory, path, pattern, keep } => {
                let file = directory.path.join(path);
                let kept =
                    if *keep == 0 { String::new() } else { format!(" (never one of the {keep} newest of {pattern})") };
                vec![format!("remove {}{kept}", file.display())]
            }
            Self::Rename { directory, from, to } => {
                vec![format!("rename {} to {}", directory.path.join(from).display(), directory.path.join(to).display())]
            }
            Self::Upload { store, directory, before, last, .. } => {
                let line =
                    |path: &String| format!("upload {} to {}", directory.path.join(path).display(), store.url(path));
                let first = before.iter().map(line);
                first.chain([format!("{}, when all others have arrived", line(last))]).collect()
            }
            Self::Redis { arguments, .. } => {
                vec![arguments.iter().map(|word| quoted(word)).collect::<Vec<_>>().join(" ")]
            }
        };
        // A statement is shown in the lines that its author wrote; nothing else has a line end that is not its plugin's.
        let parts = |line: &String| match self {
            Self::Sql { .. } => line.split('\n').map(|part| printable(part, usize::MAX)).collect::<Vec<_>>().join("\n"),
            _ => printable(line, usize::MAX),
        };
        lines.iter().map(parts).collect()
    }

    /// At which address and as whom, where the lines do not say so: an approval is for this one.
    pub fn address(&self) -> Option<String> {
        match self {
            Self::Sql { scope, .. } => scope.act.as_ref().map(|act| printable(&act.to_string(), usize::MAX)),
            Self::Redis { server, .. } => {
                let user = server.user.as_ref().map_or_else(String::new, |user| format!(" user={user}"));
                let database = server.database.unwrap_or(0);
                Some(printable(&format!("{} database={database}{user}", server.address), usize::MAX))
            }
            Self::Command { command, .. } => command.surroundings().map(|text| printable(&text, usize::MAX)),
            _ => None,
        }
    }

    /// Where it would be done: the capability and the granted name.
    pub fn place(&self) -> String {
        match self {
            Self::Sql { scope, .. } => format!("postgres {}", scope.name),
            Self::Command { command, .. } => format!("command {}", command.name()),
            Self::Http { endpoint, .. } => format!("http {}", endpoint.name),
            Self::Remove { directory, .. } | Self::Rename { directory, .. } => format!("files {}", directory.name),
            Self::Upload { store, .. } => format!("objects {}", store.name),
            Self::Redis { server, .. } => format!("redis {}", server.name),
        }
    }
}

/// A word as a person would type it in a shell.
fn quoted(word: &str) -> String {
    let plain = |character: char| character.is_ascii_alphanumeric() || "-_./=:,@%+".contains(character);
    if !word.is_empty() && word.chars().all(plain) {
        word.to_owned()
    } else {
        format!("'{}'", word.replace('\'', "'\\''"))
    }
}
