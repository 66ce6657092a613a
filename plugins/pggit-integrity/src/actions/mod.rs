//! The actions, one file per group: what the plugin may propose.

mod audit;
mod drift;
mod graph;
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
        drift::actions(),
        history::actions(),
        references::actions(),
        graph::actions(),
        audit::actions(),
        structure::actions(),
        proof::actions(),
        growth::actions(),
    ]
    .into_iter()
    .flatten()
    .collect()
}
