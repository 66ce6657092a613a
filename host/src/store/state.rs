//! The states of a proposal; docs/actions.md says what follows from each.

use serde::{Deserialize, Serialize};

/// How a proposal stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum State {
    /// Proposed by the newest report, and nobody has decided.
    Open,
    /// A person allowed it; it is carried out as soon as its rules let it.
    Approved,
    /// A person refused it, for as long as it is proposed without a break.
    Rejected,
    /// Its arguments or its target do not fit: it can never be carried out.
    Refused,
    /// Being carried out.
    Acting,
    /// Begun, and nobody knows whether it happened.
    Uncertain,
    /// Carried out, and its findings still stand.
    Ineffective,
    /// Not carried out: the other side refused it or failed.
    Failed,
    /// Carried out, and its findings are gone.
    Verified,
    /// Not proposed any more.
    Gone,
    /// Not proposed any more when it was to be carried out.
    Stale,
}

impl State {
    const ALL: [Self; 11] = [
        Self::Open,
        Self::Approved,
        Self::Rejected,
        Self::Refused,
        Self::Acting,
        Self::Uncertain,
        Self::Ineffective,
        Self::Failed,
        Self::Verified,
        Self::Gone,
        Self::Stale,
    ];

    /// The word used in output and in the store.
    pub fn word(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Approved => "approved",
            Self::Rejected => "rejected",
            Self::Refused => "refused",
            Self::Acting => "acting",
            Self::Uncertain => "uncertain",
            Self::Ineffective => "ineffective",
            Self::Failed => "failed",
            Self::Verified => "verified",
            Self::Gone => "gone",
            Self::Stale => "stale",
        }
    }

    /// The state that [`word`](Self::word) came from.
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.word() == word)
    }

    /// Whether the newest report made it, as far as anybody knows.
    pub fn stands(self) -> bool {
        !matches!(self, Self::Verified | Self::Gone | Self::Stale)
    }

    /// Whether it may be begun: by an approval, or by a policy of `auto`.
    pub fn can_begin(self) -> bool {
        matches!(self, Self::Open | Self::Approved | Self::Ineffective | Self::Failed)
    }
}
