//! The local API of a real agent, held to its document: who may do what, what it answers, what it bears.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

mod acting;
mod asked;
mod audit;
mod bed;
mod commands;
mod document;
mod hostile;
mod metrics;
mod rights;
mod socket;
