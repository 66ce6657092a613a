//! What belongs to the database itself: owner, limit, comment, privileges, settings, those of roles in it too. `pg_restore --create` brings them back,
//! and a restore test, which has to make a database of another name, does not. So each is looked for in the dump when it is taken.

use serde::Deserialize;

use super::{PAYLOAD, Taking};
use crate::answer::{Outcome, cannot};
use crate::manifest::Caveat;
use crate::program;

/// What `pg_restore --list` calls the entries of the database itself.
const ENTRIES: [&str; 5] = [
    " DATABASE - ",
    " DATABASE PROPERTIES - ",
    " COMMENT - DATABASE ",
    " ACL - DATABASE ",
    " SECURITY LABEL - DATABASE ",
];

#[derive(Deserialize)]
struct Property {
    property: String,
    begins: String,
    holds: String,
}

/// Those that the dump does not hold.
pub(super) fn left_out(taking: &mut Taking<'_>, database: &str) -> Outcome<Vec<Caveat>> {
    let properties: Vec<Property> = taking.session.rows(include_str!("../sql/properties.sql"))?;
    let script = if database.contains(['\n', '\r']) { String::new() } else { script(taking)? };
    let missing = properties.iter().filter(|one| !one.is_in(&script));
    let caveat = |one: &Property| {
        let detail = format!(
            "the dump does not bring it back ({}): note it, and set it again after a restore of {database}",
            one.property
        );
        Caveat::new("database-properties-left-out", &one.property, detail)
    };
    Ok(missing.map(caveat).collect())
}

/// The statements about the database itself that a restore by `pg_restore --create` runs. It refuses names that have more than one line.
fn script(taking: &Taking<'_>) -> Outcome<String> {
    let payload = taking.work.join(PAYLOAD);
    let mut list = taking.tools.command("pg_restore")?;
    // Without --create it does not list them.
    list.args(["--create", "--list"]).arg(&payload);
    let listed = program::run(list, "pg_restore --list on the new dump")?.good()?.stdout;
    let entries: String = listed
        .lines()
        .filter(|line| ENTRIES.iter().any(|entry| line.contains(entry)))
        .map(|line| format!("{line}\n"))
        .collect();
    let list = taking.work.join("properties.list");
    std::fs::write(&list, entries).map_err(cannot(format_args!("write {}", list.display())))?;
    let mut restore = taking.tools.command("pg_restore")?;
    restore.arg("--create").arg("--use-list").arg(&list).arg("--file=-").arg(&payload);
    Ok(program::run(restore, "pg_restore --create on the new dump")?.good()?.stdout)
}

impl Property {
    /// Whether a statement of the script brings it back. The script is in the database's encoding: names that are more than ASCII are not compared.
    fn is_in(&self, script: &str) -> bool {
        let plain = self.begins.is_ascii() && self.holds.is_ascii();
        !plain || script.lines().any(|line| line.starts_with(&self.begins) && line.contains(&self.holds))
    }
}
