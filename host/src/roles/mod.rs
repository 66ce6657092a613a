//! Which rights the logins of agent.toml need, the SQL that gives them, and whether a live server has given them, no less and no more.
//!
//! | file | what |
//! |---|---|
//! | `wanted` | agent.toml and the manifests → logins, each with what it wants and why; pure |
//! | `name` | names of objects and types as SQL, everything quoted; pure |
//! | `grant` | one right → the statement that gives it, and the one that takes it away; pure |
//! | `script` | logins → what `pgreeve grants` prints; pure |
//! | `doctor` | asks a live server, as the login itself: `pgreeve doctor` |
//!
//! Manifests are written by strangers. What they say is held against `plugin::needs` when the plugin is loaded; what passes is quoted here
//! all the same.

pub mod doctor;
mod grant;
mod name;
pub mod script;
#[cfg(test)]
mod tests;
pub mod wanted;

pub use wanted::{Login, Want, logins, unused};
