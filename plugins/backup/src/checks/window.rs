//! `window`: from when to when the cluster can be brought back, as two moments.

use pgreeve_sdk::{Finding, Status, finding};

use super::continuity::{Wal, bases, needs};
use crate::moment::{self, SECOND};
use crate::name::Kind;
use crate::sealed::Manifest;
use crate::view::{Said, View, count, ok, time};

const ID: &str = "window";

/// How far the archive leads on from a base backup.
#[derive(Clone, Copy, Debug, PartialEq, PartialOrd)]
struct Reach {
    timeline: u32,
    /// The last segment; none: nothing but the base backup itself.
    segment: Option<u64>,
    /// The first segment that is not there.
    missing: Option<(u32, u64)>,
    /// The newest change that is certain to come back, in microseconds: when the last segment was archived, or the backup ended.
    until: i64,
}

/// Judges the base backups and the archive together.
pub(crate) fn check(view: &View<'_>, said: &mut Said) {
    let expected = view.settings.expect.contains(&Kind::Base);
    let bases = bases(view);
    if view.place.is_none() || (!expected && view.observed.archive.is_none() && bases.is_empty()) {
        return;
    }
    let Some(newest) = bases.last() else {
        return said.add(if expected || view.observed.archive.is_some() {
            finding(ID, "", Status::Critical, "no moment can be reached: there is no good base backup").advise(
                "pgreeve-backup take --kind=base --into=DIR; archived WAL without a base backup before it is of no use",
            )
        } else {
            Finding::not_applicable(ID, "", "no base backup is expected")
        });
    };
    let archive = match &view.observed.archive {
        None => {
            let summary = format!(
                "only the ends of {}, the newest {}",
                count(bases.len(), "base backup"),
                moment::text(newest.data_until_us)
            );
            return said.add(
                ok(ID, "", format!("{summary}: no archive is named (wal_archive)"))
                    .fact("until", moment::text(newest.data_until_us)),
            );
        }
        Some((_, Err(error))) => return said.add(Finding::unanswered(ID, "", error)),
        Some((_, Ok(archive))) => archive,
    };
    let wal = Wal::new(view, archive);
    let reaches: Vec<(&Manifest, Reach)> = bases
        .iter()
        .map(|base| {
            let reach = reach(&wal, base);
            let until = waits_since(view).map_or(reach.until, |since| reach.until.min(since).max(base.data_until_us));
            (*base, Reach { until, ..reach })
        })
        .collect();
    let Some((_, end)) = reaches.last().copied() else { return };
    let from = reaches
        .iter()
        .find(|(_, reach)| (reach.timeline, reach.segment, reach.missing) == (end.timeline, end.segment, end.missing))
        .map_or(*newest, |(base, _)| base);
    let detail: Vec<String> = reaches
        .iter()
        .take(50)
        .map(|(base, reach)| {
            format!("{}: {} to {}", base.name, moment::text(base.data_until_us), moment::text(reach.until))
        })
        .collect();
    let summary = format!("any moment from {} to {}", moment::text(from.data_until_us), moment::text(end.until));
    let finding = match end.missing.filter(|(timeline, segment)| wal.goes_on(*timeline, *segment)) {
        Some((timeline, segment)) => {
            let name = wal.name(timeline, segment);
            finding(ID, "", Status::Critical, format!("{summary}, and not what was archived since: {name} is not there"))
                .advise("see the finding `continuity`: bring the segment back from pg_wal or from another copy of the archive, or take a base backup now")
        }
        None => ok(ID, "", summary),
    };
    said.measure("recovery_window_seconds", (end.until - from.data_until_us).max(0) as f64 / 1e6, "seconds", "base");
    said.measure("recovery_point_age_seconds", view.age(end.until), "seconds", "base");
    said.add(
        finding
            .explain(detail.join("\n"))
            .fact("from", moment::text(from.data_until_us))
            .fact("until", moment::text(end.until))
            .fact("length", time(((end.until - from.data_until_us).max(0)) as f64 / 1e6)),
    );
}

/// A moment from which on something waits to be archived: a segment that is archived late says by its time when it came, not what is in it.
fn waits_since(view: &View<'_>) -> Option<i64> {
    let ready = view.seen()?.ready.as_ref().ok()?;
    let age = ready.oldest_age.filter(|_| ready.waiting > 0)?;
    Some(view.now - (age.max(0.0) * SECOND as f64) as i64)
}

/// Follows the archive from the end of a base backup, over changes of timeline, to the first segment that is missing.
fn reach(wal: &Wal<'_>, base: &Manifest) -> Reach {
    let mut reach =
        Reach { timeline: base.server.timeline.unwrap_or(1), segment: None, missing: None, until: base.data_until_us };
    let Some((mut timeline, mut next)) = needs(wal, base) else { return reach };
    loop {
        let successor = wal.successor(timeline);
        let whole = wal.whole(timeline);
        while let Some(segment) = whole.get(&next).filter(|_| successor.is_none_or(|(_, first)| next < first)) {
            reach = Reach { timeline, segment: Some(next), missing: None, until: reach.until.max(segment.modified) };
            next += 1;
        }
        match successor {
            // Timelines only ever grow, so this ends.
            Some((following, first)) if next >= first && following > timeline => (timeline, next) = (following, first),
            _ => return Reach { missing: Some((timeline, next)), ..reach },
        }
    }
}
