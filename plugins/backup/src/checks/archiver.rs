//! `archiver`: does WAL get into the archive, and soon enough for what may be lost? Where nothing is archived on purpose the question does not arise.

use pgreeve_sdk::{Finding, Role, Status, finding};

use crate::name::Kind;
use crate::observe::{Archiver, Seen};
use crate::view::{Said, View, level, ok, time};

const ID: &str = "archiver";

/// Judges the archiver of the first database scope.
pub(crate) fn check(view: &View<'_>, said: &mut Said) {
    let Some((scope, seen)) = &view.observed.server else { return };
    if !view.settings.archives_itself {
        return said.add(Finding::not_applicable(
            ID,
            scope,
            "the server does not archive its WAL itself (archives_itself)",
        ));
    }
    let finding = match seen {
        Err(error) => Finding::unanswered(ID, scope, error),
        Ok(seen) => match &seen.archiver {
            Err(error) => Finding::unanswered(ID, scope, error),
            Ok(archiver) => one(view, scope, seen, archiver)
                .fact_or_none("archive_mode", archiver.mode.as_deref())
                .fact_or_none("archive_timeout_s", archiver.timeout)
                .fact_or_none("last_archived_wal", archiver.last_archived_wal.as_deref())
                .fact_or_none("last_failed_wal", archiver.last_failed_wal.as_deref()),
        },
    };
    said.add(finding);
}

fn one(view: &View<'_>, scope: &str, seen: &Seen, archiver: &Archiver) -> Finding {
    let promised = view.settings.wal_archive.is_some()
        || view.settings.expect.contains(&Kind::Base)
        || view.settings.pgbackrest.is_some();
    match archiver.mode.as_deref() {
        None => {
            return Finding::unknown(ID, scope, pgreeve_sdk::Reason::NoPrivilege, "archive_mode cannot be seen")
                .advise(format!(
                    "on the primary, as superuser: GRANT pg_monitor TO \"{}\";",
                    seen.server.user.replace('"', "\"\"")
                ));
        }
        Some("off") if promised => {
            return finding(ID, scope, Status::Critical, "archive_mode is off: no moment after a base backup can be recovered")
                .advise("ALTER SYSTEM SET archive_mode = on; set archive_command, and restart the server; or take `base` out of `expect` and drop `wal_archive`");
        }
        Some("off") => return Finding::not_applicable(ID, scope, "archive_mode is off, and no archive is promised"),
        Some("on") if seen.server.role == Role::Standby => {
            return Finding::not_applicable(
                ID,
                scope,
                "with archive_mode = on a standby archives nothing: look at the primary",
            );
        }
        Some(_) => {}
    }
    let wal = |wal: &Option<String>| wal.clone().unwrap_or_else(|| "a segment".to_owned());
    if archiver.command != Some(true) && archiver.library != Some(true) {
        return finding(
            ID,
            scope,
            Status::Critical,
            "archiving is on and configured to nothing: WAL piles up and none is saved",
        )
        .advise("set archive_command (or archive_library) and SELECT pg_reload_conf();");
    }
    if archiver.failing {
        let summary = format!(
            "archiving fails: the last attempt, for {}, failed {} ago; {}",
            wal(&archiver.last_failed_wal),
            time(archiver.failed_age.unwrap_or(0.0)),
            last(archiver)
        );
        return finding(ID, scope, Status::Critical, summary).advise(
            "read \"archive command failed\" in the server's log and run SHOW archive_command; by hand as the server's user; until it works nothing newer can be recovered",
        );
    }
    let ready = match &seen.ready {
        Ok(ready) => ready,
        Err(error) => return Finding::unanswered(ID, scope, error),
    };
    let rpo = view.settings.rpo.0;
    let waits = if ready.waiting > 0 { ready.oldest_age.unwrap_or(0.0).max(0.0) } else { 0.0 };
    let status = level(waits, rpo / 3.0, rpo);
    if status != Status::Ok {
        return finding(ID, scope, status, format!("{} segments wait to be archived, the oldest for {}; {} may be lost", ready.waiting, time(waits), time(rpo)))
            .advise("see whether the archive's host answers and has room; a hanging archive_command has to be ended before a changed one counts")
            .fact("oldest_waiting_s", waits);
    }
    match archiver.timeout {
        Some(0) => finding(ID, scope, Status::Warning, format!("archive_timeout is 0: what is written to a segment that is not full is saved at no time; {} may be lost", time(rpo)))
            .advise(format!("ALTER SYSTEM SET archive_timeout = '{}s'; SELECT pg_reload_conf();", rpo as i64)),
        Some(timeout) if timeout as f64 > rpo => {
            finding(ID, scope, Status::Warning, format!("archive_timeout is {}, and {} may be lost", time(timeout as f64), time(rpo)))
                .advise(format!("ALTER SYSTEM SET archive_timeout = '{}s'; SELECT pg_reload_conf(); or promise less (rpo)", rpo as i64))
        }
        _ => ok(ID, scope, format!("{}; a segment is saved after {} at the latest", last(archiver), time(archiver.timeout.unwrap_or(0) as f64))),
    }
}

fn last(archiver: &Archiver) -> String {
    archiver.archived_age.map_or_else(
        || "nothing was archived so far".to_owned(),
        |age| format!("the last segment was archived {} ago", time(age)),
    )
}
