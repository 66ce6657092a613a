//! `primary-lag`: this standby against the primary itself, where that is granted. It is the only check that sees
//! through a cascade whose upstream is cut off, and the only one that sees that two servers have parted.

use pgreeve_sdk::{Finding, Metric, Role, Status};

use super::lag::{delay, span, threshold};
use crate::observe::Primary;
use crate::rows::Look;
use crate::samples::Bounds;
use crate::view::{View, bytes, lsn};

const ID: &str = "primary-lag";

/// Judges it.
pub(crate) fn check(view: &View<'_>) -> (Vec<Finding>, Vec<Metric>) {
    let primary = match &view.seen.primary {
        None if view.settings.primary.as_deref() == Some(view.scope) => {
            let answer = view.not_applicable(ID, "", "the other scopes are compared with this one (setting `primary`)");
            return (vec![answer], Vec::new());
        }
        None => {
            return (
                vec![view.not_applicable(ID, "", "the setting `primary` names no scope to compare with")],
                Vec::new(),
            );
        }
        Some(Err(error)) => {
            let named = view.settings.primary.as_deref().unwrap_or_default();
            let answer = view.unanswered(ID, "", error);
            return (
                vec![Finding { summary: format!("the primary, scope {named}, {}", answer.summary), ..answer }],
                Vec::new(),
            );
        }
        Some(Ok(primary)) => primary,
    };
    let (finding, metrics) = compare(view, primary);
    (
        vec![
            finding
                .fact("primary_scope", &primary.scope)
                .fact_or_none("primary_lsn", primary.end.lsn.map(lsn))
                .fact_or_none("primary_timeline", primary.end.timeline),
        ],
        metrics,
    )
}

fn compare(view: &View<'_>, primary: &Primary) -> (Finding, Vec<Metric>) {
    let scope = &primary.scope;
    let critical =
        |summary: String, advice: &str| (view.finding(ID, "", Status::Critical, summary).advise(advice), Vec::new());
    if primary.server.system_identifier != view.seen.server.system_identifier {
        return critical(
            format!(
                "this is no copy of {scope}: its system identifier is {}, not {}",
                view.seen.server.system_identifier, primary.server.system_identifier
            ),
            "look at the dsn of both scopes and the setting `primary`; if they are right, this server follows another \
                cluster and has to be rebuilt",
        );
    }
    let (Some(end), Some(after)) = (primary.end.lsn, primary.after.lsn) else {
        return critical(
            format!("{scope} is no primary: it is in recovery"),
            "find out which server is the primary now (SELECT pg_is_in_recovery(); on each); after a failover change \
                the setting `primary`",
        );
    };
    if view.seen.server.role == Role::Primary {
        return critical(
            format!("two primaries: this server and {scope} both accept writes"),
            "stop the applications' writes to one of them now, and fence it; then compare their timelines \
                (pg_controldata) before anything is rewound",
        );
    }
    let Some((look, replayed)) = view.seen.looks().last().and_then(|look| Some((look, look.replay_lsn?))) else {
        return (view.no_data(ID, "", "this standby showed no position"), Vec::new());
    };
    if replayed > after {
        return critical(
            format!(
                "diverged: this standby has replayed up to {}, beyond the end of WAL of {scope} at {}",
                lsn(replayed),
                lsn(after)
            ),
            "it follows another primary, or the primary was set back; compare timelines with pg_controldata on both, \
                then pg_rewind or rebuild this standby",
        );
    }
    if let (true, Some(ours), Some(theirs)) = (look.is_streaming(), look.timeline, primary.end.timeline)
        && ours != theirs
    {
        return critical(
            format!("this standby receives timeline {ours}; {scope} is on timeline {theirs}"),
            "it follows an old primary, or recovery_target_timeline is not latest: look at primary_conninfo and the \
                log here",
        );
    }
    lag(view, primary, look, replayed, end)
}

fn lag(view: &View<'_>, primary: &Primary, look: &Look, replayed: u64, end: u64) -> (Finding, Vec<Metric>) {
    let behind = end.saturating_sub(replayed);
    // Both ages are by the primary's clock: the samples are its own, and so is the moment of this run.
    let known = view.memory.primary_ends.bounds(primary.end.at, replayed);
    let bounds = if behind == 0 { Bounds { least: 0.0, most: Some(0.0) } } else { known };
    let intended = delay(view).unwrap_or(0.0);
    let status = threshold(view.settings, (bounds.least - intended).max(0.0), behind);
    let status = if look.is_paused() && status == Status::Critical { Status::Warning } else { status };
    let summary = if behind == 0 {
        format!("0 bytes behind {}", primary.scope)
    } else {
        format!("{} and {} behind {}", bytes(behind), span(bounds), primary.scope)
    };
    let finding = view.finding(ID, "", status, summary).fact("replay_lsn", lsn(replayed)).fact("behind_bytes", behind);
    let finding = if status == Status::Ok {
        finding
    } else {
        finding.advise(
            "if this standby is caught up with its upstream (finding `lag`), its upstream is what lags: follow the \
                receivers upwards, \
             SELECT status, sender_host FROM pg_stat_wal_receiver; on each",
        )
    };
    (finding, vec![view.metric("primary_lag_bytes", behind as f64, "bytes", None)])
}
