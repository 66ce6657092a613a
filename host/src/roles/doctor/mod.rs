//! `pgreeve doctor`: logs in as each login and asks the server what it may do. Nothing is changed.
//!
//! `needs` asks for what is wanted, `excess` for what nobody wants, `line` is one answer.

mod excess;
mod line;
mod needs;

use std::collections::{BTreeMap, BTreeSet};

pub use line::{Line, State};

use super::name::identifier;
use super::script::SHARED;
use super::wanted::{Login, Want};
use crate::grants::postgres::{Error, Limits, Server, Session, Value};
use crate::plugin::manifest::Right;

/// A login that was reached.
struct Reached {
    session: Session,
    server: Server,
}

/// A login in all databases of its cluster.
#[derive(Default)]
struct Role<'l> {
    wanted: Vec<&'l Want>,
    observes: bool,
    acts: bool,
    /// The databases that its scopes name.
    databases: BTreeSet<String>,
}

/// Looks at every login: first connects to all of them, for roles belong to a cluster, and what one database wants of a login is not
/// too much in another.
pub async fn doctor(logins: &[Login]) -> Vec<Line> {
    let mut reached = Vec::new();
    for login in logins {
        reached.push(reach(login).await);
    }
    let mut roles: BTreeMap<(u64, &str), Role<'_>> = BTreeMap::new();
    for (login, reached) in logins.iter().zip(&reached) {
        if let Ok(reached) = reached {
            let major = reached.server.version / 10_000;
            let role = roles.entry((reached.server.system_identifier, login.user())).or_default();
            role.wanted.extend(login.wants.iter().filter(|want| want.applies_to(major)));
            role.observes |= login.observes;
            role.acts |= login.acts;
        }
    }
    for ((cluster, user), role) in &mut roles {
        let elsewhere = |reached: &Result<Reached, Error>| {
            reached.as_ref().is_ok_and(|reached| reached.server.system_identifier != *cluster)
        };
        // Where a login could not be reached, it may be this cluster.
        let here = logins.iter().zip(&reached).filter(|(login, reached)| login.user() == *user && !elsewhere(reached));
        role.databases.extend(here.map(|(login, _)| login.target.database().to_owned()));
    }
    let mut lines = Vec::new();
    let mut told = BTreeSet::new();
    for (login, reached) in logins.iter().zip(reached) {
        match reached {
            Err(error) => lines.push(unreachable(login, &error)),
            Ok(mut reached) => {
                let key = (reached.server.system_identifier, login.user());
                if let Some(role) = roles.get(&key) {
                    // What everybody may do is told once for a database.
                    let mut news = |line: &Line| {
                        !matches!(line.state, State::ThroughPublic | State::ByDefault)
                            || told.insert((key.0, line.database.clone(), line.what.clone()))
                    };
                    lines.extend(examine(login, role, &mut reached).await.into_iter().filter(|line| news(line)));
                }
                reached.session.close().await;
            }
        }
    }
    lines
}

/// The agent refuses superusers; the doctor looks at them, to say so.
async fn reach(login: &Login) -> Result<Reached, Error> {
    let target = login.target.clone().with_superuser_allowed(true);
    let scope = &login.scope;
    let limits = Limits {
        connect_timeout: scope.connect_timeout,
        statement_timeout: scope.statement_timeout,
        lock_timeout: scope.lock_timeout,
        ..Limits::default()
    };
    let mut session = Session::connect(&target, &limits, "pgreeve/doctor").await?;
    let server = session.identify().await?;
    Ok(Reached { session, server })
}

fn unreachable(login: &Login, error: &Error) -> Line {
    let mend = match error {
        Error::Remote { code, .. } if code == "28000" || code == "28P01" => {
            "make the login (pgreeve grants prints the SQL), let it in by pg_hba.conf, and give the agent its password"
                .to_owned()
        }
        _ => format!("try the same connection from this host, as the agent's user: {}", login.target),
    };
    Line::new(login, State::CouldNotLook, format!("nothing could be asked: {error}")).mended_by(mend)
}

async fn examine(login: &Login, role: &Role<'_>, reached: &mut Reached) -> Vec<Line> {
    let major = reached.server.version / 10_000;
    let mut lines: Vec<Line> = Vec::new();
    for remark in &login.remarks {
        lines.push(Line::new(login, State::ByHand, remark.clone()));
    }
    if role.observes && role.acts {
        let mend = "make a login of its own for actions, and name it in act_dsn (pgreeve grants prints the SQL)";
        lines.push(Line::new(login, State::TooMuch, SHARED.to_owned()).mended_by(mend.to_owned()));
    }
    for want in &login.wants {
        lines.push(needs::line(login, want, major, &mut reached.session).await);
    }
    lines.extend(excess::lines(login, role, major, &mut reached.session).await);
    lines
}

/// The names of the predefined roles that are wanted.
fn roles(wanted: &[&Want]) -> Vec<Option<String>> {
    let role = |want: &&Want| match &want.right {
        Right::Member(role) => Some(Some(role.clone())),
        _ => None,
    };
    wanted.iter().filter_map(role).collect()
}

/// All rows of a query of pgreeve's own.
async fn rows(session: &mut Session, sql: &str, parameters: &[Value]) -> Result<Vec<Vec<Value>>, Error> {
    let mut rows = session.query(sql, parameters).await?;
    let mut all = Vec::new();
    while let Some(batch) = session.next(&mut rows, 500).await? {
        all.extend(batch);
    }
    Ok(all)
}

/// A text of a row; empty for NULL.
fn text(row: &[Value], index: usize) -> String {
    match row.get(index) {
        Some(Value::Text(text)) => text.clone(),
        _ => String::new(),
    }
}

/// A truth of a row; false for NULL.
fn truth(row: &[Value], index: usize) -> bool {
    matches!(row.get(index), Some(Value::Bool(true)))
}

/// A name as it is written in the statement that mends something.
fn quoted(name: &str) -> String {
    identifier(name)
}
