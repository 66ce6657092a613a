//! Every call that a guest can make of `objects`, and its answers, as `wit/objects.wit` has them and as recordings hold them.

use serde::{Deserialize, Serialize};

/// A call. `store` is the granted name; keys are relative to the store's prefix.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Ask {
    /// A page of objects.
    Entries {
        /// The grant.
        store: String,
        /// What their keys begin with.
        prefix: String,
        /// Only keys that sort after this one.
        after: Option<String>,
    },
    /// One object.
    Metadata {
        /// The grant.
        store: String,
        /// The object.
        key: String,
    },
    /// A piece of an object.
    Read {
        /// The grant.
        store: String,
        /// The object.
        key: String,
        /// First byte.
        offset: u64,
        /// Most bytes.
        length: u32,
    },
}

impl Ask {
    /// The name of the grant.
    pub fn store(&self) -> &str {
        match self {
            Self::Entries { store, .. } | Self::Metadata { store, .. } | Self::Read { store, .. } => store,
        }
    }

    /// The key or prefix as the guest wrote it.
    pub fn key(&self) -> &str {
        match self {
            Self::Entries { prefix, .. } => prefix,
            Self::Metadata { key, .. } | Self::Read { key, .. } => key,
        }
    }
}

/// An object.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Object {
    /// Relative to the store's prefix.
    pub key: String,
    /// Bytes.
    pub size: u64,
    /// Microseconds since 1970, by the store's clock.
    pub modified: i64,
    /// Without its quotes.
    pub etag: Option<String>,
}

/// A page of objects.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Listing {
    /// In the byte order of their keys.
    pub objects: Vec<Object>,
    /// There are more.
    pub more: bool,
}

/// An answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Told {
    /// To [`Ask::Entries`].
    Entries(Listing),
    /// To [`Ask::Metadata`].
    Metadata(Object),
    /// To [`Ask::Read`].
    Read(#[serde(with = "crate::grants::bytes")] Vec<u8>),
}
