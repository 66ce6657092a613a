//! What a login has and nobody wants: one question each for a kind of answer, however many objects there are.
//!
//! | file | asks for |
//! |---|---|
//! | `role` | attributes, and memberships that bring some |
//! | `owned` | what the login owns |
//! | `granted` | what was granted to the login or to a role of it |
//! | `public` | what everybody may do, the login too |
//! | `elsewhere` | what it has in databases that no scope names |
//!
//! `mine.sql` is the beginning of those that walk through the login's roles.

mod elsewhere;
mod granted;
mod owned;
mod public;
mod role;

use super::{Line, Role, State, quoted, text};
use crate::grants::postgres::{Error, Session, Value};
use crate::plugin::manifest::{ObjectKind, Right};
use crate::roles::grant::revoke_member;
use crate::roles::name::split;
use crate::roles::wanted::{Login, Want};

/// Objects of one kind of answer that are named one by one, as in the queries' LIMIT; of the others, how many there are.
const NAMED: usize = 20;

const MINE: &str = include_str!("mine.sql");

/// A login in one database, and what is wanted of it.
struct Asked<'a> {
    login: &'a Login,
    /// What all databases of the cluster want of it.
    role: &'a Role<'a>,
    major: u32,
    /// The session's `default_transaction_read_only`.
    read_only_by_default: bool,
}

/// Everything that is too much.
pub(super) async fn lines(login: &Login, role: &Role<'_>, major: u32, session: &mut Session) -> Vec<Line> {
    let mut asked = Asked { login, role, major, read_only_by_default: false };
    let attributes = role::attributes(&asked, session).await;
    // A superuser is a member and an owner of everything: there is no end to it.
    let superuser = attributes.as_ref().is_ok_and(|attributes| attributes.superuser);
    asked.read_only_by_default = attributes.as_ref().is_ok_and(|attributes| attributes.read_only_by_default);
    let mut lines = asked.or_failed("attributes", attributes.map(|attributes| attributes.lines));
    if superuser {
        return lines;
    }
    lines.extend(asked.or_failed("memberships", role::memberships(&asked, session).await));
    lines.extend(asked.or_failed("what it owns", owned::lines(&asked, session).await));
    lines.extend(asked.or_failed("what was granted to it", granted::lines(&asked, session).await));
    lines.extend(asked.or_failed("what everybody may do", public::lines(&asked, session).await));
    lines.extend(asked.or_failed("what anybody may do to large objects", public::large_objects(&asked, session).await));
    lines.extend(asked.or_failed("what it has in other databases", elsewhere::lines(&asked, session).await));
    lines
}

impl Asked<'_> {
    fn line(&self, state: State, what: String) -> Line {
        Line::new(self.login, state, what)
    }

    fn or_failed(&self, what: &str, answer: Result<Vec<Line>, Error>) -> Vec<Line> {
        answer.unwrap_or_else(|error| {
            let line = self.line(State::CouldNotLook, format!("whether {what} is too much: {error}"));
            let mend = "run pgreeve doctor again; if it stays, read the server's log of this moment, and raise statement_timeout of the scope if \
                        it was that";
            vec![line.mended_by(mend.to_owned())]
        })
    }

    /// Whether ownership is wanted, in words: then nobody but a person can tell which is meant.
    fn may_own(&self) -> bool {
        self.login.wants.iter().any(|want| want.applies_to(self.major) && matches!(want.right, Right::Owner(_)))
    }

    /// What comes through a role: too much, unless the role may be the way to what is to be owned.
    fn state(&self, via: Option<&str>) -> State {
        if via.is_some() && self.may_own() { State::ByHand } else { State::TooMuch }
    }

    /// Takes a membership from the login. From 16 on it is taken away as who gave it; before, as anybody.
    fn leave(&self, role: &str, grantor: &str) -> String {
        let by = if self.major >= 16 && !grantor.is_empty() {
            format!(" GRANTED BY {}", quoted(grantor))
        } else {
            String::new()
        };
        format!("{}{by};", revoke_member(role, self.login.user()))
    }

    /// The privileges that are wanted, as the queries spell them. What belongs to the cluster may be wanted by any of its databases.
    fn wanted(&self) -> Value {
        let here =
            self.login.wants.iter().filter(|want| want.applies_to(self.major)).filter_map(|want| key(want, false));
        let cluster = self.role.wanted.iter().filter_map(|want| key(want, true));
        Value::TextArray(here.chain(cluster).map(Some).collect())
    }

    /// Why it matters that the observer may change something.
    fn guard(&self) -> Option<String> {
        let mut text =
            "nothing but the read-only transactions of pgreeve itself keeps a plugin's query from doing it".to_owned();
        if self.read_only_by_default {
            text.push_str("; default_transaction_read_only is no guard, for any session can turn it off");
        }
        self.role.observes.then_some(text)
    }

    /// The lines, and one more where there are more than are named; the last column of each row is how many there are.
    fn with_rest(&self, state: State, mut lines: Vec<Line>, rows: &[Vec<Value>], what: &str) -> Vec<Line> {
        let last = |row: &Vec<Value>| text(row, row.len().saturating_sub(1)).parse().ok();
        let all: usize = rows.first().and_then(last).unwrap_or(0);
        if all > NAMED {
            let line = self.line(state, format!("{} more {what}", all - NAMED));
            lines.push(line.mended_by("mend those named above and run pgreeve doctor again".to_owned()));
        }
        lines
    }
}

/// Kind, schema, name, arguments and privilege.
fn key(want: &Want, of_the_cluster: bool) -> Option<String> {
    let Right::Privilege(privilege) = &want.right else { return None };
    let shared = matches!(privilege.object, ObjectKind::Database | ObjectKind::Parameter);
    if of_the_cluster && !shared {
        return None;
    }
    let (kind, (schema, name)) = match privilege.object {
        ObjectKind::Database => ("DATABASE", ("", privilege.name.as_str())),
        ObjectKind::Schema => ("SCHEMA", ("", privilege.name.as_str())),
        ObjectKind::Parameter => ("PARAMETER", ("", privilege.name.as_str())),
        ObjectKind::Table => ("TABLE", split(&privilege.name)),
        ObjectKind::Sequence => ("SEQUENCE", split(&privilege.name)),
        ObjectKind::Function => ("ROUTINE", split(&privilege.name)),
    };
    // The catalog has names of parameters in lower case.
    let name = if kind == "PARAMETER" { name.to_lowercase() } else { name.to_owned() };
    Some([kind, schema, &name, &privilege.arguments.join(", "), &privilege.privilege].join("\u{1f}"))
}
