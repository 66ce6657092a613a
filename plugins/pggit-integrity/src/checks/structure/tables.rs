//! The columns of pgGit's tables, and what belongs to the extension.

use std::collections::BTreeMap;

use pgreeve_sdk::{Finding, Report, Status};

use super::objects::Wanted;
use crate::known::Object;
use crate::observe::structure::Seen;
use crate::view::{View, count, some_of};

pub(super) fn judge(view: &View<'_>, seen: &Seen, report: &mut Report) {
    // What could not be asked is said by the check `tables`.
    let Ok(objects) = &seen.objects else { return };
    let wanted = Wanted::of(view, seen, objects);
    if wanted.fresh {
        report.findings.push(view.not_applicable("table-columns", "", "this look is the baseline from now on"));
    } else {
        report.findings.push(columns(view, &wanted, objects));
    }
    match &seen.strays {
        None => {}
        Some(Err(error)) => report.findings.push(view.unanswered("members", "", error)),
        Some(Ok(strays)) => {
            let own =
                |name: &str| ["table", "view"].iter().any(|kind| wanted.of_kind(kind).any(|(part, _)| part == name));
            let names: Vec<&str> = strays.iter().map(|stray| stray.name.as_str()).filter(|name| own(name)).collect();
            report.findings.push(members(view, &names));
        }
    }
}

/// Columns that are gone or of another type; more than there were are no fault.
fn columns(view: &View<'_>, wanted: &Wanted, objects: &[Object]) -> Finding {
    let there: BTreeMap<&str, BTreeMap<&str, &str>> = objects
        .iter()
        .filter(|object| object.kind == "columns")
        .map(|object| (object.name.as_str(), list(&object.fingerprint)))
        .collect();
    let (mut gone, mut other, mut all) = (Vec::new(), Vec::new(), 0);
    for (table, columns) in wanted.of_kind("columns") {
        // That a table is gone is another finding's.
        let Some(now) = there.get(table) else { continue };
        for (name, kind) in list(columns) {
            all += 1;
            match now.get(name) {
                None => gone.push(format!("{table}.{name} is gone")),
                Some(present) if *present != kind => other.push(format!("{table}.{name} is {present}, not {kind}")),
                Some(_) => {}
            }
        }
    }
    let status = if gone.is_empty() { Status::Warning } else { Status::Critical };
    let bad: Vec<String> = gone.into_iter().chain(other).collect();
    if bad.is_empty() {
        return view.ok("table-columns", "", format!("all {all} columns are there, {}", wanted.what));
    }
    let what = count(bad.len(), "column is", "columns are");
    view.finding("table-columns", "", status, format!("{what} not what they were: {}", some_of(&bad, 3)))
        .explain(some_of(&bad, 30))
        .advise(
            "functions of pgGit that read them fail. A column that is gone: restore the table from a dump made before, or add the \
             column as the release has it; if it was meant, write a new name into the setting baseline",
        )
        .fact("compared", &wanted.what)
}

/// `name:type;name:type`.
fn list(text: &str) -> BTreeMap<&str, &str> {
    text.split(';').filter_map(|column| column.split_once(':')).collect()
}

fn members(view: &View<'_>, strays: &[&str]) -> Finding {
    if strays.is_empty() {
        return view.ok("members", "", "what the extension made belongs to it");
    }
    let what = count(strays.len(), "table or view is", "tables and views are");
    view.finding("members", "", Status::Warning, format!("{what} no part of the extension any more: {}", some_of(strays, 4)))
        .explain(some_of(strays, 30))
        .advise(
            "pg_dump saves it apart, and a restore fails where CREATE EXTENSION makes it too. As superuser, for each: ALTER \
             EXTENSION pggit ADD TABLE name; or ADD VIEW",
        )
}
