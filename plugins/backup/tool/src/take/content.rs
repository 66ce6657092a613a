//! What is in a database, asked in one snapshot: recorded beside a dump, and asked again of the database that the dump was restored to.

use std::collections::BTreeMap;

use serde::Deserialize;

use crate::answer::Outcome;
use crate::manifest::{Content, LargeObjects, Table};
use crate::session::{Session, identifier, literal};

/// A relation of the database.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Relation {
    pub(crate) schema: String,
    pub(crate) name: String,
    pub(crate) kind: String,
    pub(crate) bytes: u64,
    pub(crate) unlogged: bool,
}

/// Which part of the database.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Part<'a> {
    /// Only these schemas; empty: all.
    pub(crate) schemas: &'a [String],
    /// With data.
    pub(crate) data: bool,
    /// Large objects are measured if all of them are not larger than this.
    pub(crate) measure_up_to: u64,
}

impl Part<'_> {
    fn has(&self, schema: &String) -> bool {
        self.schemas.is_empty() || self.schemas.contains(schema)
    }
}

#[derive(Deserialize)]
struct Counted {
    kind: String,
    count: u64,
}

#[derive(Deserialize)]
struct Named {
    name: String,
}

/// Tables and materialized views.
pub(crate) fn relations(session: &mut Session, part: Part<'_>) -> Outcome<Vec<Relation>> {
    let all: Vec<Relation> = session.rows(include_str!("../sql/relations.sql"))?;
    Ok(all.into_iter().filter(|relation| part.has(&relation.schema)).collect())
}

/// Everything but the rows of tables, whose bounds stay open.
pub(crate) fn describe(session: &mut Session, part: Part<'_>) -> Outcome<(Content, Vec<Relation>)> {
    let wanted = |schema: &String| part.has(schema);
    let relations = relations(session, part)?;
    let schemas: Vec<Named> = session.rows(include_str!("../sql/schemas.sql"))?;
    let counted: Vec<Counted> =
        session.rows(&include_str!("../sql/objects.sql").replace("$SCHEMAS$", &condition(part.schemas)))?;
    let mut content = Content {
        database: Some(session.row(include_str!("../sql/shape.sql"))?),
        schemas: schemas.into_iter().map(|schema| schema.name).filter(wanted).collect(),
        tables: relations.iter().map(Relation::open).collect(),
        objects: counted.into_iter().map(|one| (one.kind, one.count)).collect::<BTreeMap<_, _>>(),
        ..Content::default()
    };
    // A dump of single schemas leaves these out: they belong to the database.
    if part.schemas.is_empty() {
        content.event_triggers = session.rows(include_str!("../sql/event_triggers.sql"))?;
        content.extensions = session.rows(include_str!("../sql/extensions.sql"))?;
        if part.data {
            content.large_objects = Some(large_objects(session, part.measure_up_to)?);
        }
    }
    Ok((content, relations))
}

/// Rows of one table itself, without those of its children.
pub(crate) fn count(session: &mut Session, schema: &str, name: &str) -> Outcome<u64> {
    #[derive(Deserialize)]
    struct Rows {
        count: u64,
    }
    let rows: Rows = session.row(&format!("SELECT count(*) FROM ONLY {}.{}", identifier(schema), identifier(name)))?;
    Ok(rows.count)
}

/// Large objects; their bytes only where the login may look, and where that does not mean to read more than so many bytes.
fn large_objects(session: &mut Session, measure_up_to: u64) -> Outcome<LargeObjects> {
    let may_look = session.value(&format!(
        "pg_catalog.has_table_privilege('pg_catalog.pg_largeobject', 'SELECT') AND pg_catalog.pg_table_size('pg_catalog.pg_largeobject') <= {measure_up_to}"
    ))?.as_deref()
        == Some("true");
    let bytes = if may_look {
        "(SELECT coalesce(sum(length(data)), 0)::bigint FROM pg_catalog.pg_largeobject)"
    } else {
        "NULL::bigint"
    };
    session.row(&format!("SELECT count(*) AS count, {bytes} AS bytes FROM pg_catalog.pg_largeobject_metadata"))
}

fn condition(schemas: &[String]) -> String {
    if schemas.is_empty() {
        return "true".to_owned();
    }
    let names: Vec<String> = schemas.iter().map(|schema| literal(schema)).collect();
    format!("nspname IN ({})", names.join(", "))
}

impl Relation {
    /// `schema.name` for people.
    pub(crate) fn shown(&self) -> String {
        format!("{}.{}", self.schema, self.name)
    }

    /// The name in SQL.
    pub(crate) fn quoted(&self) -> String {
        format!("{}.{}", identifier(&self.schema), identifier(&self.name))
    }

    fn open(&self) -> Table {
        Table {
            schema: self.schema.clone(),
            name: self.name.clone(),
            kind: self.kind.clone(),
            rows_min: None,
            rows_max: None,
        }
    }
}
