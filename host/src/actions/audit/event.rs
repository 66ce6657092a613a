//! What an entry tells. Secrets never enter: statements, requests and vectors are recorded as they are filled from templates and arguments,
//! and none of those holds one.

use serde::{Deserialize, Serialize};

use crate::actions::journal::Note;
use crate::report::{Finding, Pair};

/// One thing that happened.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "kebab-case")]
pub enum Event {
    /// A plugin proposed it.
    Proposed(Deed),
    /// Somebody, or the policy, allowed it.
    Approved(Deed),
    /// Somebody refused it.
    Rejected(Deed),
    /// Its approval was not used in time.
    Expired(Deed),
    /// It can never be carried out: `detail`.
    Refused(Deed),
    /// The plugin did not propose the same again.
    Stale(Deed),
    /// Whether the plugin still proposes it could not be seen.
    Unconfirmed(Deed),
    /// It is about to be carried out.
    Begun(Deed),
    /// It was carried out, or not: `result` and `detail`.
    Ended(Deed),
    /// The plugin looked at what came of it.
    Settled(Deed),
    /// The agent ended while it was carried out.
    Uncertain(Deed),
    /// All actions are paused.
    Paused {
        #[allow(missing_docs)]
        who: String,
        /// RFC 3339; none: until somebody resumes them.
        #[serde(skip_serializing_if = "Option::is_none", default)]
        until: Option<String>,
        #[allow(missing_docs)]
        why: String,
    },
    /// They are not paused any more.
    Resumed {
        #[allow(missing_docs)]
        who: String,
        #[serde(skip_serializing_if = "Option::is_none", default)]
        #[allow(missing_docs)]
        why: Option<String>,
    },
    /// A configuration is in force.
    Configured {
        /// Its SHA-256.
        configuration: String,
        /// `start` or `reload`.
        why: String,
    },
    /// A line without its end was moved away: it was never acknowledged.
    Torn {
        /// The name of the file that it is in now.
        file: String,
        /// Its length.
        bytes: u64,
    },
    /// The log does not hold an entry that was written: it was cut off, replaced or moved away. As the first entry of a log, it names the last
    /// one of the log before.
    Broken {
        /// The entry's number.
        entry: u64,
        /// Its hash.
        expected: String,
    },
}

/// An action, as far as it has come.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
#[allow(missing_docs)]
pub struct Deed {
    pub job: String,
    /// The proposal's id.
    pub proposal: String,
    /// The action's id in the plugin's manifest.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub action: String,
    /// The grant.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub target: String,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub arguments: Vec<Pair>,
    /// Keys of the findings that should be gone afterwards.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub clears: Vec<String>,
    /// The plugin's, in one line.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub reason: String,
    /// Who allowed or refused it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub who: Option<String>,
    /// The exact statements, vector, request or operation.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub lines: Vec<String>,
    /// Where, and as whom, where the lines do not say it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub address: Option<String>,
    /// The findings to clear, before it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub before: Vec<Finding>,
    /// What is left of them.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub after: Vec<Finding>,
    /// How it ended: `done`, `failed`, `uncertain`, `refused`; then the verdict: `verified`, `ineffective`, `unverified`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub result: Option<String>,
    /// What was seen, or why.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
    /// The plugin's SHA-256.
    pub plugin: String,
    /// The configuration's SHA-256.
    pub configuration: String,
}

impl Event {
    /// A note with the digest of the configuration in force; the error is a word that is no event's.
    pub fn of(note: Note, configuration: String) -> Result<Self, &'static str> {
        let Note { event, proposal, job, plugin, told, who, lines, address, findings, result, detail } = note;
        let mut deed =
            Deed { job, proposal, plugin, configuration, who, lines, address, result, detail, ..Deed::default() };
        if let Some(told) = told {
            deed = Deed {
                action: told.action,
                target: told.target,
                arguments: told.arguments,
                clears: told.clears,
                reason: told.reason,
                ..deed
            };
        }
        match event {
            "ended" | "settled" => deed.after = findings,
            _ => deed.before = findings,
        }
        Ok(match event {
            "proposed" => Self::Proposed(deed),
            "approved" => Self::Approved(deed),
            "rejected" => Self::Rejected(deed),
            "expired" => Self::Expired(deed),
            "refused" => Self::Refused(deed),
            "stale" => Self::Stale(deed),
            "unconfirmed" => Self::Unconfirmed(deed),
            "begun" => Self::Begun(deed),
            "ended" => Self::Ended(deed),
            "settled" => Self::Settled(deed),
            "uncertain" => Self::Uncertain(deed),
            other => return Err(other),
        })
    }

    /// Every word that there is.
    pub const WORDS: [&str; 16] = [
        "proposed",
        "approved",
        "rejected",
        "expired",
        "refused",
        "stale",
        "unconfirmed",
        "begun",
        "ended",
        "settled",
        "uncertain",
        "paused",
        "resumed",
        "configured",
        "torn",
        "broken",
    ];

    /// As the log has it.
    pub fn word(&self) -> &'static str {
        match self {
            Self::Proposed(_) => "proposed",
            Self::Approved(_) => "approved",
            Self::Rejected(_) => "rejected",
            Self::Expired(_) => "expired",
            Self::Refused(_) => "refused",
            Self::Stale(_) => "stale",
            Self::Unconfirmed(_) => "unconfirmed",
            Self::Begun(_) => "begun",
            Self::Ended(_) => "ended",
            Self::Settled(_) => "settled",
            Self::Uncertain(_) => "uncertain",
            Self::Paused { .. } => "paused",
            Self::Resumed { .. } => "resumed",
            Self::Configured { .. } => "configured",
            Self::Torn { .. } => "torn",
            Self::Broken { .. } => "broken",
        }
    }

    /// The action that it is about.
    pub fn deed(&self) -> Option<&Deed> {
        match self {
            Self::Proposed(deed)
            | Self::Approved(deed)
            | Self::Rejected(deed)
            | Self::Expired(deed)
            | Self::Refused(deed)
            | Self::Stale(deed)
            | Self::Unconfirmed(deed)
            | Self::Begun(deed)
            | Self::Ended(deed)
            | Self::Settled(deed)
            | Self::Uncertain(deed) => Some(deed),
            Self::Paused { .. }
            | Self::Resumed { .. }
            | Self::Configured { .. }
            | Self::Torn { .. }
            | Self::Broken { .. } => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_words_are_those_that_the_log_has() {
        let refused = serde_json::from_str::<Event>("{\"event\":\"\"}").unwrap_err().to_string();
        let words: Vec<String> = Event::WORDS.iter().map(|word| format!("`{word}`")).collect();
        assert!(refused.contains(&format!("expected one of {}", words.join(", "))), "{refused}");
    }
}
