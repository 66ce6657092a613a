//! Every call that a guest can make of `system`, and every answer; what recordings and the audit trail hold.
//!
//! Errors: `remote` where the kernel's files cannot be read (`code` is the errno's name) or are not as expected (`malformed`). A place
//! that cannot be looked at is no error of the call: it is listed among the [`Unseen`], with what is missing.

use serde::{Deserialize, Serialize};

/// What a guest asks.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Ask {
    /// File systems that matter.
    Disks,
    /// Memory and swap.
    MemoryUsage,
    /// Load averages and pressure.
    LoadAverage,
}

/// What it is told.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Told {
    /// To [`Ask::Disks`].
    Disks {
        /// What could be looked at.
        disks: Vec<Disk>,
        /// What could not: a check that needs one of these purposes knows nothing about it.
        unseen: Vec<Unseen>,
    },
    /// To [`Ask::MemoryUsage`].
    MemoryUsage(Usage),
    /// To [`Ask::LoadAverage`].
    LoadAverage(Load),
}

/// A file system that matters to PostgreSQL or to a granted directory. One per device, however many mounts it has.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Disk {
    /// Where it is mounted: of several mounts, the one on the way to the first purpose.
    pub mount: String,
    /// Why it matters: `data`, `wal`, `tablespace:OID`, `files:GRANT`.
    pub purpose: Vec<String>,
    /// Bytes.
    pub total: u64,
    /// Bytes that an unprivileged user can have.
    pub available: u64,
    /// Inodes; 0 where their number is not fixed.
    pub inodes_total: u64,
    /// Inodes that an unprivileged user can have.
    pub inodes_available: u64,
}

/// A place that could not be looked at.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Unseen {
    /// Why it matters, as in [`Disk::purpose`]; `tablespaces` where not even their list could be read.
    pub purpose: String,
    /// What was tried, why it failed, what to do.
    pub why: String,
}

/// Bytes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Usage {
    /// MemTotal.
    pub total: u64,
    /// The kernel's estimate of what can be had without swapping (MemAvailable), not free memory.
    pub available: u64,
    /// SwapTotal; 0 without swap.
    pub swap_total: u64,
    /// SwapFree.
    pub swap_free: u64,
}

/// Load averages, and the number of processors to hold them against.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Load {
    /// Over one minute.
    pub one: f64,
    /// Over five minutes.
    pub five: f64,
    /// Over fifteen minutes.
    pub fifteen: f64,
    /// Processors online.
    pub cpus: u32,
    /// What stalls.
    pub pressure: Pressure,
}

/// Share of the last 60 s in which some task stalled, 0 to 1; none where the kernel does not tell (no PSI).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Pressure {
    /// Waiting for a processor.
    pub cpu: Option<f64>,
    /// Waiting for I/O.
    pub io: Option<f64>,
    /// Waiting for memory.
    pub memory: Option<f64>,
}
