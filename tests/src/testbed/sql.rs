//! Asks a server in SQL, as its superuser or as anybody else; values come back as text.

use std::sync::Arc;

use tokio_postgres::{Client, Error, NoTls, SimpleQueryMessage};

use super::Server;
use super::runtime::{in_background, wait};

/// A row's values as text, `None` for NULL.
pub type Row = Vec<Option<String>>;

/// A connection that stays open, e.g. to hold a transaction. Closed when dropped.
#[derive(Debug, Clone)]
pub struct Session(Arc<Client>);

impl Session {
    /// Connects by a connection string.
    pub(super) fn connect(dsn: &str) -> Result<Session, Error> {
        let dsn = dsn.to_owned();
        wait(async move {
            let (client, connection) = tokio_postgres::connect(&dsn, NoTls).await?;
            in_background(async move {
                // Its end, clean or not, shows in the next statement.
                let _ = connection.await;
            });
            Ok(Session(Arc::new(client)))
        })
    }

    /// Runs one or more statements and returns the rows of all of them.
    pub fn try_sql(&self, sql: &str) -> Result<Vec<Row>, Error> {
        let (client, sql) = (self.0.clone(), sql.to_owned());
        let messages = wait(async move { client.simple_query(&sql).await })?;
        Ok(messages.iter().filter_map(row).collect())
    }

    /// Runs one or more statements and returns the rows of all of them; panics when one fails.
    #[track_caller]
    pub fn sql(&self, sql: &str) -> Vec<Row> {
        self.try_sql(sql).unwrap_or_else(|error| panic!("`{sql}` failed: {}", cause(&error)))
    }
}

impl Server {
    /// Opens a session in the database `postgres`.
    pub fn try_session(&self, user: &str) -> Result<Session, Error> {
        Session::connect(&self.dsn(user, "postgres"))
    }

    /// Opens a session in the database `postgres`; panics when refused.
    #[track_caller]
    pub fn session(&self, user: &str) -> Session {
        self.try_session(user).unwrap_or_else(|error| {
            panic!("{user} cannot connect to {}: {}; {}", self.name, cause(&error), self.log_tail());
        })
    }

    /// Runs SQL as the superuser, in a session of its own.
    pub fn try_sql(&self, sql: &str) -> Result<Vec<Row>, Error> {
        self.try_session("postgres")?.try_sql(sql)
    }

    /// Runs SQL as the superuser, in a session of its own; panics when it fails. Several statements are one
    /// transaction, so VACUUM and the like come alone.
    #[track_caller]
    pub fn sql(&self, sql: &str) -> Vec<Row> {
        self.session("postgres").sql(sql)
    }

    /// `sql`, where the rows do not matter.
    #[track_caller]
    pub fn exec(&self, sql: &str) {
        self.sql(sql);
    }

    /// The first value of the first row, `None` when it is NULL or there is no row.
    #[track_caller]
    pub fn value(&self, sql: &str) -> Option<String> {
        self.sql(sql).into_iter().next()?.into_iter().next()?
    }

    /// Whether the first value of the first row is true.
    #[track_caller]
    pub fn holds(&self, sql: &str) -> bool {
        self.value(sql).as_deref() == Some("t")
    }

    /// Creates the roles that checks are tried with: `observer`, a member of pg_monitor, and `nobody`, of nothing.
    pub fn create_roles(&self) {
        self.exec("CREATE ROLE observer LOGIN; GRANT pg_monitor TO observer; CREATE ROLE nobody LOGIN");
    }

    /// Writes `megabytes` of WAL and flushes them.
    pub fn write_wal(&self, megabytes: u32) {
        let one = "SELECT pg_logical_emit_message(true, 'testbed', repeat('x', 1024 * 1024))";
        let session = self.session("postgres");
        for _ in 0..megabytes {
            session.sql(one);
        }
    }
}

fn row(message: &SimpleQueryMessage) -> Option<Row> {
    let SimpleQueryMessage::Row(row) = message else { return None };
    Some((0..row.len()).map(|column| row.get(column).map(Into::into)).collect())
}

/// The server's message where there is one; `Error` itself only says "db error".
fn cause(error: &Error) -> String {
    error.as_db_error().map_or_else(|| error.to_string(), ToString::to_string)
}
