//! Doing what was decided; one performer per kind.

use std::time::Duration;

/// How an action ended, as the contract's `result-kind`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ended {
    /// It was carried out.
    Done,
    /// The other side refused or failed: what it was asked to do did not happen, or it says that it went wrong.
    Failed,
    /// Nobody can say whether it happened: the connection was lost or the time was over after it was sent.
    Uncertain,
    /// Nothing was sent.
    Refused,
}

/// What came of an action.
#[derive(Clone, Debug)]
pub struct Done {
    /// How it ended.
    pub ended: Ended,
    /// What was seen, at most 4 KiB: rows touched, the end of a command's stderr, the status and body of an HTTP answer; or why not.
    pub detail: String,
    /// From the first attempt to connect to the end.
    pub took: Duration,
}

/// For what something is done: in messages, and in what servers show of their connections.
#[derive(Clone, Debug)]
pub struct Acting {
    /// The job.
    pub job: String,
    /// The action's id in the manifest.
    pub action: String,
    /// The proposal's id.
    pub proposal: String,
}

/// Does it.
pub async fn perform(_what: &super::what::What, _as: &Acting) -> Done {
    Done { ended: Ended::Refused, detail: String::new(), took: Duration::ZERO }
}
