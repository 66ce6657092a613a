//! Takes a backup: everything is made in `NAME.partial/` and gets its final names when it is complete, synced and hashed; the manifest last.

mod base;
pub(crate) mod caveats;
pub(crate) mod content;
mod dump;
pub(crate) mod globals;
mod locks;
mod properties;

pub(crate) use base::segment;

use std::fs;
use std::path::PathBuf;
use std::thread;
use std::time::Duration;

use serde_json::{Value, json};

use crate::answer::{Failure, Kind as Why, Outcome, cannot};
use crate::connection::Connection;
use crate::directory::{Directory, bytes, remove, sync_tree, write_synced};
use crate::manifest::{Caveat, Client, Content, Digested, FORMAT, Manifest, ServerFacts, digest, seal};
use crate::moment::Moment;
use crate::name::{Kind, Name};
use crate::program::Tools;
use crate::session::Session;
use crate::space;
use crate::whole;
use crate::work::{self, TAKING, Work};

/// What the command line says.
#[derive(Debug)]
pub(crate) struct Request {
    pub(crate) kind: Kind,
    pub(crate) into: PathBuf,
    pub(crate) connection: Connection,
    pub(crate) bindir: Option<PathBuf>,
    /// Directory format instead of custom.
    pub(crate) as_directory: bool,
    pub(crate) jobs: u32,
    pub(crate) schemas: Vec<String>,
    pub(crate) compress: Option<u32>,
    pub(crate) lock_wait_ms: u128,
    pub(crate) count_up_to: u64,
    pub(crate) max_rate: Option<String>,
    pub(crate) space_check: bool,
    /// Client programs of a later major than the server's will do.
    pub(crate) newer_client: bool,
}

/// A backup under way.
struct Taking<'a> {
    request: &'a Request,
    directory: &'a Directory,
    name: Name,
    work: Work,
    session: Session,
    tools: Tools,
    server: ServerFacts,
    database_bytes: u64,
    estimated_bytes: u64,
}

/// What the kinds find out by themselves.
struct Taken {
    method: &'static str,
    program: String,
    database: Option<String>,
    content: Content,
    caveats: Vec<Caveat>,
    data_until: Moment,
    lsn: Option<String>,
    start_lsn: Option<String>,
    start_segment: Option<String>,
    timeline: Option<u32>,
}

const NAME_TRIES: u32 = 50;
const NAME_WAIT: Duration = Duration::from_millis(100);
/// Of an estimate that goes by nothing.
const FIRST: &str = "; it is the first, so all data were taken for incompressible, and max_wal_size for the WAL that a base backup brings along: if you know better, \
                     --no-space-check begins all the same";
/// Where the payload is while it is made, in the work directory.
const PAYLOAD: &str = "payload";

/// Takes one backup.
pub(crate) fn run(request: &Request) -> Outcome<Value> {
    let directory = Directory::open(&request.into)?;
    let removed = work::clear_takes(&directory)?;
    let mut session = Session::connect(&Tools::any_psql(request.bindir.as_deref())?, &request.connection)?;
    // Also measuring a table waits for its lock.
    session.execute(&format!("SET lock_timeout = {}", request.lock_wait_ms))?;
    let server = session.facts()?;
    let tools = Tools::of(server.major, request.bindir.as_deref(), request.newer_client)?;
    let database = if request.kind.is_dump() { Some(session.database()?) } else { None };
    let (name, started) = free_name(request, &directory, database.as_deref())?;
    let psql = tools.find("psql")?;
    let explained = |failure| locks::explain(failure, &psql, &request.connection, &name);
    let (database_bytes, most) = sizes(&mut session, request.kind).map_err(explained)?;
    let estimate = space::estimate(&directory, &name, database_bytes, most)?;
    if request.space_check {
        space::check(directory.path(), estimate.bytes, &format!("a {} backup", request.kind.word())).map_err(
            |mut failure| {
                if estimate.first {
                    failure.message.push_str(FIRST);
                }
                failure
            },
        )?;
    }
    let work = Work::begin(&directory, &name, TAKING)?;
    let mut taking = Taking {
        request,
        directory: &directory,
        name: name.clone(),
        work,
        session,
        tools,
        server,
        database_bytes,
        estimated_bytes: estimate.bytes,
    };
    let taken = match request.kind {
        Kind::Full | Kind::Schema => dump::take(&mut taking),
        Kind::Globals => globals::take(&mut taking),
        Kind::Base => base::take(&mut taking),
    };
    let mut taken = taken.map_err(explained)?;
    if taking.tools.major != taking.server.major {
        let detail = format!(
            "taken of PostgreSQL {} with programs of {}, which is needed to restore it; whether that server can take it back only a restore test knows",
            taking.server.major, taking.tools.major
        );
        taken.caveats.push(Caveat::new("newer-client", name.as_str(), detail));
    }
    let manifest = taking.finish(taken, started)?;
    Ok(json!({ "name": manifest.name, "manifest": manifest, "leftovers_removed": removed }))
}

/// A name that no backup has: names have seconds, so a second take in the same one waits for the next.
fn free_name(request: &Request, directory: &Directory, database: Option<&str>) -> Outcome<(Name, Moment)> {
    for _ in 0..NAME_TRIES {
        let started = Moment::now();
        let name = Name::new(request.kind, database, started);
        let taken = [payload(request, &name), name.entry("json"), name.entry(TAKING)];
        if !taken.iter().any(|entry| directory.has(entry)) {
            return Ok((name, started));
        }
        thread::sleep(NAME_WAIT);
    }
    Err(Failure::new(Why::Busy, format!("{} is full of backups of this very second", directory.path().display())))
}

fn payload(request: &Request, name: &Name) -> String {
    match request.kind {
        Kind::Full if request.as_directory => name.to_string(),
        Kind::Full | Kind::Schema => name.entry("dump"),
        Kind::Globals => name.entry("sql"),
        Kind::Base => name.to_string(),
    }
}

/// Bytes of the database or of all, and the most that a backup of it can take.
fn sizes(session: &mut Session, kind: Kind) -> Outcome<(u64, u64)> {
    #[derive(serde::Deserialize)]
    struct Sizes {
        database: u64,
        most: u64,
    }
    let sizes: Sizes = session.row(match kind {
        Kind::Full => include_str!("../sql/sizes_full.sql"),
        Kind::Schema => "SELECT pg_catalog.pg_database_size(current_database()) AS database, 16777216 AS most",
        Kind::Globals => "SELECT sum(pg_catalog.pg_database_size(oid))::bigint AS database, 1048576 AS most FROM pg_catalog.pg_database",
        Kind::Base => include_str!("../sql/sizes_base.sql"),
    })?;
    Ok((sizes.database, sizes.most))
}

impl Taking<'_> {
    /// Syncs, hashes and names what was made.
    fn finish(self, taken: Taken, started: Moment) -> Outcome<Manifest> {
        let made = self.work.join(PAYLOAD);
        let entry = payload(self.request, &self.name);
        sync_tree(&made).map_err(cannot(format_args!("sync {}", made.display())))?;
        let mut files = whole::entries(&made, &entry).map_err(cannot(format_args!("read back {}", made.display())))?;
        let size = bytes(&made).map_err(cannot(format_args!("measure {}", made.display())))?;
        let one_file = files.len() == 1 && files.first().is_some_and(|file| file.path == entry);
        let sha256 = if one_file { files.pop().map(|file| file.sha256) } else { None };
        let Taken { mut content, caveats, data_until, .. } = taken;
        content.files = files;
        let body = serde_json::to_vec(&content)
            .map_err(|why| Failure::new(Why::Failed, format!("cannot write the content: {why}")))?;
        let recorded = self.work.join("content.json");
        write_synced(&recorded, &body).map_err(cannot(format_args!("write {}", recorded.display())))?;
        let finished = Moment::now();
        let mut manifest = Manifest {
            format: FORMAT,
            name: self.name.to_string(),
            kind: self.name.kind(),
            method: taken.method.to_owned(),
            database: taken.database,
            schemas: self.request.schemas.clone(),
            started: started.text(),
            started_us: started.0,
            finished: finished.text(),
            finished_us: finished.0,
            duration_ms: finished.ms_since(started),
            data_until: data_until.text(),
            data_until_us: data_until.0,
            payload: entry.clone(),
            bytes: size,
            sha256,
            content: Digested { bytes: body.len() as u64, sha256: digest(&body) },
            estimated_bytes: self.estimated_bytes,
            database_bytes: self.database_bytes,
            server: ServerFacts { timeline: taken.timeline, ..self.server.clone() },
            client: Client { program: taken.program, major: self.tools.major },
            tool: crate::version::TOOL.to_owned(),
            lsn: taken.lsn,
            start_lsn: taken.start_lsn,
            start_segment: taken.start_segment,
            summary: content.summary(self.name.kind()),
            caveats: Vec::new(),
            caveats_left_out: 0,
        };
        manifest.set_caveats(caveats);
        let text = seal(&manifest).map_err(|why| Failure::new(Why::Failed, why))?;
        let named = self.give_names(&entry, &text);
        if named.is_err() {
            // Without a manifest they are no backup; what cannot be removed, `sweep` removes.
            let _ = remove(&self.directory.join(&entry));
            let _ = remove(&self.directory.join(&self.name.entry("content.json")));
        }
        named.map(|()| manifest)
    }

    fn give_names(&self, payload: &str, manifest: &str) -> Outcome<()> {
        for (made, entry) in [(PAYLOAD, payload), ("content.json", &self.name.entry("content.json"))] {
            let (from, to) = (self.work.join(made), self.directory.join(entry));
            fs::rename(&from, &to).map_err(cannot(format_args!("rename {} to {}", from.display(), to.display())))?;
        }
        self.directory.sync()?;
        self.directory.write(&self.name.entry("json"), manifest.as_bytes())
    }
}

impl Content {
    /// Counts for the manifest.
    fn summary(&self, kind: Kind) -> std::collections::BTreeMap<String, u64> {
        let counts = match kind {
            Kind::Full | Kind::Schema => vec![
                ("tables", self.tables.len()),
                ("schemas", self.schemas.len()),
                ("extensions", self.extensions.len()),
                ("event_triggers", self.event_triggers.len()),
            ],
            Kind::Globals => vec![("roles", self.roles.len()), ("tablespaces", self.tablespaces.len())],
            Kind::Base => vec![("databases", self.databases.len()), ("tablespaces", self.tablespaces.len())],
        };
        let mut summary: std::collections::BTreeMap<String, u64> =
            counts.into_iter().map(|(name, count)| (name.to_owned(), count as u64)).collect();
        if kind == Kind::Full {
            summary.insert("rows".to_owned(), self.tables.iter().filter_map(|table| table.rows_min).sum());
            summary.extend(self.large_objects.as_ref().map(|large| ("large_objects".to_owned(), large.count)));
        }
        summary
    }
}
