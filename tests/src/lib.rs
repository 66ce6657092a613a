//! What the end-to-end tests and the demo are made of: real PostgreSQL servers ([`testbed`]) and the agent as an operator runs it ([`agent`]).

pub mod agent;
pub mod testbed;
