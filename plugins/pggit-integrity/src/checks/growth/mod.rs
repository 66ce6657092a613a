//! Sizes against their thresholds, what VACUUM and the archive have to do, and when thresholds will be passed.

mod coming;
#[cfg(test)]
mod tests;

use pgreeve_sdk::{Bytes, Finding, Report, Status};

use super::Check;
use crate::observe::growth::{DATABASE, Dead, PGGIT, ROWS, Seen, Sizes};
use crate::view::{View, answered};

pub(super) const CHECKS: [Check; 6] = [
    (
        "size-share",
        "pgGit's part of the database",
        "Whether pgGit's tables take no more of the database than `share_warning`, once they are larger than `share_from`.",
    ),
    (
        "history-size",
        "Length of the history",
        "Rows of `pggit.history` against `history_warning` and `history_critical`.",
    ),
    (
        "history-archive",
        "Old rows of the history",
        "Whether, once the history is longer than `history_warning`, rows older than `archive_days` wait for the archive. The \
            newest row of each object stays.",
    ),
    (
        "dead-rows",
        "Dead rows",
        "Whether VACUUM and ANALYZE come by in pgGit's tables: a table has more dead rows than `dead_rows` and more than a \
            fifth, which autovacuum would have taken away, or many rows and was never analyzed.",
    ),
    (
        "forecast",
        "When thresholds will be passed",
        "The day on which pgGit will take more than its part of the database, and on which the history will be too long, from \
            recorded samples of up to 90 days: the median of the slopes between all pairs, with its 90 % interval, single steps \
            left out. Nothing is said of more than four times the time that was looked at. `warning`: within \
            `forecast_warning`, with medium confidence or high.",
    ),
    (
        "projection",
        "Growth as projected",
        "Whether pgGit is as large as the older half of the samples made one expect, within `projection_tolerance`.",
    ),
];

pub(super) fn judge(view: &View<'_>, seen: &Seen, report: &mut Report) {
    answered(view, "size-share", &seen.sizes, report, |sizes, report| {
        report.findings.push(share(view, sizes));
        for (name, bytes) in [(PGGIT, sizes.pggit), (DATABASE, sizes.database)] {
            report.metrics.push(view.metric(name, bytes as f64, "bytes", None));
        }
    });
    match &seen.rows {
        None => {
            report.findings.push(view.not_applicable("history-size", "", "there is no table pggit.history"));
        }
        Some(rows) => answered(view, "history-size", rows, report, |rows, report| {
            report.findings.push(length(view, *rows));
            report.metrics.push(view.metric(ROWS, *rows as f64, "count", None));
        }),
    }
    match &seen.archivable {
        None => {
            report.findings.push(view.not_applicable("history-archive", "", "the history is short, or has no archive"));
        }
        Some(rows) => answered(view, "history-archive", rows, report, |rows, report| archive(view, *rows, report)),
    }
    answered(view, "dead-rows", &seen.dead, report, |tables, report| dead(view, tables, report));
    coming::judge(view, seen, report);
}

/// A part in per cent, to one decimal where there is one.
fn percent(part: f64) -> String {
    let text = format!("{:.1}", part * 100.0);
    format!("{} %", text.strip_suffix(".0").unwrap_or(&text))
}

fn share(view: &View<'_>, sizes: &Sizes) -> Finding {
    let settings = view.settings();
    let part = sizes.pggit as f64 / (sizes.database as f64).max(1.0);
    let bytes = Bytes(sizes.pggit.try_into().unwrap_or(0));
    let what = format!("pgGit takes {bytes}, {} of the database", percent(part));
    let large = bytes >= settings.share_from;
    let answer = if part > settings.share_warning && large {
        let limit = percent(settings.share_warning);
        view.finding("size-share", "", Status::Warning, format!("{what}; more than {limit}")).advise(
            "move old history to the archive, dump pggit.history_archive and empty it; tables by size: SELECT oid::regclass, \
             pg_size_pretty(pg_total_relation_size(oid)) FROM pg_class WHERE relkind = 'r' AND relnamespace = \
             'pggit'::regnamespace ORDER BY pg_total_relation_size(oid) DESC LIMIT 10;",
        )
    } else {
        view.ok("size-share", "", what)
    };
    answer.fact("pggit_bytes", sizes.pggit).fact("database_bytes", sizes.database)
}

fn length(view: &View<'_>, rows: i64) -> Finding {
    let settings = view.settings();
    let number = u64::try_from(rows).unwrap_or(0);
    let (status, limit) = match number {
        _ if number >= settings.history_critical => (Status::Critical, settings.history_critical),
        _ if number >= settings.history_warning => (Status::Warning, settings.history_warning),
        _ => return view.ok("history-size", "", format!("the history has {rows} rows")),
    };
    view.finding("history-size", "", status, format!("the history has {rows} rows; {limit} and more are too many"))
        .advise("move old rows to the archive (action archive-history), or raise history_warning and history_critical")
        .fact("rows", rows)
}

fn archive(view: &View<'_>, rows: i64, report: &mut Report) {
    let days = view.settings().archive_days;
    if rows == 0 {
        let summary = format!("no row is older than {days} days, but for the newest of each object");
        return report.findings.push(view.ok("history-archive", "", summary));
    }
    let summary = format!("{rows} rows of the history are older than {days} days and may go to the archive");
    let answer = view.finding("history-archive", "", Status::Warning, summary.clone()).advise(
        "approve the action archive-history, which moves them to pggit.history_archive in one transaction; disk space is free \
         for new rows after VACUUM pggit.history",
    );
    if view.primary {
        report.proposals.push(view.proposal("archive-history", &[&answer.key], summary).argument("days", days));
    }
    report.findings.push(answer);
}

fn dead(view: &View<'_>, tables: &[Dead], report: &mut Report) {
    let settings = view.settings();
    let before = report.findings.len();
    for table in tables {
        // Autovacuum comes once a minute, and takes its time.
        let longest = (settings.dead_longest.0 * 1e6) as i64;
        if table.since.is_none_or(|since| view.run.now() - since < longest) {
            continue;
        }
        let summary = if table.is_dead(settings.dead_rows) {
            format!(
                "{} has {} dead rows and {} live ones: autovacuum does not come by",
                table.relation, table.dead, table.live
            )
        } else {
            format!("{} has {} rows and was never analyzed", table.relation, table.live)
        };
        let answer = view.finding("dead-rows", &table.relation, Status::Warning, summary.clone()).advise(format!(
            "VACUUM (ANALYZE) {}; then look why autovacuum did not: SHOW autovacuum; and reloptions in \\d+, and what holds \
             xmin back in pg_stat_activity and pg_replication_slots",
            crate::observe::references::qualified(&table.relation)
        ));
        if view.primary {
            report
                .proposals
                .push(view.proposal("vacuum-analyze", &[&answer.key], summary).argument("table", &table.relation));
        }
        report.findings.push(answer);
    }
    if report.findings.len() == before {
        let total: i64 = tables.iter().map(|table| table.dead).sum();
        report.findings.push(view.ok(
            "dead-rows",
            "",
            format!("{} tables have {total} dead rows in all", tables.len()),
        ));
    }
}
