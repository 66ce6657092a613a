//! What the login owns: an owner can do everything with it, and grant itself anything.

use super::{Asked, MINE};
use crate::grants::postgres::{Error, Session, Value};
use crate::roles::doctor::{Line, State, quoted, rows, text};

pub(super) async fn lines(asked: &Asked<'_>, session: &mut Session) -> Result<Vec<Line>, Error> {
    let found = rows(session, &format!("{MINE}{}", include_str!("owned.sql")), &[]).await?;
    // Then what it owns stands in the line of what is wanted, for somebody to look at.
    if asked.may_own() {
        return Ok(Vec::new());
    }
    let lines = found.iter().map(|row| line(asked, row)).collect();
    Ok(asked.with_rest(State::TooMuch, lines, &found, "objects that it owns"))
}

fn line(asked: &Asked<'_>, row: &[Value]) -> Line {
    let (kind, name, owner) = (text(row, 0), text(row, 1), text(row, 2));
    let (via, by, heir, server) = (text(row, 3), text(row, 4), text(row, 5), text(row, 6));
    let what = match kind.as_str() {
        "user mapping" => format!("the user mapping of {name}"),
        _ => format!("ownership of {kind} {name}"),
    };
    if !via.is_empty() {
        return asked.line(State::TooMuch, format!("{what}, through {owner}")).mended_by(asked.leave(&via, &by));
    }
    let login = quoted(asked.login.user());
    asked.line(State::TooMuch, what).mended_by(match kind.as_str() {
        "user mapping" => format!("DROP USER MAPPING FOR {login} SERVER {server};"),
        // There is no ALTER EXTENSION … OWNER.
        "extension" => format!("REASSIGN OWNED BY {login} TO {};", quoted(&heir)),
        kind => format!("ALTER {} {name} OWNER TO {};", keyword(kind), quoted(&heir)),
    })
}

/// What `pg_identify_object` calls a kind, as ALTER calls it.
fn keyword(kind: &str) -> String {
    match kind {
        "foreign-data wrapper" => "FOREIGN DATA WRAPPER".to_owned(),
        "statistics object" => "STATISTICS".to_owned(),
        other => other.to_uppercase(),
    }
}
