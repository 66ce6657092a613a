//! Foreign keys that are gone, not validated or not kept, and rows that refer to nothing.

use pgreeve_sdk::{Finding, Report, Status};

use super::Check;
use crate::observe::dependencies;
use crate::observe::references::{Key, Seen, qualified};
use crate::view::{View, answered, count, identifier, time};

pub(super) const CHECKS: [Check; 3] = [
    (
        "foreign-key",
        "Foreign keys",
        "Whether each foreign key of pgGit's tables is there, validated, and kept by triggers that fire. Wanted are those that \
            every install has, and those of the first look under the setting `baseline`.",
    ),
    (
        "orphans",
        "Rows that refer to nothing",
        "Whether each row of pgGit's tables refers to a row that is there, foreign key or not. `critical`: rows lead nowhere.",
    ),
    (
        "dependencies",
        "Dependencies stay",
        "Whether the rows of pggit.dependencies that an earlier run saw are still there. It stays until they are back or the \
            setting `baseline` gets another name.",
    ),
];

pub(super) fn judge(view: &View<'_>, seen: &Seen, report: &mut Report) {
    answered(view, "foreign-key", &seen.keys, report, |keys, report| {
        for link in &seen.missing {
            report.findings.push(
                view.finding(
                    "foreign-key",
                    &link.name(),
                    Status::Warning,
                    format!("no foreign key from {} to {}", link.name(), link.parent),
                )
                .advise(format!(
                    "see that the check orphans is ok for it, then, as owner: {} (ON DELETE CASCADE where the others of \
                     this table have it);",
                    link.statement()
                )),
            );
        }
        for key in keys {
            if let Some(answer) = unkept(view, key) {
                if key.disabled || !view.primary {
                    report.findings.push(answer);
                    continue;
                }
                report.proposals.push(
                    view.proposal("validate-foreign-key", &[&answer.key], answer.summary.clone())
                        .argument("table", &key.child)
                        .argument("constraint", &key.name),
                );
                report.findings.push(answer);
            }
        }
        let well = keys.iter().filter(|key| key.validated && !key.disabled).count();
        let what = count(well, "foreign key is", "foreign keys are");
        report.findings.push(view.ok("foreign-key", "", format!("{what} there, validated and kept")));
    });
    orphans(view, seen, report);
    match &seen.dependencies {
        None => report.findings.push(view.not_applicable("dependencies", "", "there is no table pggit.dependencies")),
        Some(rows) => answered(view, "dependencies", rows, report, |rows, report| {
            report.findings.push(dependencies(view, rows));
        }),
    }
}

fn dependencies(view: &View<'_>, seen: &dependencies::Seen) -> Finding {
    let (rows, at) = seen.before;
    if seen.gone == 0 {
        return view.ok("dependencies", "", format!("none of the {} that are recorded got lost", seen.rows));
    }
    let summary = format!("{} of {rows} recorded dependencies are gone since {}", seen.gone, time(at));
    view.finding("dependencies", "", Status::Warning, summary)
        .advise(
            "pgGit itself removes none: ask who did. Restore the rows of pggit.dependencies from a backup, with their ids; if it was meant, \
             give the job's setting baseline a new name",
        )
        .fact("rows", seen.rows)
}

fn unkept(view: &View<'_>, key: &Key) -> Option<Finding> {
    let object = key.link().name();
    let table = qualified(&key.child);
    if key.disabled {
        let summary = format!("the triggers that keep {} of {} are off: it is not enforced", key.name, key.child);
        let parent = qualified(&key.parent);
        return Some(view.finding("foreign-key", &object, Status::Critical, summary).advise(format!(
            "as superuser: ALTER TABLE {table} ENABLE TRIGGER ALL; ALTER TABLE {parent} ENABLE TRIGGER ALL; then look at the \
             check orphans, as rows may have gone in meanwhile"
        )));
    }
    (!key.validated).then(|| {
        let summary =
            format!("{} of {} is not validated: rows that were there before may lead nowhere", key.name, key.child);
        view.finding("foreign-key", &object, Status::Warning, summary)
            .advise(format!("as owner: ALTER TABLE {table} VALIDATE CONSTRAINT {};", identifier(&key.name)))
    })
}

fn orphans(view: &View<'_>, seen: &Seen, report: &mut Report) {
    for (link, answer) in &seen.orphans {
        let object = link.name();
        report.findings.push(match answer {
            Err(error) => view.unanswered("orphans", &object, error),
            Ok(orphans) => {
                let rows = count(orphans.rows.try_into().unwrap_or(0), "row", "rows");
                let example = orphans.example.clone().unwrap_or_default();
                let summary = format!("{rows} of {object} refer to nothing in {}, such as {example}", link.parent);
                view.finding("orphans", &object, Status::Critical, summary).advise(format!(
                    "restore the rows of {} from a backup; where they are not wanted, remove those that refer to them after \
                     looking at each",
                    link.parent
                ))
            }
        });
    }
    if seen.error().is_none() && seen.orphans.is_empty() {
        let what = count(seen.links, "reference leads", "references lead");
        report.findings.push(view.ok("orphans", "", format!("the rows of {what} somewhere that is there")));
    }
}
