//! `copies` and `copy-due`: whether the newest backups are in the object store too, whole, and what is to be brought there.

use pgreeve_sdk::{Finding, Status, finding, proposal};

use crate::moment;
use crate::name::{Name, Series};
use crate::observe::{Copies, CopiesSeen};
use crate::sealed::Sealed;
use crate::view::{Row, Said, View, count, level, no_data, ok, time};

const ID: &str = "copies";
const DUE: &str = "copy-due";

/// What the store has of one series.
struct Standing<'a> {
    /// The newest copy that is whole.
    whole: Option<(Name, &'a Sealed)>,
    /// Newer ones that are not, and why.
    bad: Vec<(Name, String)>,
    /// A newer manifest that could not be read, and why.
    unread: Option<String>,
}

/// `copies`.
pub(crate) fn check(view: &View<'_>, said: &mut Said) {
    let Some(Copies { store, seen }) = &view.observed.copies else { return };
    let seen = match seen {
        Ok(seen) => seen,
        Err(error) => return said.add(Finding::unanswered(ID, store, error)),
    };
    let wanted = view.wanted(&view.settings.expect);
    for series in &wanted {
        let standing = standing(view, seen, series);
        for (name, why) in &standing.bad {
            said.add(
                finding(ID, name.as_str(), Status::Critical, format!("the copy in {store} is not the backup: {why}"))
                    .advise(format!(
                        "find out who changed it (the store's access log, versions of the objects); then remove {name}* there, and the next \
                         upload brings it again if the backup itself is still here"
                    )),
            );
        }
        if let Some((_, sealed)) = &standing.whole {
            let age = view.age(sealed.manifest.finished_us);
            said.measure("copy_age_seconds", age, "seconds", &series.subject());
        }
        said.add(one(view, store, series, &standing));
    }
    if wanted.is_empty() && view.databases().is_ok() {
        said.add(no_data(ID, "", "no copy is expected: no database is named and the server has none"));
    }
}

fn one(view: &View<'_>, store: &str, series: &Series, standing: &Standing<'_>) -> Finding {
    let (subject, promise) = (series.subject(), view.settings.promise(series.kind));
    let late = view.settings.copy_late.0;
    if let Some(why) = &standing.unread {
        return no_data(ID, &subject, format!("a manifest in {store} could not be read: {why}"))
            .advise("look whether the key may read there (s3:GetObject); the next run asks again");
    }
    let Some((name, sealed)) = &standing.whole else {
        return finding(ID, &subject, Status::Critical, format!("there is no whole copy in {store}"))
            .advise(advice(view, store));
    };
    let age = view.age(sealed.manifest.finished_us);
    let status = level(age, promise.warning + late, promise.critical + late);
    let summary = format!("the newest whole copy in {store} is of a backup that ended {} ago", time(age));
    let finding = if status == Status::Ok {
        ok(ID, &subject, summary)
    } else {
        finding(ID, &subject, status, summary).advise(advice(view, store))
    };
    finding
        .fact("name", name)
        .fact("finished", moment::text(sealed.manifest.finished_us))
        .fact("warning_s", promise.warning + late)
        .fact("critical_s", promise.critical + late)
}

/// What the store has of a series, newest first.
fn standing<'a>(view: &View<'_>, seen: &'a CopiesSeen, series: &Series) -> Standing<'a> {
    let mut names: Vec<Name> = seen.manifests.keys().filter_map(|name| Name::parse(name)).collect();
    names.retain(|name| name.series == *series);
    names.sort_by_key(|name| std::cmp::Reverse(name.started));
    let mut standing = Standing { whole: None, bad: Vec::new(), unread: None };
    for name in names {
        match judged(view, seen, &name) {
            None => {}
            Some(Err(why)) => standing.unread = standing.unread.or(Some(why)),
            Some(Ok(Err(why))) => standing.bad.push((name, why)),
            Some(Ok(Ok(sealed))) => {
                standing.whole = Some((name, sealed));
                break;
            }
        }
    }
    standing
}

/// One copy: the outer error is that it could not be looked at, the inner one what is wrong with it.
fn judged<'a>(
    view: &View<'_>,
    seen: &'a CopiesSeen,
    name: &Name,
) -> Option<Result<Result<&'a Sealed, String>, String>> {
    let sealed = match seen.manifests.get(name.as_str())? {
        Err(error) => return Some(Err(error.line())),
        Ok(Err(wrong)) => return Some(Ok(Err(wrong.clone()))),
        Ok(Ok(sealed)) => sealed,
    };
    let here = view.row(&name.series).and_then(|row| row.good().find(|(backup, _)| backup.name == *name));
    let wrong = match here {
        Some((_, here)) if here.seal != sealed.seal => Some("its manifest is not that of the backup here".to_owned()),
        _ => seen.wrong(name, sealed),
    };
    Some(Ok(wrong.map_or(Ok(sealed), Err)))
}

/// Whether a backup is there, whole.
fn is_there(view: &View<'_>, seen: &CopiesSeen, name: &Name) -> bool {
    matches!(judged(view, seen, name), Some(Ok(Ok(_))))
}

/// Whether what an action was to bring is there by now.
pub(crate) fn arrived(view: &View<'_>, action: &str, argument: Option<&str>) -> bool {
    let seen = view.observed.copies.as_ref().and_then(|copies| copies.seen.as_ref().ok());
    let name = argument.and_then(Name::parse).filter(|_| action == "upload");
    seen.zip(name).is_some_and(|(seen, name)| is_there(view, seen, &name))
}

/// `copy-due`: the newest good backup of each series that the store lacks.
pub(crate) fn due(view: &View<'_>, said: &mut Said) {
    if !view.settings.upload {
        return;
    }
    let Some(Copies { store, seen }) = &view.observed.copies else { return };
    let seen = match seen {
        Ok(seen) => seen,
        Err(error) => return said.add(Finding::unanswered(DUE, store, error)),
    };
    let Some((place, _)) = view.place else { return };
    let mut there = 0;
    for (backup, sealed) in view.wanted(&view.settings.expect).iter().filter_map(|series| view.row(series)?.newest()) {
        let name = &backup.name;
        if is_there(view, seen, name) {
            there += 1;
            continue;
        }
        let summary = format!("the newest of its series is not in {store} yet");
        let finding = finding(DUE, name.as_str(), Status::Warning, summary).advise(format!(
            "pgreeve proposals shows the upload; policy approve or auto for `upload` in this job, and write = true under [objects.{store}] in \
             agent.toml, let pgreeve do it"
        ));
        // What stands in the way there is for a person.
        if !matches!(judged(view, seen, name), Some(Ok(Err(_)) | Err(_))) {
            let reason = "a backup beside its server is gone with it";
            said.propose(
                proposal("upload", store, &[&finding.key], reason)
                    .argument("directory", &place.grant)
                    .argument("name", name)
                    .argument("payload", &sealed.manifest.payload),
            );
        }
        said.add(finding);
    }
    said.add(ok(DUE, store, format!("the newest of {there} series is there")));
}

fn advice(view: &View<'_>, store: &str) -> String {
    let by = "the job with upload = true brings them: pgreeve proposals and pgreeve runs show what became of it";
    let none = view.rows.iter().all(|row: &Row<'_>| row.newest().is_none());
    if none {
        return "see the finding `age` first: there is nothing to copy".to_owned();
    }
    format!(
        "{by}; by hand, copy payload and NAME.content.json to {store} first and NAME.json last ({} here)",
        count(view.rows.len(), "kind")
    )
}
