//! What is written down of an action, and where: the audit log, with the digest of the configuration in force.

use crate::report::{Finding, Proposal, Reason, Report, Status};
use crate::store::Standing;

/// One thing to write down.
#[derive(Clone, Debug, Default)]
pub struct Note {
    /// `proposed`, `approved`, `rejected`, `expired`, `stale`, `unconfirmed`, `begun`, `ended`, `settled`, `uncertain`.
    pub event: &'static str,
    /// The proposal's id.
    pub proposal: String,
    #[allow(missing_docs)]
    pub job: String,
    /// The plugin's digest.
    pub plugin: String,
    /// As the plugin made it.
    pub told: Option<Proposal>,
    /// Who allowed it.
    pub who: Option<String>,
    /// What is done, exactly.
    pub lines: Vec<String>,
    /// Where, and as whom, where the lines do not say it.
    pub address: Option<String>,
    /// The findings to clear, before or after.
    pub findings: Vec<Finding>,
    /// How it ended, and what came of it.
    pub result: Option<String>,
    /// Why, or what was seen.
    pub detail: Option<String>,
}

impl Note {
    /// About a proposal as the store has it.
    pub fn about(event: &'static str, standing: &Standing) -> Self {
        Self {
            event,
            proposal: standing.id.clone(),
            job: standing.job.clone(),
            plugin: standing.plugin_sha256.clone(),
            told: Some(standing.told.clone()),
            who: standing.who.clone(),
            lines: standing.lines.clone(),
            address: standing.address.clone(),
            detail: standing.why.clone(),
            ..Self::default()
        }
    }
}

/// The findings that a proposal is about, as a report has them.
pub fn about(report: &Report, clears: &[String]) -> Vec<Finding> {
    report.findings.iter().filter(|finding| clears.contains(&finding.key)).cloned().collect()
}

/// What a report says of the findings that should be gone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Seen {
    /// They are not there any more, or `ok`.
    Gone,
    /// One of them still stands.
    There,
    /// One of them is not there, and the plugin could not look: not there is not gone.
    Unseen,
}

/// What has become of the findings, by a report made after an action; `before` is the one that was made right before it. A finding that is not
/// there any more is gone, unless its check could not look, or another look failed that had not failed before.
pub fn seen(before: &Report, after: &Report, clears: &[String]) -> Seen {
    if about(after, clears).iter().any(|finding| finding.status != Status::Ok) {
        return Seen::There;
    }
    let was_blind = |key: &str| before.findings.iter().any(|finding| finding.key == key && is_blind(finding));
    let hidden = absent(after, clears).any(|key| {
        let blind = after.findings.iter().filter(|finding| is_blind(finding));
        blind.into_iter().any(|finding| finding.check == check(key) || !was_blind(&finding.key))
    });
    if hidden { Seen::Unseen } else { Seen::Gone }
}

/// Whether a report that lacks some of the findings could have seen them.
pub fn is_unseen(report: &Report, clears: &[String]) -> bool {
    absent(report, clears).any(|key| {
        report.findings.iter().any(|finding| {
            is_blind(finding) && (finding.check == check(key) || finding.reason == Some(Reason::Unreachable))
        })
    })
}

/// The keys of which a report has no finding.
fn absent<'a>(report: &'a Report, clears: &'a [String]) -> impl Iterator<Item = &'a str> {
    let there = |key: &str| report.findings.iter().any(|finding| finding.key == key);
    clears.iter().map(String::as_str).filter(move |key| !there(key))
}

/// Whether a finding says that the plugin could not look.
fn is_blind(finding: &Finding) -> bool {
    finding.status == Status::Unknown
        && matches!(finding.reason, None | Some(Reason::Unreachable | Reason::NoPrivilege | Reason::Failed))
}

/// The check of a finding's key.
fn check(key: &str) -> &str {
    key.split_once('/').map_or(key, |(check, _)| check)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn report(findings: &[(&str, Status, Option<Reason>)]) -> Report {
        let finding = |(key, status, reason): &(&str, Status, Option<Reason>)| Finding {
            key: (*key).to_owned(),
            check: check(key).to_owned(),
            status: *status,
            reason: *reason,
            subject: None,
            summary: String::new(),
            detail: None,
            advice: None,
            evidence: Vec::new(),
        };
        Report { findings: findings.iter().map(finding).collect(), ..Report::default() }
    }

    #[test]
    fn what_could_not_be_looked_at_is_not_gone() {
        let clears = ["slot/a".to_owned()];
        let unreachable = Some(Reason::Unreachable);
        let before = report(&[
            ("slot/a", Status::Critical, None),
            ("other/standby", Status::Unknown, unreachable),
            ("rate/a", Status::Unknown, Some(Reason::NoData)),
        ]);
        for (after, expected) in [
            (vec![("slot", Status::Ok, None)], Seen::Gone),
            (vec![("slot/a", Status::Ok, None)], Seen::Gone),
            (vec![("slot/a", Status::Warning, None)], Seen::There),
            (vec![("slot/a", Status::Unknown, unreachable)], Seen::There),
            (vec![("slot", Status::Unknown, unreachable)], Seen::Unseen),
            (vec![("slot/main", Status::Unknown, Some(Reason::NoPrivilege))], Seen::Unseen),
            (vec![("server/main", Status::Unknown, Some(Reason::Failed))], Seen::Unseen),
            (vec![("server/main", Status::Unknown, None)], Seen::Unseen),
            // What could not be looked at before either says nothing; nor does what has no data yet.
            (vec![("other/standby", Status::Unknown, unreachable)], Seen::Gone),
            (vec![("rate/a", Status::Unknown, Some(Reason::NoData))], Seen::Gone),
            // There and well is there and well.
            (vec![("slot/a", Status::Ok, None), ("server/main", Status::Unknown, unreachable)], Seen::Gone),
        ] {
            assert_eq!(seen(&before, &report(&after), &clears), expected, "{after:?}");
        }
        assert!(is_unseen(&report(&[("server/main", Status::Unknown, unreachable)]), &clears));
        assert!(is_unseen(&report(&[("slot", Status::Unknown, Some(Reason::NoPrivilege))]), &clears));
        assert!(!is_unseen(&report(&[("rights/main", Status::Unknown, Some(Reason::NoPrivilege))]), &clears));
        assert!(!is_unseen(&report(&[]), &clears));
    }
}
