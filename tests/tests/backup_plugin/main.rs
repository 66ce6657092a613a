//! The backup plugin: every damage that it claims to find done to directories in the documented format, healthy ones that stay quiet, and the whole
//! loop with the real tool and real servers.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic)]

mod adversary;
mod archive;
mod bed;
mod cluster;
mod copies;
mod crash;
mod damage;
mod doing;
mod field;
mod globals;
mod looks;
mod outside;
mod rounds;
mod scale;
mod watching;
