//! A wall clock that is wrong: a library, preloaded into the server, that shifts it. Two hosts whose clocks differ are
//! two servers on one host of which one has it.

use std::fs;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::PathBuf;
use std::process::Command;

use super::majors::cache_dir;

const SOURCE: &str = include_str!("clock.c");

/// Makes the server that `command` starts believe that it is `seconds` later.
pub(super) fn shift(command: &mut Command, seconds: i64) {
    command.env("LD_PRELOAD", library()).env("PGREEVE_CLOCK_SHIFT", seconds.to_string());
}

/// The library, compiled now if this machine has none of this source yet. What links Rust programs compiles it.
fn library() -> PathBuf {
    let mut hasher = DefaultHasher::new();
    SOURCE.hash(&mut hasher);
    let cache = cache_dir();
    let library = cache.join(format!("clock-{:x}.so", hasher.finish()));
    if library.is_file() {
        return library;
    }
    let work = tempfile::Builder::new().prefix(".clock-").tempdir_in(&cache).expect("the cache is writable");
    let (source, built) = (work.path().join("clock.c"), work.path().join("clock.so"));
    fs::write(&source, SOURCE).expect("the source can be written");
    let output = Command::new("cc").args(["-shared", "-fPIC", "-O1", "-o"]).args([&built, &source]).output();
    let output = output.expect("cc can be started");
    assert!(output.status.success(), "cc failed: {}", String::from_utf8_lossy(&output.stderr));
    fs::rename(&built, &library).expect("the library can be moved to its place");
    library
}
