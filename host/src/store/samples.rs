//! What was measured over time. A series carries the names once, so that a sample is two integers and a float.

use std::collections::BTreeMap;

use jiff::Timestamp;
use rusqlite::types::Type;
use rusqlite::{Connection, Transaction, params};

use super::row::{integer, time};
use super::{Store, StoreError};
use crate::report::{Metric, Pair};

/// One measured number.
#[derive(Clone, Debug, PartialEq)]
pub struct Sample {
    /// The end of the run that measured it.
    pub at: Timestamp,
    /// The number, in `unit`.
    pub value: f64,
    /// The unit that the plugin gave then.
    pub unit: String,
}

impl Store {
    /// What the job's runs measured at `since` or later under exactly these labels (in any order): the newest `limit`
    /// samples, oldest first.
    pub fn samples(
        &self,
        job: &str,
        metric: &str,
        labels: &[Pair],
        since: Timestamp,
        limit: usize,
    ) -> Result<Vec<Sample>, StoreError> {
        self.read("read samples", |connection| {
            let mut newest_first = connection
                .prepare_cached(
                    "SELECT at, value, unit FROM series JOIN sample ON sample.series = series.id
                     WHERE job = ?1 AND metric = ?2 AND labels = ?3 AND at >= ?4 ORDER BY at DESC LIMIT ?5",
                )?
                .query_map(params![job, metric, canonical(labels)?, since.as_microsecond(), integer(limit)], |row| {
                    Ok(Sample { at: time(row, "at")?, value: row.get("value")?, unit: row.get("unit")? })
                })?
                .collect::<rusqlite::Result<Vec<_>>>()?;
            newest_first.reverse();
            Ok(newest_first)
        })
    }
}

/// Writes a report's metrics. Where one names the same series twice, the last stands.
pub(super) fn insert(
    transaction: &Transaction<'_>,
    job: &str,
    at: Timestamp,
    metrics: &[Metric],
) -> rusqlite::Result<()> {
    // DO UPDATE rather than DO NOTHING, for only then RETURNING yields the id of a series that exists.
    let mut series = transaction.prepare_cached(
        "INSERT INTO series (job, metric, labels, unit) VALUES (?1, ?2, ?3, ?4)
         ON CONFLICT (job, metric, labels, unit) DO UPDATE SET unit = excluded.unit RETURNING id",
    )?;
    let mut sample =
        transaction.prepare_cached("INSERT OR REPLACE INTO sample (series, at, value) VALUES (?1, ?2, ?3)")?;
    for metric in metrics {
        let id: i64 =
            series.query_row(params![job, metric.name, canonical(&metric.labels)?, metric.unit], |row| row.get(0))?;
        sample.execute(params![id, at.as_microsecond(), metric.value])?;
    }
    Ok(())
}

/// The metrics of the job's run that finished at `at`, by name and labels.
pub(super) fn of_run(connection: &Connection, job: &str, at: Timestamp) -> rusqlite::Result<Vec<Metric>> {
    connection
        .prepare_cached(
            "SELECT metric, labels, unit, value FROM series CROSS JOIN sample ON sample.series = series.id
             WHERE job = ?1 AND at = ?2 ORDER BY metric, labels, unit",
        )?
        .query_map(params![job, at.as_microsecond()], |row| {
            Ok(Metric {
                name: row.get("metric")?,
                value: row.get("value")?,
                unit: row.get("unit")?,
                labels: labels(&row.get::<_, String>("labels")?)?,
            })
        })?
        .collect()
}

/// One text for one set of labels: a JSON object with sorted keys. Where a name comes twice, the last stands.
fn canonical(labels: &[Pair]) -> rusqlite::Result<String> {
    let sorted: BTreeMap<&str, &str> = labels.iter().map(|pair| (pair.name.as_str(), pair.value.as_str())).collect();
    serde_json::to_string(&sorted).map_err(|error| rusqlite::Error::ToSqlConversionFailure(Box::new(error)))
}

pub(super) fn labels(canonical: &str) -> rusqlite::Result<Vec<Pair>> {
    let sorted: BTreeMap<String, String> = serde_json::from_str(canonical)
        .map_err(|error| rusqlite::Error::FromSqlConversionFailure(0, Type::Text, Box::new(error)))?;
    Ok(sorted.into_iter().map(|(name, value)| Pair { name, value }).collect())
}
