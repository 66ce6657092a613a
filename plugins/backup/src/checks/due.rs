//! `due`: in a job that takes, what has to be taken now.

use pgreeve_sdk::{Finding, Status, finding};

use crate::actions::{self, take_command};
use crate::name::Series;
use crate::observe::Place;
use crate::shelf::{Shelf, Worth};
use crate::view::{Row, Said, View, no_data, ok, time};

use super::{failed, space};

const ID: &str = "due";

/// A `take` that has not written for so long is not waited for: the tool says `busy` if it lives.
const SILENT: f64 = 900.0;

/// Judges every series that this job takes.
pub(crate) fn check(view: &View<'_>, place: &Place, shelf: &Shelf, said: &mut Said) {
    for series in view.wanted(&view.settings.take) {
        let subject = series.subject();
        let finding = one(view, shelf, &series);
        let key = finding.key.clone();
        let is_due = finding.status == Status::Warning;
        let command = take_command(series.kind);
        let under_way = under_way(view, shelf, &series);
        let fits = space::fits(view, place, &series);
        let unsafe_name = series.database().is_some_and(|name| reads_as_connection(&name));
        let finding = match (is_due, under_way, fits, unsafe_name) {
            (true, Some(name), _, _) => {
                finding.advise(format!("{name} is under way, or was killed a moment ago: the next run looks again"))
            }
            (true, None, false, _) => {
                finding.advise("there is no room for it: see the finding `space`; a first one counts as if nothing could be packed: where that is known to be too much, pgreeve-backup take … --no-space-check")
            }
            (true, None, true, true) => {
                finding.advise("its name reads as a connection string: take it by hand, with --dbname=\"dbname='…'\"")
            }
            (true, None, true, false) => {
                let refused = view.refused(actions::take_action(series.kind), &series).is_some();
                if view.can(command) && !refused {
                    let reason =
                        format!("the last good backup {subject} is older than its setting allows, or there is none");
                    said.propose(actions::take(&series, &key, reason));
                }
                let of = series.database().map_or_else(String::new, |database| format!(" --dbname={database}"));
                finding.advise(
                    view.or_grant(command, format!("pgreeve-backup take --kind={}{of} --into=DIR", series.kind.word())),
                )
            }
            (false, ..) => finding,
        };
        let argument = series.database();
        let failed = view.observed.memory.failed(actions::take_action(series.kind), argument.as_deref());
        said.add(failed::mention(view, finding, failed.filter(|_| is_due)));
    }
}

fn one(view: &View<'_>, shelf: &Shelf, series: &Series) -> Finding {
    let subject = series.subject();
    let row = view.row(series);
    if shelf.cut {
        return no_data(ID, &subject, "the directory has more entries than one run can list")
            .advise("see the finding `directory`");
    }
    // What could not be looked at may be the good one.
    let newest = row.and_then(|row| row.backups.first());
    if let Some((backup, Worth::Unread(error))) = newest {
        return Finding::unanswered(ID, &subject, error).fact("name", &backup.name);
    }
    if view.is_gone(series) {
        return no_data(ID, &subject, "the server has no database of this name").advise(
            "take it out of the setting `databases`, or see by what name it goes now: SELECT datname FROM pg_database;",
        );
    }
    match row.and_then(Row::newest) {
        None => finding(ID, &subject, Status::Warning, "there is no good backup yet: one is due"),
        Some((backup, sealed)) => {
            let age = view.age(sealed.manifest.finished_us);
            let due = view.settings.promise(series.kind).due;
            let ago = format!("the last good one ended {} ago", time(age));
            if age >= due {
                finding(ID, &subject, Status::Warning, format!("{ago}: one is due after {}", time(due)))
            } else {
                ok(ID, &subject, format!("{ago}, the next is due after {}", time(due)))
            }
            .fact("name", &backup.name)
        }
    }
}

/// A `take` of the series that has written something lately.
fn under_way<'a>(view: &View<'_>, shelf: &'a Shelf, series: &Series) -> Option<&'a str> {
    shelf.under_way.iter().find_map(|(entry, work)| {
        let name = crate::name::Name::parse(entry.strip_suffix(".partial")?)?;
        let lately = work.as_ref().is_none_or(|work| view.age(work.changed) < SILENT);
        (name.series == *series && lately).then_some(entry.as_str())
    })
}

/// Whether libpq would take the name for a connection string, in which anything could stand.
fn reads_as_connection(name: &str) -> bool {
    name.contains('=') || name.starts_with("postgres://") || name.starts_with("postgresql://")
}
