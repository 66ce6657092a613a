//! Compiled code between starts. Loading code means executing it, so a file counts only if it stands in a directory that nobody but the
//! agent's user can write, is a plain file of that user, and carries a keyed digest (HMAC-SHA256) that this agent wrote. The code is read
//! once, proved, and loaded from those same bytes: nothing can change between proof and use.

use std::hash::{Hash as _, Hasher as _};
use std::io::{Read as _, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use hmac::{Hmac, Mac as _};
use sha2::Sha256;
use wasmtime::Engine;
use wasmtime::component::Component;

use super::source::Digest;

/// Bytes of the keyed digest in front of the code.
const SEAL: usize = 32;

/// Bytes of the key: HMAC-SHA256's block.
const KEY: usize = 64;

/// A directory of compiled components.
pub struct Cache {
    directory: PathBuf,
    key: [u8; KEY],
}

/// The cache cannot be used as it is.
#[derive(Debug, thiserror::Error)]
pub enum CacheError {
    /// Something about the directory or its key would let others write code that the agent runs.
    #[error("the cache of compiled plugins {path} is not safe: {why}. Remove it; it is made again")]
    Unsafe {
        /// The directory or file.
        path: PathBuf,
        /// What is wrong.
        why: String,
    },
    /// It cannot be read or written.
    #[error("cannot use the cache of compiled plugins {path}: {source}")]
    Io {
        /// The directory or file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
}

impl Cache {
    /// Opens or makes the cache in a directory (mode 0700) with its key (mode 0400).
    pub fn open(directory: &Path) -> Result<Self, CacheError> {
        let io = |path: &Path| {
            let path = path.to_owned();
            move |source| CacheError::Io { path, source }
        };
        std::fs::DirBuilder::new().recursive(true).mode(0o700).create(directory).map_err(io(directory))?;
        let metadata = std::fs::symlink_metadata(directory).map_err(io(directory))?;
        check_owner(directory, &metadata, metadata.is_dir(), 0o022)?;
        let path = directory.join("key");
        if !path.exists() {
            let mut key = [0; KEY];
            std::fs::File::open("/dev/urandom")
                .and_then(|mut random| random.read_exact(&mut key))
                .map_err(io(&path))?;
            write_whole(directory, &path, &[&key]).map_err(io(&path))?;
        }
        let bytes = read_own(&path)?;
        let key =
            bytes.try_into().map_err(|_| CacheError::Unsafe { path, why: format!("the key has not {KEY} bytes") })?;
        Ok(Self { directory: directory.to_owned(), key })
    }

    /// The compiled form of a component, if it is there and proved. A file that fails its proof is reported and not used.
    pub fn get(&self, engine: &Engine, digest: Digest) -> Option<Component> {
        let path = self.path(engine, digest);
        if !path.exists() {
            return None;
        }
        let proved = read_own(&path).and_then(|mut bytes| {
            let code = bytes.split_off(SEAL.min(bytes.len()));
            self.seal(digest, &code).verify_slice(&bytes).map_err(|_| CacheError::Unsafe {
                path: path.clone(),
                why: "its keyed digest does not fit: this agent did not write it, or it was altered".into(),
            })?;
            component_from(engine, &code)
                .map_err(|error| CacheError::Unsafe { path: path.clone(), why: format!("{error:#}") })
        });
        proved.inspect_err(|error| tracing::warn!(%error, "compiling anew")).ok()
    }

    /// Keeps the compiled form of a component: written under a temporary name, synced, renamed.
    pub fn put(&self, engine: &Engine, digest: Digest, code: &[u8]) -> Result<(), CacheError> {
        let path = self.path(engine, digest);
        let seal = self.seal(digest, code).finalize().into_bytes();
        write_whole(&self.directory, &path, &[&seal, code]).map_err(|source| CacheError::Io { path, source })
    }

    /// Removes the code of components that are not among these, and of other versions of wasmtime.
    pub fn keep(&self, engine: &Engine, digests: &[Digest]) -> Result<(), CacheError> {
        let io = |source| CacheError::Io { path: self.directory.clone(), source };
        let kept: Vec<PathBuf> = digests.iter().map(|digest| self.path(engine, *digest)).collect();
        for entry in std::fs::read_dir(&self.directory).map_err(io)? {
            let path = entry.map_err(io)?.path();
            if path.extension().is_some_and(|extension| extension == "cwasm") && !kept.contains(&path) {
                std::fs::remove_file(&path).map_err(io)?;
            }
        }
        Ok(())
    }

    /// Named by the component's digest and by what the compiled form depends on: wasmtime's version, its settings, the processor.
    fn path(&self, engine: &Engine, digest: Digest) -> PathBuf {
        let mut hasher = std::hash::DefaultHasher::new();
        engine.precompile_compatibility_hash().hash(&mut hasher);
        self.directory.join(format!("{digest}-{:016x}.cwasm", hasher.finish()))
    }

    /// The digest of the component is sealed with the code, so that one plugin's code cannot stand in for another's.
    fn seal(&self, digest: Digest, code: &[u8]) -> Hmac<Sha256> {
        let mut seal = <Hmac<Sha256> as hmac::Mac>::new(&self.key.into());
        seal.update(digest.to_string().as_bytes());
        seal.update(code);
        seal
    }
}

/// Loads code that this process or its cache has just vouched for.
#[allow(unsafe_code)]
pub fn component_from(engine: &Engine, code: &[u8]) -> wasmtime::Result<Component> {
    // SAFETY: `deserialize` runs what it is given. The callers give it either the output of this program's own compiler process or
    // bytes whose keyed digest they have just verified; both are copied into memory of their own here, so they cannot change afterwards.
    unsafe { Component::deserialize(engine, code) }
}

fn check_owner(path: &Path, metadata: &std::fs::Metadata, right_kind: bool, forbidden: u32) -> Result<(), CacheError> {
    let us = rustix::process::geteuid().as_raw();
    let why = if !right_kind {
        "it is not what it should be (a link or another kind of file)".to_owned()
    } else if metadata.uid() != us {
        format!("it belongs to uid {}, not to {us}", metadata.uid())
    } else if metadata.mode() & forbidden != 0 {
        format!("its mode {:o} lets others write", metadata.mode() & 0o777)
    } else {
        return Ok(());
    };
    Err(CacheError::Unsafe { path: path.to_owned(), why })
}

/// Reads a file that only the agent's user can have written.
fn read_own(path: &Path) -> Result<Vec<u8>, CacheError> {
    let io = |source| CacheError::Io { path: path.to_owned(), source };
    let flags = (rustix::fs::OFlags::NOFOLLOW | rustix::fs::OFlags::NONBLOCK).bits().cast_signed();
    let mut file = std::fs::OpenOptions::new().read(true).custom_flags(flags).open(path).map_err(io)?;
    let metadata = file.metadata().map_err(io)?;
    check_owner(path, &metadata, metadata.is_file() && metadata.nlink() == 1, 0o022)?;
    let mut bytes = Vec::with_capacity(usize::try_from(metadata.len()).unwrap_or(0));
    file.read_to_end(&mut bytes).map_err(io)?;
    Ok(bytes)
}

fn write_whole(directory: &Path, path: &Path, parts: &[&[u8]]) -> std::io::Result<()> {
    let temporary = path.with_extension(format!("{}.tmp", std::process::id()));
    let write = || {
        let mut file = std::fs::OpenOptions::new().write(true).create_new(true).mode(0o400).open(&temporary)?;
        parts.iter().try_for_each(|part| file.write_all(part))?;
        file.sync_all()?;
        std::fs::rename(&temporary, path)?;
        std::fs::File::open(directory)?.sync_all()
    };
    write().inspect_err(|_| drop(std::fs::remove_file(&temporary)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt as _;

    const EMPTY: &[u8] = b"\0asm\x0d\0\x01\0";

    fn filled() -> (tempfile::TempDir, Cache, Engine, PathBuf) {
        let directory = tempfile::tempdir().unwrap();
        let cache = Cache::open(&directory.path().join("cache")).unwrap();
        let engine = crate::engine::compiler().unwrap();
        let code = engine.precompile_component(EMPTY).unwrap();
        cache.put(&engine, Digest::of(EMPTY), &code).unwrap();
        let path = cache.path(&engine, Digest::of(EMPTY));
        (directory, cache, engine, path)
    }

    fn rewrite(path: &Path, change: impl FnOnce(&mut Vec<u8>)) {
        let mut bytes = std::fs::read(path).unwrap();
        change(&mut bytes);
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o600)).unwrap();
        std::fs::write(path, bytes).unwrap();
    }

    #[test]
    fn what_was_put_is_got_again_also_by_the_next_start() {
        let (directory, cache, engine, _) = filled();
        assert!(cache.get(&engine, Digest::of(EMPTY)).is_some());
        let again = Cache::open(&directory.path().join("cache")).unwrap();
        assert!(again.get(&engine, Digest::of(EMPTY)).is_some());
        assert!(again.get(&engine, Digest::of(b"another")).is_none());
    }

    #[test]
    fn altered_truncated_and_foreign_code_is_not_used() {
        for change in [
            (|bytes: &mut Vec<u8>| *bytes.last_mut().unwrap() ^= 1) as fn(&mut Vec<u8>),
            |bytes| bytes[0] ^= 1,
            |bytes| bytes.truncate(40),
            |bytes| bytes.truncate(3),
            Vec::clear,
        ] {
            let (_directory, cache, engine, path) = filled();
            rewrite(&path, change);
            assert!(cache.get(&engine, Digest::of(EMPTY)).is_none());
        }
        // Sealed by another agent's key.
        let (_one, cache, engine, path) = filled();
        let (_two, _, _, other) = filled();
        std::fs::remove_file(&path).unwrap();
        std::fs::copy(other, &path).unwrap();
        assert!(cache.get(&engine, Digest::of(EMPTY)).is_none());
    }

    #[test]
    fn code_of_one_plugin_does_not_stand_in_for_another() {
        let (_directory, cache, engine, path) = filled();
        std::fs::copy(&path, cache.path(&engine, Digest::of(b"another"))).unwrap();
        assert!(cache.get(&engine, Digest::of(b"another")).is_none());
    }

    #[test]
    fn code_that_no_plugin_has_any_more_is_removed() {
        let (_directory, cache, engine, path) = filled();
        let other = Digest::of(b"another");
        cache.put(&engine, other, b"code").unwrap();
        cache.keep(&engine, &[Digest::of(EMPTY)]).unwrap();
        assert!(path.exists() && !cache.path(&engine, other).exists() && cache.directory.join("key").exists());
    }

    #[test]
    fn links_and_writable_places_are_refused() {
        let (directory, cache, engine, path) = filled();
        let elsewhere = directory.path().join("elsewhere");
        std::fs::rename(&path, &elsewhere).unwrap();
        std::os::unix::fs::symlink(&elsewhere, &path).unwrap();
        assert!(cache.get(&engine, Digest::of(EMPTY)).is_none(), "a symbolic link");
        std::fs::remove_file(&path).unwrap();
        std::fs::hard_link(&elsewhere, &path).unwrap();
        assert!(cache.get(&engine, Digest::of(EMPTY)).is_none(), "a second hard link");
        std::fs::remove_file(&elsewhere).unwrap();
        assert!(cache.get(&engine, Digest::of(EMPTY)).is_some());
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o620)).unwrap();
        assert!(cache.get(&engine, Digest::of(EMPTY)).is_none(), "a file that the group can write");
        let open = directory.path().join("cache");
        std::fs::set_permissions(&open, std::fs::Permissions::from_mode(0o770)).unwrap();
        assert!(matches!(Cache::open(&open), Err(CacheError::Unsafe { .. })), "a directory that the group can write");
    }
}
