//! Real PostgreSQL servers for tests and the demo: started in temporary directories, replicated, broken on purpose and
//! cleaned away again. `tests/setup/postgres.sh` gets the binaries.
//!
//! ```ignore
//! for major in testbed::available() {
//!     let primary = Server::start(major, &Options::default());
//!     let standby = primary.standby("standby1", &StandbyOptions { slot: Some("standby1"), ..Default::default() });
//!     primary.write_wal(8);
//!     standby.catch_up_with(&primary);
//!     standby.pause_replay();
//! }
//! ```
//!
//! Every call is synchronous and may be made within a tokio runtime: the bed drives its connections on a runtime of its
//! own and the caller's thread waits on a channel (see `runtime.rs`). What fails panics with the end of the server's
//! log.
//!
//! | a server stops | by |
//! |---|---|
//! | when its `Server` is dropped, also by a panicking test | SIGQUIT to its postmaster, then waiting for it |
//! | when the test process is killed or exits with a `Server` in a `static` | the kernel: `setpriv --pdeathsig` |
//!
//! In the second case its directory stays behind, until the next process that uses the test bed removes it.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod account;
mod clock;
mod control;
mod copy;
mod directory;
mod faults;
mod majors;
mod redis;
mod runtime;
mod s3;
mod server;
mod sql;
mod standby;
mod template;
#[cfg(test)]
mod tests;
mod walsender;

pub use account::{give, is_root, run_as_server_user};
pub use control::Stop;
pub use majors::{Major, available};
pub use redis::redis_server;
pub use s3::{ACCESS_KEY, S3, SECRET_KEY};
pub use server::{Options, Server};
pub use sql::{Row, Session};
pub use standby::StandbyOptions;
pub use walsender::Walsender;
