//! Object storage against a real S3 server: what a guest sees of it, what is denied, and uploads as an action, whole or not at all.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, clippy::print_stdout)]

mod acting;
mod bed;
mod between;
mod configuration;
mod liars;
mod uploads;
