//! What was granted to the login, or to a role that it is a member of, and that nobody wants.

use super::{Asked, MINE};
use crate::grants::postgres::{Error, Session, Value};
use crate::roles::doctor::{Line, State, quoted, rows, text};
use crate::roles::name::parameter;

/// From 15 on parameters have privileges.
const PARAMETERS: &str = "\
    UNION ALL SELECT 'PARAMETER', '', p.parname, '', p.parname, '', 10::oid, p.paracl, '' \
    FROM noted o JOIN pg_parameter_acl p ON p.oid = o.objid WHERE o.classid = 'pg_parameter_acl'::regclass";

pub(super) async fn lines(asked: &Asked<'_>, session: &mut Session) -> Result<Vec<Line>, Error> {
    let parameters = if asked.major >= 15 { PARAMETERS } else { "" };
    let sql = format!("{MINE}{}", include_str!("granted.sql").replace("--parameters", parameters));
    let found = rows(session, &sql, &[asked.wanted()]).await?;
    let lines = found.iter().map(|row| line(asked, row)).collect();
    Ok(asked.with_rest(State::TooMuch, lines, &found, "objects on which it was granted something"))
}

fn line(asked: &Asked<'_>, row: &[Value]) -> Line {
    let (kind, name, privileges, grantee) = (text(row, 0), text(row, 1), text(row, 2), text(row, 3));
    let (via, by, grantor, worse) = (text(row, 4), text(row, 5), text(row, 6), text(row, 7));
    let mut what = format!("{privileges} on {}", object(&kind, &name));
    let via = Some(via).filter(|via| !via.is_empty());
    if via.is_some() {
        what = format!("{what}, through {grantee}");
    }
    let mend = match &via {
        // The role may be meant to have it; the login is not meant to be its member.
        Some(via) => asked.leave(via, &by),
        None => revoke(&kind, &privileges, &[name], &quoted(&grantee), &grantor),
    };
    let line = asked.line(asked.state(via.as_deref()), what).mended_by(mend);
    let why = if worse.is_empty() { asked.guard().filter(|_| changes(&privileges)) } else { Some(worse) };
    why.into_iter().fold(line, Line::with_effect)
}

/// Whether some of the privileges are for changing something.
fn changes(privileges: &str) -> bool {
    let reading = ["SELECT", "USAGE", "EXECUTE", "CONNECT", "SET"];
    privileges.split(", ").any(|privilege| !reading.iter().any(|word| privilege.starts_with(word)))
}

/// An object in words. Of default privileges, what is to be made and by whom.
pub(super) fn object(kind: &str, name: &str) -> String {
    match (kind, kind.strip_prefix("DEFAULT ")) {
        (_, Some(made)) => format!("{} to be made ({name})", made.to_lowercase().replace("routines", "functions")),
        ("ROUTINE", _) => format!("function {name}"),
        _ => format!("{} {name}", kind.to_lowercase()),
    }
}

/// Takes privileges on objects of one kind away. A superuser's REVOKE takes away what the owner granted, and nobody else's grants.
pub(super) fn revoke(kind: &str, privileges: &str, names: &[String], from: &str, grantor: &str) -> String {
    let names = match kind {
        "PARAMETER" => names.iter().map(|name| parameter(name)).collect::<Vec<_>>().join(", "),
        _ => names.join(", "),
    };
    let sql = match kind.strip_prefix("DEFAULT ") {
        Some(made) => format!("ALTER DEFAULT PRIVILEGES {names} REVOKE {privileges} ON {made} FROM {from};"),
        None => format!("REVOKE {privileges} ON {kind} {names} FROM {from};"),
    };
    match grantor {
        "" => sql,
        grantor => format!("SET ROLE {}; {sql} RESET ROLE;", quoted(grantor)),
    }
}
