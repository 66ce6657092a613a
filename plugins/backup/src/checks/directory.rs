//! `directory`, `clock`, `databases`, `leftovers`: what lies there, and whether it can be judged at all.

use pgreeve_sdk::{Finding, Status, finding, proposal};

use crate::actions::SWEEP;
use crate::moment::{self, SECOND};
use crate::name::Name;
use crate::shelf::{Shelf, Worth};
use crate::view::{Said, View, count, ok, time};

/// A payload whose manifest has just been removed, or is just about to be written, is nobody's for a moment.
const SETTLED: f64 = 7200.0;
/// A clock may be set back by so little without a word. Microseconds.
const SLEWED: i64 = 60 * SECOND;

/// `directory`.
pub(crate) fn check(view: &View<'_>, said: &mut Said) {
    const ID: &str = "directory";
    let Some(place) = &view.observed.directory else { return };
    let shelf = match &place.shelf {
        Ok(shelf) => shelf,
        Err(error) => {
            return said.add(
                Finding::unanswered(ID, &place.grant, error)
                    .advise(format!("look at the directory of [files.{}] as the agent's user: it must exist, and that user must be allowed to read it", place.grant)),
            );
        }
    };
    let foreign: Vec<&str> = shelf
        .entries
        .keys()
        .filter(|name| is_foreign(name) && !view.settings.allow.contains(name))
        .map(String::as_str)
        .collect();
    let elsewhere =
        view.rows.iter().flat_map(|row| &row.backups).filter(|(_, worth)| matches!(worth, Worth::Elsewhere)).count();
    let closed =
        view.rows.iter().flat_map(|row| &row.backups).filter(|(_, worth)| matches!(worth, Worth::Closed)).count();
    let mut parts = vec![count(shelf.backups.len(), "backup")];
    for (number, what) in [(elsewhere, "of another cluster"), (closed, "too many to be opened in this run")] {
        if number > 0 {
            parts.push(format!("{number} {what}"));
        }
    }
    let strangers = foreign.len() + shelf.skipped as usize;
    let summary = parts.join(", ");
    let finding = if shelf.cut {
        Finding::unknown(ID, &place.grant, pgreeve_sdk::Reason::Failed, format!("{summary}, and more entries than one run can list"))
            .advise("give backups a directory that nothing else is put into, and let expired ones go: [job.…] settings expire = true")
    } else if strangers > 0 {
        let listed = foreign.iter().take(5).copied().collect::<Vec<_>>().join(", ");
        finding(ID, &place.grant, Status::Warning, format!("{summary}; {} that no backup has: {listed}", count(strangers, "entry").replace("entrys", "entries")))
            .explain(foreign.iter().take(50).copied().collect::<Vec<_>>().join("\n"))
            .advise("move them elsewhere, or name them in the setting `allow`: pgreeve neither counts nor removes what it does not know")
    } else {
        ok(ID, &place.grant, summary)
    };
    said.add(finding.fact("entries", shelf.entries.len()).fact("not_utf8", shelf.skipped));
}

fn is_foreign(entry: &str) -> bool {
    let known = [
        "",
        ".json",
        ".dump",
        ".sql",
        ".content.json",
        ".proof.json",
        ".verified.json",
        ".copied.json",
        ".partial",
        ".proving",
    ];
    match Name::of_entry(entry) {
        Some((_, rest)) => !known.contains(&rest) && !rest.ends_with(".json.partial"),
        None => true,
    }
}

/// `clock`.
pub(crate) fn clock(view: &View<'_>, said: &mut Said) {
    const ID: &str = "clock";
    let ahead: Vec<_> = view
        .rows
        .iter()
        .flat_map(|row| &row.backups)
        .filter_map(|(backup, worth)| match worth {
            Worth::Future(sealed) => Some((backup.name.as_str(), sealed.manifest.finished_us)),
            _ => None,
        })
        .collect();
    let back = view.observed.memory.went_back;
    if back > SLEWED {
        said.add(
            finding(
                ID,
                "",
                Status::Warning,
                format!("the clock went back by {} since the last run", time(back as f64 / SECOND as f64)),
            )
            .advise("look at timedatectl or chronyc tracking; nothing is expired in this run"),
        );
    } else if let Some((name, finished)) = ahead.first() {
        said.add(
            finding(ID, "", Status::Warning, format!("{} in the future: {name} at {}", ended(ahead.len()), moment::text(*finished)))
                .explain(ahead.iter().take(50).map(|(name, _)| *name).collect::<Vec<_>>().join("\n"))
                .advise("look at timedatectl or chronyc tracking on this host and on the one that took them; such backups count for nothing until that time has come")
                .fact("now", moment::text(view.now)),
        );
    } else {
        said.add(ok(ID, "", "no backup ended in the future, and the clock did not go back"));
    }
}

fn ended(number: usize) -> String {
    format!("{} ended", count(number, "backup"))
}

/// `databases`: only where they are to be told by the server.
pub(crate) fn databases(view: &View<'_>, said: &mut Said) {
    if let Err(error) = view.databases() {
        let finding = Finding::unanswered("databases", "", &error);
        let summary = format!(
            "which databases there are is not known, so only those that have backups are judged: {}",
            error.line()
        );
        said.add(Finding { summary, ..finding });
    }
}

/// `leftovers`.
pub(crate) fn leftovers(view: &View<'_>, shelf: &Shelf, said: &mut Said) {
    const ID: &str = "leftovers";
    let under_way = |name: &str| {
        ["partial", "proving"].iter().any(|ending| shelf.entries.contains_key(&format!("{name}.{ending}")))
    };
    let mut left: Vec<String> = Vec::new();
    let mut databases: Vec<&str> = Vec::new();
    let mut bytes = 0;
    let mut busy = Vec::new();
    for (entry, about) in &shelf.entries {
        let Some((name, rest)) = Name::of_entry(entry) else { continue };
        let (changed, patience, database) = if rest == ".partial" || rest == ".proving" {
            // One that cannot be looked into is somebody's at work, until the sweep, which sees locks, says otherwise.
            let Some(Some(work)) = shelf.under_way.get(entry) else { continue };
            (work.changed, view.settings.leftover_after.0, work.database.as_deref())
        } else if rest.ends_with(".json.partial") {
            (about.modified, view.settings.leftover_after.0, None)
        } else if shelf.entries.contains_key(&format!("{name}.json")) || under_way(name.as_str()) {
            continue;
        } else {
            (about.modified, SETTLED, None)
        };
        if view.age(changed) >= patience {
            bytes += about.size;
            left.push(entry.clone());
            databases.extend(database);
        } else if rest == ".partial" || rest == ".proving" {
            busy.push(entry.as_str());
        }
    }
    if left.is_empty() {
        let summary = if busy.is_empty() { "none".to_owned() } else { format!("none; under way: {}", busy.join(", ")) };
        return said.add(ok(ID, "", summary));
    }
    let first = left.first().map_or("", String::as_str);
    let entries = if left.len() == 1 { "1 entry is".to_owned() } else { format!("{} entries are", left.len()) };
    let mut summary =
        format!("{entries} of no backup and left over: {first}{}", if left.len() > 1 { ", …" } else { "" });
    // A sweep asks no server, so it leaves those that name a database.
    let can_be_swept = left.len() > databases.len();
    let advice = match databases.first() {
        Some(database) => {
            summary = format!("{summary}; a killed restore test left the database {database} on the server");
            "the next restore test of a dump removes it: pgreeve-backup prove --in=DIR --dbname=postgres, with the login of [command.backup-prove]".to_owned()
        }
        None => view.or_grant(
            SWEEP,
            "pgreeve-backup sweep --in=DIR --dry-run shows what it would remove; without --dry-run it does".to_owned(),
        ),
    };
    said.add(
        finding(ID, "", Status::Warning, summary)
            .explain(left.iter().take(50).cloned().collect::<Vec<_>>().join("\n"))
            .advise(advice)
            .fact("bytes", bytes)
            .fact("databases", databases.len()),
    );
    if can_be_swept && view.can(SWEEP) {
        said.propose(proposal(
            "sweep",
            SWEEP,
            &[ID],
            "what killed runs left, and payloads whose manifest is gone, take up room",
        ));
    }
}
