//! What is written down of an action, and where: the audit log, with the digest of the configuration in force.

use crate::report::{Finding, Proposal, Report, Status};
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
            detail: standing.why.clone(),
            ..Self::default()
        }
    }
}

/// The findings that a proposal is about, as a report has them.
pub fn about(report: &Report, clears: &[String]) -> Vec<Finding> {
    report.findings.iter().filter(|finding| clears.contains(&finding.key)).cloned().collect()
}

/// Whether all of them are gone, or `ok`.
pub fn cleared(findings: &[Finding]) -> bool {
    findings.iter().all(|finding| finding.status == Status::Ok)
}
