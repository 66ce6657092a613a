//! The `objects` capability: object storage that speaks S3. A guest names a store of agent.toml and looks into it; only the action `upload`
//! puts anything there, and only where the operator says `write = true`.
//!
//! ```text
//! Store      bucket, prefix, endpoint, where the keys stand, limits                (agent.toml)
//!   ├─ key       what is a key beneath the prefix, checked before anything else sees it
//!   ├─ open      keys and certificates read anew, an `object_store` client made of them
//!   │    └─ wire      its requests, sent by the connections of `http`: every address judged, no proxy, no redirect
//!   ├─ client    what guests ask                                                    → Told
//!   ├─ fetch     bringing objects back, for the operator's own commands
//!   └─ act       the upload: survey, send, read back, the last file last            → Uploaded
//! ```
//!
//! * `object_store` writes and signs requests and reads XML. It never opens a connection: its own HTTP client is not used, so neither proxy
//!   variables nor a cloud's metadata service are asked, and keys come from where agent.toml says or not at all.
//! * Nothing is kept between calls: each opens the store anew, so that rotated keys need no restart.

mod act;
mod call;
mod client;
mod failure;
mod fetch;
mod heard;
mod key;
mod open;
mod part;
mod send;
mod store;
mod wire;
pub mod wit;

#[cfg(test)]
mod tests;

pub use act::{Fault, Load, Placed, Reached, Uploaded, load, upload};
pub use call::{Ask, Listing, Object, Told};
pub use client::perform;
pub use fetch::{Fetched, fetch, fetch_each, list};
pub use key::{Key, template_path};
pub use store::{Bucket, Store};

/// The part of a run's state that belongs to `objects`. It holds no connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Objects {
    /// Bytes that the run may still receive through this capability.
    pub remaining: u64,
}

impl Objects {
    /// A run's part; `bytes` is its limit of bytes received.
    pub fn new(bytes: u64) -> Self {
        Self { remaining: bytes }
    }
}
