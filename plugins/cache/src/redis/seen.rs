//! What one server showed: plain values, which `observe` reads, `memory` compares and `checks` judge.

use pgreeve_sdk::Answer;

use super::info::Info;
use super::nodes::Nodes;

/// What a server showed.
#[derive(Clone, Debug)]
pub(crate) struct Seen {
    pub(crate) info: Info,
    pub(crate) slow: Answer<Vec<Slow>>,
    pub(crate) latency: Answer<Vec<Event>>,
    /// CLUSTER INFO and CLUSTER NODES; none where the cluster is not enabled.
    pub(crate) cluster: Option<Cluster>,
    /// Keys in the database of the grant's URL; asked where flushing it may be proposed.
    pub(crate) keys_here: Option<Answer<u64>>,
}

/// What a node says of its cluster.
#[derive(Clone, Debug)]
pub(crate) struct Cluster {
    pub(crate) info: Answer<Info>,
    pub(crate) nodes: Answer<Nodes>,
}

/// An entry of the slow log. Its arguments may be anybody's data, and are not kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Slow {
    pub(crate) id: i64,
    pub(crate) micros: i64,
    pub(crate) command: String,
}

/// The newest event of a kind.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Event {
    pub(crate) name: String,
    /// Seconds since 1970, by the server's clock.
    pub(crate) at: i64,
    pub(crate) millis: i64,
    /// The longest so far.
    pub(crate) most: i64,
}
