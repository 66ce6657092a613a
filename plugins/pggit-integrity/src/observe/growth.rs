//! Sizes, and how they went.

use std::collections::BTreeMap;

use pgreeve_sdk::{Answer, Sample, Value, samples};
use serde::Deserialize;

use super::Look;

/// Samples so far back are looked at, in microseconds.
const WINDOW: i64 = 90 * 86_400_000_000;

/// Under this name it is kept which tables wait for VACUUM since when.
const DEAD: &str = "growth/dead";

/// The metrics that are recorded, and forecast.
pub(crate) const PGGIT: &str = "pggit_size_bytes";
pub(crate) const DATABASE: &str = "pggit_database_size_bytes";
pub(crate) const ROWS: &str = "pggit_history_rows_count";

/// What was seen.
#[derive(Debug)]
pub(crate) struct Seen {
    pub(crate) sizes: Answer<Sizes>,
    /// Rows of the history; none where there is no such table.
    pub(crate) rows: Option<Answer<i64>>,
    /// Rows that archiving would move; asked where the history is long. None where there is no archive.
    pub(crate) archivable: Option<Answer<i64>>,
    pub(crate) dead: Answer<Vec<Dead>>,
    /// Earlier samples, oldest first: of pgGit's size, the database's, and the rows of the history.
    pub(crate) past: Answer<[Vec<Sample>; 3]>,
}

/// Bytes.
#[derive(Clone, Copy, Debug, Deserialize)]
pub(crate) struct Sizes {
    pub(crate) pggit: i64,
    pub(crate) database: i64,
}

/// A table with rows that nobody sees any more.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Dead {
    pub(crate) relation: String,
    pub(crate) dead: i64,
    pub(crate) live: i64,
    pub(crate) never_analyzed: bool,
    /// Since when it waits for VACUUM or ANALYZE, as far as runs saw; none where it does not.
    #[serde(skip)]
    pub(crate) since: Option<i64>,
}

impl Dead {
    /// Whether it has so many dead rows, and a fifth of all, as which autovacuum takes them away.
    pub(crate) fn is_dead(&self, limit: u64) -> bool {
        u64::try_from(self.dead).unwrap_or(0) >= limit && self.dead * 4 >= self.live
    }

    fn waits(&self, limit: u64) -> bool {
        self.is_dead(limit) || self.never_analyzed && u64::try_from(self.live).unwrap_or(0) >= limit
    }
}

#[derive(Deserialize)]
struct Rows {
    rows: i64,
}

/// Looks.
pub(crate) fn look(look: &Look<'_>) -> Seen {
    let history = look.install.has("pggit.history");
    let rows: Option<Answer<Rows>> = history.then(|| look.row(include_str!("../sql/growth_rows.sql")));
    let rows = rows.map(|answer| answer.map(|row| row.rows));
    let long = rows.as_ref().is_some_and(|rows| {
        rows.as_ref().is_ok_and(|rows| u64::try_from(*rows).unwrap_or(0) >= look.run.settings.history_warning)
    });
    let archive = long && look.install.has("pggit.history_archive");
    let since = look.run.now() - WINDOW;
    let of = |metric: &str| samples(metric, &[("scope", look.database.name())], since);
    Seen {
        sizes: look.row(include_str!("../sql/growth_sizes.sql")),
        rows,
        archivable: archive.then(|| archivable(look)),
        dead: dead(look),
        past: (|| Ok([of(PGGIT)?, of(DATABASE)?, of(ROWS)?]))(),
    }
}

fn dead(look: &Look<'_>) -> Answer<Vec<Dead>> {
    let mut tables: Vec<Dead> = look.rows(include_str!("../sql/growth_dead.sql"))?;
    let before: BTreeMap<String, i64> = look.recall(DEAD).unwrap_or_default();
    let mut waiting = BTreeMap::new();
    for table in tables.iter_mut().filter(|table| table.waits(look.run.settings.dead_rows)) {
        let since = before.get(&table.relation).copied().unwrap_or(look.run.now());
        table.since = Some(since);
        waiting.insert(table.relation.clone(), since);
    }
    look.remember(DEAD, &waiting);
    Ok(tables)
}

fn archivable(look: &Look<'_>) -> Answer<i64> {
    let days = [Value::Int(i64::from(look.run.settings.archive_days))];
    let rows: Vec<Rows> = look.database.rows_with(include_str!("../sql/growth_archivable.sql"), &days)?;
    Ok(rows.first().map_or(0, |row| row.rows))
}
