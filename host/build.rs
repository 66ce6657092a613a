//! Tells the crate which wasmtime it is built with, for `pgreeve --version`: the lock file says it, and no crate does.

use std::path::Path;

fn main() {
    let lock = Path::new(env!("CARGO_MANIFEST_DIR")).join("../Cargo.lock");
    println!("cargo:rerun-if-changed={}", lock.display());
    let text = std::fs::read_to_string(lock).unwrap_or_default();
    println!("cargo:rustc-env=WASMTIME_VERSION={}", locked(&text, "wasmtime").unwrap_or("of unknown version"));
}

/// The version that a lock file names for a package; the line after its name has it.
fn locked<'t>(lock: &'t str, package: &str) -> Option<&'t str> {
    let mut lines = lock.lines().skip_while(|line| line.strip_prefix("name = ").map(unquoted) != Some(package));
    lines.nth(1)?.strip_prefix("version = ").map(unquoted)
}

fn unquoted(text: &str) -> &str {
    text.trim_matches('"')
}
