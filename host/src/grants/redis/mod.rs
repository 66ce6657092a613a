//! `redis`: read-only commands on Redis or Valkey servers that the operator named; others for actions, on lines that name them.
//!
//! | file | what it holds |
//! |---|---|
//! | `server.rs` | a server as agent.toml names it |
//! | `call.rs` | the call and its answer |
//! | `policy.rs` | which commands may be sent: no I/O |
//! | `allow.rs` | which commands actions may send: the lines of agent.toml, and what no line allows |
//! | `act.rs` | one command as an action |
//! | `described.rs` | what the server itself says of a command (`COMMAND INFO`) |
//! | `client.rs` | one run's connections: at most one per server, none before the first call, none after the run |
//! | `connect.rs` | opens a socket: TCP, TLS or Unix |
//! | `exchange.rs` | one command out, one capped reply in |
//! | `reply.rs` | a reply laid out flat, an error reply with advice |
//!
//! RESP2 is spoken: every server has it, the contract's items are its types, and nothing arrives that was not asked for. A redirection
//! (`MOVED`, `ASK`) is an error for the guest and never followed: a grant names one server.

mod act;
mod allow;
mod call;
mod client;
mod connect;
mod described;
mod exchange;
mod part;
mod policy;
mod reply;
mod server;
pub mod wit;

pub use act::{Fault, act};
pub use allow::Line;
pub use call::{Ask, Item, Node, Told};
pub use client::{Part, perform};
pub use server::{Address, Server};

#[cfg(test)]
pub(crate) mod tests;
