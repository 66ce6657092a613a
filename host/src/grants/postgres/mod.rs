//! The PostgreSQL client behind the `postgres` grant: one scope of `agent.toml`, one connection per run, and read-only
//! queries that stay read-only. Nothing here knows of the component model; `wit.rs` translates.
//!
//! ```text
//! Target   where and as whom: a libpq connection string (dsn, conninfo), a password source, TLS
//!   └─ Session::connect   one metered connection, superusers refused
//!        ├─ query         BEGIN READ ONLY, SET LOCAL …, DECLARE …, FETCH: one round trip  → Rows
//!        ├─ next          FETCH in batches, ROLLBACK after the last row
//!        └─ identify      version, role, system identifier, extensions                    → Server
//! ```
//!
//! `search_path` is pinned to `pg_catalog, pg_temp`, so that no schema of the database can put its own function in a
//! catalog function's place: queries write `app.orders`, `public.pg_stat_statements`, `OPERATOR(public.%)`. Which
//! schema an extension lives in, [`Server::extensions`] tells.
//!
//! Works behind PgBouncer in transaction mode, for settings are made by `SET LOCAL`; columns of user-defined types need
//! its `max_prepared_statements` above 0 there, because their definition is looked up with a prepared statement.

mod array;
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
mod password;
mod server;
mod session;
mod tls;
mod value;

#[cfg(test)]
mod tests;

pub use cursor::{Column, Rows};
pub use dsn::{DsnError, SslMode, Target, os_user};
pub use error::{Error, Limit};
pub use limits::{Cost, Limits};
pub use password::{PasswordError, PasswordSource};
pub use server::{Extension, Role, Server};
pub use session::Session;
pub use value::{Interval, Value};
