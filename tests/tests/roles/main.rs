//! `pgreeve grants` and `pgreeve doctor`, on real servers: what the one prints is what the other finds right, each right that is taken away
//! is named with the statement that gives it back, and what nobody wants is found.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic)]

mod bed;
mod excess;
mod missing;
mod printed;
mod public;
mod scopes;
mod superuser;
