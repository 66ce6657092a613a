//! The bytes of a plugin as the operator installed them: read whole, recognised by their header, held against the pinned digest.

use std::fmt;
use std::fs::File;
use std::io::Read;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use sha2::{Digest as _, Sha256};

/// The largest plugin file, in bytes. A Python plugin has 18 MB; compiling costs many times the size.
pub const MAX_BYTES: u64 = 64 << 20;

/// A SHA-256, shown in lower-case hexadecimal.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Digest([u8; 32]);

impl Digest {
    /// The digest of these bytes.
    pub fn of(bytes: &[u8]) -> Self {
        Self(Sha256::digest(bytes).into())
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(out, "{byte:02x}"))
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, out)
    }
}

/// A component's bytes and their digest.
#[derive(Clone)]
pub struct Source {
    /// Where they came from.
    pub path: PathBuf,
    /// The component, not yet validated.
    pub bytes: Vec<u8>,
    /// SHA-256 of the bytes.
    pub digest: Digest,
}

/// A file that is no plugin.
#[derive(Debug, thiserror::Error)]
pub enum SourceError {
    /// Not there, or not readable.
    #[error("cannot read {path}: {source}")]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// Larger than [`MAX_BYTES`].
    #[error("{path} has more than {} MiB, the most that a plugin may have", MAX_BYTES >> 20)]
    TooLarge {
        /// The file.
        path: PathBuf,
    },
    /// A module instead of a component.
    #[error("{path} is a core WebAssembly module, not a component: build it with `pgreeve plugin build`")]
    CoreModule {
        /// The file.
        path: PathBuf,
    },
    /// Machine code, which is loaded from the agent's own cache only.
    #[error(
        "{path} is precompiled machine code, which pgreeve never loads from outside its own cache: install the .wasm file"
    )]
    Precompiled {
        /// The file.
        path: PathBuf,
    },
    /// Something else.
    #[error("{path} is not a WebAssembly component (its first bytes are {start:?})")]
    NotWasm {
        /// The file.
        path: PathBuf,
        /// Its first bytes, escaped.
        start: String,
    },
    /// Not the file that was pinned.
    #[error(
        "{path} has SHA-256 {found}, not the pinned {pinned}: restore the file, or pin the new digest after `pgreeve plugin explain`"
    )]
    OtherDigest {
        /// The file.
        path: PathBuf,
        /// What the operator pinned.
        pinned: String,
        /// What is there.
        found: Digest,
    },
}

impl Source {
    /// Reads a plugin and holds it against the digest that the operator pinned, if there is one.
    pub fn read(path: &Path, pinned: Option<&str>) -> Result<Self, SourceError> {
        let bytes = read_capped(path)?;
        check_header(path, &bytes)?;
        let digest = Digest::of(&bytes);
        match pinned {
            Some(pinned) if !pinned.eq_ignore_ascii_case(&digest.to_string()) => {
                Err(SourceError::OtherDigest { path: path.to_owned(), pinned: pinned.to_owned(), found: digest })
            }
            _ => Ok(Self { path: path.to_owned(), bytes, digest }),
        }
    }
}

fn read_capped(path: &Path) -> Result<Vec<u8>, SourceError> {
    let failed = |source| SourceError::Read { path: path.to_owned(), source };
    // Opening a FIFO that nobody writes would wait for ever.
    let flags = rustix::fs::OFlags::NONBLOCK.bits().cast_signed();
    let file = File::options().read(true).custom_flags(flags).open(path).map_err(failed)?;
    if !file.metadata().map_err(failed)?.is_file() {
        return Err(failed(std::io::Error::other("it is not a regular file")));
    }
    let mut bytes = Vec::new();
    file.take(MAX_BYTES + 1).read_to_end(&mut bytes).map_err(failed)?;
    if bytes.len() as u64 > MAX_BYTES {
        return Err(SourceError::TooLarge { path: path.to_owned() });
    }
    Ok(bytes)
}

fn check_header(path: &Path, bytes: &[u8]) -> Result<(), SourceError> {
    let path = path.to_owned();
    match bytes.get(..8) {
        Some(b"\0asm\x0d\0\x01\0") => Ok(()),
        Some([b'\0', b'a', b's', b'm', _, _, b'\0', b'\0']) => Err(SourceError::CoreModule { path }),
        Some([0x7f, b'E', b'L', b'F', ..]) => Err(SourceError::Precompiled { path }),
        _ => {
            let start = bytes.get(..bytes.len().min(8)).unwrap_or_default().escape_ascii().to_string();
            Err(SourceError::NotWasm { path, start })
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(bytes: &[u8], pinned: Option<&str>) -> Result<Source, SourceError> {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("x.wasm");
        std::fs::write(&path, bytes).unwrap();
        Source::read(&path, pinned)
    }

    const EMPTY: &[u8] = b"\0asm\x0d\0\x01\0";

    #[test]
    fn what_is_no_component_is_named() {
        assert!(read(EMPTY, None).is_ok());
        assert!(matches!(read(b"\0asm\x01\0\0\0", None), Err(SourceError::CoreModule { .. })));
        assert!(matches!(read(b"\x7fELF\x02\x01\x01\0\0\0", None), Err(SourceError::Precompiled { .. })));
        assert!(matches!(read(b"", None), Err(SourceError::NotWasm { .. })));
        assert!(matches!(read(b"#!/bin/sh\n", None), Err(SourceError::NotWasm { .. })));
        assert!(matches!(Source::read(Path::new("/nowhere/x.wasm"), None), Err(SourceError::Read { .. })));
        assert!(matches!(Source::read(Path::new("/dev/zero"), None), Err(SourceError::Read { .. })));
    }

    #[test]
    fn a_fifo_is_refused_without_waiting_for_a_writer() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("x.wasm");
        rustix::fs::mknodat(rustix::fs::CWD, &path, rustix::fs::FileType::Fifo, 0o600.into(), 0).unwrap();
        assert!(matches!(Source::read(&path, None), Err(SourceError::Read { .. })));
    }

    #[test]
    fn a_pinned_digest_holds() {
        // printf '\0asm\x0d\0\x01\0' | sha256sum
        let digest = Digest::of(EMPTY).to_string();
        assert!(read(EMPTY, Some(&digest)).is_ok());
        assert!(read(EMPTY, Some(&digest.to_uppercase())).is_ok());
        assert!(matches!(read(EMPTY, Some(&"0".repeat(64))), Err(SourceError::OtherDigest { .. })));
    }
}
