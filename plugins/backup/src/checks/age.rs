//! `age`: how long ago the last good backup of each kind and database ended.

use pgreeve_sdk::{Finding, Status, finding};

use crate::actions::take_command;
use crate::moment;
use crate::name::Series;
use crate::shelf::Worth;
use crate::view::{Row, Said, View, count, level, no_data, ok, time};

const ID: &str = "age";

/// Judges every series that is expected.
pub(crate) fn check(view: &View<'_>, said: &mut Said) {
    let wanted = view.wanted(&view.settings.expect);
    for series in &wanted {
        said.add(one(view, series));
        if let Some((_, sealed)) = view.row(series).and_then(Row::newest) {
            let (subject, manifest) = (series.subject(), &sealed.manifest);
            said.measure("backup_age_seconds", view.age(manifest.finished_us), "seconds", &subject);
            said.measure("backup_size_bytes", manifest.bytes as f64, "bytes", &subject);
            said.measure("backup_duration_seconds", manifest.duration_ms as f64 / 1e3, "seconds", &subject);
        }
    }
    if wanted.is_empty() && view.databases().is_ok() {
        said.add(
            no_data(ID, "", "no backup is expected: no database is named and the server has none")
                .advise("look at the settings `expect`, `databases` and `exclude`"),
        );
    }
}

fn one(view: &View<'_>, series: &Series) -> Finding {
    let subject = series.subject();
    let promise = view.settings.promise(series.kind);
    let backups = view.row(series).map_or(&[][..], |row| &row.backups);
    let number = |what: fn(&Worth<'_>) -> bool| backups.iter().filter(|(_, worth)| what(worth)).count();
    if view.is_gone(series) {
        let last = view.row(series).and_then(Row::newest).map(|(_, sealed)| view.age(sealed.manifest.finished_us));
        let last = last.map_or_else(String::new, |age| format!("; its last good backup ended {} ago", time(age)));
        return finding(
            ID,
            &subject,
            Status::Warning,
            format!("it is named in the settings, and the server has no such database{last}"),
        )
        .advise("take it out of `databases`, or see by what name it goes now: SELECT datname FROM pg_database;");
    }
    let Some((backup, sealed)) = view.row(series).and_then(Row::newest) else {
        let unread = number(|worth| matches!(worth, Worth::Unread(_) | Worth::Closed));
        let future = number(|worth| matches!(worth, Worth::Future(_)));
        let summary = match (backups.len(), number(|worth| matches!(worth, Worth::Elsewhere))) {
            (0, _) => "there is no backup".to_owned(),
            (all, elsewhere) if all == elsewhere => {
                format!("there is no backup of this cluster; {} of another one", are(elsewhere))
            }
            (all, _) => format!("{} there, and none is good", are(all)),
        };
        return if unread > 0 {
            no_data(ID, &subject, format!("{summary}; {unread} could not be looked at"))
                .advise("see the finding `damage`")
        } else if future > 0 {
            no_data(ID, &subject, format!("{summary}; {future} ended in the future, so its age cannot be told"))
                .advise("see the finding `clock`")
        } else {
            let new = view.is_new_for(series).filter(|age| *age < promise.warning);
            match new {
                Some(age) => finding(
                    ID,
                    &subject,
                    Status::Warning,
                    format!("{summary} yet; the database is new, it was first seen {} ago", time(age)),
                ),
                None => finding(ID, &subject, Status::Critical, summary),
            }
            .advise(advice(view, series))
        };
    };
    let manifest = &sealed.manifest;
    let age = view.age(manifest.finished_us);
    let status = level(age, promise.warning, promise.critical);
    let mut summary = format!("the last good one ended {} ago", time(age));
    if let Some((newer, worth)) = backups.iter().find(|(other, _)| other.name.started > backup.name.started) {
        let why = match worth {
            Worth::Damaged(_, _) => "damaged",
            Worth::Future(_) => "of the future",
            Worth::Elsewhere => "of another cluster",
            Worth::Good(_) => "of single schemas alone",
            Worth::Unread(_) | Worth::Closed => "not to be looked at",
        };
        summary = format!("{summary}; {} is {why}", newer.name);
        if status != Status::Ok && matches!(worth, Worth::Unread(_) | Worth::Closed) {
            return no_data(ID, &subject, summary).advise("see the finding `damage`");
        }
    }
    let finding = if status == Status::Ok {
        ok(ID, &subject, summary)
    } else {
        finding(ID, &subject, status, summary).advise(advice(view, series))
    };
    finding
        .fact("name", &backup.name)
        .fact("finished", moment::text(manifest.finished_us))
        .fact("data_until", moment::text(manifest.data_until_us))
        .fact("warning_s", promise.warning)
        .fact("critical_s", promise.critical)
}

fn are(number: usize) -> String {
    format!("{} {}", count(number, "backup"), if number == 1 { "is" } else { "are" })
}

fn advice(view: &View<'_>, series: &Series) -> String {
    let of = series.database().map_or_else(String::new, |database| format!(" --dbname={database}"));
    let by_hand = format!(
        "pgreeve proposals and pgreeve runs show what became of the job that takes it; by hand: pgreeve-backup take --kind={}{of} --into=DIR, which says what stops it",
        series.kind.word()
    );
    if view.settings.take.contains(&series.kind) { view.or_grant(take_command(series.kind), by_hand) } else { by_hand }
}
