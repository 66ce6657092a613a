//! The record of what was proposed, allowed and done: `state_dir/audit.jsonl`, one JSON object per line, only ever appended to, chained by hash.
//!
//! ```text
//! {"seq":7,"at":"2026-11-20T18:30:00.5Z","prev":"<64 hex>","event":"begun",…,"hash":"<64 hex>"}
//! ```
//!
//! * `seq` counts from 1. `prev` is the `hash` of the line before, 64 zeros in the first one.
//! * `hash` is the last member. It is the SHA-256, in lower-case hexadecimal, of the line's own bytes without that member: everything before
//!   `,"hash":"`, and the closing `}`. No JSON has to be written anew to verify it:
//!
//! ```sh
//! sed -n 7p audit.jsonl | sed -E 's/,"hash":"[0-9a-f]{64}"\}$/}/' | tr -d '\n' | sha256sum
//! ```
//!
//! What the chain shows by itself: a line that was altered, removed or put elsewhere. A log that was cut off at its end, or written anew from
//! some line on, is shown by a [`Head`] that was kept elsewhere.
//!
//! A line is on the disk when [`Audit::append`] returns. A line without its end was never acknowledged, as after a power cut: it is moved to
//! `audit.torn-N`, and the log says so in an entry. Several processes may append: each takes the file's lock for as long as that lasts.

mod error;
mod event;
mod handle;
mod line;
mod log;
mod read;
#[cfg(test)]
mod tests;
mod verify;

pub use error::AuditError;
pub use event::{Deed, Event};
pub use handle::AuditHandle;
pub use line::{Entry, Head};
pub use log::{Audit, FILE};
pub use read::{Filter, Found, MOST_READ, Page, Place, last, page};
pub use verify::{Verdict, verify};
