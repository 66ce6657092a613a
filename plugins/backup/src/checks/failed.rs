//! `failed`: actions of this job whose last attempt failed, with what the tool said. The run that verified them was told; it is remembered here
//! until something newer makes it good.

use pgreeve_sdk::{Finding, Status, finding};

use super::copies;
use crate::actions::take_action;
use crate::memory::Failed;
use crate::name::{Kind, Name};
use crate::view::{Said, View, time};

/// A failure that nothing makes good is forgotten after this. Seconds.
const OLD: f64 = 30.0 * 86_400.0;

const AS_ROOT: &str = "run the agent as the user that PostgreSQL runs as (User=postgres in its unit; chown the state directory and the backups to that user), \
     or have the command begin with setpriv --reuid=postgres --regid=postgres --clear-groups where that user may read the backups";

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
        "repair what it says (client tools of the server's major, a privilege): it is tried again a day later, or run it by hand at once",
    ),
    ("exit status 5", "make room on the backups' disk: see the finding `space`"),
    (
        "exit status 6",
        "read the server's log of that moment, and dmesg; it is tried again within the hour, and at once after pgreeve approve ID (pgreeve proposals)",
    ),
    ("exit status 7", "the same is under way: look for it with pgrep -a pgreeve-backup"),
];

/// Judges what is remembered.
pub(crate) fn check(view: &View<'_>, said: &mut Said) {
    for (subject, failed) in &view.observed.memory.failures {
        let how = if failed.uncertain { "was broken off" } else { "failed" };
        let advice = advice(failed);
        said.add(
            finding(
                "failed",
                subject,
                Status::Warning,
                format!("{how} {} ago: {}", time(view.age(failed.at)), failed.why()),
            )
            .explain(failed.detail.clone())
            .advise(advice),
        );
    }
}

/// What to do about a failure, by what the tool says.
pub(super) fn advice(failed: &Failed) -> &'static str {
    if failed.why().contains("as root") {
        return AS_ROOT;
    }
    STATUSES.iter().find(|(status, _)| failed.detail.lines().next() == Some(status)).map_or(
        "pgreeve proposals --all shows the exact command: run it by hand, as the agent's user",
        |(_, advice)| advice,
    )
}

/// A finding about what is due says what became of the last attempt, if that failed: why, and what to do about it.
pub(super) fn mention(view: &View<'_>, finding: Finding, failed: Option<&Failed>) -> Finding {
    let Some(failed) = failed else { return finding };
    let how = if failed.uncertain { "was broken off" } else { "failed" };
    let summary =
        format!("{}; the last attempt {how} {} ago: {}", finding.summary, time(view.age(failed.at)), failed.why());
    Finding { summary, ..finding }.explain(failed.detail.clone()).advise(advice(failed))
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
        // Dropped or renamed since, or taken out of the settings.
        let unwanted = Kind::ALL.into_iter().any(|kind| {
            take_action(kind) == action
                && view.databases().is_ok()
                && !view.wanted(&[kind]).iter().any(|series| series.database().as_deref() == argument)
        });
        // The tool did its work, and what it found is judged by its record.
        let all_read = action == "verify-all"
            && view.rows.iter().flat_map(|row| &row.backups).any(|(backup, _)| {
                let record = backup.opened.as_ref().and_then(|opened| opened.verified.as_ref());
                matches!(record, Some(Ok(Ok(verified))) if verified.verified_us > failed.after)
            });
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
        let done = view.place.is_some() && (taken || recorded || all_read || unwanted);
        if arrived || done || view.age(failed.at) > OLD {
            good.push((action.to_owned(), argument.map(str::to_owned)));
        }
    }
    good
}
