//! The `system` capability: room on the file systems that matter to PostgreSQL, memory, and load of the host. Granted as a whole.
//!
//! The figures are the host's, from `/proc` and `statvfs`. A control group's limits on the agent itself (`MemoryMax=`, `CPUQuota=`) do not
//! show in them and should not: the question is how the database fares. In a container that hides the host's `/proc` (lxcfs), they are
//! what that container is told.
//!
//! Every place is looked at on a thread of its own, behind the same gate that guards granted directories: one dead mount costs its own
//! line, not the others.

mod call;
mod client;
mod mounts;
mod part;
mod places;
pub mod policy;
mod proc;
pub mod wit;

#[cfg(test)]
mod tests;

pub use call::{Ask, Disk, Load, Pressure, Told, Unseen, Usage};
pub use client::perform;
pub use part::Host;
pub use places::{Place, System, postgres_places};
