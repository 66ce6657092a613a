//! PostgreSQL's own buffer cache.

mod checks;
mod memory;
mod observe;
mod rows;
mod seen;
#[cfg(test)]
mod tests;

pub(crate) use checks::judge;
pub(crate) use observe::{Observed, observe};
