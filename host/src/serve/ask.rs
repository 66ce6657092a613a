//! What the API asks of the agent, and the agent's answers as plain values. What stands in the store is read there, beside the agent.

use jiff::Timestamp;
use serde::Serialize;
use serde_json::Value;
use tokio::sync::{mpsc, oneshot};

use crate::config::{Config, Located};
use crate::perform::Watched;
use crate::report::Cause;
use crate::rights::Who;
use crate::store::{RunId, Standing};

/// Where an answer goes. One who has gone away is no failure.
pub type Reply<T> = oneshot::Sender<T>;

/// One question or order.
#[derive(Debug)]
pub enum Ask {
    /// How is the agent?
    Now(Reply<Now>),
    /// These jobs.
    Jobs(Which, Reply<Vec<JobNow>>),
    /// Run a job now.
    #[allow(missing_docs)]
    Run { job: String, who: Who, reply: Reply<Result<Asked, CannotRun>> },
    /// Take the configuration as it is now.
    #[allow(missing_docs)]
    Reload { who: Who, reply: Reply<Result<Reloaded, NotReloaded>> },
    /// Approve or reject a proposal.
    #[allow(missing_docs)]
    Decide { id: String, approve: bool, why: Option<String>, who: Who, reply: Reply<Result<Standing, NotDecided>> },
    /// The policies in force.
    Policies(Reply<Value>),
    /// Let no action begin until then, or until it is resumed.
    #[allow(missing_docs)]
    Pause { until: Option<Timestamp>, why: String, who: Who, reply: Reply<Result<(), String>> },
    /// Let actions begin again.
    #[allow(missing_docs)]
    Resume { why: String, who: Who, reply: Reply<Result<(), String>> },
}

/// Which jobs.
#[derive(Debug)]
pub enum Which {
    /// So many, after this name.
    Page(String, usize),
    /// This one.
    One(String),
}

/// The way to the agent.
#[derive(Clone, Debug)]
pub struct Agent(pub(super) mpsc::Sender<Ask>);

/// The agent's end of it.
pub type Asks = mpsc::Receiver<Ask>;

/// Makes the way. Who asks while it is full waits.
pub fn channel() -> (Agent, Asks) {
    let (sender, receiver) = mpsc::channel(32);
    (Agent(sender), receiver)
}

/// The agent ends, and answers no more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Ends;

impl Agent {
    /// Asks and waits for the answer.
    pub(super) async fn ask<T>(&self, ask: impl FnOnce(Reply<T>) -> Ask) -> Result<T, Ends> {
        let (reply, answer) = oneshot::channel();
        self.0.send(ask(reply)).await.map_err(|_| Ends)?;
        answer.await.map_err(|_| Ends)
    }
}

/// The agent at one moment.
#[derive(Clone, Debug, Serialize)]
pub struct Now {
    /// pgreeve's.
    pub version: &'static str,
    /// Its process.
    pub pid: u32,
    /// When it started.
    pub since: Timestamp,
    /// What it runs on.
    pub config: InForce,
    /// Runs at the same time, at most.
    pub max_running: usize,
    /// Runs under way.
    pub running: Vec<Running>,
    /// Due, and without a slot; first come first.
    pub waiting: Vec<Waiting>,
    /// Jobs whose plugins faulted again and again.
    pub paused: Vec<Paused>,
    /// Why no action begins, if all are paused.
    pub actions_paused: Option<String>,
    /// History that is being lost.
    pub losing: Option<Losing>,
    /// The last reload since the start.
    pub last_reload: Option<LastReload>,
}

/// The configuration in force.
#[allow(missing_docs)]
#[derive(Clone, Debug, Serialize)]
pub struct InForce {
    pub path: String,
    pub sha256: String,
    /// How many.
    pub jobs: usize,
}

impl InForce {
    /// Of a configuration.
    pub fn of(config: &Config) -> Self {
        let (path, sha256) = (config.path.display().to_string(), config.digest.to_string());
        Self { path, sha256, jobs: config.jobs.len() }
    }
}

#[allow(missing_docs)]
#[derive(Clone, Debug, Serialize)]
pub struct Running {
    pub job: String,
    pub since: Timestamp,
    pub cause: Cause,
}

#[allow(missing_docs)]
#[derive(Clone, Debug, Serialize)]
pub struct Waiting {
    pub job: String,
    /// When it came due, or was asked for.
    pub due: Timestamp,
}

#[allow(missing_docs)]
#[derive(Clone, Debug, Serialize)]
pub struct Paused {
    pub job: String,
    pub until: Timestamp,
    /// In a row.
    pub faults: u32,
}

#[allow(missing_docs)]
#[derive(Clone, Debug, Serialize)]
pub struct Losing {
    pub since: Timestamp,
    /// Not recorded so far.
    pub runs: u64,
    pub error: String,
}

#[allow(missing_docs)]
#[derive(Clone, Debug, Serialize)]
pub struct LastReload {
    pub at: Timestamp,
    pub taken: bool,
    /// What was taken, or the mistakes.
    pub message: String,
}

/// A job as the agent has it.
#[derive(Clone, Debug, Serialize)]
pub struct JobNow {
    /// Its name.
    pub job: String,
    /// The plugin's name in agent.toml.
    pub plugin: String,
    /// A crontab line.
    pub schedule: String,
    /// `idle`, `running` or `waiting`.
    pub state: &'static str,
    /// Until when it pauses, if it does.
    pub paused_until: Option<Timestamp>,
    /// When its next run starts.
    pub next_run: Option<Timestamp>,
}

/// A run that was asked for.
#[derive(Debug)]
pub struct Asked {
    /// It has a slot; otherwise it waits for one.
    pub started: bool,
    /// Its id, once it has begun; none where that is not recorded.
    pub begun: oneshot::Receiver<Option<RunId>>,
    /// The whole, once it has ended.
    pub ended: oneshot::Receiver<Watched>,
}

/// Why a job is not run now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CannotRun {
    /// There is none of that name.
    Unknown,
    /// Its run is under way, or waits.
    Already(String),
}

/// A reload that was taken.
#[derive(Clone, Debug, Serialize)]
pub struct Reloaded {
    /// The configuration in force now.
    pub config: InForce,
}

/// A reload that was refused.
#[derive(Clone, Debug)]
pub struct NotReloaded {
    /// Why, with every mistake.
    pub message: String,
    /// The mistakes by their places, where it was these.
    pub problems: Vec<Located>,
}

/// Why a proposal is not decided on.
#[derive(Clone, Debug)]
pub enum NotDecided {
    /// It stands so that nothing can be decided.
    State(String),
    /// It could not be written down.
    Failed(String),
}
