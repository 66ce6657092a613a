//! Which server a session is connected to.

use serde::{Deserialize, Serialize};
use tokio_postgres::SimpleQueryRow;

use super::error::Error;

/// A server's identity.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Server {
    /// `server_version_num`, e.g. 170002.
    pub version: u32,
    /// What it is at this moment.
    pub role: Role,
    /// `system_identifier` of the cluster.
    pub system_identifier: u64,
    /// The database connected to.
    pub database: String,
    /// The login role.
    pub user: String,
    /// Extensions of this database, by name.
    pub extensions: Vec<Extension>,
}

/// Whether the server takes writes or replays them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Role {
    /// Not in recovery.
    Primary,
    /// In recovery.
    Standby,
}

/// An extension as installed in this database.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Extension {
    /// `extname`.
    pub name: String,
    /// `extversion`: its views follow it, not the server's version.
    pub version: String,
    /// Where its objects are.
    pub schema: String,
}

impl Role {
    /// As an operator says it.
    pub fn word(self) -> &'static str {
        match self {
            Self::Primary => "primary",
            Self::Standby => "standby",
        }
    }
}

impl Server {
    /// Two statements: one row of five columns, then three columns per extension.
    pub(super) const QUERY: &str = "SELECT pg_catalog.current_setting('server_version_num'), \
         pg_catalog.pg_is_in_recovery(), \
         (SELECT system_identifier FROM pg_catalog.pg_control_system()), pg_catalog.current_database(), session_user;\
         SELECT e.extname, e.extversion, n.nspname FROM pg_catalog.pg_extension e \
         JOIN pg_catalog.pg_namespace n ON n.oid OPERATOR(pg_catalog.=) e.extnamespace ORDER BY 1";

    pub(super) fn from_rows(rows: &[SimpleQueryRow]) -> Result<Self, Error> {
        let unreadable =
            || Error::Unreachable("the server's identity came in a form that pgreeve does not know".to_owned());
        let text = |row: &SimpleQueryRow, index: usize| {
            row.try_get(index).ok().flatten().map(str::to_owned).ok_or_else(unreadable)
        };
        let (first, extensions) = rows.split_first().ok_or_else(unreadable)?;
        Ok(Self {
            version: text(first, 0)?.parse().map_err(|_| unreadable())?,
            role: if text(first, 1)? == "t" { Role::Standby } else { Role::Primary },
            // A bigint on the wire, unsigned in pg_control.
            system_identifier: text(first, 2)?.parse::<i64>().map_err(|_| unreadable())?.cast_unsigned(),
            database: text(first, 3)?,
            user: text(first, 4)?,
            extensions: extensions
                .iter()
                .map(|row| Ok(Extension { name: text(row, 0)?, version: text(row, 1)?, schema: text(row, 2)? }))
                .collect::<Result<_, Error>>()?,
        })
    }
}
