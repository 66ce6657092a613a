//! What a run found, as the rest of the agent speaks of it: plain values, free of the component model.
//! `run` turns a guest's answer into these; the store keeps them and the command line prints them.

pub mod verdict;

use serde::{Deserialize, Serialize};

/// How bad it is. The order is that of severity: the worst finding decides for the job.
/// `Unknown` outranks `Warning`, for a check that could not look may hide a critical one; it never outranks `Critical`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Status {
    /// Looked, and healthy (or not applicable: see [`Finding::reason`]).
    Ok,
    /// Needs attention in working hours.
    Warning,
    /// Could not look, or cannot tell.
    Unknown,
    /// Needs attention now.
    Critical,
}

impl Status {
    /// The exit code that monitoring systems expect of a check: 0 ok, 1 warning, 2 critical, 3 unknown.
    pub fn exit_code(self) -> u8 {
        match self {
            Self::Ok => 0,
            Self::Warning => 1,
            Self::Critical => 2,
            Self::Unknown => 3,
        }
    }

    /// The word used in output and in the store.
    pub fn word(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Warning => "warning",
            Self::Critical => "critical",
            Self::Unknown => "unknown",
        }
    }

    /// The status that [`word`](Self::word) came from.
    pub fn from_word(word: &str) -> Option<Self> {
        [Self::Ok, Self::Warning, Self::Critical, Self::Unknown].into_iter().find(|status| status.word() == word)
    }
}

/// The key of the agent's own finding about a job whose plugin faults again and again.
pub const PAUSED: &str = "agent/paused";

/// Why a finding is `ok` without having been healthy, or `unknown`. Different answers, never folded into one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Reason {
    /// With `ok`: the question does not arise here (no slots, archiving off on purpose).
    NotApplicable,
    /// With `unknown`: the login role may not see it; the advice holds the GRANT.
    NoPrivilege,
    /// With `unknown`: the other side could not be reached or did not answer in time.
    Unreachable,
    /// With `unknown`: nothing to judge from yet (first run, statistics just reset, no heartbeat).
    NoData,
    /// With `unknown`: this server version or build has no means to tell.
    Unsupported,
    /// With `unknown`: the query or the plugin failed.
    Failed,
}

/// One answer of one check about one object.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finding {
    /// Stable over runs: the check's id, then the object, such as `slot-retention/standby1`.
    pub key: String,
    /// The id of the manifest's check that it answers.
    pub check: String,
    /// How bad it is.
    pub status: Status,
    /// Why it is `unknown`, or `ok` without applying.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub reason: Option<Reason>,
    /// The object it is about, as an operator would type it.
    pub subject: Option<String>,
    /// One line, figures with units.
    pub summary: String,
    /// What stands behind the summary, for the second look; may have several lines.
    pub detail: Option<String>,
    /// What to do next.
    pub advice: Option<String>,
    /// The observed values that the judgement rests on.
    pub evidence: Vec<Pair>,
}

/// A name and a value: a fact, a label, an argument.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pair {
    /// What is named.
    pub name: String,
    /// What it is, in words or figures with units.
    pub value: String,
}

/// One measured number.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Metric {
    /// Lower-case words joined by underscores, such as `replay_lag_bytes`.
    pub name: String,
    /// The number, in `unit`. Always finite.
    pub value: f64,
    /// `bytes`, `seconds`, `count`, `ratio` (0 to 1) or `bytes_per_second`.
    pub unit: String,
    /// What it was measured on.
    pub labels: Vec<Pair>,
}

/// A change that a plugin asks the host to make. Only the host acts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Proposal {
    /// The id of an action that the manifest declares.
    pub action: String,
    /// Values for the action's parameters.
    pub arguments: Vec<Pair>,
    /// The grant to use: a database scope, endpoint, directory or server.
    pub target: String,
    /// Keys of the findings that should be gone afterwards.
    pub clears: Vec<String>,
    /// Why, in one line.
    pub reason: String,
}

/// All that one run of a plugin says.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Report {
    /// The answers.
    pub findings: Vec<Finding>,
    /// The numbers.
    pub metrics: Vec<Metric>,
    /// What should change.
    pub proposals: Vec<Proposal>,
}

impl Report {
    /// The worst status among the findings; `Unknown` when there are none, for silence is not health.
    pub fn status(&self) -> Status {
        self.findings.iter().map(|finding| finding.status).max().unwrap_or(Status::Unknown)
    }
}

/// Why a run was made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Cause {
    /// The schedule said so.
    Scheduled,
    /// Somebody asked.
    Manual,
    /// Before an action: does the proposal still stand?
    Confirm,
    /// After an action: is the finding gone?
    Verify,
}

/// How a run ended.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase", tag = "kind")]
pub enum Outcome {
    /// The plugin reported. The job's status is [`Report::status`].
    Reported {
        /// What it said.
        report: Report,
    },
    /// The plugin said that it could not complete the run. The job is `unknown`.
    Failed {
        /// One line.
        message: String,
        /// What to do.
        advice: Option<String>,
    },
    /// The plugin broke a limit, trapped or answered out of contract; it was contained. The job is `unknown`.
    Faulted {
        /// The limit that it broke (`memory`, `wall`, …), where it was one.
        limit: Option<String>,
        /// What happened.
        message: String,
    },
    /// The host could not run it at all (its plugin is gone, its server's role could not be asked). The job is `unknown`.
    Errored {
        /// What was tried, why it failed, what to do.
        message: String,
    },
    /// Not run, on purpose: still running, or the server has another role than the job wants.
    Skipped {
        /// Why.
        message: String,
    },
    /// The agent ended while it ran. Written by the next start.
    Interrupted,
}

impl Outcome {
    /// The job's status after a run that ended so; `None` where the run says nothing (skipped).
    pub fn status(&self) -> Option<Status> {
        match self {
            Self::Reported { report } => Some(report.status()),
            Self::Failed { .. } | Self::Faulted { .. } | Self::Errored { .. } | Self::Interrupted => {
                Some(Status::Unknown)
            }
            Self::Skipped { .. } => None,
        }
    }

    /// The word used in output and in the store.
    pub fn word(&self) -> &'static str {
        match self {
            Self::Reported { .. } => "reported",
            Self::Failed { .. } => "failed",
            Self::Faulted { .. } => "faulted",
            Self::Errored { .. } => "errored",
            Self::Skipped { .. } => "skipped",
            Self::Interrupted => "interrupted",
        }
    }
}
