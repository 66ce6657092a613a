//! `damage`: backups that are none any more, as far as names, sizes, seals and the last verification tell. `caveats`: what the newest never had.

use pgreeve_sdk::{Finding, Reason, Status, finding};

use crate::shelf::Worth;
use crate::view::{Row, Said, View, count, ok};

/// Codes of caveats that mean that something is not in the backup.
const LOST: [&str; 8] = [
    "extension-rows-left-out",
    "event-triggers-left-out",
    "large-objects-left-out",
    "extensions-left-out",
    "unlogged-rows-left-out",
    "role-passwords-left-out",
    "table-rows-hidden",
    "database-properties-left-out",
];

/// Judges every series that is there.
pub(crate) fn check(view: &View<'_>, said: &mut Said) {
    for row in &view.rows {
        if !row.backups.iter().all(|(_, worth)| matches!(worth, Worth::Elsewhere)) {
            said.add(one(row));
        }
    }
}

fn one(row: &Row<'_>) -> Finding {
    const ID: &str = "damage";
    let subject = row.series.subject();
    let damaged: Vec<(String, &str)> = row
        .backups
        .iter()
        .filter_map(|(backup, worth)| match worth {
            Worth::Damaged(wrong, _) => Some((backup.name.to_string(), wrong.as_str())),
            _ => None,
        })
        .collect();
    let unread = row.backups.iter().find_map(|(backup, worth)| match worth {
        Worth::Unread(error) => Some((backup, error)),
        _ => None,
    });
    let closed = row.backups.iter().filter(|(_, worth)| matches!(worth, Worth::Closed)).count();
    if let Some((name, wrong)) = damaged.first() {
        let newest = matches!(row.backups.first(), Some((_, Worth::Damaged(_, _))));
        let status = if newest { Status::Critical } else { Status::Warning };
        let more = if damaged.len() > 1 { format!(" (and {} more)", damaged.len() - 1) } else { String::new() };
        let list: Vec<String> = damaged.iter().take(30).map(|(name, wrong)| format!("{name}: {wrong}")).collect();
        return finding(ID, &subject, status, format!("{name} is damaged: {wrong}{more}"))
            .explain(list.join("\n"))
            .advise(format!(
                "do not rely on {}; take a new backup now, look at the disk (dmesg, smartctl), and copy the payload away before anything is removed: pgreeve-backup verify --in=DIR --name={name} says exactly what is wrong",
                if damaged.len() == 1 { "it" } else { "them" }
            ))
            .fact("damaged", damaged.len());
    }
    if let Some((backup, error)) = unread {
        let finding = Finding::unanswered(ID, &subject, error);
        return Finding { summary: format!("{} could not be looked at: {}", backup.name, error.line()), ..finding };
    }
    let opened = row.backups.len() - closed;
    let summary = format!("{}: sizes and seals are right", count(opened, "backup"));
    if opened == 0 {
        Finding::unknown(
            ID,
            &subject,
            Reason::NoData,
            "there are too many backups: none of these was opened in this run",
        )
        .advise("let expired ones go, or raise [job.NAME.limits] bytes and calls")
    } else {
        ok(
            ID,
            &subject,
            if closed > 0 { format!("{summary}; {closed} were not opened, there are too many") } else { summary },
        )
    }
}

/// `caveats`: of the newest of each series that is expected.
pub(crate) fn caveats(view: &View<'_>, said: &mut Said) {
    const ID: &str = "caveats";
    for series in view.wanted(&view.settings.expect) {
        let Some((backup, sealed)) = view.row(&series).and_then(Row::newest) else { continue };
        let (subject, manifest) = (series.subject(), &sealed.manifest);
        let accepted = |code: &str, about: &str| {
            view.settings
                .accept_caveats
                .iter()
                .any(|known| known == code || known.split_once(':') == Some((code, about)))
        };
        let lost: Vec<_> = manifest
            .caveats
            .iter()
            .filter(|it| LOST.contains(&it.code.as_str()) && !accepted(&it.code, &it.subject))
            .collect();
        let all: Vec<String> =
            manifest.caveats.iter().take(50).map(|it| format!("{} {}: {}", it.code, it.subject, it.detail)).collect();
        let left_out = manifest.caveats_left_out;
        let finding = match lost.first() {
            Some(first) => {
                let more = if lost.len() > 1 { format!(" (and {} more)", lost.len() - 1) } else { String::new() };
                finding(ID, &subject, Status::Warning, format!("the newest backup lacks something: {} {}: {}{more}", first.code, first.subject, first.detail)).advise(format!(
                    "save it by other means (a base backup has all of it), then name it in the settings: accept_caveats = [\"{}:{}\"]",
                    first.code, first.subject
                ))
            }
            None if all.is_empty() => ok(ID, &subject, "the newest backup vouches for all that it should hold"),
            None => ok(
                ID,
                &subject,
                format!("{}, none of which means that something is missing", count(manifest.caveats.len(), "remark")),
            ),
        };
        let finding = if all.is_empty() { finding } else { finding.explain(all.join("\n")) };
        said.add(finding.fact("name", &backup.name).fact("not_listed", left_out));
    }
}
