//! A directory with a backup in it, a store, and an upload as the host makes it.

use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use pgreeve::grants::files::{Directory, Rules};
use pgreeve::grants::http::Origin;
use pgreeve::grants::objects::{Bucket, Fault, Store, Uploaded, upload};
use pgreeve::grants::secret::Secret;
use pgreeve_tests::testbed::S3;
use tempfile::TempDir;

/// What the tests upload: a directory with two files, a file, and what tells that they are whole.
const BEFORE: [&str; 2] = ["base", "a=C3=B6 1.dump"];
pub(crate) const LAST: &str = "a.json";

/// A directory with a backup.
pub(crate) fn backup() -> TempDir {
    let directory = tempfile::tempdir().unwrap();
    fs::create_dir_all(directory.path().join("base/deep")).unwrap();
    for (path, bytes) in [("base/one", 10), ("base/deep/two", 0), ("a=C3=B6 1.dump", 3 << 20), (LAST, 100)] {
        write(directory.path(), path, bytes);
    }
    directory
}

/// Writes a file of so many bytes, none like its neighbour.
pub(crate) fn write(directory: &Path, path: &str, bytes: usize) {
    let mut state = bytes as u32 | 1;
    let next = |_| {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 24) as u8
    };
    fs::write(directory.join(path), (0..bytes).map(next).collect::<Vec<u8>>()).unwrap();
}

/// The store of a server's own table, for writing.
pub(crate) fn store(s3: &S3) -> Store {
    let bucket = Bucket::parse("s3://backups/host 1/pg").unwrap();
    let origin = Origin::parse(&s3.endpoint()).unwrap();
    let keys = (Secret::File(s3.key("access")), Secret::File(s3.key("secret")));
    Store { allow_http: true, write: true, ..Store::new("off", bucket, origin, keys.0, keys.1) }
}

/// The directory as agent.toml grants it.
pub(crate) fn granted(directory: &Path) -> Directory {
    Directory::new("heap".into(), directory.to_owned(), Rules::default()).unwrap()
}

/// Uploads the backup.
pub(crate) fn send(store: &Store, directory: &Path) -> Result<Uploaded, Box<Fault>> {
    send_these(store, directory, &BEFORE, LAST)
}

/// Uploads something else.
pub(crate) fn send_these(store: &Store, directory: &Path, before: &[&str], last: &str) -> Result<Uploaded, Box<Fault>> {
    let before: Vec<String> = before.iter().map(|path| (*path).to_owned()).collect();
    run(upload(store, &granted(directory), &before, last, Duration::from_secs(60))).map_err(Box::new)
}

/// Runs a future to its end.
pub(crate) fn run<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Runtime::new().unwrap().block_on(future)
}

/// Waits for a condition; panics after a minute.
pub(crate) fn await_that(what: &str, mut condition: impl FnMut() -> bool) {
    let began = Instant::now();
    while !condition() {
        assert!(began.elapsed() < Duration::from_secs(60), "not within a minute: {what}");
        std::thread::sleep(Duration::from_millis(20));
    }
}
