//! Which pgGit was found. Absence is an answer of its own.

use pgreeve_sdk::{Reason, Report, Role, Status};

use super::Check;
use crate::install::{Kind, V0};
use crate::observe::Seen;
use crate::view::{View, identifier, some_of, time};

pub(super) const CHECKS: [Check; 1] = [(
    "install",
    "Which pgGit is installed",
    "States the kind of install by what the catalog holds: script, extension, file, partial, remains or none, and the \
        layout of pggit_v0. `critical`: remains of an install, none where the setting `expect_install` wants one, or a schema of it is \
        gone that an earlier run saw, until the setting `baseline` gets another name. \
        `warning`: an install that stopped half-way, whose event triggers may already be live. `unknown`: the database \
        could not be asked, and nothing else is judged.",
)];

pub(super) fn judge(view: &View<'_>, seen: &Seen, report: &mut Report) {
    let install = &seen.install;
    let (kind, v0) = (install.kind(), install.v0());
    let expected = view.settings().expect_install;
    let schemas: Vec<&str> = install.schemas.keys().map(String::as_str).collect();
    let functions: i64 = install.schemas.values().sum();
    let version = install.extension.as_ref().map(|version| format!(" {version}")).unwrap_or_default();
    let tables = install.tables().count();
    let what = format!("{kind}{version}: {tables} tables, {functions} functions in {}", some_of(&schemas, 12));
    let gone = install.gone();
    let answer = match kind {
        Kind::Script | Kind::Extension | Kind::File013 | Kind::File100 | Kind::Partial if !gone.is_empty() => view
            .finding("install", "", Status::Critical, format!("{} is gone; {what}", gone.join(" and ")))
            .advise(
                "every CREATE, ALTER or DROP may fail now: ALTER EVENT TRIGGER … DISABLE for each of pgGit's, if DDL has to \
                 work at once. Restore the table from a dump made before; do not run the install again, it would begin a new \
                 history",
            ),
        Kind::None if expected => view
            .finding("install", "", Status::Critical, "pgGit is not installed, and the setting expect_install wants it")
            .advise(
                "look whether this is the right database (SELECT current_database();) and whether it was restored \
                 without pgGit; restore the schemas that begin with pggit and the event triggers from a whole dump, as \
                 pg_dump -n pggit leaves out the triggers, or take expect_install out of agent.toml",
            ),
        Kind::None => view.not_applicable("install", "", if schemas.is_empty() {
            "pgGit is not installed in this database".to_owned()
        } else {
            format!("pgGit is not installed in this database; empty schemas of it are left: {}", some_of(&schemas, 8))
        }),
        Kind::Remains => view.finding("install", "", Status::Critical, what).advise(
            "pggit.objects or pggit.history is gone: restore both from a dump that has the whole database; if pgGit is \
             not wanted any more: DROP SCHEMA pggit CASCADE; takes its event triggers along",
        ),
        Kind::Partial => view.finding("install", "", Status::Warning, what).advise(
            "the install stopped half-way, and its event triggers may be live. Run sql/install.sql of the release again \
             from within its directory sql, without ON_ERROR_STOP, and look at each error; or remove it: DROP SCHEMA \
             pggit CASCADE;",
        ),
        Kind::Script | Kind::Extension | Kind::File013 | Kind::File100 | Kind::V0Alone => view.ok("install", "", what),
    };
    let role = if seen.server.role == Role::Standby { "standby" } else { "primary" };
    let answer = answer.fact("kind", kind).fact("pggit_v0", v0).fact("role", role);
    report.findings.push(answer.fact_or_none("extension_version", install.extension.as_ref()));
    if let Some(gone) = &seen.gone {
        let summary =
            format!("{} ({}) was there until {}, and is gone", gone.schemas.join(", "), gone.kind, time(gone.at));
        report.findings.push(view.finding("install", "gone", Status::Critical, summary).advise(
            "if it was removed on purpose, give the job's setting baseline a new name. Else look into the server's log who \
             dropped or renamed it, and restore it from a dump of the whole database: pg_dump -n leaves out the event \
             triggers, and of an extension pg_dump saves no row",
        ));
    }
    let lost = install.gone_v0();
    if !lost.is_empty() {
        let summary = format!("{} is gone, with all that it held", lost.join(" and "));
        report.findings.push(view.finding("install", "pggit_v0", Status::Critical, summary).advise(
            "restore it from a dump made before, with the rows of that time; what the others hold since then leads nowhere \
             without it",
        ));
    }
    if v0 == V0::Unknown {
        report.findings.push(
            view.finding("install", "pggit_v0", Status::Warning, "pggit_v0 has neither of the layouts that are known")
                .advise(
                    "look what is left of it: \\dt pggit_v0.* in psql; its commit_graph and tree_entries are expected",
                ),
        );
    }
    if !install.hidden.is_empty() {
        let summary = format!("row level security hides rows of {} from {}", some_of(&install.hidden, 4), view.user);
        report.findings.push(view.unknown("install", "hidden", Reason::NoPrivilege, summary).advise(format!(
            "as superuser: ALTER ROLE {} BYPASSRLS; or take the policies away",
            identifier(view.user)
        )));
    }
    let moved: Vec<&str> = schemas
        .iter()
        .copied()
        .filter(|schema| ["pggit_v0_migrated", "pggit_audit_v0", "pggit_migration_v0"].contains(schema))
        .collect();
    if !moved.is_empty() {
        let summary =
            format!("pgGit was installed a second time, which moved what was there into {}", moved.join(", "));
        report.findings.push(view.finding("install", "second", Status::Warning, summary).advise(
            "the audit that pgGit shows since then began empty: the rows of before stand in the schemas named. Move them \
             back, or keep them and rename the schemas to names that do not begin with pggit",
        ));
    }
}
