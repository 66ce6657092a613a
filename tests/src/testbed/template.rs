//! Initialised clusters to copy from, one per build and segment size: `initdb` takes a second, a copy a tenth of it.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::majors::cache_dir;
use super::{Major, account};

/// The cluster to copy from, made now if this machine has none yet.
pub(super) fn cluster(major: Major, segment_mb: u16) -> PathBuf {
    let cache = cache_dir();
    fs::create_dir_all(&cache).unwrap_or_else(|error| panic!("cannot create {}: {error}", cache.display()));
    let template = cache.join(format!("template-{}-{segment_mb}MB", build(major)));
    if template.is_dir() {
        return template;
    }
    let work = tempfile::Builder::new().prefix(".template-").tempdir_in(&cache).expect("the cache is writable");
    account::give(work.path()).expect("the template's directory can be given to the server's user");
    let data = work.path().join("data");
    init(major, segment_mb, &data);
    // When another process was quicker, its template is as good as this one, which then goes with `work`.
    match fs::rename(&data, &template) {
        Err(error) if !template.is_dir() => panic!("cannot create {}: {error}", template.display()),
        _ => template,
    }
}

/// Runs initdb: superuser `postgres`, everybody trusted, UTF-8, locale C, not synced to disk.
pub(super) fn init(major: Major, segment_mb: u16, data: &Path) {
    let mut initdb = Command::new(major.program("initdb"));
    initdb.args(["--username=postgres", "--auth=trust", "--encoding=UTF8", "--locale=C", "--no-sync"]);
    initdb.arg(format!("--wal-segsize={segment_mb}")).arg("-D").arg(data);
    let output = account::run_as_server_user(&mut initdb).current_dir("/").output().expect("initdb can be started");
    assert!(output.status.success(), "initdb failed: {}", String::from_utf8_lossy(&output.stderr));
}

/// Version and place of the binaries, as a file name: two builds of one version need not understand each other's files.
fn build(major: Major) -> String {
    let postgres = major.program("postgres");
    let output = Command::new(&postgres).arg("--version").output().expect("postgres can be started");
    let text = format!("{}{}", String::from_utf8_lossy(&output.stdout).trim(), postgres.display());
    let words = text.split(|c: char| !c.is_ascii_alphanumeric() && c != '.').filter(|word| !word.is_empty());
    words.filter(|word| !["postgres", "PostgreSQL", "bin"].contains(word)).collect::<Vec<_>>().join("-")
}
