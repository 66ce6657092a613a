//! The places whose file systems matter: a server's data directory and what it links to, and whatever else is named.

use std::collections::HashMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use rustix::fs::{CWD, Mode, OFlags, openat};
use rustix::io::Errno;

use super::Unseen;
use super::policy;
use crate::grants::files::Gate;

/// What `system = true` grants. One for the whole agent, so that all runs see what hangs.
#[derive(Debug)]
pub struct System {
    /// Data directories of the servers on this host, absolute. Empty where the servers are elsewhere or their directories not known.
    pub data_directories: Vec<PathBuf>,
    /// Other places, such as granted directories.
    pub places: Vec<Place>,
    /// Wall-clock time that each place has to answer. Default 5 s; not a key of agent.toml.
    pub timeout: Duration,
    gates: Mutex<HashMap<PathBuf, Arc<Gate>>>,
}

/// A place, and why it matters.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// `data`, `wal`, `tablespace:OID`, `files:GRANT`.
    pub purpose: String,
    /// Absolute; symbolic links are followed.
    pub path: PathBuf,
}

impl System {
    /// The host, seen from these places.
    pub fn new(data_directories: Vec<PathBuf>, places: Vec<Place>) -> Self {
        Self { data_directories, places, timeout: Duration::from_secs(5), gates: Mutex::default() }
    }

    /// The gate of a place; tablespaces come and go, and so do the gates that nobody holds and nothing hangs in.
    pub(super) fn gate(&self, path: &Path) -> Arc<Gate> {
        let mut gates = self.gates.lock().unwrap_or_else(PoisonError::into_inner);
        gates.retain(|_, gate| Arc::strong_count(gate) > 1 || gate.threads() > 0);
        gates.entry(path.to_owned()).or_default().clone()
    }
}

/// The places of a server: its data directory, pg_wal, and one for each tablespace. Reads pg_tblspc, so it blocks on the file system. The
/// links themselves are followed when the places are looked at. Without the privilege to list the tablespaces that is said, not passed
/// over: there may be some.
pub fn postgres_places(data_directory: &Path) -> (Vec<Place>, Option<Unseen>) {
    let place = |purpose: &str, path: PathBuf| Place { purpose: purpose.to_owned(), path };
    let mut places = vec![place("data", data_directory.to_owned()), place("wal", data_directory.join("pg_wal"))];
    let listed = data_directory.join("pg_tblspc");
    match tablespaces(&listed) {
        Ok(oids) => {
            places
                .extend(oids.into_iter().map(|oid| place(&format!("tablespace:{oid}"), listed.join(oid.to_string()))));
            (places, None)
        }
        Err(why) => {
            let errno = Errno::from_io_error(&why).unwrap_or(Errno::IO);
            let why = policy::unseen(&listed, "list", errno, closed(&listed).as_deref());
            (places, Some(Unseen { purpose: "tablespaces".to_owned(), why }))
        }
    }
}

/// OIDs of the tablespaces: a link each, or a directory in place.
fn tablespaces(listed: &Path) -> io::Result<Vec<u32>> {
    let mut oids = Vec::new();
    for entry in fs::read_dir(listed)? {
        oids.extend(entry?.file_name().to_str().and_then(|name| name.parse::<u32>().ok()));
    }
    oids.sort_unstable();
    Ok(oids)
}

/// The first directory on the way, from the outside in, that may not be searched.
pub(super) fn closed(path: &Path) -> Option<PathBuf> {
    let mut above: Vec<&Path> = path.ancestors().skip(1).collect();
    above.reverse();
    let shut = |directory: &&Path| openat(CWD, directory.join("."), OFlags::PATH | OFlags::CLOEXEC, Mode::empty());
    above.into_iter().find(|directory| matches!(shut(directory), Err(Errno::ACCESS))).map(Path::to_owned)
}
