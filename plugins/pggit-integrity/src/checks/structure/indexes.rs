//! Indexes that are gone, invalid, left over or corrupt.

use pgreeve_sdk::{Error, Finding, Reason, Report, Status};

use super::objects::Wanted;
use crate::known::Object;
use crate::observe::structure::{Corruption, Seen};
use crate::view::{View, count, identifier, some_of};

pub(super) fn judge(view: &View<'_>, seen: &Seen, report: &mut Report) {
    let objects = match &seen.objects {
        Ok(objects) => objects,
        Err(error) => return report.findings.push(view.unanswered("index", "", error)),
    };
    let indexes: Vec<&Object> = objects.iter().filter(|object| object.kind == "index").collect();
    let wanted = Wanted::of(view, seen, objects);
    // With a table its indexes are gone, which the table's own finding says.
    let stands =
        |table: &str| table.is_empty() || objects.iter().any(|object| object.kind == "table" && object.name == table);
    let gone: Vec<&str> = wanted
        .of_kind("index")
        .filter(|(name, table)| {
            stands(table) && !indexes.iter().any(|index| index.name == *name && index.fingerprint != "not-unique")
        })
        .map(|(name, _)| name)
        .collect();
    for index in indexes.iter().filter(|index| index.fingerprint == "invalid") {
        let answer = invalid(view, &index.name);
        if view.primary {
            let action = if left_over(&index.name) { "drop-invalid-index" } else { "reindex" };
            let reason = answer.summary.clone();
            report.proposals.push(view.proposal(action, &[&answer.key], reason).argument("index", &index.name));
        }
        report.findings.push(answer);
    }
    let building = indexes.iter().filter(|index| index.fingerprint == "building").count();
    report.findings.push(if gone.is_empty() {
        view.ok("index", "", format!("all of {} are there, {}", indexes.len(), wanted.what)).fact("building", building)
    } else {
        let unique = gone.iter().any(|name| name.ends_with("_pkey") || name.ends_with("_key"));
        let status = if unique { Status::Critical } else { Status::Warning };
        view.finding("index", "", status, format!("{} gone: {}", gone.len(), some_of(&gone, 4)))
            .explain(some_of(&gone, 30))
            .advise(
                "names that end in _pkey and _key are of primary keys and unique constraints: look for duplicates first, then \
                 add the constraint; the others: CREATE INDEX CONCURRENTLY as the release that is installed has it",
            )
    });
}

/// Whether REINDEX CONCURRENTLY left it: PostgreSQL's own suffixes, with a number where the name was taken.
fn left_over(name: &str) -> bool {
    name.trim_end_matches(|digit: char| digit.is_ascii_digit()).ends_with("_ccnew")
        || name.trim_end_matches(|digit: char| digit.is_ascii_digit()).ends_with("_ccold")
}

fn invalid(view: &View<'_>, name: &str) -> Finding {
    let sql = name.split('.').map(identifier).collect::<Vec<_>>().join(".");
    if left_over(name) {
        return view
            .finding(
                "index",
                name,
                Status::Warning,
                format!("{name} is left over by a REINDEX CONCURRENTLY that failed"),
            )
            .advise(format!("look why it failed (duplicates?), then: DROP INDEX CONCURRENTLY {sql};"));
    }
    view.finding(
        "index",
        name,
        Status::Critical,
        format!("{name} is invalid: queries do not use it, and it may not be whole"),
    )
    .advise(format!("REINDEX INDEX CONCURRENTLY {sql}; if that reports duplicates, they have to go first"))
}

pub(super) fn corruption(view: &View<'_>, corruption: &Corruption, report: &mut Report) {
    let (sound, failed, skipped) = match corruption {
        Corruption::NoAmcheck => {
            let summary = "not looked for: the extension amcheck is not installed in this database";
            return report.findings.push(view.not_applicable("corruption", "", summary).advise(format!(
                "where it is wanted, as superuser: CREATE EXTENSION amcheck; GRANT EXECUTE ON FUNCTION bt_index_check(regclass, \
                 boolean) TO {}; pgGit records that too",
                identifier(view.user)
            )));
        }
        Corruption::Unanswered(error) => return report.findings.push(view.unanswered("corruption", "", error)),
        Corruption::Looked { sound, failed, skipped } => (*sound, failed, *skipped),
    };
    let mut unanswered = None;
    for (name, error) in failed {
        if is_corruption(error) {
            let answer = corrupt(view, name, error);
            if view.primary {
                let reason = format!("{name} is corrupt");
                report.proposals.push(view.proposal("reindex", &[&answer.key], reason).argument("index", name));
            }
            report.findings.push(answer);
        } else {
            unanswered = Some((name, error));
        }
    }
    report.findings.push(match unanswered {
        Some((_, Error::Remote(remote))) if remote.code == "42501" => view
            .unknown("corruption", "", Reason::NoPrivilege, "the login may not call amcheck's bt_index_check")
            .advise(format!(
                "as superuser: GRANT EXECUTE ON FUNCTION bt_index_check(regclass, boolean) TO {};",
                identifier(view.user)
            )),
        Some((name, error)) => {
            let answer = view.unanswered("corruption", "", error);
            Finding { summary: format!("{name}: {}", answer.summary), ..answer }
        }
        None => {
            let what = count(sound, "index is", "indexes are");
            view.ok("corruption", "", format!("{what} in order and whole")).fact("skipped_for_size", skipped)
        }
    });
}

/// XX001 data_corrupted, XX002 index_corrupted; 58P01 where the file is gone; XX000 where a page cannot be read.
fn is_corruption(error: &Error) -> bool {
    matches!(error, Error::Remote(remote) if ["XX000", "XX001", "XX002", "58P01"].contains(&remote.code.as_str()))
}

fn corrupt(view: &View<'_>, name: &str, error: &Error) -> Finding {
    let sql = name.split('.').map(identifier).collect::<Vec<_>>().join(".");
    let answer = view.finding("corruption", name, Status::Critical, format!("{name} is corrupt: {}", error.line())).advise(format!(
        "look at the disk and at the server's log before anything else, and make a dump of pgGit's tables now. Then REINDEX \
         INDEX CONCURRENTLY {sql}; which fails on duplicates: those have to be looked at one by one"
    ));
    match error.detail() {
        Some(detail) => answer.explain(detail),
        None => answer,
    }
}
