//! One agent for each state directory: an advisory lock on `agent.lock`, held for the agent's life.
//! The system drops it with the process, however that ends, so no stale lock ever needs removing.

use std::fs::{File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use rustix::fs::{FlockOperation, flock};
use rustix::io::Errno;

use super::error::{io_advice, is_full};
use super::open::make_directory;

/// Keeps every other agent out of the state directory until it is dropped.
#[derive(Debug)]
pub struct AgentLock {
    _file: File,
}

/// Why the lock could not be had.
#[derive(Debug, thiserror::Error)]
pub enum LockError {
    /// Another agent runs on the directory.
    #[error(
        "another agent ({holder}) already runs on the state directory {}; stop it first, or give this one its own state_dir",
        directory.display()
    )]
    Held {
        /// The state directory.
        directory: PathBuf,
        /// `pid 4711`, or `pid not known` where that is not written: a moment after locking, or on a full disk.
        holder: String,
    },
    /// The lock file could not be opened or written.
    #[error("could not lock {}: {source}{}", path.display(), io_advice(source))]
    Io {
        /// The lock file or its directory.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
}

impl AgentLock {
    /// Takes the lock on `state_dir` without waiting, and writes this process's id into it. Makes the directory if absent.
    pub fn take(state_dir: &Path) -> Result<Self, LockError> {
        make_directory(state_dir).map_err(|source| LockError::Io { path: state_dir.to_owned(), source })?;
        let path = state_dir.join("agent.lock");
        match Self::take_file(&path) {
            Ok(Ok(file)) => Ok(Self { _file: file }),
            Ok(Err(holder)) => Err(LockError::Held { directory: state_dir.to_owned(), holder }),
            Err(source) => Err(LockError::Io { path, source }),
        }
    }

    /// The process that holds the lock on `state_dir`; nothing if none does. Makes nothing and locks nobody out.
    pub fn holder(state_dir: &Path) -> io::Result<Option<u32>> {
        let mut file = match File::open(state_dir.join("agent.lock")) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error),
        };
        match flock(&file, FlockOperation::NonBlockingLockShared) {
            Ok(()) => Ok(None),
            Err(Errno::WOULDBLOCK) => {
                Ok(Some(read_pid(&mut file)?.ok_or_else(|| io::Error::other("its pid is not known yet"))?))
            }
            Err(errno) => Err(errno.into()),
        }
    }

    /// The locked file, or who holds it.
    fn take_file(path: &Path) -> io::Result<Result<File, String>> {
        let mut file = OpenOptions::new().read(true).write(true).create(true).truncate(false).mode(0o600).open(path)?;
        match flock(&file, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => {
                match write_pid(&mut file) {
                    // The lock holds without it: a full disk is no reason not to check.
                    Err(error) if !is_full(&error) => Err(error),
                    _ => Ok(Ok(file)),
                }
            }
            Err(Errno::WOULDBLOCK) => {
                let pid = read_pid(&mut file)?;
                Ok(Err(pid.map_or_else(|| "pid not known".to_owned(), |pid| format!("pid {pid}"))))
            }
            Err(errno) => Err(errno.into()),
        }
    }
}

/// The id that the holder wrote; nothing where it has not yet, or could not.
fn read_pid(file: &mut File) -> io::Result<Option<u32>> {
    let mut text = String::new();
    file.take(32).read_to_string(&mut text)?;
    Ok(text.lines().next().and_then(|line| line.parse().ok()))
}

/// Writes over the old id before the rest is cut off, which needs no new block on a full disk.
fn write_pid(file: &mut File) -> io::Result<()> {
    let pid = format!("{}\n", std::process::id());
    file.write_all(pid.as_bytes())?;
    file.set_len(pid.len().try_into().unwrap_or(u64::MAX))
}
