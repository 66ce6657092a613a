//! `size`: a backup that is suddenly much smaller or larger than those before it, or has fewer tables or rows. A dump of an emptied database is a
//! perfect dump.

use pgreeve_sdk::{Finding, Status, finding};

use crate::name::Series;
use crate::sealed::Manifest;
use crate::view::{Row, Said, View, ok, size};

const ID: &str = "size";
/// Backups before the newest that are looked at.
const HISTORY: usize = 10;
/// With fewer nothing is usual yet.
const LEAST: usize = 3;
/// Below this a size says nothing: headers and the catalog's own entries. Bytes.
const SMALL: f64 = 16_384.0;

/// Judges every series that is expected.
pub(crate) fn check(view: &View<'_>, said: &mut Said) {
    for series in view.wanted(&view.settings.expect) {
        let manifests: Vec<&Manifest> = view
            .row(&series)
            .into_iter()
            .flat_map(Row::good)
            .map(|(_, sealed)| &sealed.manifest)
            .take(HISTORY + 1)
            .collect();
        if let Some((newest, before)) = manifests.split_first() {
            said.add(one(view, &series, newest, before));
        }
    }
}

fn one(view: &View<'_>, series: &Series, newest: &Manifest, before: &[&Manifest]) -> Finding {
    let subject = series.subject();
    if before.len() < LEAST {
        let summary = format!("{}; fewer than {LEAST} before it: nothing to compare with yet", size(newest.bytes));
        return Finding::not_applicable(ID, &subject, summary);
    }
    let usual = median(before.iter().map(|manifest| manifest.bytes as f64).collect());
    let (drop, jump) = (view.settings.size_drop, view.settings.size_jump);
    let counted = |manifest: &Manifest, what: &str| manifest.summary.get(what).map(|count| *count as f64);
    for what in ["tables", "rows", "roles"] {
        let history: Vec<f64> = before.iter().filter_map(|manifest| counted(manifest, what)).collect();
        let Some(now) = counted(newest, what).filter(|_| history.len() >= LEAST) else { continue };
        let then = median(history);
        if now < then * drop {
            let status = if now == 0.0 { Status::Critical } else { Status::Warning };
            return finding(ID, &subject, status, format!("{now} {what} are in the newest backup, {then} usually"))
                .advise("look in the database whether they were dropped or deleted on purpose; if not, stop expiry (pgreeve reload with expire = false) and keep the older backups")
                .fact("name", &newest.name);
        }
    }
    let now = newest.bytes as f64;
    let times = if usual > 0.0 { now / usual } else { 1.0 };
    let summary = format!("{}, usually {}", size(newest.bytes), size(usual as u64));
    let finding = if now.max(usual) < SMALL || (times >= drop && times <= jump) {
        ok(ID, &subject, summary)
    } else if times < drop {
        finding(ID, &subject, Status::Warning, format!("suddenly small: {summary}"))
            .advise("look in the database whether data was removed on purpose; if not, keep the older backups and restore the newest as a test")
    } else {
        finding(ID, &subject, Status::Warning, format!("suddenly large: {summary}"))
            .advise("look which table grew (pg_total_relation_size) and whether the backups' disk has room for more of this size")
    };
    finding.fact("name", &newest.name).fact("bytes", newest.bytes).fact("median_bytes", usual)
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(0.0)
}
