//! Every host call is one case of one serialisable type, and so is every answer: what recordings hold, what a replay answers from, what the
//! trail of a run is made of. [`Call::ask`](super::Call::ask) is the only way from a guest to a capability.

use std::future::Future;

use serde::{Deserialize, Serialize};

use super::error::Error;
use super::{Granted, commands, files, http, log, memory, postgres, redis, system};

/// A capability's part of a run: it answers the capability's calls, and holds what lasts for the run (connections, handles, bytes used).
pub trait Part: Send {
    /// The interface's name in the contract, which is also the key in `grant`.
    const NAME: &'static str;
    /// Every call that a guest can make of it.
    type Ask: Into<Ask> + Clone + PartialEq + Send + Sync;
    /// Every answer.
    type Told: Into<Told> + TryFrom<Told> + Clone + Send;

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

/// One call with its answer.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Exchange {
    /// What the guest asked.
    pub ask: Ask,
    /// What it was told.
    pub told: Result<Told, Error>,
    /// How long the answer took, in microseconds.
    pub elapsed_us: u64,
}

/// The table of capabilities: one line each.
macro_rules! capabilities {
    ($($variant:ident: $module:ident),+ $(,)?) => {
        /// A host call.
        #[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
        #[serde(rename_all = "kebab-case")]
        pub enum Ask {
            $(#[doc = concat!("Of `", stringify!($module), "`.")] $variant($module::Ask),)+
        }

        /// An answer.
        #[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
        #[serde(rename_all = "kebab-case")]
        pub enum Told {
            $(#[doc = concat!("By `", stringify!($module), "`.")] $variant($module::Told),)+
        }

        $(
            impl From<$module::Ask> for Ask {
                fn from(ask: $module::Ask) -> Self {
                    Self::$variant(ask)
                }
            }

            impl From<$module::Told> for Told {
                fn from(told: $module::Told) -> Self {
                    Self::$variant(told)
                }
            }

            impl TryFrom<Told> for $module::Told {
                type Error = Told;

                fn try_from(told: Told) -> Result<Self, Told> {
                    match told {
                        Told::$variant(told) => Ok(told),
                        other => Err(other),
                    }
                }
            }
        )+
    };
}

capabilities! {
    Postgres: postgres,
    Http: http,
    Files: files,
    Redis: redis,
    Commands: commands,
    System: system,
    Memory: memory,
    Log: log,
}
