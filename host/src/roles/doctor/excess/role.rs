//! Attributes of the login, and memberships that bring some or a predefined role with them.

use super::{Asked, MINE};
use crate::grants::postgres::{Error, Session, Value};
use crate::plugin::manifest::Right;
use crate::roles::doctor::{Line, State, quoted, roles, rows, text, truth};

/// What the login itself is.
pub(super) struct Attributes {
    pub(super) superuser: bool,
    pub(super) read_only_by_default: bool,
    pub(super) lines: Vec<Line>,
}

pub(super) async fn attributes(asked: &Asked<'_>, session: &mut Session) -> Result<Attributes, Error> {
    let sql = "SELECT rolsuper, rolcreatedb, rolcreaterole, rolreplication, rolbypassrls, \
               current_setting('default_transaction_read_only')::bool FROM pg_roles WHERE rolname = session_user";
    let rows = rows(session, sql, &[]).await?;
    let row = rows.first().map(Vec::as_slice).unwrap_or_default();
    let wanted = |word: &str| {
        asked.role.wanted.iter().any(|want| match &want.right {
            Right::Attribute(attribute) => attribute == word,
            Right::Superuser(_) => word == "SUPERUSER" && asked.login.refuses_superuser.is_none(),
            _ => false,
        })
    };
    let names = ["SUPERUSER", "CREATEDB", "CREATEROLE", "REPLICATION", "BYPASSRLS"];
    let mut lines = Vec::new();
    for (_, word) in names.iter().enumerate().filter(|(index, word)| truth(row, *index) && !wanted(word)) {
        let line = asked.line(State::TooMuch, format!("the attribute {word}"));
        let line = line.mended_by(format!("ALTER ROLE {} NO{word};", quoted(asked.login.user())));
        lines.push(if *word == "SUPERUSER" { asked.superuser(line) } else { line });
    }
    Ok(Attributes { superuser: truth(row, 0), read_only_by_default: truth(row, 5), lines })
}

pub(super) async fn memberships(asked: &Asked<'_>, session: &mut Session) -> Result<Vec<Line>, Error> {
    let sql = format!("{MINE}{}", include_str!("member.sql"));
    let found = rows(session, &sql, &[Value::TextArray(roles(&asked.role.wanted))]).await?;
    let line = |row: &Vec<Value>| {
        let (role, attributes, via) = (text(row, 0), text(row, 2), text(row, 3));
        let mut what = format!("membership in {role}");
        if truth(row, 1) {
            what.push_str(", a superuser");
        } else if !attributes.is_empty() {
            what = format!("{what}, which has {attributes}");
        }
        if via != role {
            what = format!("{what}, through {via}");
        }
        let line = asked.line(State::TooMuch, what).mended_by(asked.leave(&via, &text(row, 4)));
        if truth(row, 1) { asked.superuser(line) } else { line }
    };
    Ok(found.iter().map(line).collect())
}

impl Asked<'_> {
    /// What is said of a superuser beside what takes it away: without the operator's word the agent does not log in at all.
    fn superuser(&self, line: Line) -> Line {
        match &self.login.refuses_superuser {
            Some(key) => {
                let effect =
                    format!("the agent refuses a superuser: nothing works with this login unless {key} is true");
                Line { required: true, ..line }.with_effect(effect)
            }
            None => {
                line.with_effect("the agent takes it, and no wall of the database stands before a superuser".to_owned())
            }
        }
    }
}
