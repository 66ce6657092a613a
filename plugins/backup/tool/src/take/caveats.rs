//! What a dump cannot vouch for, by name: rows that pg_dump leaves out, and what single schemas lose.

use std::collections::BTreeMap;

use serde::Deserialize;

use crate::answer::Outcome;
use crate::manifest::{Caveat, EventTrigger, Extension};
use crate::session::{Session, identifier};

/// Tables named in a detail; more are counted.
const NAMED: usize = 5;

#[derive(Deserialize)]
struct Member {
    extension: String,
    schema: String,
    name: String,
    readable: bool,
    marked: bool,
    filtered: bool,
}

#[derive(Default)]
struct Rows {
    tables: usize,
    with_rows: Vec<String>,
    unreadable: Vec<String>,
    filtered: Vec<String>,
}

/// Rows of extensions' tables that pg_dump leaves out although the tables are not empty.
pub(crate) fn of_extensions(session: &mut Session) -> Outcome<Vec<Caveat>> {
    let members: Vec<Member> = session.rows(include_str!("../sql/member_tables.sql"))?;
    let mut extensions: BTreeMap<String, Rows> = BTreeMap::new();
    for member in members {
        let rows = extensions.entry(member.extension).or_default();
        let shown = format!("{}.{}", member.schema, member.name);
        rows.tables += 1;
        if member.marked {
            if member.filtered {
                rows.filtered.push(shown);
            }
        } else if !member.readable {
            rows.unreadable.push(shown);
        } else {
            let table = format!("{}.{}", identifier(&member.schema), identifier(&member.name));
            if session.value(&format!("EXISTS (SELECT 1 FROM ONLY {table})"))?.as_deref() == Some("true") {
                rows.with_rows.push(shown);
            }
        }
    }
    Ok(extensions.iter().flat_map(|(extension, rows)| judge(extension, rows)).collect())
}

fn judge(extension: &str, rows: &Rows) -> Vec<Caveat> {
    let mut caveats = Vec::new();
    let lost = "left-out";
    if !rows.with_rows.is_empty() {
        let detail = format!(
            "{} of its {} tables hold rows that pg_dump leaves out, because the extension does not mark them as configuration ({}); \
             a restore makes them empty: take a base backup, or copy these tables by themselves",
            rows.with_rows.len(),
            rows.tables,
            named(&rows.with_rows)
        );
        caveats.push(Caveat::new(&format!("extension-rows-{lost}"), extension, detail));
    }
    if !rows.unreadable.is_empty() {
        let detail = format!(
            "whether {} hold rows that pg_dump leaves out cannot be seen by this login",
            named(&rows.unreadable)
        );
        caveats.push(Caveat::new(&format!("extension-rows-{lost}"), extension, detail));
    }
    if !rows.filtered.is_empty() {
        let detail =
            format!("of {} only the rows that the extension itself marks as yours are dumped", named(&rows.filtered));
        caveats.push(Caveat::new("extension-rows-filtered", extension, detail));
    }
    caveats
}

/// What belongs to the database and a dump of single schemas therefore loses.
pub(crate) fn of_single_schemas(session: &mut Session, schemas: &[String]) -> Outcome<Vec<Caveat>> {
    let triggers: Vec<EventTrigger> = session.rows(include_str!("../sql/event_triggers.sql"))?;
    let extensions: Vec<Extension> = session.rows(include_str!("../sql/extensions.sql"))?;
    let only = format!("a dump of the schemas {} alone does not hold it; dump the whole database", schemas.join(", "));
    let of = |code: &'static str| {
        let only = only.clone();
        move |name: String| Caveat::new(code, &name, only.clone())
    };
    let mut caveats: Vec<Caveat> =
        triggers.into_iter().map(|one| one.name).map(of("event-triggers-left-out")).collect();
    caveats.extend(extensions.into_iter().map(|one| one.name).map(of("extensions-left-out")));
    let large = session.value("EXISTS (SELECT 1 FROM pg_catalog.pg_largeobject_metadata)")?;
    if large.as_deref() == Some("true") {
        caveats.push(of("large-objects-left-out")("large objects".to_owned()));
    }
    Ok(caveats)
}

/// Foreign tables, subscriptions, prepared transactions.
pub(crate) fn of_the_rest(session: &mut Session) -> Outcome<Vec<Caveat>> {
    session.rows(include_str!("../sql/left_out.sql"))
}

fn named(tables: &[String]) -> String {
    let shown: Vec<&str> = tables.iter().take(NAMED).map(String::as_str).collect();
    let more = tables.len().saturating_sub(NAMED);
    if more == 0 { shown.join(", ") } else { format!("{} and {more} more", shown.join(", ")) }
}
