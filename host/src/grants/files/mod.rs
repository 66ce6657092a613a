//! The `files` capability: reading in directories that the operator named. The kernel keeps every look-up inside the directory
//! (`openat2`), nothing but regular files and directories is ever opened, and a file system that hangs costs a bounded number of threads.
//!
//! ```text
//! Directory  what is granted: name, path, rules; which calls are under way there
//!   └─ Gate    one thread per call, few at a time; the caller leaves at the time-out, whatever the thread hangs on
//!        └─ Root   the directory's descriptor, opened once per run; finds paths beneath it
//!             ├─ listing   a page of names in byte order, in bounded memory
//!             ├─ content   a piece of a file; the SHA-256 of a whole one
//!             ├─ source    files on their way to an object store, for actions alone
//!             └─ act       removes and renames, for actions alone and where the operator says `write = true`
//! ```
//!
//! Needs Linux 5.6 for `openat2`, and `/proc` mounted. Where the kernel or a seccomp filter has no `openat2`, every call is answered
//! `unreachable`: a second look-up in user space would be a second boundary to get right.
//!
//! Symbolic links may be followed as long as they stay inside (pgBackRest's `latest` is one); absolute ones lead out by definition, even
//! if they point back in. A file system mounted below a granted directory is outside it: it is granted under its own name.

mod act;
mod call;
mod client;
mod content;
mod directory;
mod failure;
mod gate;
mod keep;
mod listing;
mod part;
pub mod policy;
mod root;
mod source;
pub mod wit;

#[cfg(test)]
pub(super) mod tests;

pub use act::{Acted, Fault, Removed, remove, rename};
pub use call::{Ask, Entry, Kind, Listing, Space, Told};
pub use client::{Files, perform};
pub use directory::{Directory, Rules};
pub(in crate::grants) use failure::{errno_name, user, words};
pub(in crate::grants) use gate::Gate;
pub(in crate::grants) use root::space;
pub(in crate::grants) use source::{Source, survey};
