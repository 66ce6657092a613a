//! The checks, one file per question. Each is a pure function from what was seen, what is remembered and the settings to findings.

mod age;
mod archiver;
mod continuity;
mod copies;
#[cfg(test)]
mod copies_tests;
mod damage;
mod directory;
mod due;
mod failed;
mod outside;
mod proof;
mod retention;
mod size;
mod space;
#[cfg(test)]
mod tests;
mod verification;
mod window;

use pgreeve_sdk::{Finding, Report, Status, finding};

pub(crate) use failed::made_good;

use crate::view::{Said, View, ok};

/// Findings from which on those that are well are counted; by default a report has room for 1,000.
const FINDINGS: usize = 800;
/// By default a report has room for 100.
const PROPOSALS: usize = 90;

/// The check's id, its title, and what its answers mean.
pub(crate) const ALL: [(&str, &str, &str); 24] = [
    (
        "directory",
        "Backup directory",
        "What lies in it. Entries that are no backups are a warning: name them in `allow` or take them away.",
    ),
    ("clock", "Clock", "Whether the clock went back, or a backup ended in the future. Ages cannot be told then."),
    ("databases", "Databases", "Which databases there are to back up."),
    ("age", "Age of the last good backup", "From its end. `critical`: none, or older than the kind's `critical`."),
    (
        "damage",
        "Damage",
        "Manifests whose seal does not hold, payloads that are missing, empty or of another size, verifications that failed.",
    ),
    (
        "size",
        "Size against its own history",
        "The newest beside the median of those before it: a sudden drop or jump, tables or rows that are gone.",
    ),
    (
        "caveats",
        "What the newest backup leaves out",
        "What the dump itself could not vouch for, such as rows of extensions that pg_dump leaves out.",
    ),
    ("verification", "Checksums read again", "When each stored backup was last read and compared."),
    (
        "proof",
        "Restore test",
        "Age and result of the last one, how long the restore took (RTO), how old its newest change was (RPO).",
    ),
    ("retention", "Retention", "What is kept, and whether what is beyond it goes."),
    ("space", "Room for the next backups", "Free space beside what the next backups are expected to take."),
    ("same-disk", "Disk of the backups", "Whether the backups lie on the file system of the data."),
    ("leftovers", "Leftovers", "What killed runs left, and payloads whose manifest is gone."),
    ("due", "Due backups", "In a job that takes: whether a backup is due."),
    ("verify-due", "Due verifications", "In a job that verifies: whether a backup is to be read again."),
    ("prove-due", "Due restore tests", "In a job that proves: whether the newest backup is to be restored as a test."),
    ("expired", "Expired backups", "In a job that expires: backups beyond retention, one finding each."),
    (
        "copies",
        "Copies in object storage",
        "Per kind: how old the newest backup is whose copy is whole there. A copy that is not the backup any more is critical.",
    ),
    ("copy-due", "Due copies", "In a job that uploads: the newest backups that the object store lacks."),
    ("failed", "Failed actions", "Actions of this job whose last attempt failed, and why."),
    ("archiver", "Archiver", "Whether WAL gets into the archive, and soon enough for what may be lost (`rpo`)."),
    ("continuity", "Archived WAL without gaps", "Per timeline: every segment is there and whole."),
    ("window", "Restorable window", "From when to when the cluster can be brought back."),
    (
        "outside",
        "Backups by pgBackRest or Barman",
        "Per repository or server: its own status, the age of the last backup and of the last full one.",
    ),
];

/// All answers.
pub(crate) fn all(view: &View<'_>) -> Report {
    let mut said = Said::new();
    directory::check(view, &mut said);
    if let Some((place, shelf)) = view.place {
        directory::clock(view, &mut said);
        directory::databases(view, &mut said);
        due::check(view, place, shelf, &mut said);
        verification::due(view, &mut said);
        proof::due(view, &mut said);
        retention::check(view, place, &mut said);
        copies::due(view, &mut said);
        if view.settings.watches() {
            age::check(view, &mut said);
            damage::check(view, &mut said);
            size::check(view, &mut said);
            damage::caveats(view, &mut said);
            verification::check(view, &mut said);
            proof::check(view, &mut said);
            copies::check(view, &mut said);
            space::same_disk(view, place, &mut said);
        }
        if view.settings.watches() || !view.settings.take.is_empty() {
            space::check(view, place, &mut said);
        }
        if view.settings.watches() || view.settings.expire {
            directory::leftovers(view, shelf, &mut said);
        }
    }
    failed::check(view, &mut said);
    if view.settings.watches() {
        archiver::check(view, &mut said);
        continuity::check(view, &mut said);
        window::check(view, &mut said);
        outside::check(view, &mut said);
    }
    let mut report = said.0;
    condense(&mut report);
    report
}

/// A server of hundreds of databases: what is well is counted, what is not is told one by one. A report has room for `[limits] findings`, and for so
/// many proposals; the rest is proposed by the next runs.
fn condense(report: &mut Report) {
    report.proposals.truncate(PROPOSALS);
    if report.findings.len() <= FINDINGS {
        return;
    }
    for (id, _, _) in ALL {
        let well = |finding: &Finding| finding.check == id && finding.status == Status::Ok;
        let number = report.findings.iter().filter(|finding| well(finding)).count();
        if number > 10 {
            report.findings.retain(|finding| !well(finding));
            report.findings.push(ok(id, "others", format!("{number} others are well")));
        }
    }
    if report.findings.len() > FINDINGS {
        report.findings.sort_by_key(|finding| match finding.status {
            Status::Critical => 0,
            Status::Unknown => 1,
            Status::Warning => 2,
            Status::Ok => 3,
        });
        let left_out = report.findings.len() - FINDINGS;
        report.findings.truncate(FINDINGS);
        report.findings.push(
            finding(
                "directory",
                "left-out",
                Status::Warning,
                format!("{left_out} more findings have no room in one report"),
            )
            .advise("give each database, or each group of them, a job of its own: settings databases = […]"),
        );
        let keys: std::collections::BTreeSet<&str> =
            report.findings.iter().map(|finding| finding.key.as_str()).collect();
        report.proposals.retain(|proposal| proposal.clears.iter().all(|key| keys.contains(key.as_str())));
    }
}
