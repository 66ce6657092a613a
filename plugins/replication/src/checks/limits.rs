//! `wal-level` and `wal-senders`: whether this server can feed a standby, and one more.

use pgreeve_sdk::{Finding, Status};

use crate::view::View;

const LEVEL: &str = "wal-level";
const SENDERS: &str = "wal-senders";

/// Judges both.
pub(crate) fn check(view: &View<'_>) -> Vec<Finding> {
    let limits = match &view.seen.limits {
        Ok(limits) => limits,
        Err(error) => return vec![view.unanswered(LEVEL, "", error), view.unanswered(SENDERS, "", error)],
    };
    let expects = !view.settings.expect.is_empty();
    let level = if limits.wal_level == "minimal" {
        let status = if expects { Status::Critical } else { Status::Warning };
        view.finding(LEVEL, "", status, "wal_level is minimal: no standby, no archive and no base backup is possible")
            .advise("ALTER SYSTEM SET wal_level = 'replica'; and restart the server")
    } else {
        view.ok(LEVEL, "", format!("wal_level is {}", limits.wal_level))
    };
    vec![level, senders(view, limits.max_wal_senders, limits.senders, expects)]
}

fn senders(view: &View<'_>, most: i64, used: i64, expects: bool) -> Finding {
    if most == 0 && !expects {
        return view.not_applicable(SENDERS, "", "max_wal_senders is 0: this server feeds nobody");
    }
    let free = most - used;
    let status = if free <= 0 {
        Status::Critical
    } else if free < i64::from(view.settings.sender_headroom).min(most - 1) {
        Status::Warning
    } else {
        Status::Ok
    };
    let finding = view.finding(
        SENDERS,
        "",
        status,
        format!("{used} of {most} walsenders are in use (max_wal_senders), {free} free"),
    );
    if status == Status::Ok {
        return finding;
    }
    finding.advise(
        "SELECT pid, application_name, client_addr, state, backend_start FROM pg_stat_replication; end what is left \
            over from a lost connection, or raise \
         max_wal_senders (on standbys first) and restart; a standby that finds none free cannot connect",
    )
}
