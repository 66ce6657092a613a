//! From a file to something that can run: source → compiled code → plugin with its manifest.
//!
//! | file | step |
//! |---|---|
//! | `source` | reads the file, checks size, kind and pinned digest |
//! | `compile` | compiles in a child process with limits |
//! | `cache` | keeps compiled code where only the agent's user can write, and proves it before use |
//! | `load` | links it with the contract and asks it what it is |
//! | `manifest` | the answer, checked |
//! | `needs` | the rights that it says its logins need, checked and in words |
//! | `schema` | the settings' JSON Schema, bounded |
//! | `template` | the statements of its actions, taken apart and filled |
//! | `explain` | the answer and the component's imports, in words |
//! | `difference` | what a new version wants and can do that the old one did not |
//! | `build` | what authors use: cargo for the wasm target, then the component |

pub mod build;
pub mod cache;
pub mod compile;
pub mod difference;
pub mod explain;
pub mod load;
pub mod manifest;
mod name;
pub mod needs;
mod schema;
pub mod source;
pub mod template;

pub use load::{LoadError, Loader, Plugin};
pub use manifest::Manifest;
pub use source::Source;
