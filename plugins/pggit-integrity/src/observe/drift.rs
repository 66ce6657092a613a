//! The live catalog against what pgGit tracks.

use std::collections::BTreeSet;

use pgreeve_sdk::{Answer, Error};
use serde::Deserialize;

use super::{Look, definitions};

/// So many untracked tables are looked into for how they were made.
const MOST_TABLES: usize = 50;

/// What was seen.
#[derive(Clone, Debug)]
pub(crate) struct Seen {
    pub(crate) objects: Answer<Vec<Object>>,
    pub(crate) functions: Answer<Functions>,
    pub(crate) columns: Answer<Vec<Column>>,
    pub(crate) definitions: Answer<definitions::Seen>,
    /// Untracked tables that were made by CREATE TABLE AS or SELECT INTO, by name.
    pub(crate) from_queries: BTreeSet<String>,
    /// Untracked tables of which it could not be asked whether they were.
    pub(crate) unanswered: Vec<(String, Error)>,
    /// Asked where something differs and pggit.system_events is there.
    pub(crate) written: Vec<Written>,
    /// Asked where something differs.
    pub(crate) statements: Answer<Vec<Statement>>,
}

/// A relation that is there and not tracked, or tracked and not there, or a kind of noise.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Object {
    /// As in `sql/drift_objects.sql`.
    pub(crate) class: String,
    /// `TABLE`, `VIEW`, `INDEX` and so on.
    #[serde(rename = "type")]
    pub(crate) kind: String,
    /// With its schema, quoted.
    pub(crate) name: String,
    pub(crate) oid: Option<i64>,
    /// The table of an untracked index.
    pub(crate) table: Option<String>,
    /// Objects of this class, of which not all are listed.
    pub(crate) total: i64,
}

/// Functions, in numbers.
#[derive(Clone, Debug, Default, Deserialize)]
pub(crate) struct Functions {
    /// Older than the install.
    pub(crate) older: i64,
    /// Tracked and gone: pgGit never marks them.
    pub(crate) gone: i64,
    /// Whether the OIDs that pgGit knows are those of another cluster or time.
    pub(crate) restored: bool,
    pub(crate) untracked: i64,
    /// The first twenty of them.
    pub(crate) names: Vec<String>,
}

/// A column that differs.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Column {
    /// As in `sql/drift_columns.sql`.
    pub(crate) class: String,
    pub(crate) table: String,
    pub(crate) name: String,
    pub(crate) detail: String,
    pub(crate) total: i64,
}

/// A name in a recorded statement.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Statement {
    /// `detached` or `renamed`.
    pub(crate) what: String,
    /// As it was typed, in lower case.
    pub(crate) name: String,
}

/// What the enhanced event triggers wrote down.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Written {
    /// `made`: a table, from a query; `column`: one that was dropped; `schema`: one that was altered.
    pub(crate) what: String,
    pub(crate) name: String,
}

#[derive(Deserialize)]
struct Made {
    with_rows: bool,
}

/// Looks.
pub(crate) fn look(look: &Look<'_>) -> Seen {
    let objects: Answer<Vec<Object>> = look.rows(include_str!("../sql/drift_objects.sql"));
    let columns: Answer<Vec<Column>> = look.rows(include_str!("../sql/drift_columns.sql"));
    let differs = objects.iter().flatten().any(|object| ["untracked", "vanished"].contains(&object.class.as_str()))
        || columns.iter().flatten().any(|column| !["inherited", "locked"].contains(&column.class.as_str()));
    let asked = differs && look.install.has("pggit.system_events");
    let written: Option<Answer<Vec<Written>>> = asked.then(|| look.rows(include_str!("../sql/drift_queries.sql")));
    let written = written.and_then(Result::ok).unwrap_or_default();
    let (from_queries, unanswered) = from_queries(look, objects.as_deref().unwrap_or_default(), &written);
    Seen {
        definitions: definitions::look(look),
        functions: look.row(include_str!("../sql/drift_functions.sql")),
        statements: if differs { look.rows(include_str!("../sql/drift_statements.sql")) } else { Ok(Vec::new()) },
        objects,
        columns,
        from_queries,
        unanswered,
        written,
    }
}

/// CREATE TABLE AS leaves nothing in the catalog. It stands in pggit.system_events of a script install; elsewhere it
/// shows by rows that the very transaction wrote that made the table.
fn from_queries(look: &Look<'_>, objects: &[Object], written: &[Written]) -> (BTreeSet<String>, Vec<(String, Error)>) {
    let tables = objects.iter().filter(|object| object.class == "untracked" && object.kind == "TABLE");
    let (mut made, mut unanswered) = (BTreeSet::new(), Vec::new());
    for table in tables.take(MOST_TABLES) {
        if names_table(written, &table.name) {
            made.insert(table.name.clone());
            continue;
        }
        match made_with_rows(look, table) {
            Ok(true) => drop(made.insert(table.name.clone())),
            Ok(false) => {}
            Err(error) => unanswered.push((table.name.clone(), error)),
        }
    }
    (made, unanswered)
}

/// Whether a query was written down that made a table of this name, or, once a schema got another name, of the same name in another.
fn names_table(written: &[Written], table: &str) -> bool {
    let bare = |name: &str| name.rsplit_once('.').map_or(name, |(_, name)| name).to_owned();
    let renamed = written.iter().any(|row| row.what == "schema");
    let names = |row: &Written| row.name == table || renamed && bare(&row.name) == bare(table);
    written.iter().any(|row| row.what == "made" && names(row))
}

fn made_with_rows(look: &Look<'_>, table: &Object) -> Answer<bool> {
    let Some(oid) = table.oid else { return Ok(false) };
    // The name is quoted by the server. The row of the system column ctid is as old as the table; eight pages are enough.
    let sql = format!(
        "SELECT EXISTS (SELECT 1 FROM {name} WHERE ctid < '(8,0)'::tid AND xmin::text = (SELECT a.xmin::text FROM pg_attribute a \
         WHERE a.attrelid = {oid} AND a.attnum = -1)) AND NOT EXISTS (SELECT 1 FROM pg_constraint c WHERE c.conrelid = {oid}) \
         AND NOT EXISTS (SELECT 1 FROM pg_attrdef d WHERE d.adrelid = {oid}) AS with_rows",
        name = table.name
    );
    Ok(look.row::<Made>(&sql)?.with_rows)
}
