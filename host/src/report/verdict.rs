//! A run's outcome in one status and one line, as the command line and the API say it.

use super::{Finding, Outcome, Reason, Report, Status};

/// The status to exit with, and the line that explains it. A run that was skipped because the server has another role
/// is no problem of anybody's: ok.
pub fn verdict(outcome: &Outcome) -> (Status, String) {
    match outcome {
        Outcome::Reported { report } => (report.status(), headline(report)),
        Outcome::Failed { message, advice } => {
            (Status::Unknown, advice.as_ref().map_or_else(|| message.clone(), |advice| format!("{message}; {advice}")))
        }
        Outcome::Faulted { message, .. } => (Status::Unknown, format!("the plugin {message}")),
        Outcome::Errored { message } => (Status::Unknown, message.clone()),
        Outcome::Skipped { message } => (Status::Ok, format!("not run: {message}")),
        Outcome::Interrupted => (Status::Unknown, "the run was interrupted".to_owned()),
    }
}

/// The reason of a finding that does not apply here.
pub const NOT_APPLICABLE: Option<Reason> = Some(Reason::NotApplicable);

/// The worst finding's summary, and how many there are of each kind.
fn headline(report: &Report) -> String {
    let status = report.status();
    let count = |kind: Status, applies: bool| {
        let count = report
            .findings
            .iter()
            .filter(|finding| finding.status == kind && applies == (finding.reason != NOT_APPLICABLE))
            .count();
        let word = if applies { kind.word() } else { "not applicable" };
        (count > 0).then(|| format!("{count} {word}"))
    };
    let kinds = [Status::Critical, Status::Unknown, Status::Warning, Status::Ok].map(|kind| count(kind, true));
    let counts = kinds.into_iter().chain([count(Status::Ok, false)]).flatten().collect::<Vec<_>>().join(", ");
    let worst = report.findings.iter().find(|finding| finding.status == status && status != Status::Ok);
    match worst {
        Some(finding) => format!("{} ({counts})", about(finding)),
        None if counts.is_empty() => "the plugin found nothing to say".to_owned(),
        None => counts,
    }
}

/// A finding in one line, with the object that it is about.
fn about(finding: &Finding) -> String {
    match &finding.subject {
        Some(subject) if !finding.summary.contains(subject.as_str()) => format!("{subject}: {}", finding.summary),
        _ => finding.summary.clone(),
    }
}
