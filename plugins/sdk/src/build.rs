//! Short ways to write manifests, findings and metrics.

use crate::{
    Action, Capability, Check, Error, Fact, Finding, Label, Limit, Manifest, Metric, Problem, Reason, Status, Want,
};

/// What a question gave: rows, or why it could not be answered.
pub type Answer<T> = Result<T, Error>;

/// A manifest without checks, wants and actions; add them with [`Manifest::check`] and [`Manifest::want`].
pub fn manifest(name: &str, version: &str, summary: &str) -> Manifest {
    Manifest {
        name: name.into(),
        version: version.into(),
        summary: summary.into(),
        settings_schema: String::new(),
        checks: Vec::new(),
        wants: Vec::new(),
        actions: Vec::new(),
    }
}

impl Manifest {
    /// Adds a check. `help` is Markdown: what the answers mean and what to do.
    pub fn check(mut self, id: &str, title: &str, help: &str) -> Self {
        self.checks.push(Check { id: id.into(), title: title.into(), help: help.into() });
        self
    }

    /// Adds a capability that the plugin wants, and what for.
    pub fn want(mut self, capability: Capability, required: bool, reason: &str) -> Self {
        self.wants.push(Want { capability, required, reason: reason.into() });
        self
    }

    /// Adds an action that the plugin may propose.
    pub fn action(mut self, action: Action) -> Self {
        self.actions.push(action);
        self
    }
}

/// A finding of a check about an object; its key is `check/subject`, or `check` alone for an empty subject.
pub fn finding(check: &str, subject: &str, status: Status, summary: impl Into<String>) -> Finding {
    Finding {
        key: if subject.is_empty() { check.to_owned() } else { format!("{check}/{subject}") },
        check: check.to_owned(),
        status,
        reason: None,
        subject: (!subject.is_empty()).then(|| subject.to_owned()),
        summary: summary.into(),
        detail: None,
        advice: None,
        evidence: Vec::new(),
    }
}

impl Finding {
    /// A question that does not arise here: `ok`, and said to be so for that reason.
    pub fn not_applicable(check: &str, subject: &str, summary: impl Into<String>) -> Self {
        Self { reason: Some(Reason::NotApplicable), ..finding(check, subject, Status::Ok, summary) }
    }

    /// Could not look, or cannot tell.
    pub fn unknown(check: &str, subject: &str, reason: Reason, summary: impl Into<String>) -> Self {
        Self { reason: Some(reason), ..finding(check, subject, Status::Unknown, summary) }
    }

    /// What to do next.
    pub fn advise(mut self, advice: impl Into<String>) -> Self {
        self.advice = Some(advice.into());
        self
    }

    /// What stands behind the summary.
    pub fn explain(mut self, detail: impl Into<String>) -> Self {
        self.detail = Some(detail.into());
        self
    }

    /// An observed value that the judgement rests on.
    #[allow(clippy::needless_pass_by_value)] // a literal, a number or a String, as it comes
    pub fn fact(mut self, name: &str, value: impl ToString) -> Self {
        self.evidence.push(Fact { name: name.into(), value: value.to_string() });
        self
    }

    /// The same for a value that may not be there: `none` says so.
    pub fn fact_or_none(self, name: &str, value: Option<impl ToString>) -> Self {
        self.fact(name, value.map_or_else(|| "none".to_owned(), |value| value.to_string()))
    }
}

/// A metric with labels.
pub fn metric(name: &str, value: f64, unit: &str, labels: &[(&str, &str)]) -> Metric {
    let labels = labels.iter().map(|(name, value)| Label { name: (*name).into(), value: (*value).into() }).collect();
    Metric { name: name.into(), value, unit: unit.into(), labels }
}

impl Problem {
    /// A problem with the setting that a JSON pointer such as `/lag_warning` names.
    pub fn at(pointer: &str, message: impl Into<String>) -> Self {
        Self { pointer: pointer.into(), message: message.into() }
    }
}

/// The reason that an unanswered question gives for `unknown`.
pub fn reason_of(error: &Error) -> Reason {
    match error {
        Error::Denied(_) => Reason::NoPrivilege,
        Error::Unreachable(_) | Error::TimedOut(_) => Reason::Unreachable,
        // 42501 insufficient_privilege; 42P01, 42703, 42883: no such table, column or function in this version.
        Error::Remote(remote) if remote.code == "42501" => Reason::NoPrivilege,
        Error::Remote(remote) if ["42P01", "42703", "42883"].contains(&remote.code.as_str()) => Reason::Unsupported,
        Error::LimitExceeded(_) | Error::Invalid(_) | Error::Remote(_) => Reason::Failed,
    }
}

impl Error {
    /// The error in one line, for a finding's summary.
    pub fn line(&self) -> String {
        match self {
            Self::Denied(text) | Self::Unreachable(text) | Self::TimedOut(text) | Self::Invalid(text) => text.clone(),
            Self::LimitExceeded(limit) => format!("the run's limit of {} was met", word(*limit)),
            Self::Remote(remote) => format!("{} (SQLSTATE {})", remote.message, remote.code),
        }
    }

    /// What the host or the server advises, for a finding's advice.
    pub fn advice(&self) -> Option<&str> {
        match self {
            Self::Remote(remote) => remote.hint.as_deref(),
            _ => None,
        }
    }
}

fn word(limit: Limit) -> &'static str {
    match limit {
        Limit::Rows => "rows",
        Limit::Bytes => "bytes",
        Limit::Time => "time",
        Limit::Calls => "calls",
        Limit::Handles => "handles",
        Limit::Quota => "memory",
    }
}
