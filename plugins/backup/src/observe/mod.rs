//! The only part that calls the host: the directory of the backups, the server, the archived WAL, the host's disks, and the programs that make
//! backups in pgreeve's stead.

mod archive;
mod copies;
mod directory;
mod outside;

use pgreeve_sdk::{Answer, Database, FromRow, Run, Server, files, system};
use serde::Deserialize;

pub(crate) use archive::{Archive, Looked, SETTLED, Segment, lsn};
#[cfg(test)]
pub(crate) use copies::Object as CopiesObject;
pub(crate) use copies::{Copies, Seen as CopiesSeen};
pub(crate) use outside::{BarmanBackup, BarmanCheck, RepositoryBackup, Stanza};

use crate::memory::Memory;
use crate::settings::Settings;
use crate::shelf::Shelf;

/// All that one run looked at.
#[derive(Debug)]
pub(crate) struct Observed {
    /// The `files` grant of the backups; none where the job looks after another program's alone.
    pub(crate) directory: Option<Place>,
    /// The first `postgres` grant; none where none is granted.
    pub(crate) server: Option<(String, Answer<Seen>)>,
    /// The archived WAL, with the name of its grant.
    pub(crate) archive: Option<(String, Answer<Archive>)>,
    /// The object store with copies of the backups; none where the settings name none.
    pub(crate) copies: Option<Copies>,
    /// None where `system` is not granted.
    pub(crate) disks: Option<Answer<system::DiskSurvey>>,
    /// pgBackRest's stanzas.
    pub(crate) pgbackrest: Option<Answer<Vec<Stanza>>>,
    /// Barman's backups, by server, and what it says of each server.
    pub(crate) barman: Option<Answer<Vec<BarmanServer>>>,
    /// Names of the commands that the job may propose.
    pub(crate) commands: Vec<String>,
    pub(crate) memory: Memory,
}

/// The directory of the backups.
#[derive(Debug)]
pub(crate) struct Place {
    pub(crate) grant: String,
    pub(crate) shelf: Answer<Shelf>,
    pub(crate) space: Answer<files::Space>,
}

/// A server that Barman backs up.
#[derive(Debug)]
pub(crate) struct BarmanServer {
    pub(crate) name: String,
    pub(crate) backups: Vec<BarmanBackup>,
    pub(crate) checks: Vec<BarmanCheck>,
}

/// What the server showed.
#[derive(Debug)]
pub(crate) struct Seen {
    pub(crate) server: Server,
    pub(crate) databases: Answer<Vec<Named>>,
    pub(crate) sizes: Answer<Vec<Sized>>,
    pub(crate) archiver: Answer<Archiver>,
    pub(crate) ready: Answer<Ready>,
}

/// A database.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Named {
    pub(crate) name: String,
}

/// A database's size.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Sized {
    pub(crate) name: String,
    pub(crate) bytes: Option<i64>,
}

/// The archiver and its settings; a setting is none where this version has none.
#[derive(Clone, Debug, Default, Deserialize)]
pub(crate) struct Archiver {
    pub(crate) mode: Option<String>,
    pub(crate) command: Option<bool>,
    pub(crate) library: Option<bool>,
    /// Seconds; 0 is off.
    pub(crate) timeout: Option<i64>,
    pub(crate) segment_bytes: Option<i64>,
    pub(crate) last_archived_wal: Option<String>,
    pub(crate) last_failed_wal: Option<String>,
    pub(crate) failing: bool,
    pub(crate) archived_age: Option<f64>,
    pub(crate) failed_age: Option<f64>,
}

/// What waits to be archived.
#[derive(Clone, Debug, Default, Deserialize)]
pub(crate) struct Ready {
    pub(crate) waiting: i64,
    pub(crate) oldest_age: Option<f64>,
}

/// Looks at everything that the job is granted and its settings name.
pub(crate) fn observe(run: &Run<Settings>, mut memory: Memory) -> Observed {
    let settings = &run.settings;
    let archive = settings.wal_archive.clone();
    let granted = run.granted("files").iter().find(|name| Some(*name) != archive.as_ref());
    let directory = settings.directory.clone().or_else(|| granted.cloned()).map(|grant| Place {
        shelf: directory::read(&grant),
        space: files::free_space(&grant),
        grant,
    });
    let server = run.databases().next().map(|scope| (scope.name().to_owned(), server(&scope)));
    let told = server.as_ref().and_then(|(_, seen)| seen.as_ref().ok()).map(|seen| seen.server.system_identifier);
    let cluster = told.or(memory.cluster);
    if archive.is_some() {
        let archiver = server.as_ref().and_then(|(_, seen)| seen.as_ref().ok()?.archiver.as_ref().ok());
        memory.wal.know(archiver.and_then(|archiver| archiver.segment_bytes));
    }
    let archive = archive.map(|grant| (grant.clone(), archive::read(&grant, cluster, run.now(), &mut memory.wal)));
    Observed {
        directory,
        server,
        archive,
        copies: settings.copies.as_deref().map(copies::read),
        disks: (!run.granted("system").is_empty()).then(system::disks),
        pgbackrest: settings.pgbackrest.as_ref().map(|_| outside::pgbackrest()),
        barman: settings.barman.as_ref().map(|outside| outside::barman(&outside.expect)),
        commands: run.granted("commands").to_vec(),
        memory,
    }
}

fn server(scope: &Database) -> Answer<Seen> {
    let server = scope.identify()?;
    Ok(Seen {
        server,
        databases: scope.rows(include_str!("../sql/databases.sql")),
        sizes: scope.rows(include_str!("../sql/sizes.sql")),
        archiver: row(scope, include_str!("../sql/archiver.sql")),
        ready: row(scope, include_str!("../sql/ready.sql")),
    })
}

fn row<T: FromRow>(scope: &Database, sql: &str) -> Answer<T> {
    scope.row(sql)
}
