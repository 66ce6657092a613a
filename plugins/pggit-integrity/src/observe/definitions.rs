//! Views and functions that were replaced. Of these pgGit keeps the OID and a number of commands, neither of which a replacement behind its back
//! changes; so what they are defined as is kept from run to run, as hashes.

use std::collections::BTreeMap;

use pgreeve_sdk::{Answer, Value};
use serde::{Deserialize, Serialize};

use super::Look;
use crate::memory::Baseline;

/// Under this name the hashes are kept.
const KEPT: &str = "drift/definitions";

/// Names asked for.
const MOST_NAMES: usize = 20;

/// What was seen.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Seen {
    /// Views and functions there are, and how many of them are compared: those with the lowest OIDs.
    pub(crate) total: usize,
    pub(crate) compared: usize,
    /// Whether this is the first look.
    pub(crate) first: bool,
    /// Replaced and not recorded, in number and the first names.
    pub(crate) replaced: usize,
    pub(crate) names: Vec<String>,
}

/// A view or function.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Definition {
    /// Of its definition: 32 bits.
    pub(crate) hash: i64,
    /// How much pgGit has recorded of it: more after each command that it saw.
    pub(crate) recorded: i64,
}

/// What is kept: by key, as in `sql/drift_definitions.sql`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Kept(pub(crate) BTreeMap<i64, Definition>);

/// As it is written: whose numbers these are, and for each definition three numbers, the first by how much its key is larger than the last.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Written {
    /// Keys and hashes mean nothing in another cluster, database or major version.
    cluster: u64,
    major: u32,
    database: String,
    numbers: Vec<i64>,
}

#[derive(Deserialize)]
struct Row {
    key: i64,
    hash: i64,
    recorded: i64,
    total: i64,
}

#[derive(Deserialize)]
struct Name {
    name: String,
}

/// Looks, compares with what is kept under the present setting `baseline`, and keeps what is right for the next run.
pub(crate) fn look(look: &Look<'_>) -> Answer<Seen> {
    let rows: Vec<Row> = look.rows(include_str!("../sql/drift_definitions.sql"))?;
    let total = rows.first().map_or(0, |row| usize::try_from(row.total).unwrap_or_default());
    let (cluster, major, database) =
        (look.server.system_identifier, look.server.version / 10_000, look.server.database.clone());
    let label = look.run.settings.baseline.clone();
    let before = look.recall(KEPT).filter(|kept: &Baseline<Written>| {
        let value = &kept.value;
        kept.label == label && (value.cluster, value.major, &value.database) == (cluster, major, &database)
    });
    let now =
        Kept(rows.into_iter().map(|row| (row.key, Definition { hash: row.hash, recorded: row.recorded })).collect());
    let compared = now.0.len();
    let first = before.is_none();
    let at = before.as_ref().map_or(look.run.now(), |kept| kept.at);
    let (next, replaced) = before.map(|kept| Kept::read(&kept.value.numbers)).unwrap_or_default().compared(now);
    let value = Written { cluster, major, database, numbers: next.written() };
    look.remember(KEPT, &Baseline { label, at, value });
    let names = names(look, &replaced)?;
    Ok(Seen { total, compared, first, replaced: replaced.len(), names })
}

fn names(look: &Look<'_>, keys: &[i64]) -> Answer<Vec<String>> {
    if keys.is_empty() {
        return Ok(Vec::new());
    }
    let keys = keys.iter().take(MOST_NAMES).copied().map(Some).collect();
    let names: Vec<Name> =
        look.database.rows_with(include_str!("../sql/drift_definition_names.sql"), &[Value::IntArray(keys)])?;
    Ok(names.into_iter().map(|row| row.name).collect())
}

impl Kept {
    /// What to keep from now on, and the keys of what was replaced and not recorded: of that the definition that was recorded last is kept.
    pub(crate) fn compared(&self, now: Self) -> (Self, Vec<i64>) {
        let mut replaced = Vec::new();
        let next = now.0.into_iter().map(|(key, is)| match self.0.get(&key) {
            Some(was) if was.recorded == is.recorded && was.hash != is.hash => {
                replaced.push(key);
                (key, *was)
            }
            _ => (key, is),
        });
        (Self(next.collect()), replaced)
    }

    fn read(numbers: &[i64]) -> Self {
        let mut last = 0;
        let read = |entry: &[i64]| {
            let [more, hash, recorded] = entry.try_into().ok()?;
            last += more;
            Some((last, Definition { hash, recorded }))
        };
        Self(numbers.chunks(3).filter_map(read).collect())
    }

    fn written(&self) -> Vec<i64> {
        let mut last = 0;
        let write = |(key, definition): (&i64, &Definition)| {
            let more = key - last;
            last = *key;
            [more, definition.hash, definition.recorded]
        };
        self.0.iter().flat_map(write).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kept(entries: &[(i64, i64, i64)]) -> Kept {
        Kept(entries.iter().map(|&(key, hash, recorded)| (key, Definition { hash, recorded })).collect())
    }

    #[test]
    fn what_was_replaced_without_a_record_stays_so_until_one_comes_or_it_is_what_it_was() {
        let was = kept(&[(2, 10, 1), (4, 20, 1), (7, 30, 2), (9, 40, 0)]);
        // 2 as it was; 4 replaced behind pgGit's back; 7 replaced and recorded; 9 gone; 11 new.
        let (next, replaced) = was.compared(kept(&[(2, 10, 1), (4, 21, 1), (7, 31, 3), (11, 50, 1)]));
        assert_eq!(replaced, [4]);
        assert_eq!(next, kept(&[(2, 10, 1), (4, 20, 1), (7, 31, 3), (11, 50, 1)]));
        let later = |is: (i64, i64, i64)| next.compared(kept(&[is])).1;
        assert_eq!(later((4, 22, 1)), [4]);
        assert!(later((4, 20, 1)).is_empty(), "it is what it was");
        assert!(later((4, 21, 2)).is_empty(), "it is recorded now");
    }

    #[test]
    fn what_is_written_is_read_again() {
        let all = kept(&[(2, 4_294_967_295, 1), (32_768, 0, 12), (8_589_934_591, 7, 0)]);
        assert_eq!(Kept::read(&all.written()), all);
        assert_eq!(Kept::read(&[]), Kept::default());
    }
}
