//! One right as SQL.

use super::name::{function, identifier, literal, parameter, qualified};
use crate::plugin::manifest::{ObjectKind, Privilege, Right};
use crate::plugin::needs;

/// How a login comes by a right.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Grant {
    /// By this statement; with a condition, in SQL, where what it names may not exist.
    Statement {
        /// Without a semicolon.
        sql: String,
        /// True where the object is there.
        exists: Option<String>,
    },
    /// By this statement, which makes the login almost a superuser: nobody should run it without having read it.
    ByHand(String),
    /// By no GRANT: what to do instead.
    Words(String),
}

/// Who has one of these can become a superuser, or read every file that the server can.
const SUPERUSERS_IN_ALL_BUT_NAME: [&str; 4] =
    ["pg_read_server_files", "pg_write_server_files", "pg_execute_server_program", "CREATEROLE"];

/// Gives a right to a login.
pub(super) fn grant(right: &Right, login: &str) -> Grant {
    let to = identifier(login);
    match right {
        Right::Member(role) => {
            let sql = format!("GRANT {} TO {to}", identifier(role));
            if SUPERUSERS_IN_ALL_BUT_NAME.contains(&role.as_str()) {
                return Grant::ByHand(sql);
            }
            let there = || format!("EXISTS (SELECT FROM pg_catalog.pg_roles WHERE rolname = {})", literal(role));
            Grant::Statement { sql, exists: (!needs::is_known_role(role)).then(there) }
        }
        Right::Attribute(attribute) => {
            let sql = format!("ALTER ROLE {to} {}", word(attribute));
            match SUPERUSERS_IN_ALL_BUT_NAME.contains(&attribute.as_str()) {
                true => Grant::ByHand(sql),
                false => Grant::Statement { sql, exists: None },
            }
        }
        Right::Privilege(privilege) => {
            let sql = format!("GRANT {} ON {} TO {to}", word(&privilege.privilege), object(privilege));
            Grant::Statement { sql, exists: exists(privilege) }
        }
        Right::Owner(what) => Grant::Words(format!(
            "NO GRANT REPLACES OWNERSHIP: make {login} the owner of {what}, or a member of the role that owns them"
        )),
        Right::Superuser(what) => Grant::Words(format!(
            "ONLY A SUPERUSER CAN DO THIS: {what}. Do it by hand, or deny the action; or let a login for actions be one, by hand, and set \
             act_allow_superuser = true"
        )),
    }
}

/// Takes a membership from a login, without a semicolon.
pub(super) fn revoke_member(role: &str, login: &str) -> String {
    format!("REVOKE {} FROM {}", identifier(role), identifier(login))
}

/// Words of fixed lists are keywords; anything else could be anything, and becomes a name that fits nowhere.
fn word(text: &str) -> String {
    let plain = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_uppercase() || byte == b' ');
    if plain { text.to_owned() } else { identifier(text) }
}

fn object(privilege: &Privilege) -> String {
    let Privilege { object, name, arguments, .. } = privilege;
    match object {
        ObjectKind::Database => format!("DATABASE {}", identifier(name)),
        ObjectKind::Schema => format!("SCHEMA {}", identifier(name)),
        ObjectKind::Table => format!("TABLE {}", qualified(name)),
        ObjectKind::Sequence => format!("SEQUENCE {}", qualified(name)),
        ObjectKind::Function => format!("FUNCTION {}", function(name, arguments)),
        ObjectKind::Parameter => format!("PARAMETER {}", parameter(name)),
    }
}

fn exists(privilege: &Privilege) -> Option<String> {
    let Privilege { object, name, arguments, .. } = privilege;
    let (found, what) = match object {
        ObjectKind::Database => {
            return Some(format!("EXISTS (SELECT FROM pg_catalog.pg_database WHERE datname = {})", literal(name)));
        }
        ObjectKind::Schema => ("to_regnamespace", identifier(name)),
        ObjectKind::Table | ObjectKind::Sequence => ("to_regclass", qualified(name)),
        ObjectKind::Function => ("to_regprocedure", function(name, arguments)),
        ObjectKind::Parameter => return None,
    };
    Some(format!("pg_catalog.{found}({}) IS NOT NULL", literal(&what)))
}
