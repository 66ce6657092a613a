//! Sequences that fell behind their column, or come to their end.

use pgreeve_sdk::{Finding, Report, Status};

use crate::observe::structure::{Largest, Seen, Sequence};
use crate::view::{View, count, identifier};

/// Tables that every DDL statement writes: without an id for their next row it fails.
const WRITTEN: [&str; 3] = ["pggit.objects", "pggit.history", "pggit.system_events"];

/// So few values left are a warning, and a tenth of them critical, where the steps are large: as many rows as the history is to have at most
/// (`history_critical`). A tenth of all the values that
/// it can give warns at any step: servers that share out numbers by steps of 10 or 1000 are well.
const FEW: i64 = 100_000;

pub(super) fn judge(view: &View<'_>, seen: &Seen, report: &mut Report) {
    let (sequences, largest) = match (&seen.sequences, &seen.largest) {
        (Ok(sequences), Ok(largest)) => (sequences, largest),
        (Err(error), _) | (_, Err(error)) => return report.findings.push(view.unanswered("sequence", "", error)),
    };
    let mut well = 0;
    for (place, sequence) in sequences.iter().enumerate() {
        let name = sequence.name();
        let value =
            largest.iter().find(|row: &&Largest| usize::try_from(row.place) == Ok(place)).and_then(|row| row.value);
        let answer = match value {
            _ if sequence.step < 0 => backwards(view, sequence),
            Some(value) if value >= sequence.next => behind(view, sequence, value),
            _ if sequence.left() <= bound(sequence, 10) => ending(view, sequence),
            _ => {
                well += 1;
                continue;
            }
        };
        // One that numbers two columns is told of once.
        if report.findings.iter().any(|told| told.key == answer.key) {
            continue;
        }
        let settable = |value: i64| sequence.step > 0 && value >= sequence.next && value <= sequence.most;
        if view.primary && value.is_some_and(settable) {
            report.proposals.push(
                view.proposal("set-sequence", &[&answer.key], answer.summary.clone())
                    .argument("sequence", &name)
                    .argument("table", sequence.numbers())
                    .argument("column", &sequence.column),
            );
        }
        report.findings.push(answer);
    }
    let what = count(well, "sequence is", "sequences are");
    report.findings.push(view.ok("sequence", "", format!("{what} ahead of the largest value there is")));
}

fn behind(view: &View<'_>, sequence: &Sequence, value: i64) -> Finding {
    let table = sequence.numbers();
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

/// It gives what was given before.
fn backwards(view: &View<'_>, sequence: &Sequence) -> Finding {
    let (name, table) = (sequence.name(), sequence.numbers());
    let status = if WRITTEN.contains(&table.as_str()) { Status::Critical } else { Status::Warning };
    let summary =
        format!("{name} counts back by {}: inserts into {table} fail where a number was given before", -sequence.step);
    let sql = [&sequence.schema, &sequence.sequence].map(|name| identifier(name)).join(".");
    view.finding("sequence", &name, status, summary)
        .advise(format!("as owner: ALTER SEQUENCE {sql} INCREMENT BY 1; then look at this check again"))
}

/// A share of all its values; never fewer than what is few, unless it has only few even by single steps.
fn bound(sequence: &Sequence, share: i64) -> i64 {
    (sequence.all() / share).max((FEW * 10 / share).min(sequence.most / share))
}

fn ending(view: &View<'_>, sequence: &Sequence) -> Finding {
    let left = sequence.left();
    let status = if left < bound(sequence, 100) { Status::Critical } else { Status::Warning };
    let name = sequence.name();
    view.finding("sequence", &name, status, format!("{name} has {left} values left of {}", sequence.all())).advise(format!(
        "look whether somebody set it so high, gave it a MAXVALUE or a large INCREMENT: if the rows are few, set it back to the largest id there is, and \
         ALTER SEQUENCE … INCREMENT BY 1 NO MAXVALUE; else {} has to become bigint, with every column that refers to it",
        sequence.numbers()
    ))
}
