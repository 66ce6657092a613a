//! Whether a login has what it wants: one question each, answered by the server's own functions, so that what comes through other roles or
//! through PUBLIC counts.

use super::{Line, State, quoted, rows, text, truth};
use crate::grants::postgres::{Error, Session, Value};
use crate::plugin::manifest::{ObjectKind, Privilege, Right};
use crate::plugin::needs::words;
use crate::roles::grant::{Grant, grant};
use crate::roles::name::split;
use crate::roles::wanted::{Login, Want};

/// The answer for one right.
pub(super) async fn line(login: &Login, want: &Want, major: u32, session: &mut Session) -> Line {
    let what = words(&want.right);
    let line = |state, what| Line { required: want.required, why: want.why.clone(), ..Line::new(login, state, what) };
    if !want.applies_to(major) {
        return line(State::NotApplicable, format!("{what}: not on PostgreSQL {major}"));
    }
    match held(&want.right, major, session).await {
        Err(error) => line(State::CouldNotLook, format!("{what}: {error}"))
            .mended_by("run pgreeve doctor again; if it stays, read the server's log of this moment".to_owned()),
        Ok(Held::Yes) => line(State::Ok, what),
        Ok(Held::No) => line(State::Missing, what).mended_by(mend(&want.right, login)),
        Ok(Held::NotInherited) => {
            let role = if let Right::Member(role) = &want.right { role.as_str() } else { "" };
            let (role, user) = (quoted(role), quoted(login.user()));
            let mend = if major >= 16 {
                format!("GRANT {role} TO {user} WITH INHERIT TRUE;")
            } else {
                format!("ALTER ROLE {user} INHERIT;")
            };
            line(State::Missing, format!("{what}: a member, but without its privileges (NOINHERIT)")).mended_by(mend)
        }
        Ok(Held::NoObject(why)) => line(State::NotApplicable, format!("{what}: {why}")),
        Ok(Held::Unclear(why)) => line(State::ByHand, format!("{what}: {why}")),
    }
}

/// What the server says of a right.
enum Held {
    Yes,
    No,
    NotInherited,
    NoObject(&'static str),
    Unclear(String),
}

fn mend(right: &Right, login: &Login) -> String {
    match grant(right, login.user()) {
        Grant::Statement { sql, .. } | Grant::ByHand(sql) => format!("{sql};"),
        Grant::Words(words) => words,
    }
}

async fn held(right: &Right, major: u32, session: &mut Session) -> Result<Held, Error> {
    match right {
        Right::Member(role) => {
            let sql = "SELECT pg_has_role(session_user, oid, 'USAGE'), pg_has_role(session_user, oid, 'MEMBER') \
                       FROM pg_roles WHERE rolname = $1";
            let rows = rows(session, sql, &[Value::Text(role.clone())]).await?;
            Ok(match rows.first() {
                None => Held::NoObject("this server has no such role"),
                Some(row) if truth(row, 0) => Held::Yes,
                Some(row) if truth(row, 1) => Held::NotInherited,
                Some(_) => Held::No,
            })
        }
        Right::Attribute(attribute) => {
            let column = match attribute.as_str() {
                "REPLICATION" => "rolreplication",
                "BYPASSRLS" => "rolbypassrls",
                "CREATEDB" => "rolcreatedb",
                _ => "rolcreaterole",
            };
            let sql = format!("SELECT rolsuper OR {column} FROM pg_roles WHERE rolname = session_user");
            yes_or_no(&rows(session, &sql, &[]).await?, "")
        }
        Right::Privilege(privilege) => on_object(privilege, major, session).await,
        Right::Superuser(_) => {
            let sql = "SELECT rolsuper FROM pg_roles WHERE rolname = session_user";
            yes_or_no(&rows(session, sql, &[]).await?, "")
        }
        Right::Owner(_) => {
            let rows = rows(session, OWNED, &[]).await?;
            let owned = rows.first().map(|row| text(row, 0)).unwrap_or_default();
            Ok(if rows.first().is_some_and(|row| truth(row, 1)) {
                Held::Yes
            } else if owned.is_empty() {
                Held::No
            } else {
                Held::Unclear(format!("no catalog can tell whether these are meant; it owns {owned}"))
            })
        }
    }
}

/// What the login owns in this database, itself or through a role, in one line; and whether it is a superuser.
const OWNED: &str = "\
    SELECT (SELECT string_agg(what, ', ' ORDER BY what) FROM (
        SELECT count(*) || ' relations in schema ' || n.nspname AS what
        FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
        WHERE c.relkind IN ('r', 'p', 'm', 'v', 'f', 'S') AND pg_has_role(session_user, c.relowner, 'USAGE')
          AND n.nspname NOT IN ('pg_catalog', 'information_schema', 'pg_toast')
        GROUP BY n.nspname
        UNION ALL
        SELECT 'event trigger ' || evtname FROM pg_event_trigger WHERE pg_has_role(session_user, evtowner, 'USAGE')
        UNION ALL
        SELECT 'the database' FROM pg_database
        WHERE datname = current_database() AND pg_has_role(session_user, datdba, 'USAGE')) owned),
      (SELECT rolsuper FROM pg_roles WHERE rolname = session_user)";

/// Objects are looked up in the catalogs: functions such as to_regclass fail for a schema that the login may not use.
async fn on_object(privilege: &Privilege, major: u32, session: &mut Session) -> Result<Held, Error> {
    let Privilege { privilege: word, object, name, arguments } = privilege;
    let (schema, local) = split(name);
    let [word, name, schema, local] = [word, name, schema, local].map(|text| Value::Text(text.to_owned()));
    let (sql, parameters) = match object {
        ObjectKind::Database => (
            "SELECT has_database_privilege(session_user, oid, $1) FROM pg_database WHERE datname = $2",
            vec![word, name],
        ),
        ObjectKind::Schema => (
            "SELECT has_schema_privilege(session_user, oid, $1) FROM pg_namespace WHERE nspname = $2",
            vec![word, name],
        ),
        ObjectKind::Table => (
            "SELECT has_table_privilege(session_user, c.oid, $1) FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace \
             WHERE n.nspname = $2 AND c.relname = $3 AND c.relkind IN ('r', 'p', 'v', 'm', 'f')",
            vec![word, schema, local],
        ),
        ObjectKind::Sequence => (
            "SELECT has_sequence_privilege(session_user, c.oid, $1) FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace \
             WHERE n.nspname = $2 AND c.relname = $3 AND c.relkind = 'S'",
            vec![word, schema, local],
        ),
        ObjectKind::Function => (
            "SELECT has_function_privilege(session_user, p.oid, $1) FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace \
             WHERE n.nspname = $2 AND p.proname = $3 AND oidvectortypes(p.proargtypes) = $4",
            vec![word, schema, local, Value::Text(arguments.join(", "))],
        ),
        // Before 15 there is nothing to be granted; what everybody may set needs no grant.
        ObjectKind::Parameter if major < 15 => return Ok(Held::NoObject("parameters have privileges from 15 on")),
        ObjectKind::Parameter => (
            "SELECT has_parameter_privilege(session_user, $2, $1) OR ($1 = 'SET' AND EXISTS (SELECT FROM pg_settings \
             WHERE lower(name) = lower($2) AND context = 'user'))",
            vec![word, name],
        ),
    };
    yes_or_no(
        &rows(session, sql, &parameters).await?,
        "it is not in this database (without a schema, pg_catalog is meant)",
    )
}

fn yes_or_no(rows: &[Vec<Value>], absent: &'static str) -> Result<Held, Error> {
    Ok(match rows.first() {
        None => Held::NoObject(absent),
        Some(row) if truth(row, 0) => Held::Yes,
        Some(_) => Held::No,
    })
}
