//! Every host call is one case of one serialisable type, and so is every answer: what recordings hold, what a replay answers from, what the
//! trail of a run is made of. [`Call::ask`](super::Call::ask) is the only way from a guest to a capability.

use serde::{Deserialize, Serialize};

use super::error::Error;
use super::{commands, files, http, log, memory, objects, postgres, redis, system};

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
    Objects: objects,
    Redis: redis,
    Commands: commands,
    System: system,
    Memory: memory,
    Log: log,
}
