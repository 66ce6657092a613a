//! Acting, end to end: a plugin proposes, policy or a person allows, the host does, the plugin sees that it helped, and all of it is written down.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod alone;
mod audit;
mod bed;
mod crash;
mod full;
mod kinds;
mod plan;
mod races;
mod reloads;
mod words;
