//! The live catalog against what pgGit tracks.

use pgreeve_sdk::Action;

pub(super) fn actions() -> Vec<Action> {
    Vec::new()
}
