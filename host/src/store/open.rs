//! Opening the store: directory and file with the owner's rights only, SQLite's settings, and the refusal of what is
//! damaged, foreign or newer. Nothing here ever deletes or overwrites a file.

use std::fs::{DirBuilder, File, OpenOptions};
use std::io;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::{Connection, OpenFlags};
use rustix::fs::{FlockOperation, flock};

use super::{Store, StoreError, schema};

/// How long a statement waits for another process that writes. Their transactions take milliseconds.
const BUSY_TIMEOUT: Duration = Duration::from_secs(5);

/// The size in bytes to which SQLite cuts the WAL file back after a checkpoint.
const WAL_LIMIT: i64 = 8 * 1024 * 1024;

impl Store {
    /// Opens `state_dir/pgreeve.db` for reading and writing; makes directory (0700) and file (0600) if absent, and migrates.
    ///
    /// Takes no agent lock: `pgreeve check` writes beside a running agent.
    pub fn open(state_dir: &Path) -> Result<Self, StoreError> {
        let path = state_dir.join("pgreeve.db");
        let at = |path: &Path| {
            let path = path.to_owned();
            move |source: io::Error| StoreError::Directory { path, source }
        };
        make_directory(state_dir).map_err(at(state_dir))?;
        // Two processes that make the same database would collide where SQLite does not wait (changing to WAL mode).
        let directory = File::open(state_dir).map_err(at(state_dir))?;
        flock(&directory, FlockOperation::LockExclusive).map_err(|errno| at(state_dir)(errno.into()))?;
        create_file(&path).map_err(at(&path))?;

        let mut store = Self::connect(path, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
        let found = store.check_version()?;
        store.settle(found).map_err(|error| StoreError::sql(&store.path, "open the store", error))?;
        Ok(store)
    }

    /// Opens `state_dir/pgreeve.db` for reading alone; makes and migrates nothing.
    pub fn open_reader(state_dir: &Path) -> Result<Self, StoreError> {
        let path = state_dir.join("pgreeve.db");
        match path.try_exists() {
            Ok(true) => {}
            Ok(false) => return Err(StoreError::Absent { path }),
            Err(source) => return Err(StoreError::Directory { path, source }),
        }
        let store = Self::connect(path, OpenFlags::SQLITE_OPEN_READ_ONLY)?;
        match store.check_version()? {
            0 => Err(StoreError::Absent { path: store.path }),
            found if found < schema::known() => {
                Err(StoreError::Older { path: store.path, found, known: schema::known() })
            }
            _ => Ok(store),
        }
    }

    /// Reads the whole file for damage, which opening does not. For the agent's start; takes about three seconds per
    /// gigabyte in the page cache, longer from the disk.
    pub fn verify(&self) -> Result<(), StoreError> {
        let first: String = self
            .read("check the file", |connection| connection.query_row("PRAGMA quick_check(1)", [], |row| row.get(0)))?;
        if first == "ok" { Ok(()) } else { Err(StoreError::Damaged { path: self.path.clone(), detail: first }) }
    }

    fn connect(path: PathBuf, access: OpenFlags) -> Result<Self, StoreError> {
        let flags = access | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let open = || {
            let connection = Connection::open_with_flags(&path, flags)?;
            connection.busy_timeout(BUSY_TIMEOUT)?;
            Ok(connection)
        };
        match open() {
            Ok(connection) => Ok(Self { connection, path }),
            Err(error) => Err(StoreError::sql(&path, "open the store", error)),
        }
    }

    /// The schema's version, where the file is one that this program may touch; 0 where it is empty.
    fn check_version(&self) -> Result<i64, StoreError> {
        let (application, found, tables) = self.read("open the store", |connection| {
            let application: i64 = connection.pragma_query_value(None, "application_id", |row| row.get(0))?;
            let tables: i64 = connection.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0))?;
            Ok((application, schema::version(connection)?, tables))
        })?;
        let path = self.path.clone();
        match (application, found, tables) {
            (0, 0, 0) => Ok(0),
            (schema::APPLICATION_ID, 1.., _) if found <= schema::known() => Ok(found),
            (schema::APPLICATION_ID, 1.., _) => Err(StoreError::Newer { path, found, known: schema::known() }),
            _ => Err(StoreError::Foreign { path }),
        }
    }

    /// Settings and migrations. `auto_vacuum` can only be chosen while the file is empty and not yet in WAL mode.
    fn settle(&mut self, found: i64) -> rusqlite::Result<()> {
        let connection = &mut self.connection;
        if found == 0 {
            connection.pragma_update(None, "auto_vacuum", "INCREMENTAL")?;
        }
        connection.pragma_update_and_check(None, "journal_mode", "WAL", |row| row.get::<_, String>(0))?;
        connection.pragma_update(None, "synchronous", "NORMAL")?;
        connection.pragma_update_and_check(None, "journal_size_limit", WAL_LIMIT, |row| row.get::<_, i64>(0))?;
        connection.pragma_update(None, "foreign_keys", true)?;
        schema::migrate(connection)
    }
}

/// Makes the database file, empty, where there is none; SQLite gives the -wal and -shm files the rights of this one.
///
/// A file that exists is not even opened: closing it would drop the POSIX locks that SQLite holds on it for another
/// connection of this process.
fn create_file(path: &Path) -> io::Result<()> {
    match OpenOptions::new().write(true).create_new(true).mode(0o600).open(path) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => Err(error),
        _ => Ok(()),
    }
}

/// Makes `path` and what is missing above it, for the owner alone. What exists keeps its rights.
pub(super) fn make_directory(path: &Path) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(0o700).create(path)
}
