//! Sizes, growth and thresholds.

use pgreeve_sdk::Action;

pub(super) fn actions() -> Vec<Action> {
    Vec::new()
}
