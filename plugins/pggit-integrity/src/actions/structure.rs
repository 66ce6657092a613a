//! Tables, functions, constraints, indexes, sequences and privileges of the install.

use pgreeve_sdk::Action;

pub(super) fn actions() -> Vec<Action> {
    Vec::new()
}
