//! Caches of applications, which tell of themselves over HTTP.

mod bypass;
mod checks;
mod json;
mod memory;
mod moved;
mod observe;
mod reading;
#[cfg(test)]
mod tests;
mod warm;

pub(crate) use checks::judge;
pub(crate) use observe::{Observed, observe};
