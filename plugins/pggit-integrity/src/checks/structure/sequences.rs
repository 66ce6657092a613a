//! Sequences that fell behind their column, or come to their end.

use pgreeve_sdk::{Finding, Report, Status};

use crate::observe::structure::{Largest, Seen, Sequence};
use crate::view::{View, count, identifier};

/// Tables that every DDL statement writes: without an id for their next row it fails.
const WRITTEN: [&str; 3] = ["pggit.objects", "pggit.history", "pggit.system_events"];

pub(super) fn judge(view: &View<'_>, seen: &Seen, report: &mut Report) {
    let (sequences, largest) = match (&seen.sequences, &seen.largest) {
        (Ok(sequences), Ok(largest)) => (sequences, largest),
        (Err(error), _) | (_, Err(error)) => return report.findings.push(view.unanswered("sequence", "", error)),
    };
    let mut well = 0;
    for sequence in sequences {
        let name = sequence.name();
        let value = largest.iter().find(|row| row.sequence == name).and_then(|row: &Largest| row.value);
        let answer = match value {
            Some(value) if value >= sequence.next => behind(view, sequence, value),
            _ if sequence.most - sequence.next < sequence.most / 10 => ending(view, sequence),
            _ => {
                well += 1;
                continue;
            }
        };
        if view.primary && value.is_some_and(|value| value >= sequence.next && value <= sequence.most) {
            report.proposals.push(
                view.proposal("set-sequence", &[&answer.key], answer.summary.clone())
                    .argument("sequence", &name)
                    .argument("table", format!("{}.{}", sequence.schema, sequence.table))
                    .argument("column", &sequence.column),
            );
        }
        report.findings.push(answer);
    }
    let what = count(well, "sequence is", "sequences are");
    report.findings.push(view.ok("sequence", "", format!("{what} ahead of the largest value there is")));
}

fn behind(view: &View<'_>, sequence: &Sequence, value: i64) -> Finding {
    let table = format!("{}.{}", sequence.schema, sequence.table);
    let (status, effect) = if WRITTEN.contains(&table.as_str()) {
        (Status::Critical, "DDL in this database fails until it has caught up".to_owned())
    } else {
        (Status::Warning, format!("the next insert into {table} fails"))
    };
    let name = sequence.name();
    let summary = format!("{name} gives {} next, and {} has {value}: {effect}", sequence.next, sequence.column);
    view.finding("sequence", &name, status, summary)
        .advise(format!(
            "SELECT setval('{sql}', (SELECT max({column}) FROM {table}));",
            sql = [&sequence.schema, &sequence.sequence].map(|name| identifier(name)).join(".").replace('\'', "''"),
            column = identifier(&sequence.column)
        ))
        .fact("next", sequence.next)
        .fact("largest", value)
}

fn ending(view: &View<'_>, sequence: &Sequence) -> Finding {
    let left = sequence.most - sequence.next;
    let status = if left < sequence.most / 100 { Status::Critical } else { Status::Warning };
    let name = sequence.name();
    view.finding("sequence", &name, status, format!("{name} has {left} values left of {}", sequence.most)).advise(format!(
        "look whether somebody set it so high: if the rows are few, set it back to the largest id there is; else {}.{} has to \
         become bigint, with every column that refers to it",
        sequence.schema, sequence.table
    ))
}
