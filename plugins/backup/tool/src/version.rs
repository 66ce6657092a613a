//! What the tool calls itself in what it writes.

/// `tool` in manifests.
pub(crate) const TOOL: &str = concat!("pgreeve-backup ", env!("CARGO_PKG_VERSION"));
