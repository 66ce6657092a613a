//! pgreeve: one small agent per PostgreSQL host. Sandboxed plugins observe and propose; only the agent acts.
//!
//! The map of this crate stands in docs/architecture.md. Imports run one way:
//! `cli → agent → schedule`, `agent → perform → run → plugin → guest → grants → limits`, and all of them use `config`, `plugin`, `report` and `store`.

pub mod actions;
pub mod agent;
pub mod cli;
pub mod client;
pub mod config;
pub mod contract;
pub mod engine;
pub mod grants;
pub mod guest;
pub mod limits;
pub mod perform;
pub mod plugin;
pub mod report;
pub mod rights;
pub mod roles;
pub mod run;
pub mod schedule;
pub mod serve;
pub mod store;
