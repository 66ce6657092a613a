//! The command line: every word of it, and how an answer leaves.

use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use bytesize::ByteSize;
use clap::{Args, Parser, Subcommand, ValueEnum};
use serde_json::{Value, json};

use crate::answer::{Failure, Kind as Why, Outcome};
use crate::connection::Connection;
use crate::moment::Moment;
use crate::name::Kind;
use crate::{copy, list, plan, prove, sweep, take, verify};

/// Takes, verifies, proves and lists backups of PostgreSQL. Prints one JSON object.
///
/// Exit status: 0 done and good; 1 done, and the answer is bad (damaged, not proved); 2 wrong arguments; 3 server out of reach; 4 refused;
/// 5 not enough space; 6 started and failed; 7 the same is under way.
#[derive(Debug, Parser)]
#[command(name = "pgreeve-backup", version)]
struct Cli {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// Takes a backup; it appears under its final name when it is complete, synced and hashed.
    Take(TakeArguments),
    /// Reads every byte of stored backups again: which are whole?
    Verify(VerifyArguments),
    /// Restores a backup where it harms nobody and looks whether all of it came back.
    Prove(Box<ProveArguments>),
    /// Removes what belongs to no backup: payloads whose manifest expired, leftovers of killed runs.
    Sweep(SweepArguments),
    /// Lists what is there, without reading payloads.
    List(ListArguments),
    /// Copies whole backups to a second place and reads back what arrived.
    Copy(CopyArguments),
    /// Prints the exact steps to a point in time, or why it cannot be reached.
    RestorePlan(PlanArguments),
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum DumpFormat {
    Custom,
    Directory,
}

#[derive(Debug, Args)]
struct ServerArguments {
    /// A database's name, or a connection string without a password (keywords or URI)
    #[arg(long, env = "PGDATABASE", default_value = "postgres")]
    dbname: String,
    /// Directory of the client programs [default: /usr/lib/postgresql/MAJOR/bin, then PATH]
    #[arg(long)]
    bindir: Option<PathBuf>,
    /// Where the client programs of the server's major are missing, use a later major's; the dump may then not restore on that server, and needs
    /// programs of that later major. Not for restore tests of base backups
    #[arg(long)]
    newer_client: bool,
}

#[derive(Debug, Args)]
struct TakeArguments {
    /// What to take
    #[arg(long, value_enum)]
    kind: Kind,
    /// The directory of backups
    #[arg(long)]
    into: PathBuf,
    #[command(flatten)]
    server: ServerArguments,
    /// pg_dump's format, kind full
    #[arg(long, value_enum, default_value = "custom")]
    format_of_dump: DumpFormat,
    /// Processes that dump, 1 to 64; more than one needs the directory format
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=64))]
    jobs: u32,
    /// Only this schema, by its exact name; may be repeated
    #[arg(long)]
    schema: Vec<String>,
    /// Compression, 0 (none) to 9 [default: pg_dump's own; base: 1]
    #[arg(long, value_parser = clap::value_parser!(u32).range(0..=9))]
    compress: Option<u32>,
    /// How long to wait for a lock on a table
    #[arg(long, default_value = "60s", value_parser = humantime::parse_duration)]
    lock_wait: Duration,
    /// Rows of larger tables are not counted
    #[arg(long, default_value = "8GiB")]
    count_up_to: ByteSize,
    /// Of a base backup: so many kB a second at most, or with M so many MB
    #[arg(long)]
    max_rate: Option<String>,
    /// Start although the estimate says that it does not fit
    #[arg(long)]
    no_space_check: bool,
}

#[derive(Debug, Args)]
struct VerifyArguments {
    /// The directory of backups
    #[arg(long = "in")]
    inside: PathBuf,
    /// Only this backup; may be repeated
    #[arg(long)]
    name: Vec<String>,
    /// Write NAME.verified.json
    #[arg(long)]
    record: bool,
}

#[derive(Debug, Args)]
struct ProveArguments {
    /// The directory of backups
    #[arg(long = "in")]
    inside: PathBuf,
    /// The newest backup of this kind
    #[arg(long, value_enum, default_value = "full")]
    kind: Kind,
    /// The newest backup of this database; base: the database that queries are asked in
    #[arg(long)]
    of: Option<String>,
    /// This backup, not the newest
    #[arg(long)]
    name: Option<String>,
    #[command(flatten)]
    server: ServerArguments,
    /// SQL that must return one row with true; may be repeated
    #[arg(long)]
    query: Vec<String>,
    /// Processes that restore
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=64))]
    jobs: u32,
    /// Leave pg_amcheck out
    #[arg(long)]
    no_amcheck: bool,
    /// Restore without owners and grants, where the server lacks the roles
    #[arg(long)]
    no_owners: bool,
    /// Base: replay WAL from this directory of plain segments
    #[arg(long)]
    wal_archive: Option<PathBuf>,
    /// Base: replay to this time, not to the end of the archive
    #[arg(long, value_parser = moment, requires = "wal_archive")]
    to: Option<Moment>,
    /// Base: unpack here [default: in the directory of backups]
    #[arg(long)]
    scratch: Option<PathBuf>,
    /// Start although the estimate says that it does not fit
    #[arg(long)]
    no_space_check: bool,
}

#[derive(Debug, Args)]
struct SweepArguments {
    /// The directory of backups
    #[arg(long = "in")]
    inside: PathBuf,
    /// Say what would be removed
    #[arg(long)]
    dry_run: bool,
    /// Younger payloads without a manifest stay
    #[arg(long, default_value = "1h", value_parser = humantime::parse_duration)]
    older_than: Duration,
}

#[derive(Debug, Args)]
struct ListArguments {
    /// The directory of backups
    #[arg(long = "in")]
    inside: PathBuf,
}

#[derive(Debug, Args)]
struct CopyArguments {
    /// The directory of backups
    #[arg(long = "in")]
    inside: PathBuf,
    /// Only this backup; may be repeated [default: all that the place lacks]
    #[arg(long)]
    name: Vec<String>,
    /// Another directory, on another disk or a mounted share
    #[arg(long)]
    to: String,
}

#[derive(Debug, Args)]
struct PlanArguments {
    /// The directory of backups
    #[arg(long = "in")]
    inside: PathBuf,
    /// A second place with copies of backups; may be repeated. Those that `copy` filled from here are known
    #[arg(long = "copies", value_name = "DIR")]
    copies: Vec<PathBuf>,
    /// What an object store has: its name, and a directory of manifests. `pgreeve backup restore-plan` gives it
    #[arg(long, hide = true, value_parser = stored)]
    stored: Vec<(String, PathBuf)>,
    /// Why object stores could not be looked at. `pgreeve backup restore-plan` gives it
    #[arg(long, hide = true)]
    unasked: Vec<String>,
    /// The agent.toml that names it
    #[arg(long, hide = true)]
    agent_config: Option<PathBuf>,
    /// The time to go back to [default: as late as possible]
    #[arg(long, value_parser = moment)]
    to: Option<Moment>,
    /// The database, where only dumps can help
    #[arg(long)]
    of: Option<String>,
    /// Directory of archived WAL, plain segments
    #[arg(long)]
    wal_archive: Option<PathBuf>,
    /// Where the restored server shall live: a directory that is not there yet
    #[arg(long, default_value = "/var/lib/postgresql/restored")]
    data_dir: PathBuf,
    /// Directory of PostgreSQL's programs [default: /usr/lib/postgresql/MAJOR/bin]
    #[arg(long)]
    bindir: Option<PathBuf>,
    /// Text for a person, or JSON
    #[arg(long, value_enum, default_value = "text")]
    format: Format,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Format {
    Text,
    Json,
}

fn stored(text: &str) -> Result<(String, PathBuf), String> {
    let (name, path) = text.split_once(':').ok_or("write NAME:DIR")?;
    Ok((name.to_owned(), path.into()))
}

fn moment(text: &str) -> Result<Moment, String> {
    Moment::parse(text)
        .ok_or_else(|| format!("{text:?} is no time: write 2026-11-20T18:08:02Z, or with an offset such as +01:00"))
}

/// Servers are started in directories of their own, so a relative path would mean another place.
fn absolute(path: Option<PathBuf>) -> Outcome<Option<PathBuf>> {
    path.map(std::path::absolute)
        .transpose()
        .map_err(|why| Failure::new(Why::Refused, format!("a path cannot be used: {why}")))
}

/// Runs the verb and prints its answer.
pub(crate) fn main() -> ExitCode {
    let (word, outcome) = match Cli::parse().verb {
        Verb::Take(arguments) => ("take", arguments.request().and_then(|request| take::run(&request))),
        Verb::Verify(arguments) => {
            let request = verify::Request { inside: arguments.inside, names: arguments.name, record: arguments.record };
            ("verify", verify::run(&request))
        }
        Verb::Prove(arguments) => ("prove", arguments.request().and_then(|request| prove::run(&request))),
        Verb::Sweep(arguments) => {
            let request = sweep::Request {
                inside: arguments.inside,
                dry_run: arguments.dry_run,
                older_than: arguments.older_than,
            };
            ("sweep", sweep::run(&request))
        }
        Verb::List(arguments) => ("list", list::run(&arguments.inside)),
        Verb::Copy(arguments) => {
            let request = copy::Request { inside: arguments.inside, names: arguments.name, to: arguments.to };
            ("copy", copy::run(&request))
        }
        Verb::RestorePlan(arguments) => {
            let as_text = arguments.format == Format::Text;
            let outcome = arguments.request().and_then(|request| plan::run(&request));
            if as_text { return print_text("restore-plan", outcome) } else { ("restore-plan", outcome) }
        }
    };
    print(word, outcome)
}

/// The answer's `text` instead of JSON.
fn print_text(verb: &str, outcome: Outcome<Value>) -> ExitCode {
    let (status, text) = match outcome {
        Ok(answer) => (0, answer.get("text").and_then(Value::as_str).unwrap_or_default().to_owned()),
        Err(failure) => {
            let _ = writeln!(std::io::stderr(), "pgreeve-backup {verb}: {}", failure.message);
            (failure.kind as u8, failure.members.get("text").and_then(Value::as_str).unwrap_or_default().to_owned())
        }
    };
    match write!(std::io::stdout(), "{text}") {
        Ok(()) => ExitCode::from(status),
        Err(_) => ExitCode::from(Why::Failed as u8),
    }
}

fn print(verb: &str, outcome: Outcome<Value>) -> ExitCode {
    let (status, mut answer, members) = match outcome {
        Ok(Value::Object(members)) => (0, json!({ "verb": verb, "outcome": "done" }), members),
        Ok(other) => (0, json!({ "verb": verb, "outcome": "done", "answer": other }), serde_json::Map::new()),
        Err(failure) => {
            // The message is on stdout too: whether stderr can be written changes nothing.
            let _ = writeln!(std::io::stderr(), "pgreeve-backup {verb}: {}", failure.message);
            let answer = json!({ "verb": verb, "outcome": failure.kind.word(), "message": failure.message });
            (failure.kind as u8, answer, *failure.members)
        }
    };
    if let Some(answer) = answer.as_object_mut() {
        answer.extend(members);
    }
    match writeln!(std::io::stdout(), "{answer:#}") {
        Ok(()) => ExitCode::from(status),
        Err(_) => ExitCode::from(Why::Failed as u8),
    }
}

impl TakeArguments {
    fn request(self) -> Outcome<take::Request> {
        let as_directory = matches!(self.format_of_dump, DumpFormat::Directory);
        let refuse = |why: &str| Err(Failure::new(Why::Refused, why));
        if self.jobs > 1 && !as_directory {
            return refuse("--jobs needs --format-of-dump=directory: pg_dump writes other formats in one process");
        }
        if as_directory && self.kind != Kind::Full {
            return refuse("--format-of-dump=directory is for --kind=full");
        }
        if !self.schema.is_empty() && !self.kind.is_dump() {
            return refuse("--schema is for --kind=full and --kind=schema");
        }
        Ok(take::Request {
            kind: self.kind,
            into: self.into,
            connection: Connection::new(&self.server.dbname)?,
            bindir: self.server.bindir,
            as_directory,
            jobs: self.jobs,
            schemas: self.schema,
            compress: self.compress,
            lock_wait_ms: self.lock_wait.as_millis(),
            count_up_to: self.count_up_to.as_u64(),
            max_rate: self.max_rate,
            space_check: !self.no_space_check,
            newer_client: self.server.newer_client,
        })
    }
}

impl PlanArguments {
    fn request(self) -> Outcome<plan::Request> {
        let data_dir = absolute(Some(self.data_dir.clone()))?.unwrap_or_default();
        let wal_archive = absolute(self.wal_archive.clone())?;
        let Self { inside, copies, stored, unasked, agent_config: config, to, of, bindir, .. } = self;
        Ok(plan::Request { inside, copies, stored, unasked, config, to, of, wal_archive, data_dir, bindir })
    }
}

impl ProveArguments {
    fn request(self) -> Outcome<prove::Request> {
        Ok(prove::Request {
            inside: self.inside,
            kind: self.kind,
            of: self.of,
            name: self.name,
            connection: Connection::new(&self.server.dbname)?,
            bindir: self.server.bindir,
            queries: self.query,
            jobs: self.jobs,
            amcheck: !self.no_amcheck,
            owners: !self.no_owners,
            wal_archive: absolute(self.wal_archive)?,
            to: self.to,
            scratch: absolute(self.scratch)?,
            space_check: !self.no_space_check,
            newer_client: self.server.newer_client,
        })
    }
}
