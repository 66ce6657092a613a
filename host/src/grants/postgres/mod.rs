//! The `postgres` capability: scopes of agent.toml, one connection per scope and run, and read-only queries that stay
//! read-only. `part.rs` holds a run's sessions and cursors, `wit.rs` is the contract's side; the rest is the client and knows neither.
//!
//! ```text
//! Target   where and as whom: a libpq connection string (dsn, conninfo), a password source, TLS
//!   └─ Session::connect   one metered connection, superusers refused
//!        ├─ query         BEGIN READ ONLY, SET LOCAL …, DECLARE …, FETCH: one round trip  → Rows
//!        ├─ next          FETCH in batches, ROLLBACK after the last row
//!        └─ identify      version, role, system identifier, extensions                    → Server
//! ```
//!
//! [`Actor`] is the other connection, for actions that the operator allowed: read-write, by another login, for one action at a time.
//!
//! `search_path` is pinned to `pg_catalog, pg_temp`, so that no schema of the database can put its own function in a
//! catalog function's place: queries write `app.orders`, `public.pg_stat_statements`, `OPERATOR(public.%)`. Which
//! schema an extension lives in, [`Server::extensions`] tells.
//!
//! Works behind PgBouncer in transaction mode, for settings are made by `SET LOCAL`; columns of user-defined types need
//! its `max_prepared_statements` above 0 there, because their definition is looked up with a prepared statement.

mod actor;
mod address;
mod array;
mod call;
mod connect;
mod conninfo;
mod cursor;
mod datetime;
mod dsn;
mod error;
mod limits;
mod link;
mod meter;
mod parameter;
mod part;
mod password;
mod scope;
mod server;
mod session;
mod tls;
mod touched;
mod value;
mod vetting;
mod warnings;
pub mod wit;

#[cfg(test)]
pub(crate) mod tests;

pub use actor::{Actor, Fault, Held, Keeps};
pub use call::{Ask, Told};
pub use conninfo::DsnError;
pub use cursor::{Column, Rows};
pub use datetime::Interval;
pub use dsn::{SslMode, Target, os_user};
pub use error::{Error, Limit};
pub use limits::{Cost, Limits};
pub use part::{Cursor, Postgres};
pub use password::PasswordSource;
pub use scope::Scope;
pub use server::{Extension, Role, Server};
pub use session::Session;
pub use touched::Touched;
pub use value::Value;
