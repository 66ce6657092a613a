//! What the agent raises: a log line when a finding appears, changes its status or clears, and silence while nothing changes.

use std::collections::BTreeMap;

use jiff::Timestamp;

use crate::report::{Finding, Outcome, PAUSED, Report, Status};
use crate::store::StandingFinding;

/// A job's findings as they were last announced.
#[derive(Debug, Default)]
pub(super) struct Standing {
    findings: BTreeMap<String, Status>,
    /// The outcome of the last run, if it was not a report.
    trouble: Option<String>,
}

/// One thing to say.
#[derive(Debug, PartialEq, Eq)]
enum Change<'a> {
    /// Not ok, and it was not so before.
    Raised(&'a Finding),
    /// Ok again.
    Cleared(&'a Finding),
    /// It was not ok, and the newest report does not speak of it: its object is gone, which is not the same as being well.
    Gone(&'a str, Status),
}

impl Standing {
    /// What stood when the agent last ended, or was found by hand since. What is not ok is said once more: nobody may have read it.
    pub(super) fn recorded(job: &str, findings: Vec<StandingFinding>) -> Self {
        for finding in findings.iter().filter(|finding| finding.status != Status::Ok) {
            let (status, key, since) = (finding.status.word(), &finding.key, finding.since);
            tracing::warn!(job, status, "{job}: {status} since {since}: {key} (recorded before this start)");
        }
        Self { findings: findings.into_iter().map(|finding| (finding.key, finding.status)).collect(), trouble: None }
    }

    /// Whether there ever was a report with a finding.
    pub(super) fn has_reported(&self) -> bool {
        self.findings.keys().any(|key| key != PAUSED)
    }

    /// Says what changed, and remembers it.
    pub(super) fn announce(&mut self, job: &str, outcome: &Outcome) {
        match outcome {
            Outcome::Reported { report } => {
                if self.trouble.take().is_some() {
                    tracing::info!(job, "{job}: reports again");
                }
                for change in changes(&self.findings, report) {
                    say(job, &change);
                }
                self.findings = report.findings.iter().map(|finding| (finding.key.clone(), finding.status)).collect();
            }
            Outcome::Skipped { message } => tracing::debug!(job, "skipped: {message}"),
            Outcome::Failed { message, advice } => self.trouble(job, outcome.word(), message, advice.as_deref()),
            Outcome::Faulted { message, .. } | Outcome::Errored { message } => {
                self.trouble(job, outcome.word(), message, None);
            }
            Outcome::Interrupted => {}
        }
    }
}

impl Standing {
    /// Says that the job pauses, each time the pause grows.
    pub(super) fn pausing(&mut self, job: &str, faults: u32, until: Timestamp) {
        self.findings.insert(PAUSED.to_owned(), Status::Unknown);
        let why = self.trouble.as_deref().unwrap_or_default();
        tracing::error!(
            job,
            status = "unknown",
            "{job}: unknown: {PAUSED}: {faults} faults in a row, the last: the plugin {why}; no run before {until:.0}; next: try \
             `pgreeve check {job}`, then replace the plugin or raise the limit that it names, and reload"
        );
    }

    /// Says that a run gave no report, unless the last one failed in the same way.
    fn trouble(&mut self, job: &str, how: &str, message: &str, advice: Option<&str>) {
        if self.trouble.as_deref() != Some(message) {
            let next = advice.map_or_else(String::new, |advice| format!("; next: {advice}"));
            tracing::error!(
                job,
                status = "unknown",
                "{job}: unknown: the run ended without a report ({how}): {message}{next}"
            );
            self.trouble = Some(message.to_owned());
        }
    }
}

fn changes<'a>(before: &'a BTreeMap<String, Status>, report: &'a Report) -> Vec<Change<'a>> {
    let mut changes = Vec::new();
    for finding in &report.findings {
        let former = before.get(&finding.key).copied().unwrap_or(Status::Ok);
        match finding.status {
            status if status == former => {}
            Status::Ok => changes.push(Change::Cleared(finding)),
            _ => changes.push(Change::Raised(finding)),
        }
    }
    let gone = before
        .iter()
        .filter(|(key, status)| **status != Status::Ok && !report.findings.iter().any(|finding| &finding.key == *key));
    changes.extend(gone.map(|(key, status)| Change::Gone(key, *status)));
    changes
}

fn say(job: &str, change: &Change<'_>) {
    match change {
        Change::Cleared(finding) => {
            tracing::info!(job, status = "ok", "{job}: cleared: {}: {}", finding.key, finding.summary);
        }
        Change::Gone(key, _) if *key == PAUSED => {
            tracing::info!(job, status = "ok", "{job}: cleared: {PAUSED}: the plugin reports again");
        }
        Change::Gone(key, was) => tracing::warn!(job, "{job}: gone: {key}: no longer reported, it was {}", was.word()),
        Change::Raised(finding) => {
            let (status, key, summary) = (finding.status.word(), &finding.key, &finding.summary);
            let next = finding
                .advice
                .as_ref()
                .map_or_else(String::new, |advice| format!("; next: {}", advice.replace('\n', " ")));
            match finding.status {
                Status::Critical => tracing::error!(job, status, "{job}: {status}: {key}: {summary}{next}"),
                _ => tracing::warn!(job, status, "{job}: {status}: {key}: {summary}{next}"),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn finding(key: &str, status: Status) -> Finding {
        Finding {
            key: key.into(),
            check: "lag".into(),
            status,
            reason: None,
            subject: None,
            summary: "…".into(),
            detail: None,
            advice: None,
            evidence: Vec::new(),
        }
    }

    #[test]
    fn only_changes_are_announced() {
        let report = |findings: &[(&str, Status)]| Report {
            findings: findings.iter().map(|(key, status)| finding(key, *status)).collect(),
            ..Report::default()
        };
        let before: BTreeMap<String, Status> = [("a", Status::Ok), ("b", Status::Critical), ("c", Status::Warning)]
            .map(|(key, status)| (key.to_owned(), status))
            .into();
        let same = report(&[("a", Status::Ok), ("b", Status::Critical), ("c", Status::Warning), ("new", Status::Ok)]);
        assert!(changes(&before, &same).is_empty());
        let worse = report(&[("a", Status::Unknown), ("b", Status::Ok), ("new", Status::Warning)]);
        let said: Vec<(&str, &str)> = changes(&before, &worse)
            .iter()
            .map(|change| match change {
                Change::Raised(finding) => ("raised", finding.key.as_str()),
                Change::Cleared(finding) => ("cleared", finding.key.as_str()),
                Change::Gone(key, _) => ("gone", *key),
            })
            .collect();
        assert_eq!(said, [("raised", "a"), ("cleared", "b"), ("raised", "new"), ("gone", "c")]);
    }
}
