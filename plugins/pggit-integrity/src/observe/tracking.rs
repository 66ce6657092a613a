//! What makes pgGit record: its event triggers and their functions.

use pgreeve_sdk::Answer;
use serde::Deserialize;

use super::Look;

/// What was seen of tracking.
#[derive(Debug)]
pub(crate) struct Seen {
    pub(crate) triggers: Answer<Vec<Trigger>>,
}

/// An event trigger of this database that is pgGit's by its name or its function.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Trigger {
    pub(crate) name: String,
    pub(crate) event: String,
    /// `O`, `A`, `R` or `D`, as `pg_event_trigger.evtenabled`.
    pub(crate) enabled: String,
    /// `schema.name` of its function.
    pub(crate) function: String,
    pub(crate) tags: Option<Vec<String>>,
    pub(crate) owner: String,
}

/// Looks.
pub(crate) fn look(look: &Look<'_>) -> Seen {
    Seen { triggers: look.rows(include_str!("../sql/tracking_triggers.sql")) }
}
