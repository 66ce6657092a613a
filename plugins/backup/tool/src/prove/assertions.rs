//! What is claimed of restored data: all of it came back, is sound, and answers the operator's queries.

use std::collections::{BTreeMap, BTreeSet};

use super::Proving;
use crate::answer::Outcome;
use crate::connection::Connection;
use crate::manifest::{Content, EventTrigger, ServerFacts, Table};
use crate::name::Kind;
use crate::program::{self, Tools};
use crate::proof::Claims;
use crate::session::{LOCK_WAIT_MS, LONG_QUESTION, Session, identifier};
use crate::take::content::{self, Part};

/// Claims about the database that a dump was restored to.
pub(super) fn of_dump(
    proving: &Proving<'_>,
    server: &ServerFacts,
    tools: &Tools,
    connection: &Connection,
    claims: &mut Claims,
) -> Outcome<()> {
    let recorded = proving.content;
    let data = proving.manifest.kind == Kind::Full;
    let mut session = Session::connect(&tools.find("psql")?, connection)?.patient()?;
    // What was not measured then need not be now.
    let measured = recorded.large_objects.as_ref().is_some_and(|large| large.bytes.is_some());
    let measure_up_to = if measured { i64::MAX.unsigned_abs() } else { 0 };
    let part = Part { schemas: &proving.manifest.schemas, data, measure_up_to };
    let (found, _) = content::describe(&mut session, part)?;
    presence(recorded, &found, claims);
    let same_major = server.major == proving.manifest.server.major;
    objects(&recorded.objects, &found.objects, same_major, claims);
    if data {
        rows(&mut session, &recorded.tables, &found.tables, claims)?;
        if let (Some(recorded), Some(found)) = (&recorded.large_objects, &found.large_objects) {
            let same = recorded.count == found.count
                && recorded.bytes.zip(found.bytes).is_none_or(|(before, after)| before == after);
            let against = (!same).then(|| {
                format!(
                    "{} were dumped ({:?} bytes), {} came back ({:?} bytes)",
                    recorded.count, recorded.bytes, found.count, found.bytes
                )
            });
            claims.claim("large-objects", format!("all {} came back", recorded.count), against.into_iter().collect());
        }
    }
    if proving.manifest.caveats.iter().any(|caveat| caveat.code == "subscriptions-disabled") {
        claims.note("subscriptions are not restored here: they would reach for their publisher");
    }
    // One of a partitioned table is invalid as long as a partition lacks its own, in the old database too.
    let invalid = "(SELECT string_agg(indexrelid::regclass::text, ', ') FROM pg_catalog.pg_index JOIN pg_catalog.pg_class ON pg_class.oid = indexrelid WHERE relkind = 'i' AND NOT indisvalid)";
    let invalid = session.value(invalid)?.map(|names| format!("invalid after the restore: {names}"));
    claims.claim("indexes", "all are valid", invalid.into_iter().collect());
    queries(proving, &tools.find("psql")?, connection, claims)?;
    drop(session);
    amcheck(proving, tools, connection, claims)
}

/// Schemas, tables, event triggers, extensions: each that was there before.
fn presence(recorded: &Content, found: &Content, claims: &mut Claims) {
    let schemas: BTreeSet<&String> = found.schemas.iter().collect();
    let gone = recorded.schemas.iter().filter(|schema| !schemas.contains(schema));
    claims.claim(
        "schemas",
        format!("all {} are there", recorded.schemas.len()),
        gone.map(|schema| format!("schema {schema} is missing")).collect(),
    );

    let tables: BTreeSet<(&String, &String)> = found.tables.iter().map(|table| (&table.schema, &table.name)).collect();
    let gone = recorded.tables.iter().filter(|table| !tables.contains(&(&table.schema, &table.name)));
    let gone = gone.map(|table| format!("table {}.{} is missing", table.schema, table.name)).collect();
    claims.claim("tables", format!("all {} are there", recorded.tables.len()), gone);

    let triggers: BTreeMap<&String, &EventTrigger> =
        found.event_triggers.iter().map(|trigger| (&trigger.name, trigger)).collect();
    let wrong = recorded.event_triggers.iter().filter_map(|before| match triggers.get(&before.name) {
        None => Some(format!("event trigger {} is missing", before.name)),
        Some(after) if after.enabled != before.enabled => Some(format!(
            "event trigger {} was {} and came back {}",
            before.name,
            mode(&before.enabled),
            mode(&after.enabled)
        )),
        Some(_) => None,
    });
    let good = format!("all {} are there, enabled as they were", recorded.event_triggers.len());
    claims.claim("event-triggers", good, wrong.collect());

    let extensions: BTreeSet<&String> = found.extensions.iter().map(|extension| &extension.name).collect();
    let gone = recorded.extensions.iter().filter(|extension| !extensions.contains(&extension.name));
    let gone = gone.map(|extension| format!("extension {} is missing", extension.name)).collect();
    claims.claim("extensions", format!("all {} are there", recorded.extensions.len()), gone);
}

fn mode(enabled: &str) -> &str {
    match enabled {
        "D" => "disabled",
        "O" => "enabled",
        "R" => "enabled on replicas",
        "A" => "always enabled",
        other => other,
    }
}

/// As many of each kind as before; constraints by themselves, because a restore that could not validate one goes on.
fn objects(recorded: &BTreeMap<String, u64>, found: &BTreeMap<String, u64>, same_major: bool, claims: &mut Claims) {
    // PostgreSQL 18 keeps NOT NULL as constraints of their own, so kinds are compared within a major only.
    if !same_major {
        return claims.note("objects are not counted: restored on another major, whose catalogs differ");
    }
    let kinds: BTreeSet<&String> = recorded.keys().chain(found.keys()).collect();
    let (mut of_constraints, mut of_others) = (Vec::new(), Vec::new());
    for kind in kinds {
        let (before, after) = (recorded.get(kind).copied().unwrap_or(0), found.get(kind).copied().unwrap_or(0));
        if before != after {
            let list = if kind.starts_with("constraint") { &mut of_constraints } else { &mut of_others };
            list.push(format!("{before} of the kind {kind} were dumped, {after} came back"));
        }
    }
    let count = |constraints: bool| -> u64 {
        recorded.iter().filter(|(kind, _)| kind.starts_with("constraint") == constraints).map(|(_, count)| count).sum()
    };
    claims.claim("constraints", format!("all {} came back, validated as they were", count(true)), of_constraints);
    claims.claim("objects", format!("all {} came back, kind by kind", count(false)), of_others);
}

fn rows(session: &mut Session, recorded: &[Table], found: &[Table], claims: &mut Claims) -> Outcome<()> {
    let there: BTreeSet<(&String, &String)> = found.iter().map(|table| (&table.schema, &table.name)).collect();
    let (mut against, mut compared, mut open) = (Vec::new(), 0, 0);
    for table in recorded.iter().filter(|table| table.kind == "r" && there.contains(&(&table.schema, &table.name))) {
        let (Some(least), Some(most)) = (table.rows_min, table.rows_max) else {
            open += 1;
            continue;
        };
        let rows = content::count(session, &table.schema, &table.name)?;
        compared += 1;
        if !(least..=most).contains(&rows) {
            let bounds = if least == most { format!("{least}") } else { format!("{least} to {most}") };
            against.push(format!("table {}.{} has {rows} rows, {bounds} were dumped", table.schema, table.name));
        }
    }
    claims.claim("rows", format!("{compared} tables have as many as were dumped"), against);
    if open > 0 {
        claims.note(format!("rows of {open} tables are not compared: they were not counted when the dump was taken"));
    }
    Ok(())
}

/// The operator's queries: each returns one row whose first value is true.
pub(super) fn queries(
    proving: &Proving<'_>,
    psql: &std::path::Path,
    connection: &Connection,
    claims: &mut Claims,
) -> Outcome<()> {
    for (number, query) in proving.request.queries.iter().enumerate() {
        // A session for each: psql ends at an error.
        let mut session = Session::connect(psql, connection)?.patient()?;
        let against = match session.plain(query) {
            Ok(lines) if lines.iter().map(String::as_str).eq(["t"]) => None,
            Ok(lines) if lines.is_empty() => Some(format!("returned no row: {query}")),
            Ok(lines) => Some(format!(
                "returned {}, not one row with true: {query}",
                lines.iter().take(3).cloned().collect::<Vec<_>>().join(", ")
            )),
            Err(failure) => Some(format!("{}: {query}", failure.message)),
        };
        claims.claim(&format!("query-{}", number + 1), query.clone(), against.into_iter().collect());
    }
    Ok(())
}

/// pg_amcheck on one restored database: heap and B-tree pages.
pub(super) fn amcheck(
    proving: &Proving<'_>,
    tools: &Tools,
    connection: &Connection,
    claims: &mut Claims,
) -> Outcome<()> {
    if !proving.request.amcheck {
        claims.note("amcheck: not asked for");
        return Ok(());
    }
    let mut session = Session::connect(&tools.find("psql")?, connection)?;
    let there = session.value("EXISTS (SELECT 1 FROM pg_catalog.pg_available_extensions WHERE name = 'amcheck')")?;
    let may = session.value("(SELECT rolsuper FROM pg_catalog.pg_roles WHERE rolname = current_user)")?;
    let database = session.database()?;
    if there.as_deref() != Some("true") {
        claims.note("amcheck: the server has no such extension; install postgresql-contrib");
        return Ok(());
    }
    if may.as_deref() != Some("true") {
        claims.note("amcheck: only a superuser can make the extension in the scratch database");
        return Ok(());
    }
    // The database is a throw-away, and was looked at: one of its own that forbids DDL must not keep the extension out.
    let triggers: Vec<EventTrigger> =
        session.rows("SELECT evtname AS name, evtenabled::text AS enabled FROM pg_catalog.pg_event_trigger")?;
    for trigger in triggers {
        session.execute(&format!("ALTER EVENT TRIGGER {} DISABLE", identifier(&trigger.name)))?;
    }
    drop(session);
    let mut check = tools.command("pg_amcheck")?;
    let wait = LOCK_WAIT_MS.to_string();
    let settings = [
        ("lock_timeout", wait.as_str()),
        ("statement_timeout", LONG_QUESTION),
        ("default_transaction_read_only", "off"),
    ];
    program::set_options(&mut check, &settings);
    check.args(["--install-missing", "--no-password"]).arg(connection.as_str());
    let finished = program::run(check, "pg_amcheck")?;
    if let Some(failure) = finished.cut_off() {
        return Err(failure);
    }
    let lines = finished.stdout.lines().chain(finished.stderr.lines()).map(str::trim).filter(|line| !line.is_empty());
    let mut against: Vec<String> =
        lines.filter(|line| !line.contains("NOTICE:")).map(|line| format!("{database}: {line}")).collect();
    if finished.status.success() && finished.errors().is_empty() {
        against.clear();
    } else if against.is_empty() {
        against.push(format!("{database}: pg_amcheck ended with {}", finished.status));
    }
    claims.claim("amcheck", format!("{database}: heap and B-tree pages are sound"), against);
    Ok(())
}
