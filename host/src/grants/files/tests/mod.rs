//! `files` on real directories: what is granted, and next to it what is not.

#![allow(clippy::print_stderr, reason = "a test that cannot be made on this machine says so")]

mod content;
mod escapes;
pub(in crate::grants) mod hanging;
mod kinds;
mod lists;
mod policy;
mod races;
pub(in crate::grants) mod rights;

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::{Ask, Directory, Entry, Files, Listing, Rules, Told, perform};
use crate::grants::error::Error;

/// What must never be read.
pub(super) const SECRET: &[u8] = b"outside";

/// A granted directory `inside`, and next to it one that is not.
pub(super) struct Ground {
    root: tempfile::TempDir,
    pub(super) directory: Directory,
    pub(super) run: Files,
}

impl Ground {
    pub(super) fn new() -> Self {
        Self::with(Rules::default())
    }

    pub(super) fn with(rules: Rules) -> Self {
        let root = tempfile::tempdir().unwrap();
        fs::create_dir(root.path().join("inside")).unwrap();
        fs::create_dir(root.path().join("outside")).unwrap();
        fs::write(root.path().join("outside/f"), SECRET).unwrap();
        let directory = Directory::new("backups".to_owned(), root.path().join("inside"), rules).unwrap();
        Self { root, directory, run: Files::new(1 << 30) }
    }

    pub(super) fn inside(&self, path: &str) -> PathBuf {
        self.root.path().join("inside").join(path)
    }

    pub(super) fn outside(&self, path: &str) -> PathBuf {
        self.root.path().join("outside").join(path)
    }

    pub(super) fn write(&self, path: &str, bytes: impl AsRef<[u8]>) {
        let path = self.inside(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, bytes).unwrap();
    }

    pub(super) fn link(&self, target: impl AsRef<Path>, path: &str) {
        symlink(target, self.inside(path)).unwrap();
    }

    /// A new run.
    pub(super) fn rerun(&mut self) {
        self.run = Files::new(1 << 30);
    }

    pub(super) async fn ask(&mut self, ask: Ask) -> Result<Told, Error> {
        perform(&mut self.run, &self.directory, &ask).await
    }

    pub(super) async fn read_part(&mut self, path: &str, offset: u64, length: u32) -> Result<Vec<u8>, Error> {
        let ask = Ask::Read { directory: "backups".to_owned(), path: path.to_owned(), offset, length };
        let Told::Read(bytes) = self.ask(ask).await? else { panic!("another answer than asked for") };
        Ok(bytes)
    }

    pub(super) async fn read(&mut self, path: &str) -> Result<Vec<u8>, Error> {
        self.read_part(path, 0, u32::MAX).await
    }

    pub(super) async fn sha256(&mut self, path: &str) -> Result<String, Error> {
        let ask = Ask::Sha256 { directory: "backups".to_owned(), path: path.to_owned() };
        let Told::Sha256(digest) = self.ask(ask).await? else { panic!("another answer than asked for") };
        Ok(digest)
    }

    pub(super) async fn metadata(&mut self, path: &str) -> Result<Entry, Error> {
        let ask = Ask::Metadata { directory: "backups".to_owned(), path: path.to_owned() };
        let Told::Metadata(entry) = self.ask(ask).await? else { panic!("another answer than asked for") };
        Ok(entry)
    }

    pub(super) async fn page(&mut self, path: &str, after: Option<&str>) -> Result<Listing, Error> {
        let (path, after) = (path.to_owned(), after.map(str::to_owned));
        let Told::Entries(listing) = self.ask(Ask::Entries { directory: "backups".to_owned(), path, after }).await?
        else {
            panic!("another answer than asked for")
        };
        Ok(listing)
    }
}

/// The code of an error of the file system.
pub(super) fn code<T: std::fmt::Debug>(answer: Result<T, Error>) -> String {
    match answer {
        Err(Error::Remote { code, .. }) => code,
        other => panic!("no error of the file system: {other:?}"),
    }
}

/// The words of a denial.
pub(super) fn denied<T: std::fmt::Debug>(answer: Result<T, Error>) -> String {
    match answer {
        Err(Error::Denied(words)) => words,
        other => panic!("not denied: {other:?}"),
    }
}

/// What a command prints.
pub(super) fn output(command: &mut Command) -> String {
    let output = command.output().unwrap();
    assert!(output.status.success(), "{command:?}: {output:?}");
    String::from_utf8(output.stdout).unwrap()
}

pub(super) fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}
