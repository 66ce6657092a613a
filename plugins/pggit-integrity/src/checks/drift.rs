//! The live catalog against what pgGit tracks. What pgGit never follows is counted, and is no fault.

use std::collections::BTreeMap;

use pgreeve_sdk::{Finding, Report, Status};

use super::{Check, definitions};
use crate::observe::drift::{Column, Object, Seen};
use crate::view::{View, some_of};

pub(super) const CHECKS: [Check; 5] = [
    (
        "untracked",
        "Untracked objects",
        "Tables, views, indexes and functions that are there and that pgGit does not know, though it tracks their kind and \
            was installed before they were made: something was created while tracking was off.",
    ),
    (
        "vanished",
        "Vanished objects",
        "Tables, views and indexes that pgGit tracks as active and that are gone, or were replaced by others of the same \
            name: something was dropped while tracking was off.",
    ),
    (
        "columns",
        "Columns that differ",
        "Columns that were added, dropped or changed since the last command that pgGit recorded of their table.",
    ),
    definitions::CHECK,
    (
        "drift-noise",
        "What pgGit never follows",
        "Always ok: renames, quoted names, renamed columns, CREATE TABLE AS, drop and re-create, materialized views, \
            sequences, foreign tables, objects older than the install, indexes of constraints and partitions, columns of \
            partitions, in numbers.",
    ),
];

/// Classes of columns that are faults.
const COLUMNS: [&str; 5] = ["added", "dropped", "type", "nullable", "default"];

/// Objects named in a finding's detail.
const NAMED: usize = 20;

pub(super) fn judge(view: &View<'_>, seen: &Seen, report: &mut Report) {
    let mut noise = Noise::default();
    let history = History::of(seen);
    match &seen.objects {
        Ok(objects) => {
            let (untracked, from_queries): (Vec<_>, Vec<_>) =
                class(objects, "untracked").partition(|object| !seen.from_queries.contains(&object.name));
            noise.add("from_queries", from_queries.len());
            let (untracked, detached): (Vec<_>, Vec<_>) = untracked
                .into_iter()
                .partition(|object| !object.table.as_ref().is_some_and(|table| history.detached(table)));
            noise.add("detached", detached.len());
            let more = hidden(objects, "untracked");
            let (doubtful, untracked): (Vec<_>, Vec<_>) =
                untracked.into_iter().partition(|object| seen.unanswered.iter().any(|(name, _)| *name == object.name));
            let untracked: Vec<&Object> =
                untracked.into_iter().chain(class(objects, "deactivated")).chain(class(objects, "unseen")).collect();
            let told = untracked_objects(view, seen, &untracked, more);
            // A table that is locked by DDL which is not done yet; the next run will tell.
            report.findings.push(match (told.status, doubtful.is_empty(), seen.unanswered.first()) {
                (Status::Ok, false, Some((name, error))) => {
                    let answer = view.unanswered("untracked", "", error);
                    Finding { summary: format!("{name}: {}", answer.summary), ..answer }
                }
                _ => told,
            });
            let (vanished, renamed): (Vec<_>, Vec<_>) =
                class(objects, "vanished").partition(|object| !history.renamed(&object.name));
            noise.add("renamed", renamed.len());
            let more = hidden(objects, "vanished");
            report.findings.push(vanished_objects(view, vanished, class(objects, "replaced").collect(), more));
            for object in objects.iter().filter(|object| {
                !["untracked", "vanished", "replaced", "deactivated", "unseen"].contains(&object.class.as_str())
            }) {
                noise.counts.insert(object.class.replace('-', "_"), object.total + noise.extra(&object.class));
            }
        }
        Err(error) => {
            report.findings.push(view.unanswered("untracked", "", error));
            report.findings.push(view.unanswered("vanished", "", error));
        }
    }
    match &seen.columns {
        Ok(columns) => {
            for column in columns.iter().filter(|column| !COLUMNS.contains(&column.class.as_str())) {
                noise.counts.insert(format!("columns_{}", column.class.replace('-', "_")), column.total);
            }
            report.findings.push(columns_that_differ(view, seen, columns, &history));
        }
        Err(error) => report.findings.push(view.unanswered("columns", "", error)),
    }
    report.findings.push(match &seen.definitions {
        Ok(seen) => definitions::judge(view, seen),
        Err(error) => view.unanswered("definitions", "", error),
    });
    if let Ok(functions) = &seen.functions {
        noise.add("dropped_functions", usize::try_from(functions.gone).unwrap_or_default());
        noise.add("older_functions", usize::try_from(functions.older).unwrap_or_default());
    }
    report.findings.push(noise.finding(view));
}

fn class<'a>(objects: &'a [Object], class: &'static str) -> impl Iterator<Item = &'a Object> {
    objects.iter().filter(move |object| object.class == class)
}

/// Objects of a class that are counted and not listed.
fn hidden(objects: &[Object], of: &'static str) -> usize {
    let total = class(objects, of).map(|object| object.total).max().unwrap_or_default();
    usize::try_from(total).unwrap_or_default().saturating_sub(class(objects, of).count())
}

fn untracked_objects(view: &View<'_>, seen: &Seen, objects: &[&Object], more: usize) -> Finding {
    let mut names: Vec<String> = objects.iter().map(|object| object.text()).collect();
    let mut total = names.len() + more;
    match &seen.functions {
        Ok(functions) if !functions.restored => {
            names.extend(functions.names.iter().map(|name| format!("function {name}")));
            total += usize::try_from(functions.untracked).unwrap_or_default();
        }
        Ok(_) => {}
        Err(error) if total == 0 => return view.unanswered("untracked", "", error),
        Err(_) => {}
    }
    if total == 0 {
        return view.ok("untracked", "", "pgGit knows every object that it should have recorded");
    }
    let summary = format!("{total} not known to pgGit: {}", listed(&names, total, 3));
    view.finding("untracked", "", Status::Warning, summary)
        .explain(listed(&names, total, NAMED))
        .advise(
            "made while tracking was off: look at event-trigger and pause first. Then let pgGit record each by a command \
             that changes nothing, such as ALTER TABLE name SET (fillfactor = 100); for a table, CREATE OR REPLACE with the \
             same definition for a view or function; or leave it, if it is not to be tracked",
        )
        .fact("objects", total)
}

impl Object {
    fn text(&self) -> String {
        // Marked as dropped, though no drop of it was ever recorded.
        let note = match self.class.as_str() {
            "deactivated" => " (marked as dropped)",
            "unseen" => " (known by another name)",
            _ => "",
        };
        format!("{} {}{note}", self.kind.to_lowercase(), self.name)
    }
}

fn vanished_objects(view: &View<'_>, vanished: Vec<&Object>, replaced: Vec<&Object>, more: usize) -> Finding {
    let total = vanished.len() + replaced.len() + more;
    if total == 0 {
        return view.ok("vanished", "", "every active object of pgGit is there");
    }
    let gone = vanished.into_iter().map(|object| format!("{} {}", object.kind.to_lowercase(), object.name));
    let other =
        replaced.into_iter().map(|object| format!("{} {} (another one now)", object.kind.to_lowercase(), object.name));
    let names: Vec<String> = gone.chain(other).collect();
    let summary = format!("{total} active in pgGit and gone: {}", listed(&names, total, 3));
    view.finding("vanished", "", Status::Warning, summary)
        .explain(listed(&names, total, NAMED))
        .advise(
            "dropped while tracking was off, or by somebody who switched it off: look at event-trigger and pause, and ask \
             who did it. If the drop was meant: UPDATE pggit.objects SET is_active = false WHERE full_name = 'schema.name'; \
             else restore the object",
        )
        .fact("objects", total)
}

fn columns_that_differ(view: &View<'_>, seen: &Seen, columns: &[Column], history: &History) -> Finding {
    // A column that went with its type or domain, which pgGit records nowhere else.
    let went = |column: &Column| {
        let name = format!("{}.{}", column.table, column.name);
        column.class == "dropped" && seen.written.iter().any(|row| row.what == "column" && row.name == name)
    };
    let faults: Vec<&Column> = columns
        .iter()
        .filter(|column| COLUMNS.contains(&column.class.as_str()) && !history.detached(&column.table) && !went(column))
        .collect();
    if faults.is_empty() {
        return view.ok("columns", "", "columns are as pgGit recorded them");
    }
    let names: Vec<String> = faults
        .iter()
        .map(|column| {
            let detail = if column.detail.is_empty() { String::new() } else { format!(": {}", column.detail) };
            format!("{}.{} ({}{detail})", column.table, column.name, column.class)
        })
        .collect();
    let summary = format!("{} differ from what pgGit recorded: {}", names.len(), some_of(&names, 3));
    view.finding("columns", "", Status::Warning, summary)
        .explain(some_of(&names, NAMED))
        .advise(
            "changed while tracking was off: look at event-trigger and pause, and whether the change was meant; then let \
             pgGit record the table as it is: ALTER TABLE name SET (fillfactor = 100);",
        )
        .fact("columns", names.len())
}

fn listed(names: &[String], total: usize, most: usize) -> String {
    let shown = names.len().min(most);
    let list = names.iter().take(shown).cloned().collect::<Vec<_>>().join(", ");
    if total > shown { format!("{list} and {} more", total - shown) } else { list }
}

/// Names in recorded statements.
struct History {
    detached: Vec<String>,
    renamed: Vec<String>,
}

impl History {
    fn of(seen: &Seen) -> Self {
        let names = |what: &str| {
            let statements = seen.statements.iter().flatten().filter(|statement| statement.what == what);
            statements.map(|statement| statement.name.clone()).collect()
        };
        Self { detached: names("detached"), renamed: names("renamed") }
    }

    fn detached(&self, table: &str) -> bool {
        mentions(&self.detached, table)
    }

    fn renamed(&self, name: &str) -> bool {
        mentions(&self.renamed, name)
    }
}

/// Whether a statement named an object; its schema may have been left out, or renamed since.
fn mentions(statements: &[String], object: &str) -> bool {
    let bare = |name: &str| name.rsplit_once('.').map_or(name, |(_, name)| name).to_lowercase();
    statements.iter().any(|name| bare(name) == bare(object))
}

/// What is counted and is no fault.
#[derive(Default)]
struct Noise {
    counts: BTreeMap<String, i64>,
}

impl Noise {
    fn add(&mut self, class: &str, number: usize) {
        if number > 0 {
            *self.counts.entry(class.to_owned()).or_default() += i64::try_from(number).unwrap_or(i64::MAX);
        }
    }

    fn extra(&self, class: &str) -> i64 {
        if class == "renamed" { self.counts.get("renamed").copied().unwrap_or_default() } else { 0 }
    }

    fn finding(self, view: &View<'_>) -> Finding {
        let total: i64 = self.counts.values().sum();
        let summary = format!("{total} differences of kinds that pgGit never follows");
        self.counts
            .iter()
            .fold(view.ok("drift-noise", "", summary), |finding, (class, count)| finding.fact(class, count))
    }
}
