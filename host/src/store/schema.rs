//! The schema's versions: one SQL file each, applied in order, each in a transaction of its own.

use rusqlite::{Connection, TransactionBehavior};

/// `PRAGMA application_id` of every store: "pgrv".
pub(super) const APPLICATION_ID: i64 = 0x7067_7276;

/// The file at index n leads from version n to version n + 1. A released file never changes.
const MIGRATIONS: &[&str] = &[
    include_str!("schema/1.sql"),
    include_str!("schema/2.sql"),
    include_str!("schema/3.sql"),
    include_str!("schema/4.sql"),
];

/// The newest version that this program knows.
pub(super) const fn known() -> i64 {
    MIGRATIONS.len() as i64
}

/// The version of the open database; 0 for an empty one.
pub(super) fn version(connection: &Connection) -> rusqlite::Result<i64> {
    connection.pragma_query_value(None, "user_version", |row| row.get(0))
}

/// Brings the database from whichever version it has to [`known`].
pub(super) fn migrate(connection: &mut Connection) -> rusqlite::Result<()> {
    for (target, sql) in (1..).zip(MIGRATIONS) {
        let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        if version(&transaction)? < target {
            transaction.execute_batch(sql)?;
            transaction.pragma_update(None, "application_id", APPLICATION_ID)?;
            transaction.pragma_update(None, "user_version", target)?;
        }
        transaction.commit()?;
    }
    Ok(())
}
