//! What the agent notes about itself, such as the digest of its configuration and how the last reload ended.

use jiff::Timestamp;
use rusqlite::{OptionalExtension, params};

use super::row::time;
use super::{Store, StoreError};

/// A noted value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Note {
    /// The value.
    pub value: String,
    /// When it was noted.
    pub at: Timestamp,
}

impl Store {
    /// Notes a value in place of the former one of that name.
    pub fn set_note(&mut self, name: &str, value: &str, at: Timestamp) -> Result<(), StoreError> {
        self.write("note a value", |transaction| {
            transaction
                .prepare_cached("INSERT OR REPLACE INTO note (name, value, at) VALUES (?1, ?2, ?3)")?
                .execute(params![name, value, at.as_microsecond()])?;
            Ok(())
        })
    }

    /// The value noted last under that name.
    pub fn note(&self, name: &str) -> Result<Option<Note>, StoreError> {
        self.read("read a note", |connection| {
            connection
                .prepare_cached("SELECT value, at FROM note WHERE name = ?1")?
                .query_row([name], |row| Ok(Note { value: row.get("value")?, at: time(row, "at")? }))
                .optional()
        })
    }
}
