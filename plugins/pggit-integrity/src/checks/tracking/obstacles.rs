//! What stands on pgGit's own tables in the way of recording, and whose DDL fails.

use pgreeve_sdk::{Report, Status};

use crate::observe::tracking::{Obstacle, Seen};
use crate::view::{View, identifier, some_of};

pub(super) fn judge(view: &View<'_>, seen: &Seen, report: &mut Report) {
    let obstacles = match &seen.obstacles {
        Ok(obstacles) => obstacles,
        Err(error) => return report.findings.push(view.unanswered("obstacle", "", error)),
    };
    if obstacles.is_empty() {
        report.findings.push(view.ok("obstacle", "", "nothing on pgGit's tables keeps it from recording"));
    }
    for obstacle in obstacles {
        let (status, effect, advice) = obstacle.judge();
        let object = format!("{}/{}/{}", obstacle.relation, obstacle.kind, obstacle.name);
        let summary = match obstacle.kind.as_str() {
            "table" => format!("{} is {effect}", obstacle.relation),
            kind => format!("{kind} {} on {}: {effect}", obstacle.name, obstacle.relation),
        };
        report.findings.push(view.finding("obstacle", &object, status, summary).advise(advice));
    }
}

impl Obstacle {
    /// How bad, what it does, and what to do.
    fn judge(&self) -> (Status, &'static str, String) {
        let (relation, name) = (&self.relation, identifier(&self.name));
        match self.kind.as_str() {
            "trigger" => (
                Status::Warning,
                if relation.starts_with("pggit_v0.") { "it can drop rows or make commits fail; no release has it" } else { "it can drop rows or make DDL fail; no release has it" },
                format!("read its function; if it is not meant so: DROP TRIGGER {name} ON {relation};"),
            ),
            "rule" => (
                Status::Critical,
                "rows that pgGit writes go another way, or nowhere; no release has it",
                format!("read it in \\d {relation}; then DROP RULE {name} ON {relation};"),
            ),
            "check" | "unique" | "foreign-key" => (
                Status::Warning,
                "rows that do not fit it make DDL fail; no release has it",
                format!(
                    "read it in \\d {relation}; if it is not meant so: ALTER TABLE {relation} DROP CONSTRAINT {name}; or DROP INDEX"
                ),
            ),
            "not-null" => (
                Status::Critical,
                "pgGit leaves it empty, so DDL fails; it may be NULL in all releases",
                format!("ALTER TABLE {relation} ALTER COLUMN {name} DROP NOT NULL;"),
            ),
            "policies" => (
                Status::Warning,
                "rows are hidden from roles, and from what this plugin counts; no release has it",
                format!("ALTER TABLE {relation} DISABLE ROW LEVEL SECURITY; if it is not meant so"),
            ),
            "unlogged" => (
                Status::Warning,
                "the table is empty after a crash and on standbys",
                format!("ALTER TABLE {relation} SET LOGGED; takes an exclusive lock while it writes the table anew"),
            ),
            "default" => (
                Status::Critical,
                "its default is gone or another: what pgGit records is wrong from then on",
                format!("compare \\d {relation} with sql/000_schema.sql of the release, and set the default of {name} anew"),
            ),
            "enum" => (
                Status::Critical,
                "the type has no such value any more: what pgGit writes fails, and DDL with it",
                format!("see \\dT+ {relation}; a value that was renamed: ALTER TYPE {relation} RENAME VALUE … TO '{}';", self.name),
            ),
            "table" => (
                Status::Critical,
                "gone: what the event triggers write or read fails, and DDL with it",
                "restore it from a dump made before. If DDL has to work at once: ALTER EVENT TRIGGER … DISABLE for each of \
                 pgGit's, and later on again"
                    .to_owned(),
            ),
            _ => (
                Status::Critical,
                "gone, or of another type: what pgGit writes fails, and DDL with it",
                format!("compare \\d {relation} with sql/000_schema.sql of the release, and put the column back"),
            ),
        }
    }
}

pub(super) fn roles(view: &View<'_>, seen: &Seen, report: &mut Report) {
    let roles = match &seen.roles {
        None => return report.findings.push(view.not_applicable("ddl-role", "", "pgGit's tables are not there")),
        Some(Err(error)) => return report.findings.push(view.unanswered("ddl-role", "", error)),
        Some(Ok(roles)) => roles,
    };
    let names: Vec<String> = roles.iter().map(|role| identifier(&role.role)).collect();
    let answer = if names.is_empty() {
        view.ok("ddl-role", "", "every role that owns something has the rights in pgGit's schema that its DDL needs")
    } else {
        let summary = format!(
            "DDL fails for {}: no rights in pgGit's schema, whose functions run as the caller",
            some_of(&names, 8)
        );
        view.finding("ddl-role", "", Status::Warning, summary).advise(format!(
            "as superuser: GRANT USAGE ON SCHEMA pggit TO {all}; GRANT ALL ON ALL TABLES IN SCHEMA pggit TO {all}; GRANT \
             ALL ON ALL SEQUENCES IN SCHEMA pggit TO {all}; GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA pggit TO {all};",
            all = names.join(", ")
        ))
    };
    report.findings.push(answer);
}
