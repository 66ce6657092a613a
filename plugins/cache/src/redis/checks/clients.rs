//! `redis-clients` and `redis-rejected`: is there room for one more, and was somebody refused?

use pgreeve_sdk::{Finding, Report, Status};

use super::View;
use crate::answer::{count, level, percent, seconds};

const CLIENTS: &str = "redis-clients";
const REJECTED: &str = "redis-rejected";

const ADVICE: &str = "redis-cli CLIENT LIST shows who holds the connections: one client without a pool, or idle ones (CONFIG SET timeout ends \
                      them). CONFIG SET maxclients makes room, as far as the service's LimitNOFILE goes";

/// Judges both.
pub(super) fn check(view: &View<'_>, report: &mut Report) {
    let clients = clients(view, report);
    report.findings.extend([clients, rejected(view)]);
}

fn clients(view: &View<'_>, report: &mut Report) -> Finding {
    let Some(connected) = view.info.number("connected_clients") else {
        return view.untold(CLIENTS, "its clients");
    };
    report.metrics.push(view.metric("redis_clients_count", connected as f64, "count"));
    let Some(most) = view.info.number("maxclients").filter(|most| *most > 0) else {
        return view.untold(CLIENTS, "maxclients");
    };
    let ratio = connected as f64 / most as f64;
    let status = level(ratio * 100.0, view.settings.clients_warning_percent, view.settings.clients_critical_percent);
    let summary = format!("{connected} of {most} clients (maxclients), {}", percent(ratio));
    let finding = view.finding(CLIENTS, status, summary).fact_or_none("blocked", view.info.number("blocked_clients"));
    if status == Status::Ok { finding } else { finding.advise(ADVICE) }
}

fn rejected(view: &View<'_>) -> Finding {
    if let Some(finding) = view.incomparable(REJECTED) {
        return finding;
    }
    let span = seconds(view.since.seconds);
    match view.since.counters.get("rejected_connections") {
        None => view.untold(REJECTED, "rejected connections"),
        Some(0) => view.ok(REJECTED, format!("none in {span}")),
        Some(refused) => view
            .finding(
                REJECTED,
                Status::Critical,
                format!("{} refused in {span}: maxclients was reached", count(*refused, "connection")),
            )
            .advise(ADVICE),
    }
}
