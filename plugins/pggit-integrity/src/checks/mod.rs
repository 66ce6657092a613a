//! The checks, one file per group. Each is a pure function from what was seen and the settings to findings.

mod audit;
mod commits;
mod definitions;
mod drift;
mod graph;
mod growth;
mod history;
mod install;
mod proof;
mod references;
mod structure;
mod tracking;

use pgreeve_sdk::{Report, Role, Run};

use crate::install::Kind;
use crate::observe::Observed;
use crate::settings::Settings;
use crate::view::View;

/// A check's id, its title, and what its answers mean.
pub(crate) type Check = (&'static str, &'static str, &'static str);

/// All of them, by group.
pub(crate) const CHECKS: [&[Check]; 10] = [
    &install::CHECKS,
    &tracking::CHECKS,
    &drift::CHECKS,
    &history::CHECKS,
    &references::CHECKS,
    &graph::CHECKS,
    &audit::CHECKS,
    &structure::CHECKS,
    &proof::CHECKS,
    &growth::CHECKS,
];

/// All answers about one scope.
pub(crate) fn all(run: &Run<Settings>, observed: &Observed, several: bool, report: &mut Report) {
    let seen = observed.seen.as_ref();
    let view = View {
        run,
        scope: &observed.scope,
        several,
        user: seen.map_or("", |seen| &seen.server.user),
        kind: seen.map_or(Kind::None, |seen| seen.install.kind()),
        primary: seen.is_ok_and(|seen| seen.server.role == Role::Primary),
    };
    let (view, seen) = match seen {
        Ok(seen) => (&view, seen),
        Err(error) => return report.findings.push(view.unanswered("install", "", error)),
    };
    install::judge(view, seen, report);
    let groups = &seen.groups;
    if let Some(seen) = &groups.tracking {
        tracking::judge(view, seen, report);
    }
    if let Some(seen) = &groups.drift {
        drift::judge(view, seen, report);
    }
    if let Some(seen) = &groups.history {
        history::judge(view, seen, report);
    }
    if let Some(seen) = &groups.references {
        references::judge(view, seen, report);
    }
    if let Some(seen) = &groups.graph {
        graph::judge(view, seen, report);
    }
    if let Some(seen) = &groups.audit {
        audit::judge(view, seen, report);
    }
    if let Some(seen) = &groups.structure {
        structure::judge(view, seen, report);
    }
    if let Some(seen) = &groups.proof {
        proof::judge(view, seen, report);
    }
    if let Some(seen) = &groups.growth {
        growth::judge(view, seen, report);
    }
}
