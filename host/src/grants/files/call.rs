//! Every call that a guest can make of `files`, and every answer; what recordings and the audit trail hold.
//!
//! Errors, the same for all calls:
//!
//! | error | when |
//! |---|---|
//! | `invalid` | the path is malformed: NUL, an empty part, a part `.`, a trailing slash, too long; or `after` is no name |
//! | `denied` | the path leads out (`..`, absolute, a symbolic link, another file system); a FIFO, socket or device; a hard-linked file; a file too large to be hashed |
//! | `remote` | the file system answers with an error; `code` is the errno's name (`ENOENT`: no such file), or `changed` for a file that was written to while it was hashed |
//! | `unreachable` | the granted directory itself cannot be opened, its server is gone, or this host lacks `openat2` |
//! | `timed-out` | no answer within the directory's time-out, or an earlier call there still hangs |
//! | `limit-exceeded` | `bytes`: file contents and names that the run may receive |

use serde::{Deserialize, Serialize};

/// What a guest asks. `directory` is the granted name, `path` is relative to it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Ask {
    /// The entries of one directory.
    Entries {
        /// The grant.
        directory: String,
        /// The directory to list.
        path: String,
        /// Only names that sort after this one.
        after: Option<String>,
    },
    /// One entry; a symbolic link is not followed.
    Metadata {
        /// The grant.
        directory: String,
        /// The entry.
        path: String,
    },
    /// A piece of a regular file.
    Read {
        /// The grant.
        directory: String,
        /// The file.
        path: String,
        /// First byte.
        offset: u64,
        /// Most bytes.
        length: u32,
    },
    /// The SHA-256 of a whole regular file.
    Sha256 {
        /// The grant.
        directory: String,
        /// The file.
        path: String,
    },
    /// The file system that holds the directory.
    FreeSpace {
        /// The grant.
        directory: String,
    },
}

impl Ask {
    /// The name of the grant.
    pub fn directory(&self) -> &str {
        match self {
            Self::Entries { directory, .. }
            | Self::Metadata { directory, .. }
            | Self::Read { directory, .. }
            | Self::Sha256 { directory, .. }
            | Self::FreeSpace { directory } => directory,
        }
    }

    /// The path as the guest wrote it; empty for the directory itself.
    pub fn path(&self) -> &str {
        match self {
            Self::Entries { path, .. }
            | Self::Metadata { path, .. }
            | Self::Read { path, .. }
            | Self::Sha256 { path, .. } => path,
            Self::FreeSpace { .. } => "",
        }
    }
}

/// What it is told.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Told {
    /// To [`Ask::Entries`].
    Entries(Listing),
    /// To [`Ask::Metadata`].
    Metadata(Entry),
    /// To [`Ask::Read`].
    Read(#[serde(with = "crate::grants::bytes")] Vec<u8>),
    /// To [`Ask::Sha256`]: lower-case hexadecimal.
    Sha256(String),
    /// To [`Ask::FreeSpace`].
    FreeSpace(Space),
}

/// What an entry is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// A regular file.
    File,
    /// A directory.
    Directory,
    /// A symbolic link.
    Symlink,
    /// Device, socket or FIFO: listed, never opened.
    Other,
}

/// One entry of a directory.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Entry {
    /// Relative to the granted directory.
    pub path: String,
    /// What it is.
    pub kind: Kind,
    /// Bytes; 0 for anything but a file.
    pub size: u64,
    /// Microseconds since 1970-01-01 UTC.
    pub modified: i64,
}

/// A page of a directory's entries.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Listing {
    /// In the byte order of their names.
    pub entries: Vec<Entry>,
    /// There are more after the last of `entries`.
    pub more: bool,
    /// Names in the whole directory that are not UTF-8; the same on every page.
    pub skipped: u32,
}

/// A file system. Bytes and inodes; `available` is what an unprivileged user can have.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Space {
    /// Bytes.
    pub total: u64,
    /// Bytes that an unprivileged user can have.
    pub available: u64,
    /// Inodes; 0 where their number is not fixed.
    pub inodes_total: u64,
    /// Inodes that an unprivileged user can have.
    pub inodes_available: u64,
}
