//! The rows of pggit.history, with those that were moved to pggit.history_archive.

use std::collections::{BTreeMap, BTreeSet};

use pgreeve_sdk::{Answer, Role, Value};
use serde::{Deserialize, Serialize};

use super::Look;
use crate::memory::Baseline;

/// Under these names the hashes and the accepted breaks are kept.
const ROWS: &str = "history/hashes";
const BREAKS: &str = "history/breaks";

/// What was seen.
#[derive(Debug)]
pub(crate) enum Seen {
    /// The tables are not there.
    NoTable,
    Looked(Box<Looked>),
}

/// What was seen of the tables.
#[derive(Debug)]
pub(crate) struct Looked {
    pub(crate) totals: Answer<Totals>,
    pub(crate) chain: Answer<Vec<Break>>,
    /// Objects whose break was there when the setting `baseline` got its present name.
    pub(crate) accepted: BTreeSet<i64>,
    pub(crate) order: Answer<Vec<Odd>>,
    pub(crate) rows: Rows,
}

/// In numbers.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Totals {
    pub(crate) rows: i64,
    /// The largest id.
    pub(crate) last: Option<i64>,
    /// Objects whose version says that something happened to them.
    pub(crate) changed: i64,
}

/// An object whose versions do not chain.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Break {
    pub(crate) id: i64,
    #[serde(rename = "type")]
    pub(crate) kind: String,
    pub(crate) name: String,
    /// `all`, `start`, `middle` or `end`: where rows are missing; `object`: none is, but the object is not what its last row says.
    pub(crate) place: String,
    /// Of how many these are the first thousand.
    pub(crate) total: i64,
}

/// A row out of the order of time.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Odd {
    pub(crate) id: i64,
    /// `back` or `future`.
    pub(crate) class: String,
    pub(crate) at: String,
    pub(crate) earlier: Option<i64>,
    pub(crate) before: Option<String>,
    pub(crate) total: i64,
}

/// Whether the rows are as they were.
#[derive(Debug)]
pub(crate) enum Rows {
    /// Rows come as the primary wrote them.
    Standby,
    /// Nothing is kept yet, as somebody was writing during the first look.
    Busy,
    Compared {
        /// Up to this id.
        up_to: i64,
        since: i64,
        rows: i64,
        changed: Vec<Changed>,
    },
    Unanswered(pgreeve_sdk::Error),
}

/// Ten thousand ids whose rows are others than before.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Changed {
    pub(crate) first: i64,
    pub(crate) last: i64,
    /// More rows than before, or fewer.
    pub(crate) more: i64,
}

/// Rows and the sum of their hashes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Block {
    pub(crate) rows: i64,
    pub(crate) hash: i64,
}

/// What is kept: blocks of ten thousand ids up to a watermark.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Kept {
    pub(crate) up_to: i64,
    pub(crate) blocks: BTreeMap<i64, Block>,
}

#[derive(Deserialize)]
struct Hashed {
    block: i64,
    added: bool,
    rows: i64,
    hash: String,
}

#[derive(Deserialize)]
struct Writers {
    writers: i64,
}

/// Looks.
pub(crate) fn look(look: &Look<'_>) -> Seen {
    if !look.install.has("pggit.history") || !look.install.has("pggit.objects") {
        return Seen::NoTable;
    }
    let chain: Answer<Vec<Break>> = look.rows(&sql(look, include_str!("../sql/history_chain.sql")));
    let totals: Answer<Totals> = look.row(include_str!("../sql/history_totals.sql"));
    let accepted = match &chain {
        // Without a name nothing is accepted: what is missing at the first look is missing.
        Ok(chain) if !look.run.settings.baseline.is_empty() => {
            look.baseline(BREAKS, &chain.iter().map(|broken| broken.id).collect()).value
        }
        _ => BTreeSet::new(),
    };
    Seen::Looked(Box::new(Looked {
        rows: rows(look, totals.as_ref().ok().and_then(|totals| totals.last)),
        totals,
        chain,
        accepted,
        order: look.rows(include_str!("../sql/history_order.sql")),
    }))
}

/// With the archive where there is one.
fn sql(look: &Look<'_>, text: &str) -> String {
    if look.install.has("pggit.history_archive") {
        text.replace("/*archive", "").replace("*/", "")
    } else {
        text.to_owned()
    }
}

fn rows(look: &Look<'_>, last: Option<i64>) -> Rows {
    if look.server.role != Role::Primary {
        return Rows::Standby;
    }
    // Who has a lower id than the last that was seen and is not seen still holds its lock, or held it when the hashes are
    // taken, which is after this.
    let writers: Answer<Writers> = look.row(include_str!("../sql/history_writers.sql"));
    let quiet = match writers {
        Ok(writers) => writers.writers == 0,
        Err(error) => return Rows::Unanswered(error),
    };
    let label = &look.run.settings.baseline;
    let kept: Option<Baseline<Kept>> = look.recall(ROWS).filter(|kept: &Baseline<Kept>| kept.label == *label);
    if kept.is_none() && !quiet {
        return Rows::Busy;
    }
    let before = kept.as_ref().map_or(-1, |kept| kept.value.up_to);
    let up_to = if quiet { last.unwrap_or(0).max(before) } else { before };
    let parameters = [Value::Int(before), Value::Int(up_to)];
    let hashed: Answer<Vec<Hashed>> =
        look.database.rows_with(&sql(look, include_str!("../sql/history_hash.sql")), &parameters);
    match hashed {
        Err(error) => Rows::Unanswered(error),
        Ok(hashed) => {
            let (old, added) = split(&hashed);
            let was = kept.as_ref().map(|kept| kept.value.clone()).unwrap_or_default();
            let changed = was.changed(&old);
            let since = kept.as_ref().map_or(look.run.now(), |kept| kept.at);
            let next = was.extended(up_to, &added);
            let rows = next.blocks.values().map(|block| block.rows).sum();
            look.remember(ROWS, &Baseline { label: label.clone(), at: since, value: next });
            Rows::Compared { up_to, since, rows, changed }
        }
    }
}

fn split(hashed: &[Hashed]) -> (BTreeMap<i64, Block>, BTreeMap<i64, Block>) {
    let of = |added: bool| {
        let rows = hashed.iter().filter(move |row| row.added == added);
        // The sum is a numeric; its low 64 bits are as good.
        rows.map(|row| (row.block, Block { rows: row.rows, hash: row.hash.parse::<i128>().unwrap_or(0) as i64 }))
            .collect()
    };
    (of(false), of(true))
}

impl Kept {
    /// Blocks that are others now.
    pub(crate) fn changed(&self, now: &BTreeMap<i64, Block>) -> Vec<Changed> {
        let numbers: BTreeSet<&i64> = self.blocks.keys().chain(now.keys()).collect();
        let block = |all: &BTreeMap<i64, Block>, number| all.get(number).copied().unwrap_or_default();
        numbers
            .into_iter()
            .filter(|number| block(&self.blocks, number) != block(now, number))
            .map(|number| Changed {
                first: number * 10_000,
                last: (number * 10_000 + 9_999).min(self.up_to),
                more: block(now, number).rows - block(&self.blocks, number).rows,
            })
            .collect()
    }

    /// With the rows that came since; what was kept stays, so that a change stays one.
    pub(crate) fn extended(mut self, up_to: i64, added: &BTreeMap<i64, Block>) -> Self {
        for (number, more) in added {
            let block = self.blocks.entry(*number).or_default();
            *block = Block { rows: block.rows + more.rows, hash: block.hash.wrapping_add(more.hash) };
        }
        Self { up_to, ..self }
    }
}
