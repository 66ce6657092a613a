//! What a verb says in the end: a JSON object on stdout, and for anything but success one line on stderr and an exit status.

use std::fmt::Display;

use serde_json::{Map, Value};

/// Why something was not done, or that the answer is bad. The numbers are the exit statuses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// The verb did its work, and the answer is bad.
    Damaged = 1,
    /// The server could not be reached, or refused the login.
    Unreachable = 3,
    /// Trying again changes nothing.
    Refused = 4,
    /// It would not fit.
    NoSpace = 5,
    /// Started and failed.
    Failed = 6,
    /// The same is under way.
    Busy = 7,
}

impl Kind {
    /// `outcome` in the JSON.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Damaged => "damaged",
            Self::Unreachable => "unreachable",
            Self::Refused => "refused",
            Self::NoSpace => "no-space",
            Self::Failed => "failed",
            Self::Busy => "busy",
        }
    }
}

/// A verb's failure.
#[derive(Debug)]
pub(crate) struct Failure {
    pub(crate) kind: Kind,
    /// One line: what, on what, why, what to do.
    pub(crate) message: String,
    /// Further members of the JSON object. Boxed, so that results stay small.
    pub(crate) members: Box<Map<String, Value>>,
}

/// What most functions return.
pub(crate) type Outcome<T> = Result<T, Failure>;

impl Failure {
    /// A failure whose message is made one line.
    pub(crate) fn new(kind: Kind, message: impl Display) -> Self {
        Self { kind, message: one_line(&message.to_string()), members: Box::default() }
    }

    /// Adds a member of the JSON object.
    pub(crate) fn with(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.members.insert(name.to_owned(), value.into());
        self
    }
}

/// A failure to do something with a file: `cannot WHAT: WHY`.
pub(crate) fn cannot(what: impl Display) -> impl FnOnce(std::io::Error) -> Failure {
    move |why| {
        let hint = match why.raw_os_error() {
            Some(28) => "; free space on that file system",
            Some(122) => "; the quota is used up",
            Some(13) => "; the user that runs this needs the right to it",
            _ => "",
        };
        Failure::new(Kind::Failed, format!("cannot {what}: {why}{hint}"))
    }
}

/// Lines joined by `; `, without control characters.
pub(crate) fn one_line(text: &str) -> String {
    let lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
    let joined = lines.collect::<Vec<_>>().join("; ");
    joined.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}

#[cfg(test)]
mod tests {
    use super::one_line;

    #[test]
    fn a_message_is_one_line_whatever_a_program_said() {
        assert_eq!(one_line("a:\n  b\r\n\n\tc\u{7}d\n"), "a:; b; c d");
    }
}
