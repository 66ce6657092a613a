//! The log while it is written: opened at its end, which must be sound, and appended to under its lock.

use std::fs::{DirBuilder, File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, FileExt as _, MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use rustix::fs::{FlockOperation, OFlags, flock};

use super::line::{self, Entry, Head};
use super::read::{Place, lines};
use super::{AuditError, Event};

/// The log's name in the state directory.
pub const FILE: &str = "audit.jsonl";

/// What the log's end is looked for in first, in bytes; lines may be longer.
const WINDOW: u64 = 64 << 10;

/// The log, open for appending.
#[derive(Debug)]
pub struct Audit {
    path: PathBuf,
    file: File,
    /// Bytes up to the last whole line.
    length: u64,
    head: Head,
    /// A write failed and what it left could not be taken back: bytes beyond `length` are ours and count for nothing.
    spoilt: bool,
}

impl Audit {
    /// Opens `state_dir/audit.jsonl`, makes it (0600) where it is not there. Its last lines have to be sound; one without its end is moved away,
    /// and the log says so. The whole of it is [`verify`](super::verify)'s to look at.
    pub fn open(state_dir: &Path) -> Result<Self, AuditError> {
        let path = state_dir.join(FILE);
        DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(state_dir)
            .map_err(AuditError::io("make the directory of", state_dir))?;
        let mut how = OpenOptions::new();
        how.read(true).append(true).mode(0o600).custom_flags(i32::try_from(OFlags::NOFOLLOW.bits()).unwrap_or(0));
        let file = match how.clone().create_new(true).open(&path) {
            Ok(file) => {
                sync(state_dir).map_err(AuditError::io("make", &path))?;
                file
            }
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                how.open(&path).map_err(AuditError::io("open", &path))?
            }
            Err(error) => return Err(AuditError::io("make", &path)(error)),
        };
        let mut audit = Self { path, file, length: 0, head: Head::none(), spoilt: false };
        let torn = audit.locked(|audit| {
            let (end, torn) = audit.end()?;
            (audit.length, audit.head) = end;
            torn.map(|torn| audit.move_away(state_dir, &torn)).transpose()
        })?;
        if let Some(torn) = torn {
            tracing::warn!("the audit log {} had a line without its end: {torn:?}", audit.path.display());
            audit.append(&torn)?;
        }
        Ok(audit)
    }

    /// Writes an entry; it is on the disk when this returns. After an error it is not in the log.
    pub fn append(&mut self, event: &Event) -> Result<Entry, AuditError> {
        self.locked(|audit| {
            audit.catch_up()?;
            let (entry, mut line) = line::make(&audit.head, Timestamp::now(), event).map_err(AuditError::Unfit)?;
            line.push('\n');
            let written = audit.file.write_all(line.as_bytes()).and_then(|()| audit.file.sync_data());
            if let Err(error) = written {
                // What the disk has of it is taken back: nobody was told that it is there.
                audit.spoilt = true;
                let _ = audit.take_back();
                return Err(AuditError::io("append to", &audit.path)(error));
            }
            audit.length += line.len() as u64;
            audit.head = Head { seq: entry.seq, hash: entry.hash.clone() };
            Ok(entry)
        })
    }

    /// The last entry's number and hash, to be kept elsewhere too.
    pub fn head(&self) -> Head {
        self.head.clone()
    }

    /// Whether this entry is in the log.
    pub fn holds(&self, entry: &Head) -> Result<bool, AuditError> {
        if entry.seq == 0 || entry.seq >= self.head.seq {
            return Ok(entry.seq == 0 || *entry == self.head);
        }
        let mut holds = false;
        // A line for each entry, from 1.
        lines(&self.path, Place::default(), |place, line| {
            let number = place.lines + 1;
            if number == entry.seq {
                let line = line.strip_suffix(b"\n").unwrap_or(line);
                holds = line::alone(line).is_ok_and(|there| there == *entry);
            }
            number < entry.seq
        })?;
        Ok(holds)
    }

    fn locked<T>(&mut self, work: impl FnOnce(&mut Self) -> Result<T, AuditError>) -> Result<T, AuditError> {
        let lock = |file: &File, how| flock(file, how).map_err(io::Error::from);
        lock(&self.file, FlockOperation::LockExclusive).map_err(AuditError::io("lock", &self.path))?;
        let outcome = work(self);
        let _ = lock(&self.file, FlockOperation::Unlock);
        outcome
    }

    fn take_back(&mut self) -> io::Result<()> {
        self.file.set_len(self.length)?;
        self.file.sync_data()?;
        self.spoilt = false;
        Ok(())
    }

    /// Makes sure that the file is the one at its path and ends in a sound line, which another process may have added.
    fn catch_up(&mut self) -> Result<(), AuditError> {
        let damaged = |audit: &Self, why: &str| AuditError::Damaged { path: audit.path.clone(), why: why.to_owned() };
        if self.spoilt {
            self.take_back().map_err(AuditError::io("take a half line back from", &self.path))?;
        }
        let own = self.file.metadata().map_err(AuditError::io("look at", &self.path))?;
        match std::fs::symlink_metadata(&self.path) {
            Ok(there) if (there.dev(), there.ino()) == (own.dev(), own.ino()) => {}
            Ok(_) => return Err(damaged(self, "another file stands in its place")),
            Err(_) => return Err(damaged(self, "it was moved or removed")),
        }
        if own.len() < self.length {
            return Err(damaged(self, "it was cut off"));
        }
        if own.len() > self.length {
            let more = self.bytes(self.length, own.len())?;
            for line in more.split_inclusive(|byte| *byte == b'\n') {
                let whole = line.strip_suffix(b"\n").ok_or_else(|| damaged(self, "its last line has no end"))?;
                self.head = line::follow(&self.head, whole).map_err(|why| damaged(self, &why))?;
                self.length += line.len() as u64;
            }
        }
        Ok(())
    }

    /// Where the last whole line ends, its head, and what stands behind it.
    #[allow(clippy::type_complexity, reason = "two answers of one look, used once")]
    fn end(&self) -> Result<((u64, Head), Option<Vec<u8>>), AuditError> {
        let length = self.file.metadata().map_err(AuditError::io("look at", &self.path))?.len();
        let mut window = WINDOW;
        loop {
            let from = length.saturating_sub(window);
            let bytes = self.bytes(from, length)?;
            // Three line ends hold two whole lines between them.
            let ends: Vec<usize> =
                bytes.iter().enumerate().filter(|(_, byte)| **byte == b'\n').map(|(at, _)| at).collect();
            if from > 0 && ends.len() < 3 {
                window = window.saturating_mul(4);
                continue;
            }
            let Some(last) = ends.last() else {
                return Ok(((0, Head::none()), (!bytes.is_empty()).then_some(bytes)));
            };
            let (whole, torn) = bytes.split_at(last + 1);
            let damaged = |why: String| {
                let why = format!("its last entries: {why}");
                AuditError::Damaged { path: self.path.clone(), why }
            };
            // Behind the last line end nothing is left to split.
            let mut lines = whole.split(|byte| *byte == b'\n').rev().skip(1);
            let last = lines.next().unwrap_or_default();
            let before = lines.next().map_or(Ok(Head::none()), line::alone).map_err(damaged)?;
            let head = line::follow(&before, last).map_err(damaged)?;
            let end = from + whole.len() as u64;
            return Ok(((end, head), (!torn.is_empty()).then(|| torn.to_vec())));
        }
    }

    fn bytes(&self, from: u64, to: u64) -> Result<Vec<u8>, AuditError> {
        let mut bytes = vec![0; usize::try_from(to.saturating_sub(from)).unwrap_or(usize::MAX)];
        self.file.read_exact_at(&mut bytes, from).map_err(AuditError::io("read", &self.path))?;
        Ok(bytes)
    }

    /// Puts the torn line into a file of its own, on the disk before it is cut off here.
    fn move_away(&mut self, state_dir: &Path, torn: &[u8]) -> Result<Event, AuditError> {
        for number in 1..=u32::MAX {
            let name = format!("audit.torn-{number}");
            let path = state_dir.join(&name);
            match OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path) {
                Ok(mut file) => {
                    let kept = file.write_all(torn).and_then(|()| file.sync_all()).and_then(|()| sync(state_dir));
                    kept.map_err(AuditError::io("keep the torn line of", &path))?;
                    self.take_back().map_err(AuditError::io("cut a torn line off", &self.path))?;
                    return Ok(Event::Torn { file: name, bytes: torn.len() as u64 });
                }
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                Err(error) => return Err(AuditError::io("keep the torn line of", &path)(error)),
            }
        }
        Err(AuditError::Unfit("there are too many torn lines".to_owned()))
    }
}

/// Makes a directory's names last.
fn sync(directory: &Path) -> io::Result<()> {
    File::open(directory)?.sync_all()
}
