//! `verification`: when stored backups were last read and compared; `verify-due`: in a job that verifies, what is to be read now.

use pgreeve_sdk::{Status, finding, proposal};

use crate::actions::{VERIFY, VERIFY_ALL};
use crate::sealed::Sealed;
use crate::shelf::{Backup, Worth};
use crate::view::{Said, View, count, ok, time};

/// Judges every series that is there.
pub(crate) fn check(view: &View<'_>, said: &mut Said) {
    const ID: &str = "verification";
    let late = view.settings.verify_every.0 * 1.5;
    for row in &view.rows {
        let subject = row.series.subject();
        let good: Vec<_> = row.good().collect();
        let ages: Vec<f64> = good.iter().map(|(backup, sealed)| view.age(looked_at(backup, sealed))).collect();
        let overdue = ages.iter().filter(|age| **age > late).count();
        let oldest = ages.iter().copied().fold(0.0, f64::max);
        if overdue > 0 {
            said.add(
                finding(ID, &subject, Status::Warning, format!("{overdue} of {} were not read again for up to {}", count(good.len(), "backup"), time(oldest)))
                    .advise("pgreeve-backup verify --in=DIR --record reads all of them; a job with verify = true does it on a schedule")
                    .fact("verify_every_s", view.settings.verify_every.0),
            );
        } else if !good.is_empty() {
            let never = good.iter().filter(|(backup, sealed)| backup.verified(sealed).is_none()).count();
            let rest = if never > 0 { format!("; {never} not since they were taken") } else { String::new() };
            said.add(ok(
                ID,
                &subject,
                format!("{}, each read within the last {}{rest}", count(good.len(), "backup"), time(oldest)),
            ));
        }
    }
}

/// When all bytes of a backup were last read: `take` reads back what it wrote.
fn looked_at(backup: &Backup, sealed: &Sealed) -> i64 {
    backup.verified(sealed).map_or(sealed.manifest.finished_us, |verified| verified.verified_us)
}

/// `verify-due`.
pub(crate) fn due(view: &View<'_>, said: &mut Said) {
    const ID: &str = "verify-due";
    if !view.settings.verify {
        return;
    }
    let is_due = |backup: &Backup, sealed: &Sealed| {
        backup.verified(sealed).is_none_or(|verified| {
            view.age(verified.verified_us) >= view.settings.verify_every.0 || verified.verified_us > view.now
        })
    };
    let mut stored = 0;
    let mut all = 0;
    for row in &view.rows {
        let newest = row.newest().map(|(backup, _)| &backup.name);
        for (backup, sealed) in row.backups.iter().filter_map(|(backup, worth)| match worth {
            Worth::Good(sealed) | Worth::Damaged(_, Some(sealed)) => Some((*backup, *sealed)),
            _ => None,
        }) {
            all += 1;
            if !is_due(backup, sealed) {
                continue;
            }
            let name = &backup.name;
            if newest != Some(name) {
                stored += 1;
                continue;
            }
            let finding = finding(ID, name.as_str(), Status::Warning, "the newest of its series is to be read again")
                .advise(view.or_grant(VERIFY, format!("pgreeve-backup verify --in=DIR --name={name} --record")));
            if view.can(VERIFY) {
                let reason = "nothing older is removed before a newer one was read again";
                said.propose(proposal("verify", VERIFY, &[&finding.key], reason).argument("name", name));
            }
            said.add(finding);
        }
    }
    if stored == 0 {
        return said.add(ok(ID, "stored", format!("{}, none but the newest is due", count(all, "backup"))));
    }
    let finding =
        finding(ID, "stored", Status::Warning, format!("{stored} of {} are to be read again", count(all, "backup")))
            .advise(view.or_grant(VERIFY_ALL, "pgreeve-backup verify --in=DIR --record".to_owned()));
    if view.can(VERIFY_ALL) {
        said.propose(proposal(
            "verify-all",
            VERIFY_ALL,
            &[&finding.key],
            "disks forget: what is stored is read again from time to time",
        ));
    }
    said.add(finding);
}
