//! `pgreeve-backup` against real servers: what it takes comes back, every damage is found, nothing that is killed leaves half a backup.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]

mod base;
mod bed;
mod copy;
mod damage;
mod elsewhere;
mod globals;
mod killed;
mod locks;
mod logical;
mod newer;
mod odd;
mod properties;
mod recovery;
mod refusals;
mod sweep;
mod wal;
