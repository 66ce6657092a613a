//! Whether pgGit records what happens.

mod functions;
mod obstacles;
mod pauses;
mod switches;
#[cfg(test)]
mod tests;
mod triggers;

use pgreeve_sdk::Report;

use super::Check;
use crate::observe::tracking::Seen;
use crate::view::View;

pub(super) const CHECKS: [Check; 7] = [
    (
        "event-trigger",
        "Event triggers",
        "Whether each event trigger of the install is there, on its event, calling its function, for all commands, and \
            enabled (`O` or `A`). `critical` for the two that write the history, `warning` for the others. Not \
            applicable: switched off by a pause that has not run out, or by the setting `disabled_triggers`.",
    ),
    (
        "handler",
        "Functions that record",
        "Whether the bodies of the functions that record are those of a release (md5). `critical`: one is gone, or \
            records nothing; `warning`: none that is known; after a look, accept it by the setting `accepted_bodies`.",
    ),
    (
        "pause",
        "Pauses",
        "Whether tracking is paused. pgGit writes down when a pause should end, and nothing ends it. `critical`: it ran \
            out and the event triggers are still off. `warning`: it is longer than the setting `pause_longest`.",
    ),
    (
        "deployment",
        "Deployment mode",
        "Whether deployment mode is on for longer than the setting `deployment_longest`: nothing ends it either.",
    ),
    (
        "trigger-switch",
        "Settings that switch event triggers off",
        "event_triggers = off (17 on) and session_replication_role = replica, for the server, this database or a role.",
    ),
    (
        "obstacle",
        "Obstacles on pgGit's tables",
        "Triggers, rules, constraints, row level security and changed columns on the tables that the event triggers \
            write: they lose rows, or make all DDL fail.",
    ),
    (
        "ddl-role",
        "Roles that cannot run DDL",
        "pgGit's functions run as the caller, so that the DDL of a role without rights in pgGit's schema fails. Looked at: \
            roles that own something.",
    ),
];

pub(super) fn judge(view: &View<'_>, seen: &Seen, report: &mut Report) {
    let pauses = pauses::judge(view, seen, report);
    triggers::judge(view, seen, &pauses, report);
    functions::judge(view, seen, report);
    pauses::deployment(view, seen, report);
    switches::judge(view, seen, report);
    obstacles::judge(view, seen, report);
    obstacles::roles(view, seen, report);
}
