//! All that the plugin can ever propose: named commands that run `pgreeve-backup`, and the removal of a manifest, which un-makes a backup.

use pgreeve_sdk::{
    Action, FileTemplate, KeepRule, ParameterKind, Proposal, Risk, Template, UploadTemplate, action, proposal,
};

use crate::name::{Kind, Name, Series};

/// Verifies one backup.
pub(crate) const VERIFY: &str = "backup-verify";
/// Verifies all.
pub(crate) const VERIFY_ALL: &str = "backup-verify-all";
/// Restores a dump as a test.
pub(crate) const PROVE: &str = "backup-prove";
/// Restores a base backup as a test.
pub(crate) const PROVE_BASE: &str = "backup-prove-base";
/// Removes what is left over.
pub(crate) const SWEEP: &str = "backup-sweep";

/// The command that takes a backup of a kind.
pub(crate) fn take_command(kind: Kind) -> &'static str {
    match kind {
        Kind::Full => "backup-full",
        Kind::Schema => "backup-schema",
        Kind::Globals => "backup-globals",
        Kind::Base => "backup-base",
    }
}

/// The action that takes a backup of a kind.
pub(crate) fn take_action(kind: Kind) -> &'static str {
    match kind {
        Kind::Full => "take-full",
        Kind::Schema => "take-schema",
        Kind::Globals => "take-globals",
        Kind::Base => "take-base",
    }
}

/// The command and the action of the restore test of a kind.
pub(crate) fn prove(kind: Kind) -> (&'static str, &'static str) {
    if kind == Kind::Base { (PROVE_BASE, "prove-base") } else { (PROVE, "prove") }
}

fn expire_action(kind: Kind) -> &'static str {
    match kind {
        Kind::Full => "expire-full",
        Kind::Schema => "expire-schema",
        Kind::Globals => "expire-globals",
        Kind::Base => "expire-base",
    }
}

/// The manifest's actions.
pub(crate) fn all() -> Vec<Action> {
    let command = |id: &str, title: &str, command: &str| action(id, title, Template::Command(command.to_owned()));
    let named = |action: Action| action.parameter("name", ParameterKind::Text, "the backup's name, KIND-LABEL-STAMP");
    let mut all: Vec<Action> = Kind::ALL
        .into_iter()
        .map(|kind| {
            let taken = match kind {
                Kind::Full => "Dump a database, schema and data",
                Kind::Schema => "Dump a database's schema",
                Kind::Globals => "Dump roles and tablespaces",
                Kind::Base => "Take a base backup of the whole cluster",
            };
            let action = command(take_action(kind), taken, take_command(kind));
            if kind.of_database() {
                action.parameter("database", ParameterKind::Text, "the database's name")
            } else {
                action
            }
        })
        .collect();
    all.push(named(command("verify", "Read a backup again and compare its checksums", VERIFY)));
    all.push(command("verify-all", "Read all backups again and compare their checksums", VERIFY_ALL));
    all.push(
        named(command("prove", "Restore a dump into a scratch database and look at it", PROVE)).risk(Risk::Medium),
    );
    all.push(
        named(command("prove-base", "Restore a base backup into a scratch server and look at it", PROVE_BASE))
            .risk(Risk::Medium),
    );
    all.extend(Kind::ALL.into_iter().map(|kind| {
        let pattern = format!("{}-{{label}}-????????T??????Z.json", kind.word());
        let title = format!(
            "Remove the manifest of a {} backup that is beyond retention: it is none from then on",
            kind.word()
        );
        action(expire_action(kind), &title, Template::File(FileTemplate::Remove(KeepRule { pattern, keep: 1 })))
            .risk(Risk::Medium)
            .parameter("path", ParameterKind::Path, "the manifest, NAME.json")
            .parameter("label", ParameterKind::Text, "the database as it is in names; the newest manifest of it stays")
    }));
    let upload = UploadTemplate {
        before: vec!["{payload}".to_owned(), "{name}.content.json".to_owned()],
        last: "{name}.json".to_owned(),
        seconds: 86_400,
    };
    all.push(
        named(action("upload", "Copy a backup to object storage, its manifest last", Template::Upload(upload)))
            .parameter("directory", ParameterKind::Text, "the files grant that holds the backups")
            .parameter("payload", ParameterKind::Path, "the payload as the manifest names it"),
    );
    all.push(command("sweep", "Remove payloads without a manifest, and what killed runs left", SWEEP));
    all
}

/// To take a backup of a series.
pub(crate) fn take(series: &Series, clears: &str, reason: String) -> Proposal {
    let proposal = proposal(take_action(series.kind), take_command(series.kind), &[clears], reason);
    match series.database() {
        Some(database) => proposal.argument("database", database),
        None => proposal,
    }
}

/// To remove the manifest of a backup.
pub(crate) fn expire(name: &Name, directory: &str, clears: &str, reason: String) -> Proposal {
    proposal(expire_action(name.series.kind), directory, &[clears], reason)
        .argument("path", format!("{name}.json"))
        .argument("label", &name.series.label)
}
