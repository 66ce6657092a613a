//! Where a secret comes from: a file, an environment variable, or a systemd credential. Read anew each time it is needed, so a rotated
//! secret needs no restart. A secret never reaches a message.

use std::{
    fmt, fs, io,
    io::Read as _,
    os::unix::fs::{MetadataExt as _, OpenOptionsExt as _},
    path::{Path, PathBuf},
};

/// Larger files hold no secret.
const MAX_FILE: u64 = 1 << 20;

/// Where a secret stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Secret {
    /// A file with nothing but the secret; one line end is cut off. 0600, or 0640 if root owns it.
    File(PathBuf),
    /// An environment variable of the agent.
    Env(String),
    /// A systemd credential (`LoadCredential=`), by its name in `$CREDENTIALS_DIRECTORY`; systemd guards its
    /// permissions.
    Credential(String),
}

/// As in error messages.
impl fmt::Display for Secret {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path) => write!(out, "secret file {}", path.display()),
            Self::Env(name) => write!(out, "environment variable {name}"),
            Self::Credential(name) => write!(out, "credential {name}"),
        }
    }
}

/// Why there is no secret although a source is configured. `from` is the source in words.
#[derive(Debug, thiserror::Error)]
pub enum SecretError {
    /// The file cannot be read.
    #[error("cannot read {from}: {why}")]
    Unreadable {
        /// The source.
        from: String,
        /// The system's error.
        why: io::Error,
    },
    /// Others can read the file.
    #[error("{from} can be read by others (mode {mode:04o}): chmod 0600 it")]
    Exposed {
        /// The source.
        from: String,
        /// Permission bits.
        mode: u32,
    },
    /// The source is there, the secret is not.
    #[error("{from} {why}")]
    Absent {
        /// The source.
        from: String,
        /// What is missing.
        why: &'static str,
    },
}

impl Secret {
    /// The secret, not empty. Blocks on the file system.
    pub fn read(&self) -> Result<Vec<u8>, SecretError> {
        let absent = |why| SecretError::Absent { from: self.to_string(), why };
        match self {
            Self::Env(name) => match std::env::var_os(name) {
                Some(value) if !value.is_empty() => Ok(value.into_encoded_bytes()),
                _ => Err(absent("is not set")),
            },
            Self::File(path) => self.whole(path, Readers::OwnerOrRootsGroup),
            Self::Credential(name) => {
                let directory = std::env::var_os("CREDENTIALS_DIRECTORY")
                    .ok_or_else(|| absent("needs $CREDENTIALS_DIRECTORY: run under systemd with LoadCredential="))?;
                if name.is_empty() || name.contains('/') || name == ".." {
                    return Err(absent("is no credential's name"));
                }
                self.whole(&Path::new(&directory).join(name), Readers::Anybody)
            }
        }
    }

    /// A file that holds the secret alone.
    fn whole(&self, path: &Path, readers: Readers) -> Result<Vec<u8>, SecretError> {
        let mut bytes = load(&self.to_string(), path, readers)?;
        if bytes.last() == Some(&b'\n') {
            bytes.pop();
            if bytes.last() == Some(&b'\r') {
                bytes.pop();
            }
        }
        if bytes.is_empty() {
            return Err(SecretError::Absent { from: self.to_string(), why: "is empty" });
        }
        Ok(bytes)
    }
}

/// Who may read a file with a secret besides its owner.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Readers {
    /// Nobody, as libpq wants it for `.pgpass`.
    Owner,
    /// The group too if root owns the file, as libpq wants it for `sslkey`.
    OwnerOrRootsGroup,
    /// Not looked at.
    Anybody,
}

/// A guarded file's bytes; `from` names it in errors.
pub fn load(from: &str, path: &Path, readers: Readers) -> Result<Vec<u8>, SecretError> {
    match read_guarded(path, readers) {
        Ok(Ok(bytes)) => Ok(bytes),
        Ok(Err(mode)) => Err(SecretError::Exposed { from: from.to_owned(), mode }),
        Err(why) => Err(SecretError::Unreadable { from: from.to_owned(), why }),
    }
}

/// A secret's bytes; `Err(mode)` inside if more may read it than `readers`.
fn read_guarded(path: &Path, readers: Readers) -> io::Result<Result<Vec<u8>, u32>> {
    // Opening a FIFO that nobody writes would wait for ever.
    let flags = rustix::fs::OFlags::NONBLOCK.bits().cast_signed();
    let file = fs::File::options().read(true).custom_flags(flags).open(path)?;
    let metadata = file.metadata()?;
    if !metadata.is_file() {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "not a regular file"));
    }
    let allowed = match readers {
        Readers::Owner => 0o700,
        Readers::OwnerOrRootsGroup if metadata.uid() == 0 => 0o740,
        Readers::OwnerOrRootsGroup => 0o700,
        Readers::Anybody => 0o777,
    };
    let mode = metadata.mode() & 0o777;
    if mode & !allowed != 0 {
        return Ok(Err(mode));
    }
    let mut bytes = Vec::new();
    file.take(MAX_FILE).read_to_end(&mut bytes)?;
    Ok(Ok(bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fifo_is_refused_without_waiting_for_a_writer() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("password");
        rustix::fs::mknodat(rustix::fs::CWD, &path, rustix::fs::FileType::Fifo, 0o600.into(), 0).unwrap();
        let refused = Secret::File(path).read().unwrap_err().to_string();
        assert!(refused.contains("not a regular file"), "{refused}");
    }
}
