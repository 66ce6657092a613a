//! The policy as tables; the client against real servers, and against servers that lie. `tests/setup/redis.sh` makes a real one available.

mod commands;
pub(crate) mod fixture;
mod hostile;
mod logins;
mod policy;
mod replies;
mod urls;
