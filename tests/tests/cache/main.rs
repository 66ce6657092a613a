//! The cache plugin against real PostgreSQL and Redis servers, and applications that answer as bad ones do.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod actions;
mod adversary;
mod answers;
mod application;
mod bed;
mod buffers;
mod cluster;
mod forks;
mod proposals;
mod refusals;
mod replication;
mod server;
mod servers;
mod settings;
mod tls;
