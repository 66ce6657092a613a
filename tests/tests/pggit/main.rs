//! The pggit-integrity plugin against real servers that have pgGit: the fixture of `tests/pggit/`, and, where
//! `PGREEVE_PGGIT` names a checkout of the original, that too. Every damage is made on purpose; healthy installs stay
//! quiet.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic)]

mod actions;
mod audit;
mod bed;
mod branches;
mod content;
mod decisions;
mod drift;
mod forecast;
mod graph;
mod growth;
mod healthy;
mod history;
mod kinds;
mod open;
mod original;
mod original_extension;
mod original_rows;
mod proof;
mod references;
mod scale;
mod structure;
mod tracking;
