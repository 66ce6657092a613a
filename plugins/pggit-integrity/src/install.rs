//! Which pgGit is in a database, by what the catalog holds: no function is called, no version number believed.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use pgreeve_sdk::{Answer, Database};
use serde::Deserialize;

/// One relation of a pgGit schema.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Relation {
    pub(crate) schema: String,
    pub(crate) name: String,
    /// As `pg_class.relkind`.
    pub(crate) kind: String,
}

/// A schema, and how many functions it has.
#[derive(Clone, Debug, Deserialize)]
struct Schema {
    name: String,
    functions: i64,
}

#[derive(Clone, Debug, Deserialize)]
struct Hidden {
    name: String,
}

/// A column of `pggit_v0` that tells one layout from the other.
#[derive(Clone, Debug, Deserialize)]
struct Column {
    relation: String,
    name: String,
}

/// How pgGit came into a database.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Nothing of pgGit is here.
    None,
    /// `sql/install.sql` of v0.2.1, which leaves 154 statements out and is as complete as it gets.
    Script,
    /// The extension, by `CREATE EXTENSION`.
    Extension,
    /// The file `pggit--0.1.3.sql`, run by psql.
    File013,
    /// The file `pggit--1.0.0.sql`, run by psql.
    File100,
    /// An install that stopped: the first tables and the first event triggers, and nothing after.
    Partial,
    /// `pggit_v0` without the schema `pggit`.
    V0Alone,
    /// Parts of pgGit without the tables that everything rests on.
    Remains,
}

/// How `pggit_v0` is laid out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum V0 {
    /// No such schema.
    None,
    /// `commit_graph.parent_shas`, `tree_entries.path`.
    Arrays,
    /// `commit_parents`, `tree_entries.name`.
    Rows,
    /// The schema without the tables that tell.
    Unknown,
}

/// What of pgGit is in a database.
#[derive(Clone, Debug, Default)]
pub(crate) struct Install {
    /// Names of pgGit's schemas with their number of functions.
    pub(crate) schemas: BTreeMap<String, i64>,
    /// Relations of these schemas by `schema.name`, unquoted.
    pub(crate) relations: BTreeMap<String, Relation>,
    /// Version of the extension pggit.
    pub(crate) extension: Option<String>,
    /// Tables with row level security that hides rows from the login.
    pub(crate) hidden: Vec<String>,
    v0_columns: BTreeSet<(String, String)>,
}

/// Tables that one install route has and the others have not.
const SCRIPT: [&str; 3] = ["pggit.system_events", "pggit.deployment_state", "pggit.tracking_config"];
const FILE_013: [&str; 3] = ["pggit.deployment_plans", "pggit.branch_configs", "pggit.versioned_functions"];
const FILE_100: [&str; 3] = ["pggit.storage_tiers", "pggit.ai_ground_truth", "pggit.block_references"];

impl Install {
    /// Looks.
    pub(crate) fn look(database: &Database, extension: Option<String>) -> Answer<Self> {
        let schemas: Vec<Schema> = database.rows(include_str!("sql/install_schemas.sql"))?;
        let relations: Vec<Relation> = database.rows(include_str!("sql/install_relations.sql"))?;
        let hidden: Vec<Hidden> = database.rows(include_str!("sql/install_hidden.sql"))?;
        let columns: Vec<Column> = database.rows(include_str!("sql/install_v0.sql"))?;
        Ok(Self {
            schemas: schemas.into_iter().map(|schema| (schema.name, schema.functions)).collect(),
            relations: relations
                .into_iter()
                .map(|relation| (format!("{}.{}", relation.schema, relation.name), relation))
                .collect(),
            extension,
            hidden: hidden.into_iter().map(|hidden| hidden.name).collect(),
            v0_columns: columns.into_iter().map(|column| (column.relation, column.name)).collect(),
        })
    }

    /// Whether there is a table, view or sequence of that name, as `pggit.history`.
    pub(crate) fn has(&self, relation: &str) -> bool {
        self.relations.contains_key(relation)
    }

    /// Whether there is a schema of that name.
    pub(crate) fn has_schema(&self, name: &str) -> bool {
        self.schemas.contains_key(name)
    }

    /// Whether there is nothing but empty schemas, as DROP EXTENSION leaves them.
    fn is_empty(&self) -> bool {
        self.relations.is_empty() && self.schemas.values().all(|functions| *functions == 0)
    }

    /// Whether a schema is there and holds something.
    pub(crate) fn holds(&self, schema: &str) -> bool {
        self.schemas.get(schema).is_some_and(|functions| *functions > 0)
            || self.relations.values().any(|relation| relation.schema == schema)
    }

    /// The tables that everything rests on, those of them that are gone.
    pub(crate) fn gone(&self) -> Vec<&'static str> {
        ["pggit.objects", "pggit.history"].into_iter().filter(|table| !self.has(table)).collect()
    }

    fn has_any(&self, relations: &[&str]) -> bool {
        relations.iter().any(|relation| self.has(relation))
    }

    /// How it came here.
    pub(crate) fn kind(&self) -> Kind {
        if self.extension.is_some() {
            Kind::Extension
        } else if self.is_empty() {
            Kind::None
        } else if self.has_schema("pggit_v0")
            && self.schemas.keys().all(|name| ["pggit_v0", "pggit_audit"].contains(&name.as_str()))
        {
            Kind::V0Alone
        } else if !self.has("pggit.objects") && !self.has("pggit.history") {
            Kind::Remains
        } else if self.has_schema("pggit_audit") || self.has_schema("pggit_migration") || self.has_any(&SCRIPT) {
            Kind::Script
        } else if self.has_any(&FILE_013) {
            Kind::File013
        } else if self.has_any(&FILE_100) {
            Kind::File100
        } else {
            Kind::Partial
        }
    }

    /// How `pggit_v0` is laid out.
    pub(crate) fn v0(&self) -> V0 {
        let has = |relation: &str, name: &str| self.v0_columns.contains(&(relation.to_owned(), name.to_owned()));
        if !self.has_schema("pggit_v0") {
            V0::None
        } else if has("commit_graph", "parent_shas") || has("tree_entries", "path") {
            V0::Arrays
        } else if self.has("pggit_v0.commit_parents") || has("tree_entries", "name") {
            V0::Rows
        } else {
            V0::Unknown
        }
    }

    /// Tables of `pggit_v0` that its layout has, those of them that are gone.
    pub(crate) fn gone_v0(&self) -> Vec<&'static str> {
        const BOTH: [&str; 5] =
            ["pggit_v0.objects", "pggit_v0.commit_graph", "pggit_v0.tree_entries", "pggit_v0.refs", "pggit_v0.head"];
        let parents: &[&str] = if self.v0() == V0::Rows { &["pggit_v0.commit_parents"] } else { &[] };
        let known = [V0::Rows, V0::Arrays].contains(&self.v0());
        let wanted = BOTH.iter().chain(parents).filter(|table| known && !self.has(table));
        wanted.copied().collect()
    }

    /// Tables of pgGit's schemas.
    pub(crate) fn tables(&self) -> impl Iterator<Item = &Relation> {
        self.relations.values().filter(|relation| ["r", "p"].contains(&relation.kind.as_str()))
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(match self {
            Self::None => "none",
            Self::Script => "script install of v0.2.1",
            Self::Extension => "extension",
            Self::File013 => "script install of pggit--0.1.3.sql",
            Self::File100 => "script install of pggit--1.0.0.sql",
            Self::Partial => "partial install",
            Self::V0Alone => "pggit_v0 alone",
            Self::Remains => "remains of an install",
        })
    }
}

impl fmt::Display for V0 {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(match self {
            Self::None => "none",
            Self::Arrays => "parents in arrays (018)",
            Self::Rows => "parents in rows (UAT)",
            Self::Unknown => "unknown layout",
        })
    }
}
