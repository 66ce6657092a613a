//! Tables, functions, constraints, indexes, sequences and privileges of the install.

mod indexes;
mod objects;
mod sequences;
mod tables;
#[cfg(test)]
mod tests;

use pgreeve_sdk::{Report, Status};

use super::Check;
use crate::observe::structure::Seen;
use crate::view::{View, answered, some_of};

pub(super) const CHECKS: [Check; 11] = [
    ("tables", "Tables", "Whether every table of the install is there. `critical`: one is gone, and what it held."),
    (
        "table-columns",
        "Columns of tables",
        "Whether every column of the install's tables is there, with its type. `critical`: one is gone, and what it held. Columns \
            that somebody added are no fault.",
    ),
    (
        "members",
        "Members of the extension",
        "Where pgGit is an extension: whether its tables and views still belong to it.",
    ),
    ("views", "Views and sequences", "Whether every view and sequence of the install is there."),
    (
        "functions",
        "Functions",
        "Whether every function of the install is there, with the body that the release gave it or that was accepted.",
    ),
    (
        "constraints",
        "Constraints",
        "Whether every check constraint of the install is there. Foreign keys are another check's.",
    ),
    ("table-triggers", "Triggers on tables", "Whether every trigger on pgGit's tables is there and on."),
    (
        "index",
        "Indexes",
        "Whether every index of the install is there and valid. `critical`: one is gone or invalid that keeps a primary \
            key or a unique constraint. An invalid one whose name ends in _ccnew or _ccold is left over by REINDEX \
            CONCURRENTLY and may be dropped.",
    ),
    (
        "corruption",
        "Corrupt indexes",
        "What amcheck finds in pgGit's B-tree indexes: whether they are in order and hold every row of their table. Not \
            applicable where the extension amcheck is not installed.",
    ),
    (
        "sequence",
        "Sequences",
        "Whether each sequence is ahead of its column. `critical`: it is behind for pggit.objects or pggit.history, so that \
            DDL in this database fails. A fresh install has branches_id_seq behind: its first create_branch fails.",
    ),
    (
        "public-grants",
        "What everybody may delete",
        "Whether PUBLIC may delete or truncate pgGit's tables. That it may insert and update is how v0.2.1 is installed.",
    ),
];

pub(super) fn judge(view: &View<'_>, seen: &Seen, report: &mut Report) {
    objects::judge(view, seen, report);
    tables::judge(view, seen, report);
    indexes::judge(view, seen, report);
    indexes::corruption(view, &seen.corruption, report);
    sequences::judge(view, seen, report);
    answered(view, "public-grants", &seen.grants, report, |grants, report| {
        let names: Vec<&str> = grants.iter().map(|grant| grant.relation.as_str()).collect();
        report.findings.push(match grants.first() {
            None => view.ok("public-grants", "", "PUBLIC may neither delete nor truncate pgGit's tables"),
            Some(first) => view
                .finding(
                    "public-grants",
                    "",
                    Status::Warning,
                    format!("everybody may {} rows of {}", first.privileges, some_of(&names, 4)),
                )
                .advise("as superuser, for each: REVOKE DELETE, TRUNCATE ON the table FROM PUBLIC;"),
        });
    });
}
