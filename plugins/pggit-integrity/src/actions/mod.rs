//! The actions, a file for each group that repairs something: what the plugin may propose.

mod growth;
mod history;
mod proof;
mod references;
mod structure;
mod tracking;

use pgreeve_sdk::Action;

/// All of them.
pub(crate) fn all() -> Vec<Action> {
    [
        tracking::actions(),
        history::actions(),
        references::actions(),
        structure::actions(),
        proof::actions(),
        growth::actions(),
    ]
    .into_iter()
    .flatten()
    .collect()
}
