//! Short ways to write manifests, findings and metrics.

use crate::{
    Action, Argument, Capability, Check, Error, Fact, Failure, Finding, Label, Limit, Manifest, Metric, Need,
    Parameter, ParameterKind, Problem, Proposal, Reason, RemoteError, Right, Risk, SqlTemplate, Status, Template, Want,
};

/// What a question gave: rows, or why it could not be answered.
pub type Answer<T> = Result<T, Error>;

/// With `?` in `observe`: what could not be asked, and what to do, where nothing can be judged without it.
impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self { message: error.line(), advice: Some(error.advice()) }
    }
}

/// Which of two thresholds a value has reached: critical, warning or ok. What cannot be compared (NaN) has reached none.
pub fn level<T: PartialOrd + Copy>(value: T, warning: T, critical: T) -> Status {
    if value >= critical {
        Status::Critical
    } else if value >= warning {
        Status::Warning
    } else {
        Status::Ok
    }
}

/// A manifest without checks, wants, needs and actions; add them with [`Manifest::check`] and its siblings.
pub fn manifest(name: &str, version: &str, summary: &str) -> Manifest {
    Manifest {
        name: name.into(),
        version: version.into(),
        summary: summary.into(),
        settings_schema: String::new(),
        checks: Vec::new(),
        wants: Vec::new(),
        needs: Vec::new(),
        actions: Vec::new(),
    }
}

impl Manifest {
    /// Adds a check. `help` is Markdown: what the answers mean and what to do.
    pub fn check(mut self, id: &str, title: &str, help: &str) -> Self {
        self.checks.push(Check { id: id.into(), title: title.into(), help: help.into() });
        self
    }

    /// Checks as a table: the id, the title, and what the answers mean, of each.
    pub fn checks<'t>(self, table: impl IntoIterator<Item = &'t (&'t str, &'t str, &'t str)>) -> Self {
        table.into_iter().fold(self, |manifest, (id, title, help)| manifest.check(id, title, help))
    }

    /// Adds a capability that the plugin wants, and what for.
    pub fn want(mut self, capability: Capability, required: bool, reason: &str) -> Self {
        self.wants.push(Want { capability, required, reason: reason.into() });
        self
    }

    /// Adds a right that the observer's login needs; `since` and the rest with [`need`].
    pub fn need(mut self, need: Need) -> Self {
        self.needs.push(need);
        self
    }

    /// Adds an action that the plugin may propose.
    pub fn action(mut self, action: Action) -> Self {
        self.actions.push(action);
        self
    }
}

/// A required right of a database login, on all versions.
pub fn need(right: Right, reason: &str) -> Need {
    Need { right, since: None, until: None, required: true, reason: reason.into() }
}

/// An action with this template, repeatable and of low risk until [`Action::risk`] and [`Action::once`] say otherwise.
pub fn action(id: &str, title: &str, template: Template) -> Action {
    Action {
        id: id.into(),
        title: title.into(),
        risk: Risk::Low,
        repeatable: true,
        undone_by: None,
        needs: Vec::new(),
        parameters: Vec::new(),
        template,
    }
}

/// Statements in one transaction, each with a time-out in seconds.
pub fn sql(seconds: u32, statements: &[&str]) -> Template {
    let statements = statements.iter().map(|statement| (*statement).to_owned()).collect();
    Template::Sql(SqlTemplate { statements, seconds, transactional: true })
}

impl Action {
    /// How bad it can be.
    pub fn risk(self, risk: Risk) -> Self {
        Self { risk, ..self }
    }

    /// Doing it twice may do harm: after an uncertain outcome an operator decides.
    pub fn once(self) -> Self {
        Self { repeatable: false, ..self }
    }

    /// The action that takes it back.
    pub fn undone_by(self, action: &str) -> Self {
        Self { undone_by: Some(action.into()), ..self }
    }

    /// Adds a right that the actor's login needs.
    pub fn need(mut self, need: Need) -> Self {
        self.needs.push(need);
        self
    }

    /// Adds a parameter.
    pub fn parameter(mut self, name: &str, kind: ParameterKind, help: &str) -> Self {
        self.parameters.push(Parameter { name: name.into(), kind, help: help.into() });
        self
    }
}

/// A proposal to carry out an action on a grant, so that these findings clear.
pub fn proposal(action: &str, target: &str, clears: &[&str], reason: impl Into<String>) -> Proposal {
    let clears = clears.iter().map(|key| (*key).to_owned()).collect();
    Proposal { action: action.into(), arguments: Vec::new(), target: target.into(), clears, reason: reason.into() }
}

impl Proposal {
    /// Adds an argument. It has to be the same in a run made a moment later: nothing that changes with the clock.
    #[allow(clippy::needless_pass_by_value)] // a literal, a number or a String, as it comes
    pub fn argument(mut self, name: &str, value: impl ToString) -> Self {
        self.arguments.push(Argument { name: name.into(), value: value.to_string() });
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

    /// A question that could not be answered: `unknown`, with the error's reason, its words and the next step.
    pub fn unanswered(check: &str, subject: &str, error: &Error) -> Self {
        let finding = Self::unknown(check, subject, reason_of(error), format!("could not look: {}", error.line()));
        Self { detail: error.detail().map(str::to_owned), ..finding.advise(error.advice()) }
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
        Error::Remote(remote) if refuses_login(&remote.code) => Reason::Unreachable,
        // 42501 insufficient_privilege; 42P01, 42703, 42883: no such table, column or function in this version.
        Error::Remote(remote) if remote.code == "42501" => Reason::NoPrivilege,
        Error::Remote(remote) if ["42P01", "42703", "42883"].contains(&remote.code.as_str()) => Reason::Unsupported,
        Error::Remote(remote) if refuses_key(&remote.code) => Reason::NoPrivilege,
        Error::LimitExceeded(_) | Error::Invalid(_) | Error::Remote(_) => Reason::Failed,
    }
}

impl Error {
    /// The error in one line, for a finding's summary.
    pub fn line(&self) -> String {
        match self {
            Self::Denied(text) | Self::Unreachable(text) | Self::TimedOut(text) | Self::Invalid(text) => text.clone(),
            Self::LimitExceeded(limit) => format!("the run's limit of {} was met", word(*limit)),
            Self::Remote(remote) if is_sqlstate(&remote.code) => {
                format!("{} (SQLSTATE {})", remote.message, remote.code)
            }
            Self::Remote(remote) => format!("{} ({})", remote.message, remote.code),
        }
    }

    /// More of the other side's words, for a finding's detail.
    pub fn detail(&self) -> Option<&str> {
        match self {
            Self::Remote(remote) => remote.detail.as_deref(),
            _ => None,
        }
    }

    /// What to do next, for a finding's advice: the host's or the server's own words where there are any, else what the
    /// kind of error asks for.
    pub fn advice(&self) -> String {
        match self {
            // The host's denials end with the line that agent.toml lacks.
            Self::Denied(text) => text.rsplit_once(": ").map_or(text.as_str(), |(_, what_to_do)| what_to_do).to_owned(),
            Self::Remote(RemoteError { hint: Some(hint), .. }) => hint.clone(),
            Self::Remote(remote) => match remote.code.as_str() {
                "42501" => "grant the login role what the message names; all statistics: GRANT pg_monitor TO the role",
                "42P01" | "42703" | "42883" => {
                    "this version of the server, or of an extension, does not have it: see the plugin's page for the \
                     versions that it knows"
                }
                "40001" => "a standby cancelled the question, because it was in the way of replay: the next run asks again",
                _ => "read the other side's log of this moment",
            }
            .to_owned(),
            Self::Unreachable(_) => "look whether the other side runs, then try the same connection from this host, as \
                 the agent's user (for PostgreSQL psql with the same dsn); read the end of the other side's log"
                .to_owned(),
            Self::TimedOut(_) => "look what the other side is busy with (PostgreSQL: SELECT pid, state, wait_event_type, \
                 wait_event, query FROM pg_stat_activity WHERE application_name LIKE 'pgreeve%';); the next run asks again"
                .to_owned(),
            Self::LimitExceeded(limit) => {
                format!("raise the limit of {} under [limits] in agent.toml, if so much is wanted", word(*limit))
            }
            Self::Invalid(_) => "this is a mistake of the plugin: report it to its author with this line".to_owned(),
        }
    }
}

/// Whether a code is PostgreSQL's: five digits and capitals. Redis has words such as `NOPERM`.
fn is_sqlstate(code: &str) -> bool {
    code.len() == 5 && code.bytes().any(|byte| byte.is_ascii_digit())
}

/// Whether a SQLSTATE means that no session came about, so that nothing was asked: class 28 (invalid authorization),
/// 3D000 (no such database), 53300 (too many connections).
fn refuses_login(code: &str) -> bool {
    code.starts_with("28") || ["3D000", "53300"].contains(&code)
}

/// Whether a code of S3's means that the key may not look, or is none.
fn refuses_key(code: &str) -> bool {
    ["AccessDenied", "InvalidAccessKeyId", "SignatureDoesNotMatch", "401", "403"].contains(&code)
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

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(code: &str, hint: Option<&str>) -> Error {
        let hint = hint.map(str::to_owned);
        Error::Remote(RemoteError { code: code.into(), message: "no".into(), detail: Some("because".into()), hint })
    }

    #[test]
    fn every_error_says_what_to_do_and_the_other_sides_own_advice_comes_first() {
        for (error, reason, advice) in [
            (refused("28000", Some("run as observer")), Reason::Unreachable, "run as observer"),
            (refused("28P01", None), Reason::Unreachable, "log"),
            (refused("53300", None), Reason::Unreachable, "log"),
            (refused("42501", None), Reason::NoPrivilege, "GRANT pg_monitor"),
            (refused("42P01", None), Reason::Unsupported, "version"),
            (refused("AccessDenied", Some("s3:ListBucket")), Reason::NoPrivilege, "s3:ListBucket"),
            (refused("40001", None), Reason::Failed, "the next run"),
            (Error::Denied("root is a superuser (h:1): use another".into()), Reason::NoPrivilege, "use another"),
            (Error::Denied("no".into()), Reason::NoPrivilege, "no"),
            (Error::Unreachable("gone".into()), Reason::Unreachable, "psql"),
            (Error::TimedOut("30 s".into()), Reason::Unreachable, "pg_stat_activity"),
            (Error::LimitExceeded(Limit::Rows), Reason::Failed, "limit of rows"),
            (Error::Invalid("what".into()), Reason::Failed, "report it"),
        ] {
            let finding = Finding::unanswered("check", "", &error);
            assert_eq!((finding.status, finding.reason), (Status::Unknown, Some(reason)), "{error:?}");
            assert!(finding.advice.as_deref().unwrap().contains(advice), "{error:?}: {finding:?}");
            assert!(Failure::from(error).advice.unwrap().contains(advice));
        }
        assert_eq!(Finding::unanswered("check", "", &refused("XX000", None)).detail.as_deref(), Some("because"));
    }
}
