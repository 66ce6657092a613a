//! The temporary directory of a server: short enough for a socket's path, owned by the server's user, and removed even
//! when the test process that made it was killed.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Once;

use tempfile::TempDir;

use super::account;

const PREFIX: &str = "pgreeve-bed-";

/// A new directory, `/tmp/pgreeve-bed-<pid>-<random>`.
pub(super) fn create() -> TempDir {
    static SWEPT: Once = Once::new();
    let base = base();
    SWEPT.call_once(|| remove_those_of_dead_processes(&base));
    let prefix = format!("{PREFIX}{}-", std::process::id());
    let dir = tempfile::Builder::new().prefix(&prefix).tempdir_in(&base).expect("the base directory is writable");
    account::give(dir.path()).expect("the server's directory can be given to its user");
    dir
}

/// PGREEVE_TEST_DIR, e.g. /dev/shm where that is large and the disk is slow; by default /tmp. TMPDIR is no choice,
/// because it may be long and the path of a Unix socket ends at 107 bytes.
fn base() -> PathBuf {
    let own = std::env::var_os("PGREEVE_TEST_DIR").filter(|value| !value.is_empty());
    own.map_or_else(|| "/tmp".into(), PathBuf::from)
}

fn remove_those_of_dead_processes(base: &Path) {
    for entry in fs::read_dir(base).expect("the base directory is readable").flatten() {
        let name = entry.file_name();
        let pid = name.to_str().and_then(|name| name.strip_prefix(PREFIX)).and_then(|rest| rest.split('-').next());
        if pid.is_some_and(|pid| !Path::new("/proc").join(pid).exists()) {
            // Another process may be sweeping too, or it belongs to somebody else: both are fine.
            let _ = fs::remove_dir_all(entry.path());
        }
    }
}
