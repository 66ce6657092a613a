//! Where to connect, in libpq's words. Passwords come by libpq's own means, never on the command line.

use crate::answer::{Failure, Kind, Outcome};

/// A connection string without a password, for `--dbname` of any client program.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Connection(String);

impl Connection {
    /// From `--dbname`: the name of a database, or a connection string (keywords or URI).
    pub(crate) fn new(dbname: &str) -> Outcome<Self> {
        let text = if is_connection_string(dbname) { dbname.to_owned() } else { format!("dbname={}", quote(dbname)) };
        if holds_password(&text) {
            let why = "--dbname holds a password, which every user of this host could read; put it into ~/.pgpass or PGPASSFILE";
            return Err(Failure::new(Kind::Refused, why));
        }
        Ok(Self(text))
    }

    /// The same server, another database: in libpq the last mention counts.
    pub(crate) fn to_database(&self, database: &str) -> Self {
        let text = &self.0;
        if is_uri(text) {
            let join = if text.contains('?') { '&' } else { '?' };
            let name: String = database.bytes().map(|byte| format!("%{byte:02X}")).collect();
            return Self(format!("{text}{join}dbname={name}"));
        }
        Self(format!("{text} dbname={}", quote(database)))
    }

    /// A server on a Unix socket of our own.
    pub(crate) fn to_socket(directory: &str, port: u16, user: &str, database: &str) -> Self {
        let (host, user, database) = (quote(directory), quote(user), quote(database));
        Self(format!("host={host} port={port} user={user} dbname={database}"))
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

fn is_uri(text: &str) -> bool {
    text.starts_with("postgresql://") || text.starts_with("postgres://")
}

/// libpq's own rule.
fn is_connection_string(text: &str) -> bool {
    is_uri(text) || text.contains('=')
}

fn quote(value: &str) -> String {
    format!("'{}'", value.replace('\\', "\\\\").replace('\'', "\\'"))
}

fn holds_password(text: &str) -> bool {
    if !is_uri(text) {
        let words = text.split_whitespace();
        return words.filter_map(|word| word.split('=').next()).any(|key| matches!(key, "password" | "sslpassword"));
    }
    let authority = text.split_once("//").map_or("", |(_, rest)| rest);
    let (authority, query) = authority.split_once(['/', '?']).unwrap_or((authority, ""));
    let in_user = authority.rsplit_once('@').is_some_and(|(user, _)| user.contains(':'));
    in_user || query.contains("password=")
}

#[cfg(test)]
mod tests {
    use super::Connection;

    #[test]
    fn a_name_is_a_name_whatever_it_looks_like() {
        assert_eq!(Connection::new("my 'app'").unwrap().as_str(), "dbname='my \\'app\\''");
        assert_eq!(
            Connection::new("host=/run dbname=x").unwrap().to_database("Y z").as_str(),
            "host=/run dbname=x dbname='Y z'"
        );
        assert_eq!(
            Connection::new("postgres://h/x").unwrap().to_database("é").as_str(),
            "postgres://h/x?dbname=%C3%A9"
        );
    }

    #[test]
    fn a_password_on_the_command_line_is_refused() {
        for text in [
            "host=h password=x",
            "host=h password = x",
            "postgres://u:p@h/d",
            "postgresql://h/d?password=x",
            "host=h sslpassword=x",
        ] {
            assert!(Connection::new(text).is_err(), "{text}");
        }
        for text in ["host=h user=password", "postgres://u@h:5432/d", "postgres:///d?host=/run:x"] {
            assert!(Connection::new(text).is_ok(), "{text}");
        }
    }
}
