//! Audited changes have their commits and stay, the log of compliance is kept, and who changed how much.

use pgreeve_sdk::{Report, Status};

use super::Check;
use crate::observe::audit::{Author, Day, Kept, Seen};
use crate::view::{View, answered, count, some_of, time};

pub(super) const CHECKS: [Check; 5] = [
    (
        "audit-commits",
        "Commits of audited changes",
        "Whether the commit of each change in pggit_audit.changes is in the graph.",
    ),
    (
        "audit-rows",
        "Audited changes stay",
        "Whether the rows of pggit_audit that were there are unchanged, by sums of hashes; the column `verified` may change. Rows \
            count from a day and two hours after they were written, as their times bear no zone. It stays until the setting \
            `baseline` gets another name.",
    ),
    (
        "audit-immutable",
        "The log of compliance is kept",
        "Whether a trigger keeps rows of pggit_audit.compliance_log from being changed or deleted.",
    ),
    (
        "authors",
        "Changes per author",
        "Who made how many changes in the last `author_days`, for the monthly audit, and who did so for the first time. Always ok.",
    ),
    (
        "anomalies",
        "Days out of the ordinary",
        "Whether there was a day, in the last `author_days`, with ten times the changes of a usual day of three months, and a \
            hundred at least. Asked where there are ten days to compare with.",
    ),
];

/// A day stands out with so many times the median, and so many changes.
const TIMES: i64 = 10;
const LEAST: i64 = 100;
/// Days that make a median.
const DAYS: usize = 10;

pub(super) fn judge(view: &View<'_>, seen: &Seen, report: &mut Report) {
    match &seen.commits {
        None => report.findings.push(view.not_applicable(
            "audit-commits",
            "",
            "there is no audit, or no pggit_v0 to compare it with",
        )),
        Some(commits) => answered(view, "audit-commits", commits, report, |commits, report| {
            let example = commits.example.clone().unwrap_or_default();
            report.findings.push(match commits.lost {
                0 => view.ok("audit-commits", "", format!("{} audited changes have their commits", commits.rows)),
                lost => view
                    .finding("audit-commits", "", Status::Critical, format!("{lost} of {} audited changes have no commit, such as of {example}", commits.rows))
                    .advise("commits were removed from pggit_v0.commit_graph, or changes put into the audit: compare both with a backup"),
            });
        }),
    }
    match &seen.rows {
        None => report.findings.push(view.not_applicable("audit-rows", "", "pggit_audit is not there")),
        Some(rows) => answered(view, "audit-rows", rows, report, |rows, report| unchanged(view, rows, report)),
    }
    match &seen.trigger {
        None => report.findings.push(view.not_applicable("audit-immutable", "", "there is no log of compliance")),
        Some(trigger) => answered(view, "audit-immutable", trigger, report, |trigger, report| {
            report.findings.push(if trigger.kept {
                view.ok("audit-immutable", "", "no row of the log can be changed or deleted")
            } else {
                view.finding("audit-immutable", "", Status::Critical, "rows of pggit_audit.compliance_log can be changed and deleted")
                    .advise(
                        "as owner: ALTER TABLE pggit_audit.compliance_log ENABLE TRIGGER USER; or, where it is gone: CREATE \
                         TRIGGER compliance_immutability BEFORE UPDATE OR DELETE ON pggit_audit.compliance_log FOR EACH ROW \
                         EXECUTE FUNCTION pggit_audit.prevent_compliance_modification(); then look at audit-rows",
                    )
            });
        }),
    }
    match (&seen.authors, &seen.days) {
        (Some(authors), Some(days)) => {
            answered(view, "authors", authors, report, |rows, report| authored(view, rows, report));
            answered(view, "anomalies", days, report, |days, report| outstanding(view, days, report));
        }
        _ => {
            for check in ["authors", "anomalies"] {
                report.findings.push(view.not_applicable(check, "", "there is no history"));
            }
        }
    }
}

fn unchanged(view: &View<'_>, kept: &Kept, report: &mut Report) {
    let parts: Vec<String> = kept
        .changed
        .iter()
        .map(|(part, more)| match *more {
            0 => format!("{part} changed"),
            more if more < 0 => format!("{part}: {} rows fewer", -more),
            more => format!("{part}: {more} rows more"),
        })
        .collect();
    report.findings.push(if parts.is_empty() {
        view.ok("audit-rows", "", format!("{} rows are as they were since {}", kept.rows, time(kept.since)))
    } else {
        view.finding(
            "audit-rows",
            "",
            Status::Critical,
            format!("pggit_audit is not what it was since {}: {}", time(kept.since), some_of(&parts, 3)),
        )
        .advise("compare pggit_audit with a backup; if it was meant, give the job's setting baseline a new name")
    });
}

fn authored(view: &View<'_>, authors: &[Author], report: &mut Report) {
    let days = view.settings().author_days;
    let name = |row: &Author| row.author.clone().unwrap_or_else(|| "nobody".to_owned());
    let lines: Vec<String> = authors.iter().map(|row| format!("{} {}", name(row), row.changes)).collect();
    let total: i64 = authors.iter().map(|row| row.changes).sum();
    let who = count(authors.len(), "author", "authors");
    let summary = if authors.is_empty() {
        format!("no change in {days} days")
    } else {
        format!("{total} changes by {who} in {days} days: {}", some_of(&lines, 5))
    };
    let detail: Vec<String> = authors
        .iter()
        .map(|row| {
            let new = if row.new { ", for the first time" } else { "" };
            format!("{}: {} changes, {} of them drops{new}", name(row), row.changes, row.drops)
        })
        .collect();
    let answer = view.ok("authors", "", summary);
    report.findings.push(if detail.is_empty() { answer } else { answer.explain(detail.join("\n")) });
    report.metrics.push(view.metric("pggit_author_changes_count", total as f64, "count", None));
}

fn outstanding(view: &View<'_>, days: &[Day], report: &mut Report) {
    let mut numbers: Vec<i64> = days.iter().map(|day| day.changes).collect();
    numbers.sort_unstable();
    let Some(usual) = numbers.get(numbers.len() / 2).copied().filter(|_| numbers.len() >= DAYS) else {
        let summary = format!("changes on {} days: too few to tell what is usual", days.len());
        return report.findings.push(view.not_applicable("anomalies", "", summary));
    };
    let bound = (usual * TIMES).max(LEAST);
    let odd: Vec<&Day> = days.iter().filter(|day| day.recent && day.changes >= bound).collect();
    let lines: Vec<String> =
        odd.iter().map(|day| format!("{}: {} ({} drops)", day.day, day.changes, day.drops)).collect();
    report.findings.push(if odd.is_empty() {
        view.ok("anomalies", "", format!("no day out of the ordinary; a usual one has {usual} changes"))
    } else {
        view.finding("anomalies", "", Status::Warning, format!("far more changes than the usual {usual} a day: {}", some_of(&lines, 3))).advise(
            "see who and what: SELECT created_by, change_type, change_description FROM pggit.history WHERE created_at::date = '…' \
             ORDER BY id; a release or a migration may be the reason",
        )
    });
}
