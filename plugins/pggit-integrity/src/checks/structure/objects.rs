//! Parts of the install that are gone or have changed: against the release that it is of, or, where it is of none that is known, against
//! the first look.

use std::collections::BTreeMap;

use pgreeve_sdk::{Finding, Report, Status};

use crate::known::{Object, Release};
use crate::observe::structure::Seen;
use crate::view::{View, some_of, time};

/// Functions that the group tracking looks at.
const HANDLERS: [&str; 13] = [
    "handle_ddl_command(",
    "handle_sql_drop(",
    "enhanced_ddl_trigger_func(",
    "enhanced_drop_trigger_func(",
    "collect_ddl_metrics(",
    "record_metric(",
    "should_track_object(",
    "check_object_comment_directive(",
    "ensure_object(",
    "ensure_object_with_branch(",
    "increment_version(",
    "extract_table_columns(",
    "add_dependency(",
];

/// Parts named in a finding's summary, and in its detail.
const SHORT: usize = 4;
const LONG: usize = 30;

/// What the install is compared with: kind and name to fingerprint.
pub(super) struct Wanted {
    parts: BTreeMap<(String, String), String>,
    /// `release`, or since when.
    pub(super) what: String,
    /// Whether it was made in this very run.
    pub(super) fresh: bool,
}

impl Wanted {
    pub(super) fn of(view: &View<'_>, seen: &Seen, objects: &[Object]) -> Self {
        // A name of the operator's own for the baseline: the state at that time is right, whatever the release has.
        if view.settings().baseline.is_empty()
            && let Some(release) = Release::of(view.kind, objects)
        {
            let parts =
                release.parts.iter().map(|((kind, name), print)| ((own(kind), own(name)), own(print))).collect();
            return Self { parts, what: format!("as in {}", release.name), fresh: false };
        }
        let Some(baseline) = &seen.baseline else {
            return Self { parts: BTreeMap::new(), what: "with nothing to compare with".to_owned(), fresh: true };
        };
        let parts = baseline.value.iter().filter_map(|(part, print)| {
            let (kind, name) = part.split_once(' ')?;
            Some(((own(kind), own(name)), print.clone()))
        });
        let fresh = baseline.at == view.run.now();
        Self { parts: parts.collect(), what: format!("as on {}", time(baseline.at)), fresh }
    }

    /// The parts of a kind.
    pub(super) fn of_kind<'a>(&'a self, kind: &'a str) -> impl Iterator<Item = (&'a str, &'a str)> {
        self.parts
            .iter()
            .filter(move |((of, _), _)| of == kind)
            .map(|((_, name), print)| (name.as_str(), print.as_str()))
    }
}

fn own(text: &str) -> String {
    text.to_owned()
}

pub(super) fn judge(view: &View<'_>, seen: &Seen, report: &mut Report) {
    let objects = match &seen.objects {
        Ok(objects) => objects,
        Err(error) => {
            let checks = ["tables", "views", "functions", "constraints", "table-triggers"];
            return report.findings.extend(checks.iter().map(|check| view.unanswered(check, "", error)));
        }
    };
    let wanted = Wanted::of(view, seen, objects);
    if wanted.fresh {
        let first = "this look is the baseline from now on";
        let checks = ["tables", "views", "functions", "constraints"];
        report.findings.extend(checks.iter().map(|check| view.not_applicable(check, "", first)));
    } else {
        let plain = [
            ("tables", &["table"][..], Status::Critical, "restore them from a dump made before, with their rows"),
            (
                "views",
                &["view", "sequence"][..],
                Status::Warning,
                "create them anew from the release that is installed",
            ),
            ("constraints", &["check"][..], Status::Warning, "add them anew as the release that is installed has them"),
        ];
        for (check, kinds, status, advice) in plain {
            report.findings.push(gone(view, &wanted, objects, check, kinds, status, advice));
        }
        report.findings.push(functions(view, &wanted, objects));
    }
    report.findings.push(triggers(view, &wanted, objects));
}

fn gone(
    view: &View<'_>,
    wanted: &Wanted,
    objects: &[Object],
    check: &str,
    kinds: &[&str],
    status: Status,
    advice: &str,
) -> Finding {
    let there = |kind: &str, name: &str| objects.iter().any(|object| object.kind == kind && object.name == name);
    let all: Vec<(&str, &str)> =
        kinds.iter().flat_map(|kind| wanted.of_kind(kind).map(move |(name, _)| (*kind, name))).collect();
    // With a table its constraints are gone, which the table's own finding says.
    let stands = |kind: &str, name: &str| {
        kind != "check" || name.rsplit_once('.').is_some_and(|(table, _)| there("table", table))
    };
    let gone: Vec<&str> =
        all.iter().filter(|(kind, name)| !there(kind, name) && stands(kind, name)).map(|(_, name)| *name).collect();
    if gone.is_empty() {
        return view.ok(check, "", format!("all {} are there, {}", all.len(), wanted.what));
    }
    view.finding(check, "", status, format!("{} of {} gone: {}", gone.len(), all.len(), some_of(&gone, SHORT)))
        .explain(some_of(&gone, LONG))
        .advise(format!(
            "{advice}; if it was meant, accept the present state: write a new name into the setting baseline"
        ))
        .fact("compared", &wanted.what)
}

fn functions(view: &View<'_>, wanted: &Wanted, objects: &[Object]) -> Finding {
    let accepted = &view.settings().accepted_bodies;
    let bodies: BTreeMap<&str, &str> = objects
        .iter()
        .filter(|object| object.kind == "function")
        .map(|object| (object.name.as_str(), object.fingerprint.as_str()))
        .collect();
    let handler = |name: &str| {
        name.strip_prefix("pggit.").is_some_and(|name| HANDLERS.iter().any(|handler| name.starts_with(handler)))
    };
    let (mut gone, mut changed, mut all) = (Vec::new(), Vec::new(), 0);
    for (name, body) in wanted.of_kind("function").filter(|(name, _)| !handler(name)) {
        all += 1;
        match bodies.get(name) {
            None => gone.push(name),
            Some(now)
                if *now != body && !accepted.iter().any(|accepted| accepted.starts_with(now.trim_end_matches('*'))) =>
            {
                changed.push(name);
            }
            Some(_) => {}
        }
    }
    if gone.is_empty() && changed.is_empty() {
        return view.ok("functions", "", format!("all {all} are there, {}", wanted.what));
    }
    let words = |what: &str, names: &[&str], most| format!("{} {what}: {}", names.len(), some_of(names, most));
    let both = |most| {
        let parts = [("gone", &gone), ("changed", &changed)];
        parts
            .iter()
            .filter(|(_, names)| !names.is_empty())
            .map(|(what, names)| words(what, names, most))
            .collect::<Vec<_>>()
            .join("; ")
    };
    view.finding("functions", "", Status::Warning, format!("of {all} functions {}", both(SHORT)))
        .explain(both(LONG))
        .advise(
            "create them anew from the release that is installed. A body that was changed on purpose: SELECT md5(prosrc) FROM \
             pg_proc WHERE oid = 'pggit.name'::regproc; and add it to accepted_bodies in agent.toml",
        )
        .fact("compared", &wanted.what)
}

fn triggers(view: &View<'_>, wanted: &Wanted, objects: &[Object]) -> Finding {
    let there: Vec<&Object> = objects.iter().filter(|object| object.kind == "trigger").collect();
    let gone = wanted.of_kind("trigger").filter(|(name, _)| !there.iter().any(|object| object.name == *name));
    let off = there.iter().filter(|object| !["O", "A"].contains(&object.fingerprint.as_str()));
    let bad: Vec<String> = gone
        .map(|(name, _)| format!("{name} is gone"))
        .chain(off.map(|object| format!("{} is off", object.name)))
        .collect();
    if bad.is_empty() {
        return view.ok("table-triggers", "", format!("all {} are there and on", there.len()));
    }
    view.finding("table-triggers", "", Status::Warning, some_of(&bad, SHORT)).explain(some_of(&bad, LONG)).advise(
        "names are schema.table.trigger. Off: ALTER TABLE schema.table ENABLE TRIGGER trigger; gone: create it anew from the \
         release that is installed. Then ask who did it: rows may have been changed meanwhile",
    )
}
