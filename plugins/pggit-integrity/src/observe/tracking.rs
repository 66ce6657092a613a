//! What makes pgGit record: its event triggers and their functions; and what keeps it from it: pauses, deployments,
//! settings, obstacles on its own tables, roles without its rights.

use std::collections::BTreeMap;

use pgreeve_sdk::{Answer, Cause};
use serde::Deserialize;

use super::Look;

/// Under this name the states of event triggers are kept: `O` or `A`, as last seen on.
const STATES: &str = "tracking/states";

/// What was seen of tracking.
#[derive(Clone, Debug)]
pub(crate) struct Seen {
    pub(crate) triggers: Answer<Vec<Trigger>>,
    /// The state that an event trigger had when it was last seen on.
    pub(crate) states: BTreeMap<String, String>,
    pub(crate) functions: Answer<Vec<Function>>,
    /// The last pause and resumption of each kind; none where this pgGit has no pauses.
    pub(crate) pauses: Option<Answer<Vec<Pause>>>,
    /// The deployment that is active; none where this pgGit has no deployments.
    pub(crate) deployment: Option<Answer<Vec<Deployment>>>,
    pub(crate) switches: Answer<Vec<Switch>>,
    pub(crate) obstacles: Answer<Vec<Obstacle>>,
    /// Roles whose DDL fails.
    pub(crate) roles: Option<Answer<Vec<Role>>>,
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
    /// The commands that it is restricted to.
    pub(crate) tags: Option<Vec<String>>,
}

/// A function that recording rests on.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Function {
    pub(crate) name: String,
    /// md5 of its body, in hexadecimal.
    pub(crate) fingerprint: String,
    /// Whether its body names what it has to write or to call.
    pub(crate) records: bool,
    /// What no release gives it, where that makes it fail.
    pub(crate) odd: Option<String>,
}

/// The last entry of one kind in pggit.system_events. Times are microseconds since 1970-01-01 UTC, by the server's clock.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Pause {
    /// `tracking_paused`, `tracking_resumed`, `emergency_disable` or `emergency_enable`.
    pub(crate) kind: String,
    /// Entries are numbered in order.
    pub(crate) id: i64,
    pub(crate) at: Option<i64>,
    pub(crate) resume_at: Option<i64>,
    pub(crate) by: Option<String>,
    pub(crate) now: i64,
}

/// The active deployment.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Deployment {
    pub(crate) name: Option<String>,
    pub(crate) since: Option<i64>,
    pub(crate) by: Option<String>,
    pub(crate) now: i64,
}

/// A setting that can switch event triggers off.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Switch {
    /// The database that it is set for; none: all.
    pub(crate) database: Option<String>,
    /// The role that it is set for; none: all.
    pub(crate) role: Option<String>,
    /// `event_triggers` or `session_replication_role`.
    pub(crate) name: String,
    pub(crate) value: String,
}

/// Something on a table of pgGit that a fresh install does not have, or a column that is not as it was.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Obstacle {
    pub(crate) relation: String,
    /// `trigger`, `rule`, `check`, `unique`, `not-null`, `default`, `policies`, `unlogged`, `column`, `table` or `enum`.
    pub(crate) kind: String,
    pub(crate) name: String,
}

/// A role whose DDL fails for want of rights in pgGit's schema.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Role {
    pub(crate) role: String,
}

/// Looks.
pub(crate) fn look(look: &Look<'_>) -> Seen {
    let has = |relation| look.install.has(relation);
    let triggers: Answer<Vec<Trigger>> = look.rows(include_str!("../sql/tracking_triggers.sql"));
    let states = states(look, &triggers);
    Seen {
        states,
        triggers,
        functions: look.rows(include_str!("../sql/tracking_functions.sql")),
        pauses: has("pggit.system_events").then(|| look.rows(include_str!("../sql/tracking_pauses.sql"))),
        deployment: (has("pggit.deployment_state") && has("pggit.deployment_mode"))
            .then(|| look.rows(include_str!("../sql/tracking_deployment.sql"))),
        switches: look.rows(include_str!("../sql/tracking_switches.sql")),
        obstacles: look.rows(include_str!("../sql/tracking_obstacles.sql")),
        roles: (has("pggit.objects") && has("pggit.history"))
            .then(|| look.rows(include_str!("../sql/tracking_roles.sql"))),
    }
}

/// The states in which triggers were last seen on; what this run sees counts for the next.
fn states(look: &Look<'_>, triggers: &Answer<Vec<Trigger>>) -> BTreeMap<String, String> {
    let before: BTreeMap<String, String> = look.recall(STATES).unwrap_or_default();
    let Ok(triggers) = triggers else { return before };
    let on = triggers.iter().filter(|trigger| ["O", "A"].contains(&trigger.enabled.as_str()));
    let mut after = before.clone();
    after.extend(on.map(|trigger| (trigger.name.clone(), trigger.enabled.clone())));
    // The state that an action gave is not one that somebody chose.
    if after != before && look.run.context.cause != Cause::Verify {
        look.remember(STATES, &after);
    }
    before
}
