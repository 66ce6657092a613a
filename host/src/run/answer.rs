//! A guest's answer as the agent's own values: checked against the contract's rules and the run's limits, made printable.

use std::collections::BTreeSet;

use crate::contract::pgreeve::plugin::report as contract;
use crate::grants::log::printable;
use crate::limits::{LimitBroken, Limits};
use crate::plugin::Manifest;
use crate::report::{Finding, Metric, Outcome, Pair, Proposal, Reason, Report, Status};

/// The longest key, id, name or unit, in bytes.
const NAME: usize = 256;
/// The longest one-line text, in bytes.
const LINE: usize = 1024;
/// The longest text, in bytes.
const TEXT: usize = 16 << 10;

/// The outcome of a run that returned a report: `Reported`, or `Faulted` where the report breaks the contract.
pub(super) fn report(report: contract::Report, manifest: &Manifest, limits: &Limits) -> Outcome {
    match within(&report, limits) {
        Err(broken) => Outcome::Faulted { limit: Some(broken.limit.to_owned()), message: broken.to_string() },
        Ok(()) => match convert(report, manifest) {
            Ok(report) => Outcome::Reported { report },
            Err(message) => Outcome::Faulted { limit: None, message: format!("broke the contract: {message}") },
        },
    }
}

/// The outcome of a run that said it could not be completed.
pub(super) fn failure(failure: contract::Failure) -> Outcome {
    Outcome::Failed {
        message: printable(&failure.message, LINE),
        advice: failure.advice.map(|text| printable(&text, LINE)),
    }
}

fn within(report: &contract::Report, limits: &Limits) -> Result<(), LimitBroken> {
    let counted = |limit, count: usize, most: u32| {
        if count > most as usize {
            Err(LimitBroken::new(limit, format_args!("{most}, the report has {count}")))
        } else {
            Ok(())
        }
    };
    counted("findings", report.findings.len(), limits.findings)?;
    counted("metrics", report.metrics.len(), limits.metrics)?;
    counted("proposals", report.proposals.len(), limits.proposals)?;
    let optional = |text: &Option<String>| text.as_ref().map_or(0, String::len);
    let findings = report.findings.iter().map(|finding| {
        let facts: usize = finding.evidence.iter().map(|fact| fact.name.len() + fact.value.len()).sum();
        finding.key.len()
            + finding.check.len()
            + finding.summary.len()
            + facts
            + optional(&finding.subject)
            + optional(&finding.detail)
            + optional(&finding.advice)
    });
    let metrics = report.metrics.iter().map(|metric| {
        let labels: usize = metric.labels.iter().map(|label| label.name.len() + label.value.len()).sum();
        metric.name.len() + metric.unit.len() + labels
    });
    let proposals = report.proposals.iter().map(|proposal| {
        let arguments: usize =
            proposal.arguments.iter().map(|argument| argument.name.len() + argument.value.len()).sum();
        let clears: usize = proposal.clears.iter().map(String::len).sum();
        proposal.action.len() + proposal.target.len() + proposal.reason.len() + arguments + clears
    });
    let bytes: usize = findings.chain(metrics).chain(proposals).sum();
    if bytes as u64 > limits.report_bytes {
        return Err(LimitBroken::new("report_bytes", bytesize::ByteSize(limits.report_bytes)));
    }
    Ok(())
}

fn convert(report: contract::Report, manifest: &Manifest) -> Result<Report, String> {
    let findings = report.findings.into_iter().map(|one| finding(one, manifest)).collect::<Result<Vec<_>, _>>()?;
    let mut keys = BTreeSet::new();
    if let Some(twice) = findings.iter().find(|finding| !keys.insert(finding.key.as_str())) {
        return Err(format!("two findings have the key {:?}", twice.key));
    }
    let metrics = report.metrics.into_iter().map(metric).collect::<Result<Vec<_>, _>>()?;
    let proposals =
        report.proposals.into_iter().map(|one| proposal(one, &keys, manifest)).collect::<Result<Vec<_>, _>>()?;
    Ok(Report { findings, metrics, proposals })
}

fn finding(finding: contract::Finding, manifest: &Manifest) -> Result<Finding, String> {
    let key = name("a finding's key", finding.key)?;
    if !manifest.has_check(&finding.check) {
        return Err(format!(
            "finding {key:?} answers the check {:?}, which the manifest does not declare",
            finding.check
        ));
    }
    let status = match finding.status {
        contract::Status::Ok => Status::Ok,
        contract::Status::Warning => Status::Warning,
        contract::Status::Critical => Status::Critical,
        contract::Status::Unknown => Status::Unknown,
    };
    let reason = finding.reason.map(|reason| match reason {
        contract::Reason::NotApplicable => Reason::NotApplicable,
        contract::Reason::NoPrivilege => Reason::NoPrivilege,
        contract::Reason::Unreachable => Reason::Unreachable,
        contract::Reason::NoData => Reason::NoData,
        contract::Reason::Unsupported => Reason::Unsupported,
        contract::Reason::Failed => Reason::Failed,
    });
    match (status, reason) {
        (Status::Unknown, None) => return Err(format!("finding {key:?} is unknown without a reason")),
        (Status::Unknown, Some(Reason::NotApplicable)) => {
            return Err(format!("finding {key:?} is unknown and not applicable"));
        }
        (Status::Unknown, Some(_)) | (_, None) | (Status::Ok, Some(Reason::NotApplicable)) => {}
        (_, Some(_)) => return Err(format!("finding {key:?} gives a reason that does not go with {}", status.word())),
    }
    if finding.summary.trim().is_empty() {
        return Err(format!("finding {key:?} has no summary"));
    }
    Ok(Finding {
        key,
        check: finding.check,
        status,
        reason,
        subject: finding.subject.map(|text| printable(&text, LINE)),
        summary: printable(&finding.summary, LINE),
        detail: finding.detail.map(|text| lines(&text)),
        advice: finding.advice.map(|text| lines(&text)),
        evidence: finding.evidence.into_iter().map(|fact| pair(&fact.name, &fact.value)).collect(),
    })
}

fn metric(metric: contract::Metric) -> Result<Metric, String> {
    let name = name("a metric's name", metric.name)?;
    if !metric.value.is_finite() {
        return Err(format!("metric {name:?} is {}, not a finite number", metric.value));
    }
    let labels = metric.labels.iter().map(|label| pair(&label.name, &label.value)).collect();
    Ok(Metric { name, value: metric.value, unit: printable(&metric.unit, NAME), labels })
}

fn proposal(proposal: contract::Proposal, keys: &BTreeSet<&str>, manifest: &Manifest) -> Result<Proposal, String> {
    if !manifest.has_action(&proposal.action) {
        return Err(format!("a proposal names the action {:?}, which the manifest does not declare", proposal.action));
    }
    if proposal.clears.is_empty() {
        return Err(format!(
            "the proposal {:?} would clear nothing: by what should it be seen that it helped?",
            proposal.action
        ));
    }
    if let Some(other) = proposal.clears.iter().find(|key| !keys.contains(key.as_str())) {
        return Err(format!(
            "the proposal {:?} would clear {other:?}, which is no finding of this report",
            proposal.action
        ));
    }
    Ok(Proposal {
        action: proposal.action,
        arguments: proposal
            .arguments
            .into_iter()
            .map(|argument| Pair { name: argument.name, value: argument.value })
            .collect(),
        target: name("a proposal's target", proposal.target)?,
        clears: proposal.clears,
        reason: printable(&proposal.reason, LINE),
    })
}

fn name(what: &str, text: String) -> Result<String, String> {
    if text.is_empty() || text.len() > NAME || text.chars().any(char::is_control) {
        return Err(format!(
            "{what} must have 1 to {NAME} bytes and no control characters: {:?}",
            printable(&text, 80)
        ));
    }
    Ok(text)
}

fn pair(name: &str, value: &str) -> Pair {
    Pair { name: printable(name, NAME), value: printable(value, LINE) }
}

/// Several lines, each printable.
fn lines(text: &str) -> String {
    let mut room = TEXT;
    let mut kept = Vec::new();
    for line in text.lines() {
        let line = printable(line, room.min(4 * LINE));
        room = room.saturating_sub(line.len() + 1);
        kept.push(line);
        if room < 16 {
            break;
        }
    }
    kept.join("\n")
}
