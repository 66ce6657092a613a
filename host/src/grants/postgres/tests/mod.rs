//! Claims about the client, proved against a real PostgreSQL 15 that the tests start and stop themselves.

pub(crate) mod fixture;
mod logins;
mod queries;
mod tls;
mod values;
