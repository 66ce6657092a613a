//! `retention`: what is kept; `expired`: in a job that expires, what may go. Nothing goes while the newest backup of the series is late, while a
//! clock is doubted, or before a newer one was read again; the newest good ones stay whatever their age.

use pgreeve_sdk::{Status, finding};

use crate::actions;
use crate::moment;
use crate::name::Name;
use crate::observe::Place;
use crate::shelf::Worth;
use crate::view::{Row, Said, View, count, ok, time};

/// Removals proposed in one run; the next run proposes the next.
const MOST: usize = 20;
/// How long after its time a backup may still be there, if a job removes it once a day.
const GRACE: f64 = 2.0 * 86_400.0;

/// Judges every series that is there.
pub(crate) fn check(view: &View<'_>, place: &Place, said: &mut Said) {
    if !view.settings.watches() && !view.settings.expire {
        return;
    }
    let mut proposed = 0;
    for row in &view.rows {
        if row.backups.iter().all(|(_, worth)| matches!(worth, Worth::Elsewhere)) {
            continue;
        }
        let subject = row.series.subject();
        let kept = view.settings.promise(row.series.kind);
        let beyond = beyond(view, row);
        let good = row.good().count();
        said.measure("backup_count", good as f64, "count", &subject);
        let summary = format!("{} kept, {} beyond {}", count(good, "good backup"), beyond.len(), time(kept.keep));
        let oldest = beyond.iter().map(|name| view.age(name.started)).fold(0.0, f64::max);
        let kept_back = match obstacle(view, row) {
            _ if beyond.is_empty() => ok("retention", &subject, summary),
            _ if view.is_gone(&row.series) => ok(
                "retention",
                &subject,
                format!("{summary}; the server has no such database any more, so they stay until a person removes them"),
            ),
            Some(why) => finding("retention", &subject, Status::Warning, format!("{summary} that may not go: {why}"))
                .advise("have the newest read again (pgreeve-backup verify --in=DIR --name=NAME --record), or repair what `age` and `clock` say: nothing is removed until a newer one is known to be good"),
            None if oldest > kept.keep + GRACE && !view.settings.expire => {
                finding("retention", &subject, Status::Warning, format!("{summary}, the oldest for {}", time(oldest - kept.keep)))
                    .advise("no job removes them: give one expire = true and the policy of expire-… in `actions`; see pgreeve proposals")
            }
            None => ok("retention", &subject, summary),
        };
        said.add(kept_back.fact("keep_s", kept.keep).fact("keep_count", kept.keep_count));
        if !view.settings.expire || obstacle(view, row).is_some() {
            continue;
        }
        for name in beyond.into_iter().take(MOST - proposed) {
            proposed += 1;
            let summary = format!("beyond its retention of {}", time(kept.keep));
            let finding = finding("expired", name.as_str(), Status::Warning, summary)
                .advise(format!("rm {name}.json in the backup directory un-makes it; pgreeve-backup sweep --in=DIR then frees its room"))
                .fact("started", moment::text(name.started));
            said.propose(actions::expire(
                name,
                &place.grant,
                &finding.key,
                "beyond retention, and a newer one was read again".to_owned(),
            ));
            said.add(finding);
        }
    }
}

/// Backups beyond age and count, oldest first. Only what was opened, and is of this cluster, is ever among them.
fn beyond<'a>(view: &View<'_>, row: &Row<'a>) -> Vec<&'a Name> {
    let kept = view.settings.promise(row.series.kind);
    let newest = row.newest().map(|(backup, _)| &backup.name);
    let stay: Vec<&Name> = row.good().map(|(backup, _)| &backup.name).take(kept.keep_count).collect();
    let mut beyond: Vec<&Name> = row
        .backups
        .iter()
        .filter(|(_, worth)| match worth {
            Worth::Good(sealed) => sealed.manifest.schemas.is_empty(),
            Worth::Damaged(_, sealed) => sealed.is_some(),
            _ => false,
        })
        .map(|(backup, _)| &backup.name)
        .filter(|name| view.age(name.started) > kept.keep && !stay.contains(name) && Some(*name) != newest)
        .filter(|name| newest.is_some_and(|newest| newest.started > name.started))
        .collect();
    beyond.sort_by_key(|name| name.started);
    beyond
}

/// Why nothing of a series may go now.
fn obstacle(view: &View<'_>, row: &Row<'_>) -> Option<String> {
    let Some((newest, sealed)) = row.newest() else { return Some("there is no good one".to_owned()) };
    let age = view.age(sealed.manifest.finished_us);
    let kept = view.settings.promise(row.series.kind);
    if view.is_mixed(row) {
        Some(
            "they are of several clusters, and which one is this is not known: grant a database that answers"
                .to_owned(),
        )
    } else if row.backups.iter().any(|(_, worth)| matches!(worth, Worth::Future(_)))
        || view.observed.memory.went_back > 0
    {
        Some("the clock is in doubt: see the finding `clock`".to_owned())
    } else if age >= kept.critical {
        Some(format!("the newest is {} old, and old ones stay while no new ones come", time(age)))
    } else if !newest.is_verified(sealed) {
        Some(format!("{} was not read again since it was taken", newest.name))
    } else {
        None
    }
}
