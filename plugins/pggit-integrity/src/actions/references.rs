//! Foreign keys of pgGit's tables.

use pgreeve_sdk::Action;

pub(super) fn actions() -> Vec<Action> {
    Vec::new()
}
