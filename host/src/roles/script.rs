//! What `pgreeve grants` prints: SQL for psql that makes the logins and gives them their rights, and may be run again.

use std::collections::BTreeSet;

use super::grant::{Grant, grant};
use super::name::{identifier, literal};
use super::wanted::{Login, Want};
use crate::grants::log::printable;
use crate::plugin::manifest::{ObjectKind, Right};
use crate::plugin::needs;

/// The script for these logins, all of one server; for one major version, or for any.
///
/// Fails for a database whose name psql could not be told.
pub fn script(logins: &[Login], major: Option<u32>, config: &str) -> Result<String, String> {
    let mut lines = vec![
        format!(
            "-- The logins of {}, with what its jobs want of them, as `pgreeve grants` prints it.",
            comment(config)
        ),
        "-- Run it as a superuser on the primary; again, after the jobs or plugins have changed:".to_owned(),
        "--   pgreeve grants | psql -X -v ON_ERROR_STOP=1 -d postgres".to_owned(),
        "-- No password is set: \\password in psql does, or pg_hba.conf lets the login in without one.".to_owned(),
        match major {
            Some(major) => format!("-- For PostgreSQL {major}."),
            None => "-- For PostgreSQL 14 and later; `--major N` prints what one version takes.".to_owned(),
        },
    ];
    let users: BTreeSet<&str> = logins.iter().map(Login::user).collect();
    if users.is_empty() {
        lines.push("-- No job is granted a database, so that no login is needed.".to_owned());
    } else {
        lines.push(format!("\n{PIN}"));
    }
    for user in users {
        let create = format!("CREATE ROLE {} LOGIN", identifier(user));
        lines.push(format!(
            "SELECT {} WHERE NOT EXISTS (SELECT FROM pg_catalog.pg_roles WHERE rolname = {}) \\gexec",
            literal(&create),
            literal(user)
        ));
    }
    let databases: BTreeSet<&str> = logins.iter().map(|login| login.target.database()).collect();
    for database in databases {
        lines.push(format!("\n{}\n{PIN}", connect(database)?));
        for login in logins.iter().filter(|login| login.target.database() == database) {
            lines.extend(section(login, major));
        }
    }
    Ok(lines.join("\n"))
}

/// No schema of the database puts its own table or operator in the place of the system's.
const PIN: &str = "SET search_path = pg_catalog, pg_temp;";

/// psql's command, with host, port and user as they are. A name that is not plain could be read as a connection string: then it is written as one.
fn connect(database: &str) -> Result<String, String> {
    if database.chars().any(char::is_control) {
        return Err(format!("database {database:?}: psql cannot be told a name with control characters"));
    }
    if database.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-') {
        return Ok(format!("\\connect {}", identifier(database)));
    }
    let value = database.replace('\\', "\\\\").replace('\'', "\\'");
    Ok(format!("\\connect -reuse-previous=on {}", identifier(&format!("dbname='{value}'"))))
}

fn section(login: &Login, major: Option<u32>) -> Vec<String> {
    let mut lines = vec![format!(
        "\n-- {}: {} ({} {}), {}",
        comment(login.user()),
        login.duty(),
        if login.scopes.len() == 1 { "scope" } else { "scopes" },
        login.scopes.join(", "),
        comment(&login.target.to_string())
    )];
    lines.extend(login.remarks.iter().map(|remark| format!("-- NOTE: {}", comment(remark))));
    if login.observes && login.acts {
        lines.push(format!("-- NOTE: {SHARED}"));
    }
    for want in &login.wants {
        lines.push(String::new());
        lines.extend(given(want, login, major));
    }
    lines
}

/// What is wrong with one login for both.
pub(super) const SHARED: &str =
    "one login observes and acts: whatever a plugin can make a query do, it can do with the actor's rights";

/// The comments and the statement for one right.
fn given(want: &Want, login: &Login, major: Option<u32>) -> Vec<String> {
    let strength = needs::strength(want.required, want.since, want.until);
    let mut lines = vec![format!("-- {}, {strength}", comment(&needs::words(&want.right)))];
    lines.extend(want.why.iter().map(|why| format!("--   {}", comment(why))));
    if let Some(major) = major.filter(|major| !want.applies_to(*major)) {
        lines.push(format!("--   NOT IN POSTGRESQL {major}: nothing is granted"));
        return lines;
    }
    match grant(&want.right, login.user()) {
        Grant::Words(words) => {
            lines.push(format!("--   {}. WITHOUT IT, WHAT IS NAMED ABOVE CANNOT WORK", comment(&words)));
        }
        Grant::ByHand(sql) => {
            lines.push(
                "--   NOT GRANTED: THIS IS A SUPERUSER IN ALL BUT NAME. Only if that is what you want, run".to_owned(),
            );
            lines.push(format!("--   {};", comment(&sql)));
        }
        Grant::Statement { sql, exists } => {
            // psql is connected to it.
            let here = matches!(&want.right, Right::Privilege(privilege)
                if privilege.object == ObjectKind::Database && privilege.name == login.target.database());
            let (since, until) = if major.is_some() { (None, None) } else { (want.since, want.until) };
            let what = needs::words(&want.right);
            lines.push(guarded(&sql, exists.filter(|_| !here).as_deref(), since, until, &what));
        }
    }
    lines
}

/// A statement on its own, or within the conditions under which it can be run.
fn guarded(sql: &str, exists: Option<&str>, since: Option<u32>, until: Option<u32>, what: &str) -> String {
    const VERSION: &str = "pg_catalog.current_setting('server_version_num')::int";
    let since = since.map(|since| format!("{VERSION} >= {}", u64::from(since) * 10_000));
    let until = until.map(|until| format!("{VERSION} < {}", (u64::from(until) + 1) * 10_000));
    let versions: Vec<String> = since.into_iter().chain(until).collect();
    if versions.is_empty() && exists.is_none() {
        return format!("{sql};");
    }
    // As a string: an older version could not even parse some of them.
    let execute = format!("EXECUTE {};", literal(sql));
    let mut body = match exists {
        None => format!("  {execute}"),
        Some(exists) => {
            let notice = literal(&format!("not granted, for it is not in this database: {what}"));
            format!("  IF {exists} THEN\n    {execute}\n  ELSE\n    RAISE NOTICE USING MESSAGE = {notice};\n  END IF;")
        }
    };
    if !versions.is_empty() {
        let inner = body.replace('\n', "\n  ");
        body = format!("  IF {} THEN\n  {inner}\n  END IF;", versions.join(" AND "));
    }
    let tag = tag(&body);
    format!("DO {tag}\nBEGIN\n{body}\nEND\n{tag};")
}

/// A dollar quote that does not occur in a text.
fn tag(body: &str) -> String {
    let numbered = (0_u64..).map(|number| format!("$pgreeve{number}$"));
    ["$pgreeve$".to_owned()]
        .into_iter()
        .chain(numbered)
        .find(|tag| !body.contains(tag.trim_end_matches('$')))
        .unwrap_or_default()
}

/// A text that stays within its comment.
fn comment(text: &str) -> String {
    printable(text, 4096)
}
