//! Whether a backup is whole: every file there, of the size and SHA-256 that were recorded, and none besides.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, Read};
use std::path::Path;

use rustix::fs::{Advice, fadvise};
use sha2::{Digest, Sha256};

use crate::answer::{Failure, Kind};
use crate::directory::{Directory, unjudged};
use crate::manifest::{self, Content, Digested, FileEntry, Sealed, Unread, digest};
use crate::name::Name;

/// Problems listed of one backup; more are counted.
const MOST_PROBLEMS: usize = 20;

/// What looking at every byte of a backup found.
#[derive(Debug)]
pub(crate) struct Looked {
    /// The manifest, if it could be read.
    pub(crate) sealed: Option<Sealed>,
    /// The content, if it is the one that was recorded.
    pub(crate) content: Option<Content>,
    /// What is wrong, a line each; empty: it is whole.
    pub(crate) problems: Vec<String>,
    /// What says nothing about the backup, and so is no problem of it: something of it may not be read by this user, cannot be read at this moment, or
    /// is of a later format.
    pub(crate) unseen: Option<Failure>,
    pub(crate) bytes_read: u64,
}

/// Reads every byte of a backup.
pub(crate) fn look(directory: &Directory, name: &Name) -> Looked {
    let mut looked = Looked { sealed: None, content: None, problems: Vec::new(), unseen: None, bytes_read: 0 };
    let sealed = match manifest::read(directory, name) {
        Ok(sealed) => sealed,
        Err(Unread::Damaged(why)) => {
            looked.problems.push(why);
            return looked;
        }
        Err(Unread::Unjudged(failure)) => {
            looked.unseen = Some(failure);
            return looked;
        }
    };
    looked.content = looked.content_of(directory, name, &sealed);
    looked.payload(directory, &sealed);
    let more = looked.problems.len().saturating_sub(MOST_PROBLEMS);
    looked.problems.truncate(MOST_PROBLEMS);
    if more > 0 {
        looked.problems.push(format!("and {more} more"));
    }
    looked.sealed = Some(sealed);
    looked
}

impl Looked {
    fn content_of(&mut self, directory: &Directory, name: &Name, sealed: &Sealed) -> Option<Content> {
        let entry = name.entry("content.json");
        let bytes = directory.read(&entry).map_err(|why| self.unreadable(&entry, &why)).ok()?;
        self.bytes_read += bytes.len() as u64;
        let found = Digested { bytes: bytes.len() as u64, sha256: digest(&bytes) };
        self.compare(&entry, &sealed.manifest.content, &found);
        if found != sealed.manifest.content {
            return None;
        }
        serde_json::from_slice(&bytes)
            .map_err(|why| self.problems.push(format!("{entry} cannot be understood: {why}")))
            .ok()
    }

    fn payload(&mut self, directory: &Directory, sealed: &Sealed) {
        let manifest = &sealed.manifest;
        let mut expected: BTreeMap<String, Digested> = BTreeMap::new();
        if let Some(sha256) = &manifest.sha256 {
            expected.insert(manifest.payload.clone(), Digested { bytes: manifest.bytes, sha256: sha256.clone() });
        } else if let Some(content) = &self.content {
            let files = content.files.iter().cloned();
            expected.extend(files.map(|file| (file.path, Digested { bytes: file.bytes, sha256: file.sha256 })));
        } else {
            // Without the content nobody knows what should be there; that it is missing was said.
            return;
        }
        let found = match files(directory, &manifest.payload) {
            Ok(found) => found,
            Err(why) => return self.unreadable(&manifest.payload, &why),
        };
        for extra in found.iter().filter(|path| !expected.contains_key(*path)) {
            self.problems.push(format!("{extra} was not there when the backup was taken"));
        }
        for (path, recorded) in &expected {
            match file_digest(&directory.join(path)) {
                Ok(found) => {
                    self.bytes_read += found.bytes;
                    self.compare(path, recorded, &found);
                }
                Err(why) if why.kind() == io::ErrorKind::NotFound => self.problems.push(format!("{path} is missing")),
                Err(why) => self.unreadable(path, &why),
            }
        }
    }

    fn unreadable(&mut self, path: &str, why: &io::Error) {
        let problem = format!("{path} cannot be read: {why}");
        match unjudged(why) {
            Some(kind) => {
                self.unseen.get_or_insert_with(|| Failure::new(kind, problem));
            }
            None => self.problems.push(problem),
        }
    }

    /// Why nothing is known of the backup, and what to do; `None`: it is whole, or known to be damaged.
    pub(crate) fn unknown(&mut self) -> Option<Failure> {
        let mut failure = self.unseen.take().filter(|_| self.problems.is_empty())?;
        failure.message.push_str(match failure.kind {
            Kind::Refused => "; run this as the user who owns the backups, with the version that took them",
            _ => "; look at the disk, or the mount, that it lies on, and try again",
        });
        Some(failure)
    }

    fn compare(&mut self, path: &str, recorded: &Digested, found: &Digested) {
        let problem = if found.bytes == 0 && recorded.bytes > 0 {
            format!("{path} is empty, {} bytes were recorded", recorded.bytes)
        } else if found.bytes < recorded.bytes {
            format!("{path} is truncated: {} of {} bytes", found.bytes, recorded.bytes)
        } else if found.bytes > recorded.bytes {
            format!("{path} has grown: {} bytes, {} were recorded", found.bytes, recorded.bytes)
        } else if found.sha256 != recorded.sha256 {
            format!("{path} has changed: its SHA-256 is not the recorded one")
        } else {
            return;
        };
        self.problems.push(problem);
    }
}

/// Paths, below the backup directory, of the regular files of a payload, sorted. Anything but files and directories is an error.
pub(crate) fn files(directory: &Directory, payload: &str) -> io::Result<Vec<String>> {
    fn below(path: &Path, shown: &str, into: &mut Vec<String>) -> io::Result<()> {
        let kind = path.symlink_metadata()?.file_type();
        if kind.is_file() {
            into.push(shown.to_owned());
        } else if kind.is_dir() {
            for entry in fs::read_dir(path)? {
                let entry = entry?;
                let name =
                    entry.file_name().into_string().map_err(|_| io::Error::other("a file's name is no UTF-8"))?;
                below(&entry.path(), &format!("{shown}/{name}"), into)?;
            }
        } else {
            return Err(io::Error::other(format!("{shown} is neither a file nor a directory")));
        }
        Ok(())
    }
    let mut found = Vec::new();
    below(&directory.join(payload), payload, &mut found)?;
    found.sort();
    Ok(found)
}

/// Size and SHA-256 of every file of a payload that lies at `path` for now and will be called `payload`.
pub(crate) fn entries(path: &Path, payload: &str) -> io::Result<Vec<FileEntry>> {
    let mut entries = Vec::new();
    if path.symlink_metadata()?.is_dir() {
        for entry in fs::read_dir(path)? {
            let entry = entry?;
            let name = entry.file_name().into_string().map_err(|_| io::Error::other("a file's name is no UTF-8"))?;
            entries.extend(self::entries(&entry.path(), &format!("{payload}/{name}"))?);
        }
        entries.sort_by(|a, b| a.path.cmp(&b.path));
    } else {
        let found = file_digest(path)?;
        entries.push(FileEntry { path: payload.to_owned(), bytes: found.bytes, sha256: found.sha256 });
    }
    Ok(entries)
}

/// Reads a regular file to its end, from the disk where the kernel lets go of what it has in memory.
pub(crate) fn file_digest(path: &Path) -> io::Result<Digested> {
    if !path.symlink_metadata()?.is_file() {
        return Err(io::Error::other("it is no regular file"));
    }
    let mut file = File::open(path)?;
    // Advice only: a file system that does not take it reads from memory.
    let _ = fadvise(&file, 0, None, Advice::DontNeed);
    let (mut hash, mut bytes, mut buffer) = (Sha256::new(), 0, vec![0; 1 << 18]);
    loop {
        let read = file.read(&mut buffer)?;
        let Some(part) = buffer.get(..read).filter(|part| !part.is_empty()) else { break };
        hash.update(part);
        bytes += read as u64;
    }
    Ok(Digested { bytes, sha256: hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect() })
}

#[cfg(test)]
mod tests {
    use std::io;

    use super::Looked;

    fn after(error: &io::Error) -> Looked {
        let mut looked = Looked { sealed: None, content: None, problems: Vec::new(), unseen: None, bytes_read: 0 };
        looked.unreadable("a.dump", error);
        looked
    }

    #[test]
    fn an_error_that_may_pass_is_no_damage() {
        // EIO, EMFILE, ENOMEM, ESTALE, ETIMEDOUT: of a disk, this process, a mount.
        for number in [5, 24, 12, 116, 110] {
            let mut looked = after(&io::Error::from_raw_os_error(number));
            assert_eq!(looked.problems, Vec::<String>::new(), "{number}");
            assert!(looked.unknown().unwrap().message.contains("try again"), "{number}");
        }
        assert!(after(&io::ErrorKind::PermissionDenied.into()).unknown().unwrap().message.contains("who owns"));
        // ENOENT, ENOTDIR, EISDIR, and what was found by us.
        let about_it = [2, 20, 21].map(io::Error::from_raw_os_error);
        for error in about_it.into_iter().chain([io::Error::other("it is no regular file")]) {
            let mut looked = after(&error);
            assert!(looked.problems.len() == 1 && looked.unknown().is_none(), "{looked:?}");
        }
    }

    #[test]
    fn what_could_not_be_read_hides_no_damage() {
        let mut looked = after(&io::Error::from_raw_os_error(5));
        looked.problems.push("b.dump is empty".to_owned());
        assert!(looked.unknown().is_none());
    }
}
