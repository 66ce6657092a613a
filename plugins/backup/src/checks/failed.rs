//! `failed`: actions of this job whose last attempt failed, with what the tool said. The run that verified them was told; it is remembered here
//! until something newer makes it good.

use pgreeve_sdk::{Status, finding};

use super::copies;
use crate::actions::take_action;
use crate::name::Name;
use crate::view::{Said, View, time};

/// A failure that nothing makes good is forgotten after this. Seconds.
const OLD: f64 = 30.0 * 86_400.0;

/// What the tool's exit statuses ask for.
const STATUSES: [(&str, &str); 7] = [
    ("exit status 1", "the tool did its work and the answer is bad: see the findings `damage` and `proof`"),
    ("exit status 2", "the command's arguments are wrong: compare [command.…] in agent.toml with the reference"),
    (
        "exit status 3",
        "the server could not be reached or refused the login: look at the command's env (PGHOST, PGUSER, PGPASSFILE) and at pg_hba.conf",
    ),
    (
        "exit status 4",
        "trying again changes nothing until that is repaired: install the client tools of the server's major, or grant what is missing",
    ),
    ("exit status 5", "make room on the backups' disk: see the finding `space`"),
    ("exit status 6", "read the server's log of that moment, and dmesg; then let it be tried again: pgreeve proposals"),
    ("exit status 7", "the same is under way: look for it with pgrep -a pgreeve-backup"),
];

/// Judges what is remembered.
pub(crate) fn check(view: &View<'_>, said: &mut Said) {
    for (subject, failed) in &view.observed.memory.failures {
        let lines: Vec<&str> = failed.detail.lines().filter(|line| !line.trim().is_empty()).collect();
        let why = lines
            .iter()
            .find(|line| !line.starts_with("exit status"))
            .or(lines.first())
            .copied()
            .unwrap_or("no reason was given");
        let how = if failed.uncertain { "was broken off" } else { "failed" };
        let advice =
            STATUSES.iter().find(|(status, _)| failed.detail.starts_with(status)).map_or(
                "pgreeve proposals shows the exact command: run it by hand, as the agent's user",
                |(_, advice)| advice,
            );
        said.add(
            finding(
                "failed",
                subject,
                Status::Warning,
                format!("{how} {} ago: {}", time(view.age(failed.at)), why.trim_start_matches("stderr: ")),
            )
            .explain(failed.detail.clone())
            .advise(advice),
        );
    }
}

/// Failures that something newer has made good: the action and its argument.
pub(crate) fn made_good(view: &View<'_>) -> Vec<(String, Option<String>)> {
    let mut good = Vec::new();
    for (key, failed) in &view.observed.memory.failures {
        let (action, argument) =
            key.split_once(':').map_or((key.as_str(), None), |(action, argument)| (action, Some(argument)));
        let taken = view.rows.iter().any(|row| {
            take_action(row.series.kind) == action
                && row.series.database().as_deref() == argument
                && row.newest().is_some_and(|(_, sealed)| sealed.manifest.finished_us > failed.at)
        });
        // The tool did its work, and what it found is judged by its record.
        let recorded = argument
            .and_then(|argument| Name::parse(argument.strip_suffix(".json").unwrap_or(argument)))
            .is_some_and(|name| {
                let found = view.rows.iter().flat_map(|row| &row.backups).find(|(backup, _)| backup.name == name);
                found.is_none_or(|(backup, _)| {
                    let opened = backup.opened.as_ref();
                    let verified = opened
                        .and_then(|opened| opened.verified.as_ref()?.as_ref().ok()?.as_ref().ok())
                        .map(|it| it.verified_us);
                    let proved = opened
                        .and_then(|opened| opened.proof.as_ref()?.as_ref().ok()?.as_ref().ok())
                        .map(|it| it.proved_us);
                    let record = match action {
                        "verify" => verified,
                        "prove" | "prove-base" => proved,
                        // What was to be removed is still there.
                        _ => None,
                    };
                    record.is_some_and(|at| at > failed.after)
                })
            });
        let arrived = copies::arrived(view, action, argument);
        if arrived || (taken && view.place.is_some()) || (recorded && view.place.is_some()) || view.age(failed.at) > OLD
        {
            good.push((action.to_owned(), argument.map(str::to_owned)));
        }
    }
    good
}
