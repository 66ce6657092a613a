//! `outside`: where pgBackRest or Barman makes the backups, theirs are judged by what those programs say: age by repository and type, from the end of
//! the last backup, those with errors left out.

use pgreeve_sdk::{Finding, Status, finding};

use crate::moment::SECOND;
use crate::observe::{BarmanBackup, BarmanServer, RepositoryBackup, Stanza};
use crate::settings::Outside;
use crate::view::{Said, View, count, level, ok, time};

const ID: &str = "outside";

/// Judges both.
pub(crate) fn check(view: &View<'_>, said: &mut Said) {
    if let (Some(settings), Some(stanzas)) = (&view.settings.pgbackrest, &view.observed.pgbackrest) {
        match stanzas {
            Err(error) => said.add(Finding::unanswered(ID, "pgbackrest", error)),
            Ok(stanzas) => pgbackrest(view, settings, stanzas, said),
        }
    }
    if let (Some(settings), Some(servers)) = (&view.settings.barman, &view.observed.barman) {
        match servers {
            Err(error) => said.add(Finding::unanswered(ID, "barman", error)),
            Ok(servers) => barman(view, settings, servers, said),
        }
    }
}

fn pgbackrest(view: &View<'_>, settings: &Outside, stanzas: &[Stanza], said: &mut Said) {
    for missing in settings.expect.iter().filter(|name| !stanzas.iter().any(|stanza| stanza.name == **name)) {
        said.add(
            finding(ID, &format!("pgbackrest:{missing}"), Status::Critical, "there is no such stanza")
                .advise(format!("pgbackrest --stanza={missing} stanza-create, and look at pgbackrest.conf")),
        );
    }
    if stanzas.is_empty() && settings.expect.is_empty() {
        said.add(
            finding(ID, "pgbackrest", Status::Critical, "there is no stanza: nothing is backed up")
                .advise("pgbackrest --stanza=NAME stanza-create, then pgbackrest --stanza=NAME backup"),
        );
    }
    for stanza in stanzas.iter().filter(|stanza| settings.expect.is_empty() || settings.expect.contains(&stanza.name)) {
        if stanza.repo.is_empty() {
            let subject = format!("pgbackrest:{}", stanza.name);
            said.add(
                finding(ID, &subject, Status::Critical, format!("pgBackRest says: {}", stanza.status.message))
                    .advise(format!("pgbackrest --stanza={} check", stanza.name)),
            );
        }
        for repository in &stanza.repo {
            let subject = format!("pgbackrest:{}:repo{}", stanza.name, repository.key);
            let here: Vec<&RepositoryBackup> =
                stanza.backup.iter().filter(|backup| stanza.has(repository.key, backup)).collect();
            let whole: Vec<&RepositoryBackup> =
                here.iter().copied().filter(|backup| backup.error != Some(true)).collect();
            let advice = format!(
                "pgbackrest --stanza={0} info and pgbackrest --stanza={0} check; then pgbackrest --stanza={0} --repo={1} backup",
                stanza.name, repository.key
            );
            if repository.status.code != 0 {
                said.add(
                    finding(
                        ID,
                        &subject,
                        Status::Critical,
                        format!("pgBackRest says: {} (status {})", repository.status.message, repository.status.code),
                    )
                    .advise(advice),
                );
                continue;
            }
            let last = |full: bool| {
                whole.iter().filter(|backup| !full || backup.kind == "full").map(|backup| backup.timestamp.stop).max()
            };
            let finding = ages(view, settings, &subject, last(false), last(true), &advice);
            said.add(match here.iter().find(|backup| backup.error == Some(true)) {
                Some(bad) if finding.status == Status::Ok => pgreeve_sdk::finding(
                    ID,
                    &subject,
                    Status::Warning,
                    format!("{} was made with page checksum errors; {}", bad.label, finding.summary),
                )
                .advise("look at the server's disk: pgbackrest's log names the pages; pg_amcheck and the server's log tell more"),
                _ => finding,
            });
            if let Some(stop) = last(false) {
                said.measure("outside_backup_age_seconds", view.age(stop * SECOND), "seconds", &subject);
            }
        }
    }
}

fn ages(
    view: &View<'_>,
    settings: &Outside,
    subject: &str,
    any: Option<i64>,
    full: Option<i64>,
    advice: &str,
) -> Finding {
    let (Some(any), Some(full)) = (any, full) else {
        let what = if any.is_none() { "there is no good backup" } else { "there is no good full backup" };
        return finding(ID, subject, Status::Critical, what).advise(advice);
    };
    if [any, full].iter().any(|stop| stop * SECOND > view.now + 300 * SECOND) {
        return crate::view::no_data(ID, subject, "the last backup ended in the future: its age cannot be told")
            .advise("look at timedatectl or chronyc tracking on this host and on the repository's");
    }
    let (any, full) = (view.age(any * SECOND), view.age(full * SECOND));
    let summary = format!("the last backup ended {} ago, the last full one {} ago", time(any), time(full));
    let of_any = level(any, settings.warning.0, settings.critical.0);
    let of_full = level(full, settings.full_warning.0, settings.full_critical.0);
    let status = if of_any == Status::Critical || of_full == Status::Ok { of_any } else { of_full };
    if status == Status::Ok { ok(ID, subject, summary) } else { finding(ID, subject, status, summary).advise(advice) }
}

fn barman(view: &View<'_>, settings: &Outside, servers: &[BarmanServer], said: &mut Said) {
    if servers.is_empty() {
        said.add(
            finding(ID, "barman", Status::Critical, "Barman has no server: nothing is backed up")
                .advise("barman list-servers, and look into /etc/barman.d"),
        );
    }
    for server in servers {
        let subject = format!("barman:{}", server.name);
        let advice = format!("barman check {0} and barman list-backups {0}; then barman backup {0}", server.name);
        let ended = server
            .backups
            .iter()
            .filter(|backup| backup.status == "DONE" || backup.status == "WAITING_FOR_WALS")
            .filter_map(BarmanBackup::ended)
            .max();
        let failing: Vec<_> = server.checks.iter().filter(|check| !check.ok).collect();
        if let Some(ended) = ended {
            said.measure("outside_backup_age_seconds", view.age(ended * SECOND), "seconds", &subject);
        }
        said.add(
            if server.checks.is_empty() && server.backups.is_empty() {
                finding(ID, &subject, Status::Critical, "Barman knows nothing of this server").advise(advice)
            } else if let Some(first) = failing.first() {
                let more = if failing.len() > 1 { format!(" (and {} more)", failing.len() - 1) } else { String::new() };
                let hint = if first.hint.is_empty() { String::new() } else { format!(": {}", first.hint) };
                finding(ID, &subject, Status::Critical, format!("barman check fails at {}{hint}{more}", first.what))
                    .explain(
                        failing
                            .iter()
                            .map(|check| format!("{}: {}", check.what, check.hint))
                            .collect::<Vec<_>>()
                            .join("\n"),
                    )
                    .advise(advice)
            } else {
                ages(view, settings, &subject, ended, ended, &advice)
            }
            .fact("backups", count(server.backups.len(), "backup"))
            .fact_or_none("newest", server.backups.iter().map(|backup| &backup.backup_id).max()),
        );
    }
}
