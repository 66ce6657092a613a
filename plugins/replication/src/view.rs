//! What every check is given, and the few ways in which it may answer: healthy, not applicable, no privilege, no data,
//! could not look.

pub(crate) use pgreeve_sdk::level;
use pgreeve_sdk::{Bytes, Error, Finding, Metric, Reason, Seconds, Status, finding, metric};

use crate::memory::Memory;
use crate::observe::Seen;
use crate::settings::Settings;

/// One scope as the checks see it.
#[derive(Debug)]
pub(crate) struct View<'a> {
    pub(crate) settings: &'a Settings,
    pub(crate) scope: &'a str,
    /// Whether the job has more scopes than this: then objects are named with their scope in front.
    pub(crate) several: bool,
    pub(crate) seen: &'a Seen,
    pub(crate) memory: &'a Memory,
}

impl View<'_> {
    /// A finding about an object of this scope, or about the scope itself where `object` is empty.
    pub(crate) fn finding(&self, check: &str, object: &str, status: Status, summary: impl Into<String>) -> Finding {
        named(self.scope, self.several, object, finding(check, "", status, summary))
    }

    /// The key of a finding about an object of this scope.
    pub(crate) fn key(&self, check: &str, object: &str) -> String {
        key(self.scope, self.several, check, object)
    }

    /// Whether this server is a standby that is to stream.
    pub(crate) fn streams(&self) -> bool {
        let settings = self.seen.receiver_settings.as_ref().and_then(|answer| answer.as_ref().ok());
        settings.is_none_or(|settings| settings.streams != Some(false))
    }

    /// Healthy.
    pub(crate) fn ok(&self, check: &str, object: &str, summary: impl Into<String>) -> Finding {
        self.finding(check, object, Status::Ok, summary)
    }

    /// The question does not arise here.
    pub(crate) fn not_applicable(&self, check: &str, object: &str, summary: impl Into<String>) -> Finding {
        Finding { reason: Some(Reason::NotApplicable), ..self.ok(check, object, summary) }
    }

    /// Cannot tell.
    pub(crate) fn unknown(&self, check: &str, object: &str, reason: Reason, summary: impl Into<String>) -> Finding {
        Finding { reason: Some(reason), ..self.finding(check, object, Status::Unknown, summary) }
    }

    /// Nothing to judge from.
    pub(crate) fn no_data(&self, check: &str, object: &str, summary: impl Into<String>) -> Finding {
        self.unknown(check, object, Reason::NoData, summary)
    }

    /// The role may not see it.
    pub(crate) fn hidden(&self, check: &str, object: &str, what: &str) -> Finding {
        let user = &self.seen.server.user;
        self.unknown(check, object, Reason::NoPrivilege, format!("the role {user} may not see {what}"))
            .advise(self.grant())
    }

    /// The question itself failed.
    pub(crate) fn unanswered(&self, check: &str, object: &str, error: &Error) -> Finding {
        let answer = named(self.scope, self.several, object, Finding::unanswered(check, object, error));
        match error {
            Error::Remote(remote) if remote.code == "42501" => answer.advise(self.grant()),
            _ => answer,
        }
    }

    /// The GRANT that the role needs.
    pub(crate) fn grant(&self) -> String {
        format!("on the primary, as superuser: GRANT pg_monitor TO {};", identifier(&self.seen.server.user))
    }

    /// A metric of this scope, labelled with an object where it has one.
    pub(crate) fn metric(&self, name: &str, value: f64, unit: &str, object: Option<(&str, &str)>) -> Metric {
        let mut labels = vec![("scope", self.scope)];
        labels.extend(object);
        metric(name, value, unit, &labels)
    }
}

fn key(scope: &str, several: bool, check: &str, object: &str) -> String {
    match (several, object) {
        (false, "") => check.to_owned(),
        (false, object) => format!("{check}/{object}"),
        (true, "") => format!("{check}/{scope}"),
        (true, object) => format!("{check}/{scope}:{object}"),
    }
}

/// Gives a finding the key and the subject that it has in this scope.
pub(crate) fn named(scope: &str, several: bool, object: &str, finding: Finding) -> Finding {
    let key = key(scope, several, &finding.check, object);
    let subject = if object.is_empty() { scope } else { object };
    Finding { key, subject: Some(subject.to_owned()), ..finding }
}

/// An identifier as SQL wants it.
pub(crate) fn identifier(name: &str) -> String {
    let plain = name.starts_with(|first: char| first.is_ascii_lowercase() || first == '_')
        && name.chars().all(|letter| letter.is_ascii_lowercase() || letter.is_ascii_digit() || letter == '_');
    if plain { name.to_owned() } else { format!("\"{}\"", name.replace('"', "\"\"")) }
}

/// The worse of two of ok, warning and critical.
pub(crate) fn worse(one: Status, other: Status) -> Status {
    if matches!((one, other), (Status::Critical, _) | (Status::Warning, Status::Ok)) { one } else { other }
}

/// Bytes for people.
pub(crate) fn bytes(value: u64) -> Bytes {
    Bytes(value)
}

/// Seconds for people.
pub(crate) fn seconds(value: f64) -> Seconds {
    Seconds(value)
}

/// An LSN as PostgreSQL writes it.
pub(crate) fn lsn(value: u64) -> String {
    format!("{:X}/{:X}", value >> 32, value & 0xFFFF_FFFF)
}
