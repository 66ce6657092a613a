//! What every check is given, and the ways in which it may answer: healthy, not applicable, no privilege, no data, could
//! not look.

use pgreeve_sdk::{Error, Finding, Metric, Proposal, Reason, Report, Run, Status, finding, metric, proposal};

use crate::install::Kind;
use crate::settings::Settings;

/// One scope as the checks see it.
#[derive(Debug)]
pub(crate) struct View<'a> {
    pub(crate) run: &'a Run<Settings>,
    pub(crate) scope: &'a str,
    /// Whether the job has more scopes than this: then objects are named with their scope in front.
    pub(crate) several: bool,
    /// The login role.
    pub(crate) user: &'a str,
    /// How pgGit came here.
    pub(crate) kind: Kind,
    /// Whether it is a primary: nothing can be repaired on a standby.
    pub(crate) primary: bool,
}

impl View<'_> {
    /// The job's settings.
    pub(crate) fn settings(&self) -> &Settings {
        &self.run.settings
    }

    /// The key of a finding of this scope.
    pub(crate) fn key(&self, check: &str, object: &str) -> String {
        match (self.several, object) {
            (false, "") => check.to_owned(),
            (false, object) => format!("{check}/{object}"),
            (true, "") => format!("{check}/{}", self.scope),
            (true, object) => format!("{check}/{}:{object}", self.scope),
        }
    }

    /// A finding about an object of this scope, or about the scope itself where `object` is empty.
    pub(crate) fn finding(&self, check: &str, object: &str, status: Status, summary: impl Into<String>) -> Finding {
        self.named(object, finding(check, "", status, summary))
    }

    /// Gives a finding the key and the subject that it has in this scope.
    pub(crate) fn named(&self, object: &str, finding: Finding) -> Finding {
        let subject = if object.is_empty() { self.scope } else { object };
        Finding { key: self.key(&finding.check, object), subject: Some(subject.to_owned()), ..finding }
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

    /// The question itself failed.
    pub(crate) fn unanswered(&self, check: &str, object: &str, error: &Error) -> Finding {
        let answer = self.named(object, Finding::unanswered(check, "", error));
        match error {
            Error::Remote(remote) if remote.code == "42501" => answer.advise(self.grant()),
            _ => answer,
        }
    }

    /// The GRANT that the login needs for pgGit's tables.
    pub(crate) fn grant(&self) -> String {
        format!("on the primary, as superuser: GRANT pg_read_all_data TO {};", identifier(self.user))
    }

    /// A metric of this scope, labelled with an object where it has one.
    pub(crate) fn metric(&self, name: &str, value: f64, unit: &str, object: Option<(&str, &str)>) -> Metric {
        let mut labels = vec![("scope", self.scope)];
        labels.extend(object);
        metric(name, value, unit, &labels)
    }

    /// A proposal on this scope that clears findings by their full keys.
    pub(crate) fn proposal(&self, action: &str, clears: &[&str], reason: impl Into<String>) -> Proposal {
        proposal(action, self.scope, clears, reason)
    }
}

/// Adds a finding, or an answer for what could not be asked.
pub(crate) fn answered<T>(
    view: &View<'_>,
    check: &str,
    answer: &Result<T, Error>,
    report: &mut Report,
    judge: impl FnOnce(&T, &mut Report),
) {
    match answer {
        Ok(value) => judge(value, report),
        Err(error) => report.findings.push(view.unanswered(check, "", error)),
    }
}

/// An identifier as SQL wants it.
pub(crate) fn identifier(name: &str) -> String {
    let plain = name.starts_with(|first: char| first.is_ascii_lowercase() || first == '_')
        && name.chars().all(|letter| letter.is_ascii_lowercase() || letter.is_ascii_digit() || letter == '_');
    if plain { name.to_owned() } else { format!("\"{}\"", name.replace('"', "\"\"")) }
}

/// The first names of a list, and how many more there are.
pub(crate) fn some_of<T: AsRef<str>>(names: &[T], most: usize) -> String {
    let shown: Vec<&str> = names.iter().take(most).map(AsRef::as_ref).collect();
    match names.len().saturating_sub(most) {
        0 => shown.join(", "),
        more => format!("{} and {more} more", shown.join(", ")),
    }
}

/// A number of things in words: `1 row`, `3 rows`.
pub(crate) fn count(number: usize, one: &str, many: &str) -> String {
    if number == 1 { format!("1 {one}") } else { format!("{number} {many}") }
}

/// A time in microseconds since 1970-01-01 UTC, to the minute: `2026-03-03 14:05 UTC`.
pub(crate) fn time(micros: i64) -> String {
    let minutes = micros.div_euclid(60_000_000);
    let (hour, minute) = (minutes.rem_euclid(1440) / 60, minutes.rem_euclid(60));
    let (year, month, day) = date(minutes.div_euclid(1440));
    format!("{year:04}-{month:02}-{day:02} {hour:02}:{minute:02} UTC")
}

/// Year, month and day of a day counted from 1970-01-01, in the proleptic Gregorian calendar.
pub(crate) fn date(days: i64) -> (i64, i64, i64) {
    // Counted in years that begin in March, so that the day that comes and goes is the last; 400 years are 146,097 days.
    let days = days + 719_468;
    let (era, day) = (days.div_euclid(146_097), days.rem_euclid(146_097));
    let year = (day - day / 1460 + day / 36_524 - day / 146_096) / 365;
    let day = day - (365 * year + year / 4 - year / 100);
    let month = (5 * day + 2) / 153;
    let (day, month) = (day - (153 * month + 2) / 5 + 1, if month < 10 { month + 3 } else { month - 9 });
    (year + era * 400 + i64::from(month <= 2), month, day)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_written_as_a_calendar_has_them() {
        for (seconds, text) in [
            (0, "1970-01-01 00:00 UTC"),
            (951_827_696, "2000-02-29 12:34 UTC"),
            (1_709_251_199, "2024-02-29 23:59 UTC"),
            (1_709_251_200, "2024-03-01 00:00 UTC"),
            (4_107_542_400, "2100-03-01 00:00 UTC"),
            (-1, "1969-12-31 23:59 UTC"),
        ] {
            assert_eq!(time(seconds * 1_000_000), text);
        }
    }

    #[test]
    fn identifiers_are_quoted_where_they_must_be() {
        assert_eq!(identifier("plain_1"), "plain_1");
        assert_eq!(identifier("Mixed"), "\"Mixed\"");
        assert_eq!(identifier("a\"b"), "\"a\"\"b\"");
    }
}
