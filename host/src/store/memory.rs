//! What a plugin remembers from one run of a job to the next. A run works on a copy in memory, bounded by a quota;
//! what it changed is written with its end, and only if it completed.

use std::collections::{BTreeMap, BTreeSet};

use rusqlite::{Transaction, params};

use super::{Store, StoreError};

/// How much a job may remember.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Quota {
    /// Bytes of all keys and values together. Default: 1 MiB.
    pub bytes: usize,
    /// Keys. Default: 1000.
    pub keys: usize,
    /// Bytes of one key. Default: 128.
    pub key_bytes: usize,
}

impl Default for Quota {
    fn default() -> Self {
        Self { bytes: 1024 * 1024, keys: 1000, key_bytes: 128 }
    }
}

/// Why a value was not kept. What was there before still is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum QuotaError {
    /// The key is too long.
    #[error("the key has {bytes} bytes, at most {limit} are allowed")]
    KeyTooLong {
        /// Its length.
        bytes: usize,
        /// The longest allowed.
        limit: usize,
    },
    /// There are too many keys.
    #[error("the job already remembers {limit} keys, no more are allowed; delete some first")]
    TooManyKeys {
        /// The most allowed.
        limit: usize,
    },
    /// There would be too many bytes.
    #[error("the job would remember {bytes} bytes, at most {limit} are allowed; delete something first")]
    TooLarge {
        /// Keys and values together, with the refused one.
        bytes: usize,
        /// The most allowed.
        limit: usize,
    },
}

/// A key to set, or to delete where the value is `None`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MemoryChange {
    /// The key.
    pub key: String,
    /// Its new value.
    pub value: Option<Vec<u8>>,
}

/// A job's memory as one run sees it: what was stored, and what the run changed.
#[derive(Clone, Debug, Default)]
pub struct Memory {
    entries: BTreeMap<String, Vec<u8>>,
    changed: BTreeSet<String>,
    bytes: usize,
    quota: Quota,
}

impl Memory {
    /// Memory that holds `entries`. They may exceed the quota, if that was larger before: then only deleting works.
    pub fn new(entries: BTreeMap<String, Vec<u8>>, quota: Quota) -> Self {
        let bytes = entries.iter().map(|(key, value)| key.len() + value.len()).sum();
        Self { entries, changed: BTreeSet::new(), bytes, quota }
    }

    /// The key's value.
    pub fn get(&self, key: &str) -> Option<&[u8]> {
        self.entries.get(key).map(Vec::as_slice)
    }

    /// All keys, sorted.
    pub fn keys(&self) -> impl Iterator<Item = &str> {
        self.entries.keys().map(String::as_str)
    }

    /// Remembers the value in place of the key's former one.
    pub fn set(&mut self, key: &str, value: Vec<u8>) -> Result<(), QuotaError> {
        let Quota { bytes: limit, keys, key_bytes } = self.quota;
        if key.len() > key_bytes {
            return Err(QuotaError::KeyTooLong { bytes: key.len(), limit: key_bytes });
        }
        let former = self.entries.get(key).map(|former| key.len() + former.len());
        if former.is_none() && self.entries.len() >= keys {
            return Err(QuotaError::TooManyKeys { limit: keys });
        }
        let bytes = self.bytes - former.unwrap_or(0) + key.len() + value.len();
        if bytes > limit {
            return Err(QuotaError::TooLarge { bytes, limit });
        }
        self.bytes = bytes;
        self.entries.insert(key.to_owned(), value);
        self.changed.insert(key.to_owned());
        Ok(())
    }

    /// Forgets the key; nothing happens where it is not known.
    pub fn delete(&mut self, key: &str) {
        if let Some(former) = self.entries.remove(key) {
            self.bytes -= key.len() + former.len();
            self.changed.insert(key.to_owned());
        }
    }

    /// What the run changed, for the store.
    pub fn into_changes(mut self) -> Vec<MemoryChange> {
        let changed = std::mem::take(&mut self.changed);
        changed
            .into_iter()
            .map(|key| {
                let value = self.entries.remove(&key);
                MemoryChange { key, value }
            })
            .collect()
    }
}

impl Store {
    /// What the job remembers.
    pub fn memory(&self, job: &str) -> Result<BTreeMap<String, Vec<u8>>, StoreError> {
        self.read("read a job's memory", |connection| {
            connection
                .prepare_cached("SELECT key, value FROM memory WHERE job = ?1")?
                .query_map([job], |row| Ok((row.get(0)?, row.get(1)?)))?
                .collect()
        })
    }
}

/// Writes a run's changes.
pub(super) fn apply(transaction: &Transaction<'_>, job: &str, changes: &[MemoryChange]) -> rusqlite::Result<()> {
    let mut set = transaction.prepare_cached("INSERT OR REPLACE INTO memory (job, key, value) VALUES (?1, ?2, ?3)")?;
    let mut delete = transaction.prepare_cached("DELETE FROM memory WHERE job = ?1 AND key = ?2")?;
    for change in changes {
        match &change.value {
            Some(value) => set.execute(params![job, change.key, value])?,
            None => delete.execute(params![job, change.key])?,
        };
    }
    Ok(())
}
