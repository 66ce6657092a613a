//! The local API: HTTP with JSON on a Unix socket. docs/api.md is its page for people, docs/openapi.json for programs; a test holds the server to it.
//!
//! | file | what it is for |
//! |---|---|
//! | `socket` | making the socket, with the owner and mode that decide who may connect |
//! | `door` | taking connections: how many, how large, how long |
//! | `peer`, `guard` | who is at the other end; asking what they may do (`crate::rights`, one pure function) before anything else |
//! | `routes` | the table of all that can be asked, each with its right |
//! | `see`, `metrics`, `proposals`, `audit` | what is read; `asked` has the parameters of lists |
//! | `act` | what is ordered |
//! | `ask` | what is asked of the agent |
//! | `history`, `view` | the store, read beside the agent; its runs and findings as JSON |
//! | `problem` | errors, with what to do |

mod act;
pub mod ask;
mod asked;
pub mod audit;
mod door;
mod guard;
pub mod history;
mod login;
pub mod metrics;
mod peer;
mod problem;
pub mod proposals;
mod routes;
mod see;
mod socket;
pub mod view;

use std::path::PathBuf;
use std::sync::Arc;

use tokio::sync::watch;

use crate::rights::Rules;

pub use routes::table;
pub use socket::Place;

/// The document that describes the API, as it is served.
pub const DOCUMENT: &str = include_str!("../../../docs/openapi.json");

/// What the handlers need.
#[derive(Clone)]
struct App {
    agent: ask::Agent,
    rules: watch::Receiver<Arc<Rules>>,
    state_dir: PathBuf,
}

/// The API, served until it is stopped.
pub struct Served(door::Door);

impl Served {
    /// Begins to serve. `rules` may change at any moment.
    pub fn begin(place: Place, agent: ask::Agent, rules: watch::Receiver<Arc<Rules>>) -> Self {
        let app = App { agent, rules, state_dir: place.state_dir.clone() };
        Self(door::Door::open(place, routes::router(app)))
    }

    /// Removes the socket, and waits a moment for the answers under way.
    pub async fn end(self) {
        self.0.close().await;
    }
}
