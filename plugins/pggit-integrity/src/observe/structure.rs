//! Tables, functions, constraints, indexes, sequences and privileges of the install.

use std::collections::BTreeMap;

use pgreeve_sdk::{Answer, Error};
use serde::Deserialize;

use super::Look;
use crate::known::{self, Object};
use crate::memory::Baseline;

/// Under this name the objects of an install are kept that is none of a known release.
const OBJECTS: &str = "structure/objects";

/// What was seen.
#[derive(Clone, Debug)]
pub(crate) struct Seen {
    pub(crate) objects: Answer<Vec<Object>>,
    /// The first look under the present setting `baseline`, where that is given, or at an install of no known release.
    pub(crate) baseline: Option<Baseline<BTreeMap<String, String>>>,
    pub(crate) sequences: Answer<Vec<Sequence>>,
    /// The largest value of each sequence's column, by its place in `sequences`; none where the table is empty.
    pub(crate) largest: Answer<Vec<Largest>>,
    pub(crate) corruption: Corruption,
    pub(crate) grants: Answer<Vec<Grant>>,
    /// Tables and views that the extension does not have; none where pgGit is no extension.
    pub(crate) strays: Option<Answer<Vec<Stray>>>,
}

/// A sequence that fills a column.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Sequence {
    pub(crate) schema: String,
    pub(crate) sequence: String,
    pub(crate) table_schema: String,
    pub(crate) table: String,
    pub(crate) column: String,
    /// By how much it goes on; below zero it goes back.
    pub(crate) step: i64,
    /// The last value that it can give.
    pub(crate) most: i64,
    /// The value that it gives next.
    pub(crate) next: i64,
}

/// The largest value in a sequence's column.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Largest {
    pub(crate) place: i64,
    pub(crate) value: Option<i64>,
}

/// What amcheck says.
#[derive(Clone, Debug)]
pub(crate) enum Corruption {
    /// The extension is not installed.
    NoAmcheck,
    /// Which indexes there are could not be asked.
    Unanswered(Error),
    Looked {
        /// Indexes in which nothing was found.
        sound: usize,
        /// The others, with amcheck's error.
        failed: Vec<(String, Error)>,
        /// Indexes left out for their size.
        skipped: usize,
    },
}

/// What PUBLIC may take away.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Grant {
    pub(crate) relation: String,
    pub(crate) privileges: String,
}

/// What is in pgGit's schema and no member of the extension.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Stray {
    pub(crate) name: String,
}

#[derive(Deserialize)]
struct Index {
    name: String,
    oid: i64,
    bytes: i64,
}

#[derive(Deserialize)]
struct Checked {
    #[serde(rename = "done")]
    _done: String,
}

/// Looks.
pub(crate) fn look(look: &Look<'_>) -> Seen {
    let objects: Answer<Vec<Object>> = look.rows(include_str!("../sql/structure_objects.sql"));
    let sequences: Answer<Vec<Sequence>> = look.rows(include_str!("../sql/structure_sequences.sql"));
    let baseline = match &objects {
        Ok(objects)
            if !look.run.settings.baseline.is_empty() || known::Release::of(look.install.kind(), objects).is_none() =>
        {
            Some(baseline(look, objects))
        }
        _ => None,
    };
    Seen {
        baseline,
        largest: largest(look, sequences.as_deref().unwrap_or_default()),
        corruption: corruption(look),
        grants: look.rows(include_str!("../sql/structure_grants.sql")),
        strays: look.install.extension.is_some().then(|| look.rows(include_str!("../sql/structure_strays.sql"))),
        objects,
        sequences,
    }
}

fn baseline(look: &Look<'_>, objects: &[Object]) -> Baseline<BTreeMap<String, String>> {
    // What passes is no part of an install.
    let lasting = objects.iter().filter(|object| object.kind != "index" || object.fingerprint.is_empty());
    let present =
        lasting.map(|object| (format!("{} {}", object.kind, object.name), object.fingerprint.clone())).collect();
    look.baseline(OBJECTS, &present)
}

fn largest(look: &Look<'_>, sequences: &[Sequence]) -> Answer<Vec<Largest>> {
    if sequences.is_empty() {
        return Ok(Vec::new());
    }
    let quoted = |name: &str| format!("\"{}\"", name.replace('"', "\"\""));
    let questions: Vec<String> = sequences
        .iter()
        .enumerate()
        .map(|(place, row)| {
            format!(
                "SELECT {place}::int8 AS place, (SELECT max({})::int8 FROM {}.{}) AS value",
                quoted(&row.column),
                quoted(&row.table_schema),
                quoted(&row.table)
            )
        })
        .collect();
    look.rows(&questions.join(" UNION ALL "))
}

impl Sequence {
    /// `schema.sequence`, unquoted.
    pub(crate) fn name(&self) -> String {
        format!("{}.{}", self.schema, self.sequence)
    }

    /// `schema.table` that it numbers, unquoted.
    pub(crate) fn numbers(&self) -> String {
        format!("{}.{}", self.table_schema, self.table)
    }

    /// How many values it can give from 1 on; for one that counts up.
    pub(crate) fn all(&self) -> i64 {
        self.most / self.step.max(1)
    }

    /// How many more values it gives; for one that counts up.
    pub(crate) fn left(&self) -> i64 {
        (self.most.saturating_sub(self.next)).max(-1).div_euclid(self.step.max(1)) + 1
    }
}

fn corruption(look: &Look<'_>) -> Corruption {
    let Some(amcheck) = look.server.extensions.iter().find(|extension| extension.name == "amcheck") else {
        return Corruption::NoAmcheck;
    };
    let indexes: Vec<Index> = match look.rows(include_str!("../sql/structure_indexes.sql")) {
        Ok(indexes) => indexes,
        Err(error) => return Corruption::Unanswered(error),
    };
    let mut room = i64::try_from(look.run.settings.index_check_size.0).unwrap_or(i64::MAX);
    let (mut sound, mut skipped, mut failed) = (0, 0, Vec::new());
    for index in indexes {
        room -= index.bytes;
        if room < 0 {
            skipped += 1;
            continue;
        }
        let schema = amcheck.schema.replace('"', "\"\"");
        let sql = format!("SELECT \"{schema}\".bt_index_check({}::oid::regclass, true)::text AS done", index.oid);
        match look.row::<Checked>(&sql) {
            Ok(_) => sound += 1,
            Err(error) => {
                let same = |(_, other): &(String, Error)| *other == error;
                let denied = matches!(&error, Error::Remote(remote) if remote.code == "42501");
                // Without the privilege the next one is refused as well.
                if denied && failed.iter().any(same) {
                    break;
                }
                failed.push((index.name, error));
            }
        }
    }
    Corruption::Looked { sound, failed, skipped }
}
