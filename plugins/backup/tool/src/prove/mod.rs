//! The restore test: restores a backup where it harms nobody, looks whether all of it came back, and removes what it made.

mod assertions;
mod cluster;
mod database;
mod globals;
mod physical;
mod scratch;
mod script;

use std::path::PathBuf;

use serde_json::{Value, json};

pub(crate) use database::options;
pub(crate) use scratch::Scratch;

use crate::answer::{Failure, Kind as Why, Outcome};
use crate::connection::Connection;
use crate::directory::Directory;
use crate::manifest::{Content, FORMAT, Manifest, ServerFacts};
use crate::moment::Moment;
use crate::name::{Kind, Name, label};
use crate::proof::{Claims, Proof};
use crate::verify::{backups, by_name};
use crate::whole::{self, Looked};
use crate::work::{PROVING, Work, clear_takes};

/// What the command line says.
#[derive(Debug)]
pub(crate) struct Request {
    pub(crate) inside: PathBuf,
    pub(crate) kind: Kind,
    pub(crate) of: Option<String>,
    pub(crate) name: Option<String>,
    pub(crate) connection: Connection,
    pub(crate) bindir: Option<PathBuf>,
    pub(crate) queries: Vec<String>,
    pub(crate) jobs: u32,
    pub(crate) amcheck: bool,
    pub(crate) owners: bool,
    pub(crate) wal_archive: Option<PathBuf>,
    pub(crate) to: Option<Moment>,
    pub(crate) scratch: Option<PathBuf>,
    pub(crate) space_check: bool,
    /// Client programs of a later major than the server's will do for a dump.
    pub(crate) newer_client: bool,
}

/// A backup that is being proved.
struct Proving<'a> {
    request: &'a Request,
    directory: &'a Directory,
    work: &'a Work,
    manifest: &'a Manifest,
    content: &'a Content,
}

/// What a restore came to.
struct Restored {
    server: ServerFacts,
    restore_ms: Option<i64>,
    data_until: Moment,
    method: &'static str,
    target: Option<String>,
}

/// Proves one backup.
pub(crate) fn run(request: &Request) -> Outcome<Value> {
    let directory = Directory::open(&request.inside)?;
    let name = choose(request, &directory)?;
    if !name.kind().is_dump() && rustix::process::geteuid().is_root() {
        let why = format!(
            "PostgreSQL refuses to run as root, so a {} backup cannot be proved as root: run this as the user who may read the backups, \
             such as `runuser -u postgres -- pgreeve-backup prove …`",
            name.kind().word()
        );
        return Err(Failure::new(Why::Refused, why));
    }
    let started = Moment::now();
    let mut removed = clear_takes(&directory)?;
    removed.extend(scratch::clear(&directory, request)?);
    let work = Work::begin(&directory, &name, PROVING)?;
    let mut looked = whole::look(&directory, &name);
    if let Some(failure) = looked.unknown() {
        return Err(Failure::new(failure.kind, format!("nothing is proved: {}", failure.message)));
    }
    let Looked { sealed, content, problems, .. } = looked;
    let mut claims = Claims::default();
    claims.claim("whole", "every file is there, of the size and SHA-256 that were recorded", problems);
    let restored = match (&sealed, &content) {
        (Some(sealed), Some(content)) if claims.passed() => {
            let proving = Proving { request, directory: &directory, work: &work, manifest: &sealed.manifest, content };
            Some(match name.kind() {
                Kind::Full | Kind::Schema => database::prove(&proving, &mut claims)?,
                Kind::Globals => globals::prove(&proving, &mut claims)?,
                Kind::Base => physical::prove(&proving, &mut claims)?,
            })
        }
        _ => None,
    };
    let now = Moment::now();
    let until = restored.as_ref().map(|restored| restored.data_until);
    let proof = Proof {
        format: FORMAT,
        name: name.to_string(),
        tool: crate::version::TOOL.to_owned(),
        server: restored.as_ref().map(|restored| restored.server.clone()),
        manifest_sha256: sealed.map(|sealed| sealed.sha256),
        passed: claims.passed(),
        proved: now.text(),
        proved_us: now.0,
        restore_ms: restored.as_ref().and_then(|restored| restored.restore_ms),
        total_ms: now.ms_since(started),
        data_until: until.map(Moment::text),
        data_until_us: until.map(|until| until.0),
        age_s: until.map(|until| now.ms_since(until) / 1000),
        method: restored.as_ref().map_or("none", |restored| restored.method).to_owned(),
        target: restored.and_then(|restored| restored.target),
        failures: claims.shown_failures(),
        assertions: claims.assertions,
        notes: claims.notes,
    };
    let answer = json!(proof);
    directory.write(&name.entry("proof.json"), format!("{answer:#}\n").as_bytes())?;
    if proof.passed {
        return Ok(json!({ "name": name.as_str(), "proof": answer, "leftovers_removed": removed }));
    }
    let first = proof.failures.first().cloned().unwrap_or_default();
    let why =
        format!("{name} does not restore: {first}; keep the last backup whose proof passed, and take a new one now");
    Err(Failure::new(Why::Damaged, why)
        .with("name", name.as_str())
        .with("proof", answer)
        .with("leftovers_removed", removed))
}

/// The backup that is named, or the newest of its series: also a damaged one, for finding that out is what this is for.
fn choose(request: &Request, directory: &Directory) -> Outcome<Name> {
    if let Some(text) = &request.name {
        return by_name(directory, text);
    }
    let of_kind: Vec<Name> = backups(directory)?.into_iter().filter(|name| name.kind() == request.kind).collect();
    let series = match (&request.of, request.kind.is_dump()) {
        (Some(database), true) => Some(format!("{}-{}", request.kind.word(), label(database))),
        _ => None,
    };
    let mut names: Vec<Name> =
        of_kind.into_iter().filter(|name| series.as_ref().is_none_or(|series| name.series() == series)).collect();
    // Within a series the names sort by time.
    names.sort();
    let Some(newest) = names.pop() else {
        let of = request.of.as_ref().map_or(String::new(), |database| format!(" of {database}"));
        let why = format!(
            "there is no {} backup{of} in {} to prove: take one",
            request.kind.word(),
            directory.path().display()
        );
        return Err(Failure::new(Why::Refused, why));
    };
    if names.iter().any(|name| name.series() != newest.series()) {
        return Err(Failure::new(Why::Refused, "there are backups of several databases: say which by --of=DATABASE"));
    }
    Ok(newest)
}
