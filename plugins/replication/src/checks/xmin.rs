//! `xmin`: how far back the oldest transaction lies that VACUUM has to keep rows for, and who holds it there.

use pgreeve_sdk::{Finding, Metric, Status};

use crate::rows::Holder;
use crate::view::{View, level};

/// Judges it.
pub(crate) fn check(view: &View<'_>, metrics: &mut Vec<Metric>) -> Vec<Finding> {
    const ID: &str = "xmin";
    let holders = match &view.seen.xmin {
        Ok(holders) => holders,
        Err(error) => return vec![view.unanswered(ID, "", error)],
    };
    let age = holders.first().map_or(0, |holder| holder.age);
    metrics.push(view.metric("xmin_age_count", age as f64, "count", None));
    let Some(oldest) = holders.first() else {
        if view.seen.looks.is_some() {
            let summary = "no session, slot or standby here holds the primary's xmin horizon back";
            return vec![view.not_applicable(ID, "", summary)];
        }
        return vec![view.ok(ID, "", "nobody holds the xmin horizon back")];
    };
    let status = level(age, view.settings.xmin_age_warning.into(), view.settings.xmin_age_critical.into());
    let mut finding =
        view.finding(ID, "", status, format!("the xmin horizon is {age} transactions old, held by {}", name(oldest)));
    for holder in holders {
        finding = finding.fact(
            &name(holder),
            format!("{} transactions; {}", holder.age, holder.more.as_deref().unwrap_or("no more is shown")),
        );
    }
    vec![if status == Status::Ok { finding } else { finding.advise(next_step(oldest)) }]
}

fn name(holder: &Holder) -> String {
    // A prepared transaction may have any name; a summary is one line.
    let who = holder.who.replace(char::is_control, "?");
    match holder.kind.as_str() {
        "backend" => format!("backend {who}"),
        "prepared" => format!("prepared transaction {who}"),
        "slot" => format!("slot {who}"),
        "logical" => format!("logical walsender {who}"),
        _ => format!("standby {who}"),
    }
}

fn next_step(holder: &Holder) -> String {
    let who = holder.who.replace('\'', "''");
    match holder.kind.as_str() {
        "backend" => format!(
            "SELECT usename, application_name, state, xact_start, query FROM pg_stat_activity WHERE pid = {who}; if \
                it can be missed: SELECT pg_terminate_backend({who});"
        ),
        "prepared" => format!(
            "ask its owner whether it is to be COMMIT PREPARED '{who}' or ROLLBACK PREPARED \
            '{who}', in its database"
        ),
        "slot" => format!(
            "bring back what uses the slot, or look on its standby for a long query (hot_standby_feedback hands it \
                up); only if it is gone for good: \
             SELECT pg_drop_replication_slot('{who}');"
        ),
        "logical" => {
            "a subscription's initial copy, or a tool that decodes, has a snapshot open; it ends with the copy: \
                      SELECT pid, state, xact_start, query FROM pg_stat_activity WHERE backend_type = 'walsender' AND \
                      datid IS NOT NULL;"
                .to_owned()
        }
        _ => "on that standby: SELECT pid, xact_start, query FROM pg_stat_activity WHERE backend_xmin IS NOT NULL \
            ORDER BY age(backend_xmin) DESC; \
              hot_standby_feedback hands its horizon up"
            .to_owned(),
    }
}
