//! What everybody may do, and so the login. It is not the login's own: who takes it away takes it from everybody, so each line says what that does.

use super::Asked;
use super::granted::{object, revoke};
use crate::grants::postgres::{Error, Session, Value};
use crate::roles::doctor::{Line, State, quoted, rows, text, truth};

/// From 15 on parameters have privileges.
const PARAMETERS: &str =
    "UNION ALL SELECT 'PARAMETER', '', p.parname, '', p.parname, 10::oid, p.paracl FROM pg_parameter_acl p";

/// Objects that a line names, and that its statement does before it goes for all of the schema's.
const SHOWN: usize = 5;
/// Names that the query returns of one line's objects.
const LISTED: usize = 50;

pub(super) async fn lines(asked: &Asked<'_>, session: &mut Session) -> Result<Vec<Line>, Error> {
    let parameters = if asked.major >= 15 { PARAMETERS } else { "" };
    let sql = include_str!("public.sql").replace("--parameters", parameters);
    let found = rows(session, &sql, &[asked.wanted()]).await?;
    let lines = found.iter().map(|row| line(asked, row)).collect();
    Ok(asked.with_rest(
        State::ThroughPublic,
        lines,
        &found,
        "schemas in which everybody may do something, through PUBLIC",
    ))
}

/// With `lo_compat_privileges` the server does not ask for privileges on large objects at all.
pub(super) async fn large_objects(asked: &Asked<'_>, session: &mut Session) -> Result<Vec<Line>, Error> {
    let sql = "SELECT setting = 'on', source, quote_ident(current_database()), quote_ident(session_user) FROM pg_settings \
               WHERE name = 'lo_compat_privileges'";
    let found = rows(session, sql, &[]).await?;
    let line = |row: &Vec<Value>| {
        let (source, database, user) = (text(row, 1), text(row, 2), text(row, 3));
        let mend = match source.as_str() {
            "database" => format!("ALTER DATABASE {database} RESET lo_compat_privileges;"),
            "user" => format!("ALTER ROLE {user} RESET lo_compat_privileges;"),
            "database user" => format!("ALTER ROLE {user} IN DATABASE {database} RESET lo_compat_privileges;"),
            "global" => "ALTER ROLE ALL RESET lo_compat_privileges;".to_owned(),
            "configuration file" => {
                "ALTER SYSTEM SET lo_compat_privileges = off; SELECT pg_catalog.pg_reload_conf();".to_owned()
            }
            other => format!("set lo_compat_privileges = off where it is set now ({other})"),
        };
        let effect = "whoever relies on it loses it: applications written before 9.0, which take every large object for everybody's; first GRANT them what \
                      they need ON LARGE OBJECT";
        asked
            .line(
                State::ThroughPublic,
                "reading, writing and removing all large objects: lo_compat_privileges is on, and nobody's privileges on them are asked for".to_owned(),
            )
            .mended_by(mend)
            .with_effect(effect.to_owned())
    };
    Ok(found.iter().filter(|row| truth(row, 0)).map(line).collect())
}

fn line(asked: &Asked<'_>, row: &[Value]) -> Line {
    let (kind, schema, privileges, grantor) = (text(row, 0), text(row, 1), text(row, 2), text(row, 3));
    let count: usize = text(row, 4).parse().unwrap_or(0);
    let names: Vec<String> = match row.get(5) {
        Some(Value::TextArray(names)) => names.iter().flatten().cloned().collect(),
        _ => Vec::new(),
    };
    let by_default = truth(row, 6);
    let what = match names.as_slice() {
        _ if kind.starts_with("DEFAULT ") => object(&kind, &schema),
        [name] if count == 1 => object(&kind, name),
        names => some(&kind, count, names),
    };
    let default = if by_default { ", as PostgreSQL itself has it" } else { "" };
    let mend = match kind.as_str() {
        "TABLE" | "SEQUENCE" if count > SHOWN && grantor.is_empty() => {
            format!("REVOKE {privileges} ON ALL {kind}S IN SCHEMA {} FROM PUBLIC;", quoted(&schema))
        }
        kind if kind.starts_with("DEFAULT ") => revoke(kind, &privileges, &[schema], "PUBLIC", ""),
        kind => revoke(kind, &privileges, &names, "PUBLIC", &grantor),
    };
    let state = if by_default { State::ByDefault } else { State::ThroughPublic };
    asked
        .line(state, format!("{privileges} on {what}, through PUBLIC{default}"))
        .mended_by(mend)
        .with_effect(effect(&kind, count))
}

/// How many, and the first names.
fn some(kind: &str, count: usize, names: &[String]) -> String {
    let first: Vec<&str> = names.iter().take(SHOWN).map(String::as_str).collect();
    let more = if count > first.len() { ", …" } else { "" };
    let kind = if kind == "ROUTINE" { "function".to_owned() } else { kind.to_lowercase() };
    format!("{count} {kind}s ({}{more})", first.join(", "))
}

/// What taking it away does to others, and what stays.
pub(super) fn effect(kind: &str, count: usize) -> String {
    let first = "every login has it, and loses it: first GRANT it to the roles that rely on it";
    let text = match kind {
        "TABLE" | "SEQUENCE" => {
            format!(
                "{first}, among them those whose statements fire triggers that write there as their caller (pgGit's do, on each DDL statement)"
            )
        }
        "ROUTINE" => format!(
            "whoever calls one does what a superuser or the server's own account can (SECURITY DEFINER, or an untrusted language), out of a \
             read-only transaction too; {first}"
        ),
        "SCHEMA" => format!("{first}: migrations make their objects there"),
        "DATABASE" => format!("{first}: applications make temporary tables, migrations make schemas"),
        kind if kind.starts_with("DEFAULT ") => {
            "it is about objects that are still to be made; whoever relies on it needs a GRANT of its own".to_owned()
        }
        _ => first.to_owned(),
    };
    let listed = !matches!(kind, "TABLE" | "SEQUENCE") && count > LISTED;
    if listed { format!("{text}; these are the first {LISTED}: run pgreeve doctor again") } else { text }
}
