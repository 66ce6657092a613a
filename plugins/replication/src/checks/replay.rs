//! `replay`: does a standby replay what it has, and if not, who holds it: an operator's pause, a delay on purpose, a
//! query on the standby.

use pgreeve_sdk::{Finding, Status};

use super::lag::{self, bounds, delay};
use crate::rows::Startup;
use crate::view::{View, bytes, seconds};

/// Judges it.
pub(crate) fn check(view: &View<'_>) -> Vec<Finding> {
    const ID: &str = "replay";
    let Some(look) = view.seen.looks().last() else {
        return vec![match &view.seen.looks {
            None => view.not_applicable(ID, "", "a primary replays nothing"),
            Some(Err(error)) => view.unanswered(ID, "", error),
            Some(Ok(_)) => view.no_data(ID, "", "the server's role changed while it was looked at"),
        }];
    };
    let waits = look.bytes().unwrap_or(0);
    let startup = match &view.seen.startup {
        Some(Ok(rows)) => rows.first(),
        _ => None,
    };
    let event = startup.and_then(|startup| startup.wait_event.as_deref());
    let finding = if look.is_paused() {
        paused(view, waits)
    } else if waits == 0 {
        view.ok(
            ID,
            "",
            delay(view).map_or("nothing waits".to_owned(), |delay| {
                format!("nothing waits; replay is delayed by {}", seconds(delay))
            }),
        )
    } else if let Some(what) = startup.and_then(blocker) {
        let least = bounds(view, look).map_or(0.0, |bounds| bounds.least - delay(view).unwrap_or(0.0));
        let status = lag::threshold(view.settings, least, waits);
        let status = if status == Status::Ok && stands(view) { Status::Warning } else { status };
        view.finding(ID, "", status, format!("{} wait: replay is blocked by {what}", bytes(waits))).advise(
            "on the standby: SELECT pid, usename, xact_start, query FROM pg_stat_activity WHERE backend_xmin IS NOT \
                NULL ORDER BY xact_start; and for a lock \
             SELECT l.pid, a.state, l.mode, l.relation::regclass FROM pg_locks AS l JOIN pg_stat_activity AS a USING \
             (pid) WHERE l.granted AND l.relation IN (SELECT w.relation FROM pg_locks AS w WHERE w.relation IS NOT NULL AND \
             w.pid = (SELECT s.pid FROM pg_stat_activity AS s WHERE s.backend_type = 'startup')); end what can be \
             missed with SELECT pg_cancel_backend(pid); or, in the state `idle in transaction`, which no cancel ends, \
             SELECT pg_terminate_backend(pid); max_standby_streaming_delay says how long a query may hold replay",
        )
    } else if delay(view).is_some() && event == Some("RecoveryApplyDelay") {
        view.ok(ID, "", format!("{} wait, delayed on purpose (recovery_min_apply_delay)", bytes(waits)))
    } else {
        view.ok(ID, "", format!("{} to replay", bytes(waits)))
    };
    vec![
        finding
            .fact_or_none("pause", look.pause.as_deref())
            .fact("waiting_bytes", waits)
            .fact_or_none("startup_waits_in", event),
    ]
}

fn paused(view: &View<'_>, waits: u64) -> Finding {
    const ID: &str = "replay";
    let since = view.memory.paused_since.unwrap_or(view.memory.at);
    let found = view.seen.looks().last().map_or(0.0, |look| (look.at - since) as f64 / 1e6);
    let allowed = view.settings.pause_allowed;
    let status = if found < allowed.0 || waits == 0 && allowed.0 == 0.0 && found < view.settings.lag_critical.0 {
        Status::Ok
    } else {
        Status::Warning
    };
    view.finding(
        ID,
        "",
        status,
        format!(
            "replay is paused, found so {} ago at first; {} \
        wait",
            seconds(found),
            bytes(waits)
        ),
    )
    .explain(
        "paused by pg_wal_replay_pause(), by a recovery target, or by PostgreSQL itself because a setting \
            such as max_connections is lower here than on the primary",
    )
    .advise(resume(view))
}

/// How to go on. pg_wal_replay_resume() is only safe after somebody's own pause: at a recovery target it promotes, and
/// after a pause for insufficient settings it shuts the standby down.
fn resume(view: &View<'_>) -> String {
    let settings = view.seen.receiver_settings.as_ref().and_then(|answer| answer.as_ref().ok());
    match settings.and_then(|settings| settings.target.as_deref()) {
        Some(target) => format!(
            "do not resume unasked: {target} is set here, and resuming at a recovery target ends recovery and makes \
             this server a primary. Ask who set it; to go on as a standby, take it out of the configuration and restart"
        ),
        None => "first read the end of the standby's log: if it says \"insufficient parameter settings\", raise the \
                 setting that it names here and restart; resuming shuts this standby down. Only if somebody paused it \
                 with pg_wal_replay_pause(): SELECT pg_wal_replay_resume(); while it is paused, a slot of this standby \
                 keeps WAL on its upstream"
            .to_owned(),
    }
}

fn stands(view: &View<'_>) -> bool {
    matches!(view.seen.looks(), [first, .., last] if first.replay_lsn == last.replay_lsn)
}

fn blocker(startup: &Startup) -> Option<&'static str> {
    match (startup.wait_event_type.as_deref(), startup.wait_event.as_deref()) {
        (Some("Lock"), _) => Some("a lock that a session on this standby holds"),
        (_, Some("RecoveryConflictTablespace")) => Some("a session that uses a tablespace to be dropped"),
        (_, Some(event)) if event.starts_with("RecoveryConflict") => {
            Some("a query on this standby (recovery conflict)")
        }
        (Some("BufferPin" | "Buffer"), _) => Some("a session on this standby that holds a buffer"),
        _ => None,
    }
}
