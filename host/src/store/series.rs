//! What is measured at all, and how a number went over time: in as many steps as somebody can see.

use jiff::{SignedDuration, Timestamp};
use rusqlite::params;

use super::row::{integer, time};
use super::samples::labels;
use super::{Store, StoreError};
use crate::report::Pair;

/// A number that a job's runs measure.
#[derive(Clone, Debug, PartialEq)]
pub struct Series {
    /// The store's own number of it; it orders the list and is the cursor through it.
    pub id: i64,
    /// Whose runs.
    pub job: String,
    /// What it is called.
    pub metric: String,
    /// What sets it apart from others of that name.
    pub labels: Vec<Pair>,
    /// The unit of its values.
    pub unit: String,
    /// The end of the run that measured it last.
    pub at: Timestamp,
    /// What that run measured.
    pub value: f64,
}

/// All samples of one step of time.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Step {
    /// Where the step begins.
    pub at: Timestamp,
    /// The smallest value.
    pub least: f64,
    /// The greatest value.
    pub most: f64,
    /// The arithmetic mean of the values.
    pub mean: f64,
    /// How many values; never 0, for a step without samples is left out.
    pub samples: u64,
}

/// Which series.
#[derive(Clone, Debug, Default)]
pub struct SeriesFilter {
    /// Of this job alone.
    pub job: Option<String>,
    /// Of this name alone.
    pub metric: Option<String>,
    /// After this one in the list.
    pub after: Option<i64>,
    /// At most so many.
    pub limit: usize,
}

impl Store {
    /// The series of which samples are kept, in the order in which they were measured first.
    pub fn series(&self, filter: &SeriesFilter) -> Result<Vec<Series>, StoreError> {
        self.read("read what is measured", |connection| {
            connection
                .prepare_cached(
                    "SELECT id, job, metric, labels, unit, at, value
                     FROM series JOIN sample ON series = id AND at = (SELECT max(at) FROM sample WHERE series = id)
                     WHERE (?1 IS NULL OR job = ?1) AND (?2 IS NULL OR metric = ?2) AND id > ?3 ORDER BY id LIMIT ?4",
                )?
                .query_map(
                    params![filter.job, filter.metric, filter.after.unwrap_or(i64::MIN), integer(filter.limit)],
                    |row| {
                        Ok(Series {
                            id: row.get("id")?,
                            job: row.get("job")?,
                            metric: row.get("metric")?,
                            labels: labels(&row.get::<_, String>("labels")?)?,
                            unit: row.get("unit")?,
                            at: time(row, "at")?,
                            value: row.get("value")?,
                        })
                    },
                )?
                .collect()
        })
    }

    /// A series from `since` on, cut into steps of equal length (at least a microsecond). Steps without a sample are left out, so that nobody
    /// takes a time in which nothing was measured for a flat line.
    pub fn steps(&self, series: i64, since: Timestamp, step: SignedDuration) -> Result<Vec<Step>, StoreError> {
        let since = since.as_microsecond();
        let step = i64::try_from(step.as_micros()).unwrap_or(i64::MAX).max(1);
        self.read("read samples", |connection| {
            connection
                .prepare_cached(
                    "SELECT ?2 + ((at - ?2) / ?3) * ?3 AS at, min(value) AS least, max(value) AS most,
                            avg(value) AS mean, count(*) AS samples
                     FROM sample WHERE series = ?1 AND sample.at >= ?2 GROUP BY (sample.at - ?2) / ?3 ORDER BY 1",
                )?
                .query_map(params![series, since, step], |row| {
                    Ok(Step {
                        at: time(row, "at")?,
                        least: row.get("least")?,
                        most: row.get("most")?,
                        mean: row.get("mean")?,
                        samples: row.get::<_, i64>("samples")?.unsigned_abs(),
                    })
                })?
                .collect()
        })
    }
}
