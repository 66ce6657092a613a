//! Whether pgGit records what happens.

use pgreeve_sdk::Report;

use super::Check;
use crate::observe::tracking::Seen;
use crate::view::{View, answered};

pub(super) const CHECKS: [Check; 1] = [(
    "event-trigger",
    "Event triggers",
    "Whether each event trigger of the install is there, on its event, calling its function, and enabled.",
)];

pub(super) fn judge(view: &View<'_>, seen: &Seen, report: &mut Report) {
    answered(view, "event-trigger", &seen.triggers, report, |triggers, report| {
        for trigger in triggers {
            report.findings.push(view.ok("event-trigger", &trigger.name, "is there"));
        }
    });
}
