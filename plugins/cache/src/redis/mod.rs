//! Redis and Valkey servers.

mod checks;
mod codes;
mod info;
mod memory;
mod nodes;
mod observe;
mod seen;
#[cfg(test)]
mod tests;

pub(crate) use checks::judge;
pub(crate) use observe::{Observed, observe};

use pgreeve_sdk::Error;

use crate::trust::is_mistrust;

/// Whether a server can be said to be down for who uses it: no connection, or no answer in time.
pub(crate) fn is_down(error: &Error) -> bool {
    match error {
        error if is_mistrust(error) => false,
        Error::Unreachable(_) | Error::TimedOut(_) => true,
        Error::Remote(remote) => {
            remote.code == "BUSY" || remote.code == "LOADING" || remote.message.contains("max number of clients")
        }
        _ => false,
    }
}
