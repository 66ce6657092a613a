//! Error codes with which a server refuses what it should do.

use pgreeve_sdk::Status;

/// Codes that are the server's fault, what they mean, and how bad that is.
pub(crate) const CODES: [(&str, &str, Status); 8] = [
    ("OOM", "it is full, and writes are refused: see redis-memory", Status::Critical),
    ("MISCONF", "it cannot save, and writes are refused: see redis-persistence", Status::Critical),
    ("CLUSTERDOWN", "its cluster does not serve: see redis-cluster", Status::Critical),
    ("MASTERDOWN", "it has no primary and may not serve what is old: see redis-link", Status::Critical),
    ("NOREPLICAS", "too few replicas are in sync (min-replicas-to-write): see redis-link", Status::Critical),
    ("READONLY", "somebody writes to a replica: point the application at the primary", Status::Warning),
    ("LOADING", "it was loading its data", Status::Warning),
    ("BUSY", "a script ran too long: SCRIPT KILL ends one that has not written", Status::Warning),
];

/// Under this code Redis 7.4 and later says that it counts errors by code no longer: too many different ones came (of scripts, say).
pub(crate) const UNCOUNTED: &str = "ERRORSTATS_DISABLED";
