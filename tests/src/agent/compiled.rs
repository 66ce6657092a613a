//! The built plugins in their compiled form, for the agents of all test processes: compiling one takes a second and longer, on a busy
//! machine or in Python's case half a minute, and nextest gives each test a process of its own. The first test that needs a plugin has the
//! agent's binary compile it, the others wait for that. How compiling is done is the matter of tests whose agents start with nothing.

use std::ffi::OsStr;
use std::fs::{self, DirBuilder, File, OpenOptions};
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::io::Write as _;
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::process::Command;

use super::{pgreeve, plugins};

/// The key of every cache that is given to an agent. These caches prove nothing: who can write them can write the binary too.
const KEY: [u8; 64] = [7; 64];

/// Gives an agent the code of all built plugins that its configuration names.
pub(super) fn give(config: &str, state_dir: &Path) {
    if state_dir.exists() && !state_dir.is_dir() {
        return; // a test of just that
    }
    let prefix = format!("{}/", plugins().display());
    for rest in config.split(&prefix).skip(1) {
        let name = rest.split('"').next().unwrap();
        if plugins().join(name).is_file() {
            give_one(name, &state_dir.join("cache"));
        }
    }
}

/// The directory of the code of the built plugin of that file name, as it is given to `pgreeve plugin test` and `explain`.
pub fn cache_of(name: &str) -> PathBuf {
    compiled(name).0
}

/// Gives a cache, which is made if there is none, the code of one plugin.
fn give_one(name: &str, cache: &Path) {
    DirBuilder::new().recursive(true).mode(0o700).create(cache).unwrap();
    put(cache, OsStr::new("key"), &KEY);
    if fs::read(cache.join("key")).unwrap() == KEY {
        let (place, _lock) = compiled(name);
        for entry in fs::read_dir(place).unwrap() {
            let entry = entry.unwrap();
            if !cache.join(entry.file_name()).exists() {
                put(cache, &entry.file_name(), &fs::read(entry.path()).unwrap());
            }
        }
    }
}

/// Writes a file as the agent does, whole or not at all, unless it is there.
fn put(cache: &Path, name: &OsStr, content: &[u8]) {
    if cache.join(name).exists() {
        return;
    }
    let temporary = cache.join(name).with_extension(format!("given.{}", std::process::id()));
    let mut file = OpenOptions::new().create_new(true).write(true).mode(0o400).open(&temporary).unwrap();
    file.write_all(content).unwrap();
    fs::rename(temporary, cache.join(name)).unwrap();
}

/// A directory with a plugin's compiled code, which stays as it is while the lock is held.
fn compiled(name: &str) -> (PathBuf, File) {
    let shared = shared();
    fs::create_dir_all(&shared).unwrap();
    let lock = File::create(shared.join(format!("{name}.lock"))).unwrap();
    let place = shared.join(format!("{name}-{:016x}", identity(name)));
    lock.lock_shared().unwrap();
    if place.is_dir() {
        return (place, lock);
    }
    lock.unlock().unwrap();
    lock.lock().unwrap();
    // Another process may have made it meanwhile.
    if !place.is_dir() {
        // What earlier builds left, and tests that were ended in the middle.
        for entry in fs::read_dir(&shared).unwrap().map(Result::unwrap) {
            if entry.file_name().to_string_lossy().starts_with(&format!("{name}-")) {
                fs::remove_dir_all(entry.path()).unwrap();
            }
        }
        let work = shared.join(format!("{name}-new"));
        DirBuilder::new().mode(0o700).create(&work).unwrap();
        put(&work, OsStr::new("key"), &KEY);
        let mut command = Command::new(pgreeve());
        command.args(["plugin", "explain"]).arg(plugins().join(name)).arg("--cache").arg(&work);
        let output = command.env_remove("PGREEVE_CONFIG").output().unwrap();
        assert!(output.status.success(), "{name}: {}", String::from_utf8_lossy(&output.stderr));
        fs::rename(work, &place).unwrap();
    }
    (place, lock)
}

/// What the code depends on: the plugin's bytes, and the binary by its length and time.
fn identity(name: &str) -> u64 {
    let mut hasher = DefaultHasher::new();
    fs::read(plugins().join(name)).unwrap().hash(&mut hasher);
    let binary = pgreeve().metadata().unwrap();
    (binary.len(), binary.mtime(), binary.mtime_nsec()).hash(&mut hasher);
    hasher.finish()
}

/// In cargo's directory for what tests write, beside that of the profile in which this program stands, itself or in `deps`.
fn shared() -> PathBuf {
    let program = std::env::current_exe().unwrap();
    let profile = program.ancestors().skip(1).find(|directory| !directory.ends_with("deps")).unwrap();
    profile.with_file_name("tmp").join("compiled")
}
