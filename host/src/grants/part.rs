//! What every capability is to a run: it says what a call is about, answers it, and says how much the answer holds.

use std::future::Future;

use super::Granted;
use super::error::Error;

/// A capability's part of a run: it answers the capability's calls, and holds what lasts for the run (connections, handles, bytes used).
pub trait Part: Send {
    /// The interface's name in the contract, which is also the key in `grant`.
    const NAME: &'static str;
    /// Every call that a guest can make of it.
    type Ask: Clone + Send + Sync;
    /// Every answer.
    type Told: Clone + Send;

    /// What the call is about, for the trail.
    fn about(&self, ask: &Self::Ask) -> About;
    /// How much the answer holds: rows or items, and bytes.
    fn size(told: &Self::Told) -> Size;
    /// Does it. A grant is looked up by its name in [`Granted`].
    fn perform(&mut self, granted: &Granted, ask: &Self::Ask)
    -> impl Future<Output = Result<Self::Told, Error>> + Send;
}

/// What a call was about.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct About {
    /// The function, as the contract names it.
    pub operation: &'static str,
    /// The granted name that was asked for; empty where the capability has none.
    pub grant: String,
    /// The text that the fingerprint is taken of: a statement, a path, a command line without its values.
    pub text: Option<String>,
}

/// How much an answer holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Size {
    /// Rows, entries or replies.
    pub rows: u64,
    /// Bytes of values.
    pub bytes: u64,
}
