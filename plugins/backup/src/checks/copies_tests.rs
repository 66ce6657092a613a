//! Judgements of copies, on listings made by hand.

use std::collections::BTreeMap;

use pgreeve_sdk::{Error, Reason, Status};

use super::tests::{DAY, find, judge, now, observed};
use crate::observe::{Copies, CopiesObject as Object, CopiesSeen as Seen, Observed};

/// A store with whole copies of the backups of `observed` that lie at these places in its order.
fn with_copies(mut observed: Observed, which: &[usize]) -> Observed {
    let shelf = observed.directory.as_ref().unwrap().shelf.as_ref().unwrap();
    let mut seen = Seen::default();
    for at in which {
        let backup = &shelf.backups[*at];
        let sealed = backup.opened.as_ref().unwrap().manifest.clone().unwrap().unwrap();
        let name = backup.name.as_str();
        for (ending, size, modified) in [("dump", 5000, 1), ("content.json", 70, 2), ("json", 900, 2)] {
            seen.objects.insert(format!("{name}.{ending}"), Object { size, modified: now() - DAY + modified });
        }
        seen.manifests.insert(name.to_owned(), Ok(Ok(sealed)));
    }
    observed.copies = Some(Copies { store: "off".into(), seen: Ok(seen) });
    observed
}

fn seen(observed: &mut Observed) -> &mut Seen {
    observed.copies.as_mut().unwrap().seen.as_mut().unwrap()
}

fn name_of(observed: &Observed, at: usize) -> String {
    observed.directory.as_ref().unwrap().shelf.as_ref().unwrap().backups[at].name.to_string()
}

const WATCH: &str = r#"{"expect": ["full"], "databases": ["app"], "copies": "off"}"#;
const UPLOAD: &str = r#"{"expect": ["full"], "databases": ["app"], "copies": "off", "upload": true}"#;

#[test]
fn the_age_of_the_newest_whole_copy_counts() {
    // Which are copied is said by their place among the days.
    for (days, copied, status) in [
        (&[0][..], &[0][..], Status::Ok),
        (&[0, 1], &[1], Status::Ok),
        (&[0, 1], &[0], Status::Ok),
        (&[0, 1, 2], &[2], Status::Warning),
        (&[0, 5], &[1], Status::Critical),
        (&[0], &[], Status::Critical),
    ] {
        let report = judge(WATCH, &with_copies(observed(days), copied));
        let finding = find(&report, "copies/full:app");
        assert_eq!(finding.status, status, "{days:?} {copied:?}: {finding:?}");
        assert!(status == Status::Ok || finding.advice.is_some());
    }
    assert!(judge(r#"{"databases": ["app"]}"#, &observed(&[0])).findings.iter().all(|one| one.check != "copies"));
}

#[test]
fn a_copy_that_is_not_the_backup_is_critical_and_nothing_is_sent_over_it() {
    type Harm = fn(&mut Seen, &str);
    let harms: [(&str, Harm); 6] = [
        ("is missing", |seen, name| _ = seen.objects.remove(&format!("{name}.dump"))),
        ("has 4999 bytes", |seen, name| seen.objects.get_mut(&format!("{name}.dump")).unwrap().size -= 1),
        ("put there anew", |seen, name| seen.objects.get_mut(&format!("{name}.dump")).unwrap().modified += 9),
        ("content.json is missing", |seen, name| _ = seen.objects.remove(&format!("{name}.content.json"))),
        ("is not that of the backup here", |seen, name| {
            if let Some(Ok(Ok(sealed))) = seen.manifests.get_mut(name) {
                sealed.seal = "another".into();
            }
        }),
        ("seal does not hold", |seen, name| {
            drop(seen.manifests.insert(name.into(), Ok(Err("the seal does not hold".into()))));
        }),
    ];
    for (why, harm) in harms {
        let mut observed = with_copies(observed(&[0]), &[0]);
        let name = name_of(&observed, 0);
        harm(seen(&mut observed), &name);
        let report = judge(WATCH, &observed);
        let finding = find(&report, &format!("copies/{name}"));
        assert!(finding.status == Status::Critical && finding.summary.contains(why), "{why}: {finding:?}");
        assert_eq!(find(&report, "copies/full:app").status, Status::Critical, "{why}");
        let report = judge(UPLOAD, &observed);
        assert_eq!(find(&report, &format!("copy-due/{name}")).status, Status::Warning, "{why}");
        assert!(report.proposals.is_empty(), "{why}: {:?}", report.proposals);
    }
}

#[test]
fn what_the_store_lacks_is_proposed_and_nothing_where_it_could_not_be_looked_at() {
    let mut observed = with_copies(observed(&[0, 1]), &[1]);
    let newest = name_of(&observed, 0);
    let report = judge(UPLOAD, &observed);
    let [proposal] = report.proposals.as_slice() else { panic!("{:?}", report.proposals) };
    let arguments: BTreeMap<&str, &str> =
        proposal.arguments.iter().map(|argument| (argument.name.as_str(), argument.value.as_str())).collect();
    let payload = format!("{newest}.dump");
    assert_eq!(
        arguments,
        BTreeMap::from([("directory", "backups"), ("name", newest.as_str()), ("payload", payload.as_str())])
    );
    assert_eq!((proposal.action.as_str(), proposal.target.as_str()), ("upload", "off"));
    assert_eq!(proposal.clears, [format!("copy-due/{newest}")]);
    observed.copies.as_mut().unwrap().seen = Err(Error::Unreachable("gone".into()));
    for (settings, key) in [(UPLOAD, "copy-due/off"), (WATCH, "copies/off")] {
        let report = judge(settings, &observed);
        let finding = find(&report, key);
        assert_eq!((finding.status, finding.reason), (Status::Unknown, Some(Reason::Unreachable)));
        assert!(report.proposals.is_empty());
    }
    // A manifest that could not be read is neither a copy nor none.
    let mut observed = with_copies(super::tests::observed(&[0]), &[0]);
    let name = name_of(&observed, 0);
    seen(&mut observed).manifests.insert(name, Err(Error::TimedOut("30 s".into())));
    assert_eq!(find(&judge(WATCH, &observed), "copies/full:app").status, Status::Unknown);
    assert!(judge(UPLOAD, &observed).proposals.is_empty());
}
