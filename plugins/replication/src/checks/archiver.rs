//! `archiver` and `archive-backlog`: does WAL get into the archive? A hanging archive_command fails nothing, so the age
//! of the oldest segment that waits counts as much as the failures; and failures of long ago count for nothing.

use pgreeve_sdk::{Finding, Metric, Status};

use crate::rows::{Archiver, Ready};
use crate::view::{View, bytes, level, seconds, worse};

const ID: &str = "archiver";
const BACKLOG: &str = "archive-backlog";

/// Judges both.
pub(crate) fn check(view: &View<'_>) -> (Vec<Finding>, Vec<Metric>) {
    let both = |why: &str| (vec![view.not_applicable(ID, "", why), view.not_applicable(BACKLOG, "", why)], Vec::new());
    let archiver = match &view.seen.archiver {
        Ok(archiver) => archiver,
        Err(error) => return (vec![view.unanswered(ID, "", error), view.unanswered(BACKLOG, "", error)], Vec::new()),
    };
    match archiver.mode.as_deref() {
        Some("off") => return both("archive_mode is off"),
        Some("on") if view.seen.looks.is_some() => return both("with archive_mode = on a standby archives nothing"),
        _ => {}
    }
    let (backlog, metrics) = backlog(view);
    let finding = archive(view, archiver)
        .fact_or_none("archive_mode", archiver.mode.as_deref())
        .fact("archived_count", archiver.archived_count)
        .fact("failed_count", archiver.failed_count)
        .fact_or_none("last_archived_wal", archiver.last_archived_wal.as_deref())
        .fact_or_none("last_archived_age_s", archiver.archived_age.map(|age| format!("{age:.0}")))
        .fact_or_none("last_failed_wal", archiver.last_failed_wal.as_deref());
    (vec![finding, backlog], metrics)
}

fn archive(view: &View<'_>, archiver: &Archiver) -> Finding {
    let (command, library) = (archiver.command == Some(true), archiver.library == Some(true));
    let last = archiver
        .archived_age
        .map_or("nothing archived so far".to_owned(), |age| format!("last success {} ago", seconds(age)));
    if !command && !library {
        return view
            .finding(
                ID,
                "",
                Status::Critical,
                "archiving is on and configured to nothing: archive_command and \
                archive_library are both empty, and WAL piles up",
            )
            .advise(
                "set archive_command (or archive_library) and SELECT pg_reload_conf(); and look at the room on \
                pg_wal's disk meanwhile",
            );
    }
    if command && library && view.seen.server.version >= 160_000 {
        return view
            .finding(
                ID,
                "",
                Status::Critical,
                "archive_command and archive_library are both set: the archiver refuses to run",
            )
            .advise("set one of the two to '' and SELECT pg_reload_conf();");
    }
    let failed = if archiver.failing {
        let wal = archiver.last_failed_wal.as_deref().unwrap_or("a segment");
        Some(format!("the last attempt, for {wal}, failed {} ago; {last}", seconds(archiver.failed_age.unwrap_or(0.0))))
    } else {
        // Archived since, it would not be remembered.
        let remembered = view.memory.failed_wal.as_deref();
        remembered.map(|wal| format!("an earlier run saw it fail for {wal}; the statistics were reset since"))
    };
    if let Some(failed) = failed {
        return view.finding(ID, "", Status::Critical, format!("archiving fails: {failed}")).advise(
            "read \"archive command failed\" in the server's log and run SHOW archive_command; by hand as the \
                server's user; until it works, WAL piles up in pg_wal",
        );
    }
    let ready = match &view.seen.ready {
        Ok(ready) => ready,
        Err(error) => {
            let answer = view.unanswered(ID, "", error);
            return Finding {
                summary: format!(
                    "no failure to be seen ({last}), but whether the archiver hangs cannot be: {}",
                    answer.summary
                ),
                ..answer
            };
        }
    };
    let age = ready.oldest_age.unwrap_or(0.0).max(0.0);
    let status = if ready.waiting > 0 {
        level(age, view.settings.archive_age_warning.0, view.settings.archive_age_critical.0)
    } else {
        Status::Ok
    };
    if status == Status::Ok {
        return view.ok(ID, "", format!("{last}; {}", waiting(ready)));
    }
    view.finding(
        ID,
        "",
        status,
        format!(
            "the archiver hangs or does not keep up: the oldest segment has waited for \
        {}; {last}",
            seconds(age)
        ),
    )
    .advise(
        "look at the archiver's child on the host: ps -o pid,etime,args --ppid $(pgrep -f 'postgres.*archiver'). \
                If there is none, the server's log may say \"archiving is not configured\" (basic_archive without \
             archive_directory). A hanging command has to be ended before a \
             changed archive_command counts; then see whether the archive's host answers and has room",
    )
    .fact("oldest_waiting_s", format!("{age:.1}"))
}

fn backlog(view: &View<'_>) -> (Finding, Vec<Metric>) {
    let ready = match &view.seen.ready {
        Ok(ready) => ready,
        Err(error) => return (view.unanswered(BACKLOG, "", error), Vec::new()),
    };
    let segment = view.seen.limits.as_ref().ok().and_then(|limits| limits.segment_bytes).unwrap_or(16 << 20);
    let size = bytes(ready.waiting.saturating_mul(segment).max(0) as u64);
    let count = level(
        ready.waiting,
        view.settings.archive_backlog_warning.into(),
        view.settings.archive_backlog_critical.into(),
    );
    // A burst that the archiver is working off is no backlog yet.
    let old = level(ready.oldest_age.unwrap_or(0.0), view.settings.lag_critical.0, view.settings.lag_critical.0);
    let status = if old == Status::Ok { Status::Ok } else { worse(count, Status::Ok) };
    let finding = view.finding(BACKLOG, "", status, format!("{} ({size})", waiting(ready)));
    let finding = if status == Status::Ok {
        finding
    } else {
        finding.advise("see the finding `archiver`, and how much room pg_wal's disk has")
    };
    let mut metrics = vec![view.metric("archive_backlog_count", ready.waiting as f64, "count", None)];
    metrics
        .extend(ready.oldest_age.map(|age| view.metric("archive_oldest_age_seconds", age.max(0.0), "seconds", None)));
    (finding.fact("ready_files", ready.waiting), metrics)
}

fn waiting(ready: &Ready) -> String {
    match (ready.waiting, ready.oldest_age) {
        (0, _) | (_, None) => "no segment waits to be archived".to_owned(),
        (1, Some(age)) => format!("1 segment waits to be archived, for {}", seconds(age.max(0.0))),
        (count, Some(age)) => format!("{count} segments wait to be archived, the oldest for {}", seconds(age.max(0.0))),
    }
}
