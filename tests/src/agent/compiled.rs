//! The compiled plugins of the first agent of a test process, for its other agents: compiling takes a second and longer
//! on a busy machine. How it is done is the matter of other tests, whose agents start with nothing.

use std::ffi::OsString;
use std::fs::{self, DirBuilder, OpenOptions};
use std::io::Write;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt};
use std::path::Path;
use std::sync::OnceLock;

/// Name, mode and content of each file of a cache, its key among them.
static FILES: OnceLock<Vec<(OsString, u32, Vec<u8>)>> = OnceLock::new();

/// Takes what an agent has compiled, if it is the first that has.
pub(super) fn take(cache: &Path) {
    if FILES.get().is_some() {
        return;
    }
    let Ok(entries) = fs::read_dir(cache) else { return };
    let files: Vec<_> = entries
        .map(|entry| {
            let entry = entry.unwrap();
            (entry.file_name(), entry.metadata().unwrap().mode(), fs::read(entry.path()).unwrap())
        })
        .collect();
    if files.len() > 1 {
        // Another thread's are as good.
        let _ = FILES.set(files);
    }
}

/// Gives it to another agent.
pub(super) fn give(cache: &Path) {
    let Some(files) = FILES.get() else { return };
    DirBuilder::new().recursive(true).mode(0o700).create(cache).unwrap();
    for (name, mode, content) in files {
        let mut file = OpenOptions::new().create_new(true).write(true).mode(*mode).open(cache.join(name)).unwrap();
        file.write_all(content).unwrap();
    }
}
