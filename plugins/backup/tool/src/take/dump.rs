//! A logical dump by pg_dump, in a snapshot in which the rows are counted at the same time.

use std::thread;
use std::time::Duration;

use serde::Deserialize;

use super::content::{self, Part, Relation};
use super::locks::Watch;
use super::{PAYLOAD, Taken, Taking, caveats, properties};
use crate::answer::{Failure, Kind as Why, Outcome};
use crate::manifest::{Caveat, Content};
use crate::moment::Moment;
use crate::name::Kind;
use crate::program::{self, Running};
use crate::session::{LONG_QUESTION, identifier};

/// Tables that are locked beforehand, so that nobody's waiting ALTER TABLE comes between the dump and the count; more would take too much of the
/// server's lock table, and are counted without.
const MOST_LOCKED: usize = 2000;
/// Tables may be dropped between being listed and being locked.
const TRIES: u32 = 3;

#[derive(Deserialize)]
struct Position {
    now_us: i64,
    lsn: Option<String>,
}

pub(super) fn take(taking: &mut Taking<'_>) -> Outcome<Taken> {
    let schemas = taking.request.schemas.clone();
    let data = taking.name.kind() == Kind::Full;
    let part = Part { schemas: &schemas, data, measure_up_to: taking.request.count_up_to };
    let database = taking.session.database()?;
    let on_standby = taking.server.role == "standby";
    let position = begin(taking, part)?;
    // Of the snapshot from here on.
    let Some(snapshot) = taking.session.value("pg_catalog.pg_export_snapshot()")? else {
        return Err(Failure::new(Why::Failed, "the server exported no snapshot"));
    };
    let (mut content, relations) = content::describe(&mut taking.session, part)?;
    if let Some(unknown) = schemas.iter().find(|schema| !content.schemas.contains(schema)) {
        return Err(Failure::new(
            Why::Refused,
            format!("the database {database} has no schema {unknown}; --schema is a name, not a pattern"),
        ));
    }
    let mut caveats = caveats_of(taking, part)?;
    let mut dump = start(taking, &snapshot, on_standby)?;
    if data {
        caveats.extend(count(taking, &mut dump, &mut content, &relations, on_standby)?);
    }
    let mut watch = Watch::new(application(), taking.request.lock_wait_ms);
    while !dump.ended()? {
        watch.look(&mut taking.session)?;
        thread::sleep(Duration::from_millis(20));
    }
    let finished = dump.finish()?.good()?;
    caveats.extend(warnings(&finished.stderr, &database));
    let mut list = taking.tools.command("pg_restore")?;
    list.arg("--list").arg(taking.work.join(PAYLOAD));
    program::run(list, "pg_restore --list on the new dump")?.good()?;
    caveats.extend(properties::left_out(taking, &database)?);
    taking.session.execute("COMMIT")?;
    Ok(Taken {
        method: if taking.request.as_directory { "directory" } else { "custom" },
        program: taking.tools.version("pg_dump")?,
        database: Some(database),
        content,
        caveats,
        data_until: Moment(position.now_us),
        lsn: position.lsn,
        start_lsn: None,
        start_segment: None,
        timeline: None,
    })
}

/// Opens the transaction with the locks; its snapshot is taken by the next query. The position is from just before, so all of it is in the dump.
fn begin(taking: &mut Taking<'_>, part: Part<'_>) -> Outcome<Position> {
    let wait = taking.request.lock_wait_ms;
    let mut tries = TRIES;
    loop {
        let relations = content::relations(&mut taking.session, part)?;
        let tables: Vec<String> =
            relations.iter().filter(|one| part.data && one.kind == "r").map(Relation::quoted).collect();
        let position = taking.session.row(include_str!("../sql/position.sql"))?;
        let mut begin = format!("SET lock_timeout = {wait}; BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY");
        if !tables.is_empty() && tables.len() <= MOST_LOCKED {
            begin.push_str(&format!("; LOCK TABLE ONLY {} IN ACCESS SHARE MODE", tables.join(", ONLY ")));
        }
        match taking.session.execute(&begin) {
            Ok(()) => return Ok(position),
            Err(failure) if tries > 1 && failure.message.contains("does not exist") => {
                tries -= 1;
                taking.session =
                    crate::session::Session::connect(&taking.tools.find("psql")?, &taking.request.connection)?;
            }
            Err(failure) => return Err(failure),
        }
    }
}

fn start(taking: &Taking<'_>, snapshot: &str, on_standby: bool) -> Outcome<Running> {
    let request = taking.request;
    let mut dump = taking.tools.command("pg_dump")?;
    dump.arg(if request.as_directory { "--format=directory" } else { "--format=custom" });
    dump.arg("--file").arg(taking.work.join(PAYLOAD)).arg("--no-password");
    dump.arg(format!("--snapshot={snapshot}")).arg(format!("--lock-wait-timeout={}", request.lock_wait_ms));
    if taking.name.kind() == Kind::Schema {
        dump.arg("--schema-only");
    }
    if request.jobs > 1 {
        dump.arg(format!("--jobs={}", request.jobs));
    }
    if on_standby {
        dump.arg("--no-unlogged-table-data");
    }
    dump.args(request.compress.map(|level| format!("--compress={level}")));
    // Quoted, a pattern of pg_dump's is one name.
    dump.args(request.schemas.iter().map(|schema| format!("--schema={}", identifier(schema))));
    dump.arg("--dbname").arg(request.connection.as_str()).env("PGAPPNAME", application());
    Running::start(dump, "pg_dump")
}

/// Tells the sessions of this dump from those of others.
fn application() -> String {
    format!("pgreeve-backup {}", std::process::id())
}

fn caveats_of(taking: &mut Taking<'_>, part: Part<'_>) -> Outcome<Vec<Caveat>> {
    let mut found = Vec::new();
    if !part.schemas.is_empty() {
        found.extend(caveats::of_single_schemas(&mut taking.session, part.schemas)?);
    }
    if part.data {
        if part.schemas.is_empty() {
            found.extend(caveats::of_extensions(&mut taking.session)?);
        }
        found.extend(caveats::of_the_rest(&mut taking.session)?);
    }
    Ok(found)
}

/// Counts the rows of each table in the snapshot of the dump, until the dump fails.
fn count(
    taking: &mut Taking<'_>,
    dump: &mut Running,
    content: &mut Content,
    relations: &[Relation],
    on_standby: bool,
) -> Outcome<Vec<Caveat>> {
    let mut caveats = Vec::new();
    taking.session.execute(&format!("SET statement_timeout = '{LONG_QUESTION}'"))?;
    for (table, relation) in content.tables.iter_mut().zip(relations) {
        if dump.failed()? {
            break;
        }
        if relation.kind != "r" {
            continue;
        }
        if on_standby && relation.unlogged {
            caveats.push(Caveat::new(
                "unlogged-rows-left-out",
                &relation.shown(),
                "a standby has no rows of unlogged tables; take the dump from the primary",
            ));
        } else if relation.bytes > taking.request.count_up_to {
            let size = bytesize::ByteSize(relation.bytes);
            caveats.push(Caveat::new(
                "rows-not-counted",
                &relation.shown(),
                format!("is larger ({size}) than --count-up-to; a restore test cannot compare its rows"),
            ));
        } else {
            let rows = content::count(&mut taking.session, &relation.schema, &relation.name)?;
            (table.rows_min, table.rows_max) = (Some(rows), Some(rows));
        }
    }
    Ok(caveats)
}

/// What pg_dump said although it went well.
fn warnings(said: &str, database: &str) -> Vec<Caveat> {
    let lines = said.lines().filter(|line| !line.trim().is_empty());
    lines.map(|line| Caveat::new("client-warning", database, line.trim())).collect()
}
