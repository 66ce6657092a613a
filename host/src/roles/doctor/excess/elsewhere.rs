//! Databases that no scope names: what the login has there, as far as it can be known from here. Nobody logs in where the operator named nothing,
//! so what everybody may do inside of them is not looked at, and that is said.

use super::public::effect;
use super::{Asked, MINE};
use crate::grants::postgres::{Error, Session, Value};
use crate::roles::doctor::{Line, State, rows, text, truth};

/// Databases that a line names.
const SHOWN: usize = 5;

pub(super) async fn lines(asked: &Asked<'_>, session: &mut Session) -> Result<Vec<Line>, Error> {
    let named = Value::TextArray(asked.role.databases.iter().cloned().map(Some).collect());
    let found = rows(session, &format!("{MINE}{}", include_str!("elsewhere.sql")), &[named]).await?;
    let mut lines: Vec<Line> = found.iter().flat_map(|row| [held(asked, row), make(asked, row)]).flatten().collect();
    lines.extend(enter(asked, &found));
    Ok(lines)
}

/// What was granted to it there, or is its own.
fn held(asked: &Asked<'_>, row: &[Value]) -> Option<Line> {
    let (database, granted, owned) = (text(row, 0), text(row, 1), text(row, 2));
    let count = |count: &str, what: &str| match count {
        "0" => None,
        "1" => Some(format!("{what} 1 object")),
        more => Some(format!("{what} {more} objects")),
    };
    let parts: Vec<String> =
        [count(&granted, "privileges on"), count(&owned, "ownership of")].into_iter().flatten().collect();
    if parts.is_empty() {
        return None;
    }
    // Ownership that is wanted in words may be meant there too.
    let state = if granted == "0" && asked.may_own() { State::ByHand } else { State::TooMuch };
    let mend = "name that database in a scope of this login and run pgreeve doctor again: it then names each with the statement that takes it away; or \
                keep the login out of it";
    let line = asked.line(state, format!("{} in database {database}, which no scope of it names", parts.join(" and ")));
    Some(line.mended_by(mend.to_owned()))
}

/// What everybody may make there.
fn make(asked: &Asked<'_>, row: &[Value]) -> Option<Line> {
    let database = text(row, 0);
    truth(row, 4).then(|| {
        asked
            .line(State::ThroughPublic, format!("CREATE on database {database}, through PUBLIC"))
            .mended_by(format!("REVOKE CREATE ON DATABASE {database} FROM PUBLIC;"))
            .with_effect(effect("DATABASE", 1))
    })
}

/// Where everybody may enter: by default that is every database.
fn enter(asked: &Asked<'_>, found: &[Vec<Value>]) -> Option<Line> {
    let names: Vec<String> = found.iter().filter(|row| truth(row, 3)).map(|row| text(row, 0)).collect();
    let all: usize = found.first().and_then(|row| text(row, 5).parse().ok()).unwrap_or(0);
    let databases = match names.as_slice() {
        [] => return None,
        [one] if all == 1 => format!("database {one}, which no scope of it names"),
        some => {
            let shown: Vec<&str> = some.iter().take(SHOWN).map(String::as_str).collect();
            let more = if some.len() > shown.len() { ", …" } else { "" };
            let most = if all > found.len() { "at least " } else { "" };
            format!("{most}{} databases that no scope of it names ({}{more})", some.len(), shown.join(", "))
        }
    };
    let line = asked
        .line(State::ByDefault, format!("entering {databases}: CONNECT through PUBLIC, as PostgreSQL itself has it"));
    let effect = "every login has it, and loses it: first GRANT it to the roles that rely on it. What everybody may do inside is not looked at, for \
                  pgreeve logs in where a scope says so and nowhere else";
    Some(
        line.mended_by(format!("REVOKE CONNECT ON DATABASE {} FROM PUBLIC;", names.join(", ")))
            .with_effect(effect.to_owned()),
    )
}
