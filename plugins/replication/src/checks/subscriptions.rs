//! `subscription`: does the apply worker of a subscription here run, and does it fail? One that fails is started again
//! every few seconds, so what one look finds says little: what its failures are counted to be does (15 and later).

use pgreeve_sdk::{Finding, Reason, Status, reason_of};

use super::receiver::reconnect_within;
use crate::rows::Subscription;
use crate::view::{View, seconds};

const ID: &str = "subscription";

/// Runs in a row in which failures were counted, from which on it is a loop and not one failure.
const LOOP: u32 = 2;

/// Judges each subscription.
pub(crate) fn check(view: &View<'_>) -> Vec<Finding> {
    if view.seen.looks.is_some() {
        return vec![view.not_applicable(ID, "", "a standby runs no subscription")];
    }
    match &view.seen.subscriptions {
        Err(error) => vec![view.unanswered(ID, "", error)],
        Ok(rows) if rows.is_empty() => vec![view.not_applicable(ID, "", "there is no subscription")],
        Ok(rows) => rows.iter().map(|row| one(view, row)).collect(),
    }
}

fn one(view: &View<'_>, row: &Subscription) -> Finding {
    let name = row.key();
    let memory = view.memory.subscriptions.get(&name).cloned().unwrap_or_default();
    let errors = memory.errors.unwrap_or(0);
    let finding = if !row.enabled && errors > 0 {
        view.finding(ID, &name, Status::Warning, format!("subscription {name} is disabled, after {errors} failures"))
            .advise(format!(
                "disable_on_error may have done it: {}. If it is disabled on purpose: SELECT \
                 pg_stat_reset_subscription_stats((SELECT oid FROM pg_subscription WHERE subname = '{}'));",
                repair(row),
                row.name.replace('\'', "''")
            ))
    } else if !row.enabled {
        view.not_applicable(ID, &name, format!("subscription {name} is disabled"))
    } else if memory.failing > 0 {
        let status = if memory.failing >= LOOP { Status::Critical } else { Status::Warning };
        let summary =
            format!("the workers of subscription {name} fail: {errors} failures so far, more than at the last run");
        view.finding(ID, &name, status, summary).advise(repair(row))
    } else if row.worker.is_none() {
        let down = memory.down_since.map_or(0.0, |since| (row.at - since) as f64 / 1e6);
        let status = if down >= reconnect_within(view) { Status::Critical } else { Status::Warning };
        let summary = format!("subscription {name} has no apply worker, for {} at least", seconds(down));
        view.finding(ID, &name, status, summary).advise(repair(row))
    } else if row.wait_event_type.as_deref() == Some("Lock")
        && row.contact_age.is_some_and(|age| age >= view.settings.lag_warning.0)
    {
        let summary = format!("the apply worker of subscription {name} waits for a lock");
        view.finding(ID, &name, Status::Warning, summary).advise(
            "SELECT s.subname, a.pid, pg_blocking_pids(a.pid) FROM pg_stat_subscription AS s JOIN pg_stat_activity AS a \
             USING (pid) WHERE a.wait_event_type = 'Lock'; the last column says who holds it",
        )
    } else {
        let counted = match &view.seen.subscription_errors {
            Ok(_) => String::new(),
            Err(error) if reason_of(error) == Reason::Unsupported => "; failures are counted from 15 on".to_owned(),
            Err(error) => format!("; its failures could not be looked at: {}", error.line()),
        };
        view.ok(ID, &name, format!("the apply worker of subscription {name} runs{counted}"))
    };
    finding
        .fact("database", &row.database)
        .fact("enabled", row.enabled)
        .fact_or_none("worker", row.worker)
        .fact_or_none("errors", memory.errors)
}

fn repair(row: &Subscription) -> String {
    format!(
        "read the end of this server's log: a row that is there already or is missing, a column or table that is \
         missing, or no connection to the publisher. Repair that row or table here, in database {}; or (15 on) skip the \
         transaction whose finish LSN the log names: ALTER SUBSCRIPTION {} SKIP (lsn = '…')",
        row.database,
        crate::view::identifier(&row.name)
    )
}
