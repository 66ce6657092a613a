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
    /// The same of what everybody has, by a grant to PUBLIC: not the login's own, and a REVOKE concerns others.
    ThroughPublic,
    /// The same where PostgreSQL itself grants it to PUBLIC: told, and no fault.
    ByDefault,
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
            Self::ThroughPublic => "public",
            Self::ByDefault => "by default",
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
    /// Whether something does not work at all without what is missing, or as long as what is too much is there.
    pub required: bool,
    /// The right, or what was found, in words.
    pub what: String,
    /// Who wants it and what for.
    pub why: Vec<String>,
    /// What mends it: SQL to be run as a superuser in that database, or words.
    pub mend: Option<String>,
    /// What is to be known before it is mended: what the mending does to others, what makes it urgent.
    pub effect: Option<String>,
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
            effect: None,
        }
    }

    pub(super) fn mended_by(self, mend: String) -> Self {
        Self { mend: Some(mend), ..self }
    }

    pub(super) fn with_effect(self, effect: String) -> Self {
        Self { effect: Some(effect), ..self }
    }

    /// How bad it is: without what is required nothing works; without something else some answers are unknown.
    pub fn status(&self) -> Status {
        match self.state {
            State::Ok | State::NotApplicable | State::ByHand | State::ByDefault => Status::Ok,
            State::Missing | State::TooMuch if self.required => Status::Critical,
            State::Missing | State::TooMuch | State::ThroughPublic => Status::Warning,
            State::CouldNotLook => Status::Unknown,
        }
    }
}
