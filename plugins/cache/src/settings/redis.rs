//! What an operator knows of a Redis server and its INFO does not say.

use pgreeve_sdk::Bytes;
use schemars::JsonSchema;
use serde::Deserialize;

/// A Redis or Valkey server.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Server {
    /// The role that it must have; another one is critical. Default: any, and a change of role is a warning once.
    pub(crate) role: Option<Role>,
    /// Replicas that must be connected and in sync. Default: none are expected.
    pub(crate) replicas: Option<u32>,
    /// What it may have of its host's memory, as its container or cgroup limits it, which INFO does not tell. Default: all of the host's.
    pub(crate) memory: Option<Bytes>,
    /// False: it holds queues, locks or sessions, a lookup that finds nothing is no failure, and its hit rate is not judged.
    /// Default true.
    pub(crate) cache: Option<bool>,
    /// All that is in the database that the grant's URL names may be lost: it is a cache and nothing else. Only then flushing it
    /// is ever proposed. Default false.
    pub(crate) expendable: bool,
}

/// What a server is in its replication.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Role {
    /// Takes writes (INFO: master).
    Primary,
    /// Follows another (INFO: slave).
    Replica,
}
