//! The replication plugin against real servers: every fault that it claims to find, broken on purpose, and healthy
//! servers that stay quiet.

#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

mod actions;
mod archiver;
mod bed;
mod clocks;
mod conflicts;
mod healthy;
mod lag;
mod logical;
mod memory;
mod privileges;
mod promotion;
mod receiver;
mod settings;
mod slots;
mod sync;
mod xmin;
