//! Versions that chain, an order of time, and rows that stay as they were.

use pgreeve_sdk::{Finding, Reason, Report, Status};

use super::Check;
use crate::observe::history::{Break, Looked, Odd, Rows, Seen, Totals};
use crate::view::{View, answered, count, some_of, time};

pub(super) const CHECKS: [Check; 3] = [
    (
        "history-chain",
        "Rows of the history",
        "Whether the versions of each object chain through `pggit.history` and its archive: from 1 to what `pggit.objects` \
            has; and whether its last row says of the object what `pggit.objects` says. `critical`: rows are missing, and the finding says of which objects and where. What was thinned out on \
            purpose is accepted by the setting `baseline`.",
    ),
    (
        "history-order",
        "Order of the history",
        "Whether rows are dated in the order in which they were written. A day and two hours back are nothing: a transaction \
            may be long, and times bear no zone.",
    ),
    (
        "history-rows",
        "Rows stay as they were",
        "Whether the rows that earlier runs saw are unchanged, in the history or moved to the archive: compared by a sum of \
            hashes for each ten thousand ids. `critical`: somebody changed, removed or added rows. It stays until the setting \
            `baseline` gets another name.",
    ),
];

const ALL: [&str; 3] = ["history-chain", "history-order", "history-rows"];

pub(super) fn judge(view: &View<'_>, seen: &Seen, report: &mut Report) {
    let Seen::Looked(looked) = seen else {
        for check in ALL {
            report.findings.push(view.not_applicable(check, "", "pggit.history or pggit.objects is not there"));
        }
        return;
    };
    let Looked { totals, chain, accepted, order, rows } = looked.as_ref();
    answered(view, "history-chain", totals, report, |totals, report| {
        answered(view, "history-chain", chain, report, |chain, report| {
            let new: Vec<&Break> = chain.iter().filter(|broken| !accepted.contains(&broken.id)).collect();
            report.findings.push(missing(view, totals, &new, chain.len() - new.len()));
        });
    });
    answered(view, "history-order", order, report, |odd, report| report.findings.push(ordered(view, odd)));
    report.findings.push(unchanged(view, rows));
}

fn missing(view: &View<'_>, totals: &Totals, broken: &[&Break], accepted: usize) -> Finding {
    const CHECK: &str = "history-chain";
    const ADVICE: &str = "look into a backup for pggit.history and who has DELETE on it (\\dp pggit.history); if rows were \
        removed on purpose, give the job's setting baseline a new name";
    if totals.rows == 0 && totals.changed > 0 && accepted == 0 {
        let what = count(totals.changed.try_into().unwrap_or(0), "object has", "objects have");
        return view
            .finding(CHECK, "", Status::Critical, format!("pggit.history is empty, and {what} changed"))
            .advise(ADVICE);
    }
    let Some(first) = broken.first() else {
        let noise = if accepted == 0 { String::new() } else { format!("; {accepted} breaks are accepted") };
        let summary = format!("versions chain through {} rows{noise}", totals.rows);
        return view.ok(CHECK, "", summary);
    };
    let total = first.total.max(broken.len() as i64) - if accepted > 0 { accepted as i64 } else { 0 };
    let names: Vec<String> =
        broken.iter().map(|row| format!("{} {} ({})", row.kind.to_lowercase(), row.name, words(&row.place))).collect();
    let objects = count(total.max(1) as usize, "object", "objects");
    let summary = if broken.iter().all(|row| row.place == "object") {
        format!("{objects} changed, and not by a command that was recorded: {}", some_of(&names, 3))
    } else {
        format!("rows are missing of {objects}: {}", some_of(&names, 3))
    };
    view.finding(CHECK, "", Status::Critical, summary)
        .explain(names.iter().take(50).map(String::as_str).collect::<Vec<_>>().join("\n"))
        .advise(ADVICE)
}

fn words(place: &str) -> &'static str {
    match place {
        "all" => "all of them",
        "start" => "the first ones",
        "end" => "the last ones",
        "object" => "its metadata is not what the last row says",
        _ => "in the middle",
    }
}

fn ordered(view: &View<'_>, odd: &[Odd]) -> Finding {
    const CHECK: &str = "history-order";
    let Some(first) = odd.first() else {
        return view.ok(CHECK, "", "rows are dated in the order in which they were written");
    };
    let line = |row: &Odd| match (row.class.as_str(), row.earlier, &row.before) {
        ("back", Some(earlier), Some(before)) => {
            format!("row {} is dated {}, row {earlier} before it {before}", row.id, row.at)
        }
        _ => format!("row {} is dated {}, which is to come", row.id, row.at),
    };
    let summary = match first.total {
        1 => line(first),
        total => format!("{total} rows are out of order: {}", line(first)),
    };
    view.finding(CHECK, "", Status::Warning, summary)
        .explain(odd.iter().map(line).collect::<Vec<_>>().join("\n"))
        .advise("compare these rows of pggit.history with a backup; who changed them may have had the server's clock, or UPDATE")
}

fn unchanged(view: &View<'_>, rows: &Rows) -> Finding {
    const CHECK: &str = "history-rows";
    match rows {
        Rows::Standby => view.not_applicable(CHECK, "", "a standby has the rows as its primary wrote them: watch that"),
        Rows::Busy => view
            .unknown(CHECK, "", Reason::NoData, "DDL ran during the first look: nothing is kept yet to compare with")
            .advise("the next run that meets no DDL begins; nothing has to be done"),
        Rows::Unanswered(error) => view.unanswered(CHECK, "", error),
        Rows::Compared { up_to, since, rows, changed } if changed.is_empty() => {
            view.ok(CHECK, "", format!("{rows} rows up to id {up_to} are as they were since {}", time(*since)))
        }
        Rows::Compared { since, changed, .. } => {
            let line = |block: &crate::observe::history::Changed| {
                let what = match block.more {
                    0 => "changed".to_owned(),
                    more if more < 0 => format!("{} fewer", -more),
                    more => format!("{more} more"),
                };
                format!("ids {} to {}: {what}", block.first, block.last)
            };
            let lines: Vec<String> = changed.iter().map(line).collect();
            view.finding(
                CHECK,
                "",
                Status::Critical,
                format!("rows are not what they were since {}: {}", time(*since), some_of(&lines, 3)),
            )
            .explain(lines.iter().take(100).map(String::as_str).collect::<Vec<_>>().join("\n"))
            .advise(
                "compare pggit.history and pggit.history_archive with a backup in these ids; if it was meant, give the job's \
                 setting baseline a new name",
            )
        }
    }
}
