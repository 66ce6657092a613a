//! What a plugin can reach and what it cannot, through all of it: agent.toml, the binary, a component, real servers. One file per
//! capability; the guest `reaches` makes the calls that a table lists and reports the answers.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

mod bed;
mod commands;
mod denied;
mod files;
mod http;
mod names;
mod objects;
mod postgres;
mod recordings;
mod redis;
mod system;
