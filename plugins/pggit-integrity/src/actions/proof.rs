//! pgGit's own functions, where they can be believed, and the canary.

use pgreeve_sdk::Action;

pub(super) fn actions() -> Vec<Action> {
    Vec::new()
}
