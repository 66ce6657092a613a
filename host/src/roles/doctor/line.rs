//! One answer of the doctor.

use serde::Serialize;

use crate::report::Status;
use crate::roles::wanted::Login;

/// What was found of a right.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum State {
    /// There, and wanted.
    Ok,
    /// Wanted, and not there.
    Missing,
    /// There, and wanted by nobody.
    TooMuch,
    /// Could not be asked.
    CouldNotLook,
    /// This version does not have it, or its object is not in this database.
    NotApplicable,
    /// No question to the server can tell; somebody has to look.
    ByHand,
}

impl State {
    /// In output for people.
    pub fn word(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Missing => "missing",
            Self::TooMuch => "too much",
            Self::CouldNotLook => "could not look",
            Self::NotApplicable => "n/a",
            Self::ByHand => "by hand",
        }
    }
}

/// One right of one login.
#[derive(Clone, Debug, Serialize)]
pub struct Line {
    /// The login.
    pub login: String,
    /// The scopes whose login it is.
    pub scopes: Vec<String>,
    /// The database that it was looked at in.
    pub database: String,
    /// What was found.
    pub state: State,
    /// Whether something does not work at all without what is missing.
    pub required: bool,
    /// The right, or what was found, in words.
    pub what: String,
    /// Who wants it and what for.
    pub why: Vec<String>,
    /// What mends it: SQL to be run as a superuser in that database, or words.
    pub mend: Option<String>,
}

impl Line {
    pub(super) fn new(login: &Login, state: State, what: String) -> Self {
        Self {
            login: login.user().to_owned(),
            scopes: login.scopes.clone(),
            database: login.target.database().to_owned(),
            state,
            required: false,
            what,
            why: Vec::new(),
            mend: None,
        }
    }

    pub(super) fn mended_by(self, mend: String) -> Self {
        Self { mend: Some(mend), ..self }
    }

    /// How bad it is: without what is required nothing works; without something else some answers are unknown.
    pub fn status(&self) -> Status {
        match self.state {
            State::Ok | State::NotApplicable | State::ByHand => Status::Ok,
            State::Missing if self.required => Status::Critical,
            State::Missing | State::TooMuch => Status::Warning,
            State::CouldNotLook => Status::Unknown,
        }
    }
}
