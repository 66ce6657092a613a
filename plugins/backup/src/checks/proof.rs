//! `proof`: only a restore tells whether a backup can be restored; the age of the last one that passed counts. `prove-due`: in a job that proves,
//! what is to be restored now.

use pgreeve_sdk::{Finding, Status, finding, proposal};

use super::failed;
use crate::actions;
use crate::moment;
use crate::name::{Kind, Name, Series};
use crate::sealed::Proof;
use crate::shelf::UnderWay;
use crate::view::{Row, Said, View, level, no_data, ok, time};

const ID: &str = "proof";
/// The hour of the schedule comes a little before the week is over.
const EARLY: f64 = 0.8;

/// Judges every series that is expected and of a kind that holds data, and globals where they are restored as a test at all.
pub(crate) fn check(view: &View<'_>, said: &mut Said) {
    let kinds: Vec<Kind> = view.settings.expect.iter().copied().filter(|kind| *kind != Kind::Schema).collect();
    for series in view.wanted(&kinds) {
        let Some(row) = view.row(&series).filter(|row| row.newest().is_some()) else { continue };
        if series.kind == Kind::Globals && tests(view, row).is_empty() {
            continue;
        }
        let finding = one(view, &series, row);
        said.add(finding);
        let passed = tests(view, row).into_iter().find(|(_, proof)| proof.passed);
        if let Some((_, proof)) = passed {
            let subject = series.subject();
            said.measure("proof_age_seconds", view.age(proof.proved_us), "seconds", &subject);
            let (took, data) = (proof.restore_ms.map(|ms| ms as f64 / 1e3), proof.age_s);
            for (metric, value) in [("proof_restore_seconds", took), ("proof_data_age_seconds", data)] {
                value.into_iter().for_each(|value| said.measure(metric, value, "seconds", &subject));
            }
        }
    }
}

/// The restore tests of a series, the last one first. One of the future counts for nothing.
fn tests<'a>(view: &View<'_>, row: &Row<'a>) -> Vec<(&'a Name, &'a Proof)> {
    let mut tests: Vec<_> = row
        .good()
        .filter_map(|(backup, sealed)| Some((&backup.name, backup.proof(sealed)?)))
        .filter(|(_, proof)| proof.proved_us <= view.now + 300 * moment::SECOND)
        .collect();
    tests.sort_by_key(|(_, proof)| std::cmp::Reverse(proof.proved_us));
    tests
}

fn one(view: &View<'_>, series: &Series, row: &Row<'_>) -> Finding {
    let subject = series.subject();
    let settings = view.settings;
    let tests = tests(view, row);
    let by_hand = |name: &Name| format!("pgreeve-backup prove --in=DIR --name={name}, and read what it says");
    let newest = row.newest().map_or_else(String::new, |(backup, _)| by_hand(&backup.name));
    let unreadable = row.backups.iter().find_map(|(backup, _)| match backup.opened.as_ref()?.proof.as_ref()? {
        Ok(Err(wrong)) => Some(wrong.clone()),
        Err(error) => Some(format!("{}: {}", backup.name, error.line())),
        Ok(Ok(_)) => None,
    });
    let Some((name, last)) = tests.first() else {
        if let Some(wrong) = unreadable {
            return no_data(ID, &subject, format!("the record of the restore test cannot be used: {wrong}"))
                .advise(newest);
        }
        let oldest = row.good().map(|(_, sealed)| view.age(sealed.manifest.finished_us)).fold(0.0, f64::max);
        let status = level(oldest, settings.proof_warning.0, settings.proof_critical.0);
        let summary = "no backup was ever restored as a test";
        return if status == Status::Ok {
            no_data(ID, &subject, format!("{summary}; the first is {} old", time(oldest))).advise(newest)
        } else {
            finding(ID, &subject, status, format!("{summary} in {}", time(oldest))).advise(newest)
        };
    };
    let (took, data_age) = (last.restore_ms.unwrap_or(0) as f64 / 1e3, last.age_s.unwrap_or(0.0));
    let facts = |finding: Finding| {
        let finding = finding.fact("name", name).fact("proved", moment::text(last.proved_us));
        match last.restore_ms {
            Some(_) => finding.fact("restore_s", took).fact("data_age_s", data_age),
            None => finding,
        }
    };
    let age = view.age(last.proved_us);
    if !last.passed {
        let why = last.failures.first().map_or("it says no reason", String::as_str);
        return facts(
            finding(
                ID,
                &subject,
                Status::Critical,
                format!("the restore test of {name} failed {} ago: {why}", time(age)),
            )
            .explain(last.failures.join("\n"))
            .advise(format!("this backup cannot be relied on: take a new one and prove it; then {}", by_hand(name))),
        );
    }
    let summary = format!(
        "{name} was restored as a test {} ago: it took {}, and its newest change was {} old",
        time(age),
        time(took),
        time(data_age)
    );
    let status = level(age, settings.proof_warning.0, settings.proof_critical.0);
    let finding = if status != Status::Ok {
        finding(ID, &subject, status, format!("no restore test for {}: {summary}", time(age)))
            .advise(format!("pgreeve proposals shows what became of the job that proves; by hand: {newest}"))
    } else if settings.rto.is_some_and(|rto| took > rto.0) {
        finding(ID, &subject, Status::Warning, format!("a restore takes longer than is promised (rto): {summary}"))
            .advise("restore with more jobs (--jobs), from faster disks, or keep a standby; or promise less")
    } else if settings.dump_rpo.is_some_and(|rpo| series.kind == Kind::Full && data_age > rpo.0) {
        finding(ID, &subject, Status::Warning, format!("a restore loses more than is promised (dump_rpo): {summary}"))
            .advise("take dumps more often, or base backups with archived WAL; or promise less")
    } else {
        ok(ID, &subject, summary)
    };
    facts(finding)
}

/// The scratch database of a restore test of this series that was killed after the last test: the next one removes it. What is older was not removed by
/// that one, so it is another server's.
fn left_database<'a>(view: &View<'a>, series: &Series, last: i64) -> Option<&'a str> {
    let (_, shelf) = view.place?;
    let left = |(entry, work): (&'a String, &'a Option<UnderWay>)| {
        let work = work.as_ref()?;
        let name = Name::parse(entry.strip_suffix(".proving")?)?;
        let over =
            name.series == *series && work.changed > last && view.age(work.changed) >= view.settings.leftover_after.0;
        work.database.as_deref().filter(|_| over)
    };
    shelf.under_way.iter().find_map(left)
}

/// `prove-due`.
pub(crate) fn due(view: &View<'_>, said: &mut Said) {
    const DUE: &str = "prove-due";
    for series in view.wanted(&view.settings.prove) {
        let subject = series.subject();
        let row = view.row(&series);
        let Some((backup, _)) = row.and_then(Row::newest) else {
            said.add(
                no_data(DUE, &subject, "there is no good backup to restore")
                    .advise("take one first: see the job that takes, or the findings `age` and `damage`"),
            );
            continue;
        };
        let last = row.and_then(|row| tests(view, row).into_iter().next());
        let (command, action) = actions::prove(series.kind);
        let left = left_database(view, &series, last.map_or(0, |(_, proof)| proof.proved_us));
        let finding = match last.filter(|_| left.is_none()) {
            // One that failed is repeated with a newer backup, not with the same.
            Some((name, proof))
                if view.age(proof.proved_us) < view.settings.prove_every.0 * EARLY
                    && (proof.passed || name == &backup.name) =>
            {
                let ago = time(view.age(proof.proved_us));
                if proof.passed {
                    ok(DUE, &subject, format!("{name} was restored as a test {ago} ago"))
                } else {
                    let why = proof.failures.first().map_or("it says no reason", String::as_str);
                    finding(DUE, &subject, Status::Warning, format!("the restore test of {name} failed {ago} ago: {why}"))
                        .advise("take a new backup: it is restored as a test when it is there; `pgreeve-backup prove --in=DIR --name=NAME` repeats this one")
                }
            }
            _ => {
                let refused = view.refused(action, &series);
                let removes = left.map_or_else(String::new, |database| {
                    format!(", which also removes {database}, left by one that was killed")
                });
                let summary = format!("{} is to be restored as a test{removes}", backup.name);
                let finding = finding(DUE, &subject, Status::Warning, summary)
                    .advise(view.or_grant(command, format!("pgreeve-backup prove --in=DIR --name={}", backup.name)));
                if view.can(command) && refused.is_none() {
                    let reason = "only a restore tells whether a backup can be restored";
                    said.propose(proposal(action, command, &[&finding.key], reason).argument("name", &backup.name));
                }
                let failed = view.observed.memory.failed(action, Some(backup.name.as_str()));
                failed::mention(view, finding, failed.or(refused))
            }
        };
        said.add(finding);
    }
}
