//! What a prove makes outside of its work directory, written down before it is made: a scratch database, a directory for a socket. A killed
//! prove's are found by this record and removed; nothing else is ever dropped.

use std::fs;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::Request;
use crate::answer::{Failure, Kind, Outcome, cannot};
use crate::directory::{Directory, write_synced};
use crate::name::Name;
use crate::program::Tools;
use crate::session::{Session, identifier};
use crate::work::{PROVING, leftovers};

const RECORD: &str = "scratch.json";
const DATABASE: &str = "pgreeve_prove_";
const SOCKET: &str = "pgreeve-prove-";
/// The end of the directory that a base backup is unpacked in.
pub(super) const UNPACKED: &str = ".unpacked";
/// Hexadecimal digits of a random name.
const DIGITS: usize = 32;

/// The record.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Scratch {
    pub(crate) database: Option<String>,
    /// Of the server that it is on; none if the login may not see it.
    pub(crate) system_identifier: Option<String>,
    pub(crate) socket_directory: Option<PathBuf>,
    /// Where a base backup is unpacked.
    pub(crate) unpacked: Option<PathBuf>,
}

impl Scratch {
    /// A name that nobody else has: to be recorded before the database is created.
    pub(super) fn database(system_identifier: Option<String>) -> Outcome<Self> {
        Ok(Self { database: Some(format!("{DATABASE}{}", random()?)), system_identifier, ..Self::default() })
    }

    /// A directory for a Unix socket, whose path has to be short, and, outside of the work directory, one that a base backup is unpacked in.
    pub(super) fn server(unpacked: Option<PathBuf>) -> Outcome<Self> {
        let path = std::env::temp_dir().join(format!("{SOCKET}{}", random()?));
        Ok(Self { socket_directory: Some(path), unpacked, ..Self::default() })
    }

    /// Writes the record.
    pub(super) fn record(&self, work: &Path) -> Outcome<()> {
        let text = serde_json::to_vec(self)
            .map_err(|why| Failure::new(Kind::Failed, format!("cannot write {RECORD}: {why}")))?;
        let path = work.join(RECORD);
        write_synced(&path, &text)
            .and_then(|()| crate::directory::sync(work))
            .map_err(cannot(format_args!("write {}", path.display())))
    }

    /// Reads the record of a work directory; empty if there is none, for then nothing was made yet. Names that are none of ours count as none.
    pub(crate) fn read(work: &Path) -> Self {
        let text = fs::read(work.join(RECORD)).unwrap_or_default();
        let mut found: Self = serde_json::from_slice(&text).unwrap_or_default();
        found.database = found.database.filter(|name| is_random(name, DATABASE));
        let socket_fits = |path: &PathBuf| {
            path.file_name().and_then(|name| name.to_str()).is_some_and(|name| is_random(name, SOCKET))
        };
        found.socket_directory = found.socket_directory.filter(socket_fits);
        let unpacked_fits = |path: &PathBuf| path.file_name().and_then(|name| name.to_str()).is_some_and(is_unpacked);
        found.unpacked = found.unpacked.filter(unpacked_fits);
        found
    }

    /// Removes what a scratch server had outside of the work directory.
    pub(crate) fn remove_files(&self) -> Outcome<()> {
        for path in self.unpacked.iter().chain(&self.socket_directory) {
            crate::directory::remove(path).map_err(cannot(format_args!("remove {}", path.display())))?;
        }
        Ok(())
    }
}

/// Drops a scratch database, with whoever is connected.
pub(super) fn drop_database(session: &mut Session, database: &str) -> Outcome<()> {
    session.execute(&format!("DROP DATABASE IF EXISTS {} WITH (FORCE)", identifier(database)))
}

/// Removes what killed proves left; returns what that was.
pub(super) fn clear(directory: &Directory, request: &Request) -> Outcome<Vec<String>> {
    let moment = directory.lock()?;
    let mut removed = Vec::new();
    for leftover in leftovers(directory, PROVING, &moment)? {
        let scratch = Scratch::read(&leftover.path);
        if let Some(database) = &scratch.database {
            // Where its server is out of reach it stays for a later prove; this one may need no server.
            let session = Tools::any_psql(request.bindir.as_deref())
                .and_then(|psql| Session::connect(&psql, &request.connection));
            let Ok(mut session) = session else { continue };
            let here = session.facts()?.system_identifier;
            if scratch.system_identifier.is_some() && scratch.system_identifier != here {
                // It is another server's: a prove with that connection will find it.
                continue;
            }
            drop_database(&mut session, database)?;
            removed.push(format!("database {database}"));
        }
        scratch.remove_files()?;
        leftover.remove()?;
        removed.push(leftover.entry.clone());
    }
    Ok(removed)
}

/// `NAME.unpacked` of a base backup.
fn is_unpacked(name: &str) -> bool {
    let name = name.strip_suffix(UNPACKED).and_then(Name::parse);
    name.is_some_and(|name| name.kind() == crate::name::Kind::Base)
}

fn is_random(name: &str, prefix: &str) -> bool {
    name.strip_prefix(prefix)
        .is_some_and(|rest| rest.len() == DIGITS && rest.bytes().all(|byte| byte.is_ascii_hexdigit()))
}

fn random() -> Outcome<String> {
    use std::io::Read;
    let mut bytes = [0_u8; DIGITS / 2];
    let read = fs::File::open("/dev/urandom").and_then(|mut source| source.read_exact(&mut bytes));
    read.map_err(cannot("read /dev/urandom"))?;
    Ok(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
}

#[cfg(test)]
mod tests {
    use super::Scratch;

    #[test]
    fn a_record_names_only_what_a_prove_can_have_made() {
        let work = tempfile::tempdir().unwrap();
        let ours = Scratch::database(Some("7".into())).unwrap();
        ours.record(work.path()).unwrap();
        assert_eq!(Scratch::read(work.path()), ours);
        for forged in ["postgres", "pgreeve_prove_x", "pgreeve_prove_0123456789abcdef0123456789abcdef\"; --"] {
            Scratch { database: Some(forged.into()), ..Scratch::default() }.record(work.path()).unwrap();
            assert_eq!(Scratch::read(work.path()).database, None, "{forged}");
        }
        Scratch { socket_directory: Some("/etc".into()), ..Scratch::default() }.record(work.path()).unwrap();
        assert_eq!(Scratch::read(work.path()).socket_directory, None);
        Scratch { unpacked: Some("/var/lib/postgresql".into()), ..Scratch::default() }.record(work.path()).unwrap();
        assert_eq!(Scratch::read(work.path()).unpacked, None);
    }
}
