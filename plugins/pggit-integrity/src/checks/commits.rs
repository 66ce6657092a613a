//! The commits of pggit itself, which its branches point at.

use pgreeve_sdk::{Report, Status};

use crate::observe::commits::Seen;
use crate::view::{View, count, some_of};

pub(super) const CHECK: super::Check = (
    "own-commits",
    "Commits of pggit",
    "Whether parents of pggit.commits are there and none descends from itself, whether the head of a branch that was a commit \
        still is one, and whether the commits of a branch stay as they were as long as the branch does (until the setting \
        `baseline` gets another name). pggit.create_branch writes heads that are no commits: those are counted.",
);

pub(super) fn judge(view: &View<'_>, seen: &Seen, report: &mut Report) {
    let before = report.findings.len();
    let mut say = |object: &str, summary: String, advice: &str| {
        report.findings.push(view.finding(CHECK.0, object, Status::Critical, summary).advise(advice));
    };
    if !seen.orphans.is_empty() {
        let what = count(seen.orphans.len(), "commit", "commits");
        say(
            "parents",
            format!("{what} of pggit whose parent is gone: {}", some_of(&seen.orphans, 3)),
            "restore the rows of pggit.commits from a backup; SELECT hash, parent_commit_hash FROM pggit.commits WHERE \
             parent_commit_hash IS NOT NULL; says what is missing",
        );
    }
    if !seen.cyclic.is_empty() {
        let what = count(seen.cyclic.len(), "commit", "commits");
        say(
            "cycle",
            format!("{what} of pggit that descend from themselves: {}", some_of(&seen.cyclic, 3)),
            "look into a backup which parent_commit_hash is wrong, and set it back",
        );
    }
    if !seen.lost.is_empty() {
        say(
            "heads",
            format!("the head of {} is no commit, and was another before", some_of(&seen.lost, 4)),
            "restore the row of pggit.commits from a backup, or set head_commit_hash of pggit.branches to the newest commit of \
             that branch",
        );
    }
    if !seen.changed.is_empty() {
        let line = |(name, more): &(String, i64)| match *more {
            0 => format!("{name} changed"),
            more if more < 0 => format!("{name} has {} fewer", -more),
            more => format!("{name} has {more} more"),
        };
        let lines: Vec<String> = seen.changed.iter().map(line).collect();
        say(
            "rows",
            format!("commits of pggit are not what they were: {}", some_of(&lines, 4)),
            "compare pggit.commits with a backup; if it was meant, give the job's setting baseline a new name",
        );
    }
    if report.findings.len() == before {
        let what = count(usize::try_from(seen.rows).unwrap_or(0), "commit", "commits");
        let noise = match seen.invented {
            0 => String::new(),
            number => format!(
                "; {} a head that is none, as create_branch writes it",
                count(number, "branch has", "branches have")
            ),
        };
        report.findings.push(view.ok(CHECK.0, "", format!("{what} of pggit as they were{noise}")));
    }
}
